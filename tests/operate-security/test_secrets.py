"""No secret shows where others look: logs, output, process lists, tasks' environments, errors, files that all may read."""
import base64
import contextlib
import json
import os
import pathlib
import stat
import urllib.error
import urllib.parse

import pytest

from lib.ports import free_port
from lib.proc import descendants
from lib.processes import Process
from lib.waiting import wait_until

WRONG = "Wrong-Pass-9x7"


def forms(secret):
    """As it is, and as URLs and HTTP headers carry it."""
    return {secret.encode(), urllib.parse.quote(secret, safe="").encode(), base64.b64encode(secret.encode()).rstrip(b"=")}


def secrets(fleet):
    found = {path.name: path.read_text().strip() for path in (fleet.state / "secrets").iterdir()}
    assert len(found) >= 9 and all(len(secret) >= 20 for secret in found.values())
    return found


def shown(fleet, texts, more=()):
    """(name of the secret, where) for each secret in each of these (place, bytes)."""
    known = {**secrets(fleet), **{f"given {i}": secret for i, secret in enumerate(more)}}
    return [(name, place) for place, text in texts for name, secret in known.items() if any(form in text for form in forms(secret))]


def command_lines():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield f"{entry}/cmdline", (entry / "cmdline").read_bytes()
            except OSError:
                continue


def files_for_all(folder):
    """Those that any user of the machine could open, through folders that any may enter."""
    for entry in os.scandir(folder):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IXOTH:
            yield from files_for_all(entry.path)
        elif stat.S_ISREG(mode) and mode & stat.S_IROTH:
            yield entry.path, pathlib.Path(entry.path).read_bytes()


def logs(fleet):
    return [(str(path), path.read_bytes()) for path in (fleet.state / "logs").iterdir()]


def test_the_demonstration_shows_none(fleet):
    found = logs(fleet)
    assert {"rabbitmq.log", "postgresql.log", "collector.log", "worker-python-1.log"} <= {pathlib.Path(path).name for path, _ in found}
    readable = list(files_for_all(fleet.state))
    assert readable, "the state folder can be entered, and its logs be read"
    assert not shown(fleet, [("what the demonstration printed", fleet.said.encode()), *found, *command_lines(), *readable])


def test_secrets_lie_in_files_of_their_owner(fleet):
    for folder in ("secrets", "env"):
        for path in (fleet.state / folder).iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
    for folder in (fleet.state / "tls" / user for user in ("rabbitmq", "postgres")):
        assert folder.stat().st_mode & 0o077 == 0


SPY = """import os, pathlib, subprocess
seen = []
for pattern in ("/proc/*/environ", "/proc/*/cmdline"):
    for path in pathlib.Path("/").glob(pattern.lstrip("/")):
        try:
            seen.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            pass
print(os.environ, seen, subprocess.run("env; set", shell=True, capture_output=True, text=True).stdout)
"""


def test_a_task_has_none_in_its_environment(fleet, tmp_path):
    """Asked from inside, by a program that prints what it finds; and from outside, of each process under a worker."""
    task = {"task_id": "spy", "runtime": "python", "implementation_code": SPY, "cases": [{"expected_stdout": "nothing"}]}
    path = tmp_path / "spy.jsonl"
    path.write_text(json.dumps(task) + "\n")
    results = tmp_path / "results.jsonl"
    done = fleet.run("assay-producer", "publish", path, "--job", "spy", "--wait", "--results", results)
    assert done.returncode == 1, done.stderr
    result = json.loads(results.read_text())
    assert "PATH" in result["stdout"], result
    assert not shown(fleet, [("the task's output", results.read_bytes())])
    worker = int((fleet.state / "run/worker-python-1").read_text().split()[0])
    below = descendants(worker)
    assert below, "a slot at least"
    assert not shown(fleet, [(f"/proc/{pid}/environ", pathlib.Path(f"/proc/{pid}/environ").read_bytes()) for pid in below])


def test_a_worker_knows_its_own_secrets_alone(fleet):
    worker = int((fleet.state / "run/worker-python-1").read_text().split()[0])
    environment = [("a worker's environment", pathlib.Path(f"/proc/{worker}/environ").read_bytes())]
    assert {name for name, _ in shown(fleet, environment)} == {"assay-worker", "assay-replier"}


# Each program with each of its connections: (program, words, variable of the URL).
CONNECTIONS = [
    ("assay-producer", ("publish", "-"), "ASSAY_AMQP_URL"), ("assay-producer", ("status",), "ASSAY_AMQP_URL"),
    ("assay-producer", ("results", "demo"), "ASSAY_PG_URL"), ("assay-producer", ("pending",), "ASSAY_PG_URL"),
    ("assay-worker", (), "ASSAY_AMQP_URL"),
    ("assay-collector", ("run",), "ASSAY_AMQP_URL"), ("assay-collector", ("run",), "ASSAY_PG_URL"),
    ("assay-collector", ("migrate",), "ASSAY_PG_URL"),
]
LINE = '{"task_id": "t", "runtime": "bash", "implementation_code": "echo", "cases": [{"expected_stdout": "\\n"}]}\n'


def failing(fleet, variable):
    """{what fails: (the URL, the exit code)}"""
    def url(program, **change):
        return fleet.url(program, variable, **change)
    refused = "sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt" if variable == "ASSAY_PG_URL" else None
    return {
        "wrong password": (lambda program: url(program, password=WRONG), 3),
        "wrong host": (lambda program: url(program, host="nowhere.invalid"), 3),
        "refused certificate": (lambda program: url(program, query=refused), 3),
        "away": (lambda program: url(program, port=free_port()), 3),
        "impossible port": (lambda program: url(program, port="99999999"), (2, 3)),
        "cut in half": (lambda program: url(program).rsplit("@", 1)[0], (2, 3)),
        "unencoded password": (lambda program: url(program, password=f"a@{WRONG}/b"), (2, 3)),
    }


@pytest.mark.parametrize("program, words, variable", CONNECTIONS, ids=[f"{p[6:]}-{'-'.join(w)}-{v[6:8]}" for p, w, v in CONNECTIONS])
def test_a_connection_that_fails_shows_none(fleet, program, words, variable):
    for what, (url, code) in failing(fleet, variable).items():
        more = {variable: url(program), "ASSAY_WORKER_RUNTIMES": "bash", "ASSAY_WORKER_NAME": "failing", "ASSAY_WORKER_UID_BASE": "491000"}
        if words == ("status",):
            more |= {"ASSAY_MANAGEMENT_URL": "", "ASSAY_PG_URL": ""}
        done = fleet.run(program, *words, stdin=LINE, **more)
        assert done.returncode in (code if isinstance(code, tuple) else (code,)), (what, done.returncode, done.stderr)
        assert done.stderr, what
        assert not shown(fleet, [(what, (done.stdout + done.stderr).encode())], more=[WRONG])
    assert not shown(fleet, logs(fleet), more=[WRONG]), "the servers' logs of it"


def test_the_management_api_that_refuses_shows_none(fleet):
    for change in ({"ASSAY_MANAGEMENT_PASSWORD": WRONG}, {"ASSAY_MANAGEMENT_URL": "https://nowhere.invalid"},
                   {"ASSAY_MANAGEMENT_URL": f"https://somebody:{WRONG}@localhost:{free_port()}"}, {"ASSAY_MANAGEMENT_CA_FILE": ""}):
        done = fleet.run("assay-producer", "status", **change)
        assert done.returncode == 3, (change, done.stderr)
        assert not shown(fleet, [(str(change), (done.stdout + done.stderr).encode())], more=[WRONG])


def test_a_running_program_whose_servers_go_shows_none(fleet, tmp_path):
    """A collector and a worker with debug logs, whose broker is cut off in the middle; and their pages."""
    import urllib.request  # pylint: disable=import-outside-toplevel
    ports = {"assay-collector": free_port(), "assay-worker": free_port()}
    collector = Process([fleet.build / "bin/assay-collector", "run"],
                        fleet.env("assay-collector", ASSAY_LOG_LEVEL="debug", ASSAY_COLLECTOR_NAME="second",
                                  ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{ports['assay-collector']}"), tmp_path / "collector.log")
    worker = Process([fleet.build / "bin/assay-worker"],
                     fleet.env("assay-worker", ASSAY_LOG_LEVEL="debug", ASSAY_WORKER_NAME="second", ASSAY_WORKER_RUNTIMES="bash",
                               ASSAY_WORKER_UID_BASE="492000", ASSAY_HTTP_LISTEN=f"127.0.0.1:{ports['assay-worker']}"), tmp_path / "worker.log")
    try:
        for program in (collector, worker):
            program.wait_for_log("ready", 90)
        texts = []
        for port in ports.values():
            for page in ("status", "metrics"):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=30) as answer:
                    texts.append((page, answer.read()))

        def cut():
            """What there is: the management API shows a connection some seconds late, and each program has several."""
            for connection in fleet.servers.management("GET", "connections"):
                if " second" in connection.get("client_properties", {}).get("connection_name", ""):
                    with contextlib.suppress(urllib.error.HTTPError):  # it has gone
                        fleet.servers.management("DELETE", "connections/" + urllib.parse.quote(connection["name"], safe=""))
            return "broker connection lost" in worker.errors() and all(
                line in collector.errors() for line in ('"broker: ', "the database connection was lost"))
        fleet.servers.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%second%'")
        wait_until(cut, 90, "each to tell of its losses", every=1)
        texts += [(str(program.log), program.log.read_bytes()) for program in (collector, worker)]
        assert not shown(fleet, [*texts, *command_lines(), *logs(fleet)])
    finally:
        for program in (collector, worker):
            program.stop()
