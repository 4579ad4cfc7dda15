"""Bad input from end to end: each kind gets its clear error and exit code, wherever it comes in, and nothing is lost beside it."""
import json
import os
import subprocess
import uuid

import pika
import pytest

from lib.servers import ROOT
from lib.skipping import skip
from lib.waiting import wait_until

CASES = [{"expected_stdout": "done\n"}]
GOOD = {"runtime": "bash", "implementation_code": "echo done", "cases": CASES}


def changed(**fields):
    return {**GOOD, **fields}


# What a task gets wrong, as a line of a file or the body of a message: (the bytes, or a task without its id; what the error says)
BAD = {
    "not-json": (b"hello", "not JSON"),
    "half-json": (b'{"task_id": "t"', "not JSON"),
    "array": (b"[1, 2]", "not a JSON object but an array"),
    "number": (b"7", "not a JSON object but a number"),
    "utf8": (b'{"runtime": "bash\xff"}', "not UTF-8: byte 0xff at offset 17"),
    "nul-byte": (b'{"runtime": "bash\0"}', "NUL byte at offset 17"),
    "nul": (changed(implementation_code="a\0b"), "implementation_code holds a NUL character at byte 1"),
    "twice": (b'{"runtime": "bash", "timeout": 1, "timeout": 2}', "given twice"),
    "unknown-field": ({**GOOD, "test_suit_code": ""}, "unknown field 'test_suit_code': did you mean test_suite_code?"),
    "unknown-limit": (changed(limits={"memory": 5}), "unknown field 'limits.memory': did you mean memory_mb?"),
    "unknown-runtime": (changed(runtime="cobol"), "unknown runtime 'cobol'; known are bash, c, "),
    "nothing-to-check": ({"runtime": "python", "implementation_code": ""}, "nothing to check: give test_suite_code, or cases"),
    "no-program": ({"runtime": "bash", "cases": CASES}, "no program: give implementation_code, or files with "),
    "limit": (changed(limits={"memory_mb": 1 << 20}), "limits.memory_mb 1048576 is above the "),
    "timeout": (changed(timeout=-1), "timeout must be more than 0, is -1"),
    "absolute": (changed(files={"/etc/passwd": ""}), "'/etc/passwd' is absolute"),
    "parent": (changed(files={"a/../../b": ""}), "'a/../../b' has a \"..\" part"),
    "collision": (changed(files={"a": "", "a/b": ""}), "'a' is a file, and 'a/b' needs a folder"),
    "many-files": (changed(files={f"f{i}": "" for i in range(10000)}), "files holds 10000 entries, at most 1000"),
}


def body_of(name):
    bad = BAD[name][0]
    return bad if isinstance(bad, bytes) else json.dumps({"task_id": name, **bad}).encode()


@pytest.mark.parametrize("name", BAD)
def test_the_producer_refuses_it_before_anything_is_sent(vhost, name):
    path = vhost.folder / "tasks.jsonl"
    path.write_bytes(json.dumps({"task_id": "good", **GOOD}).encode() + b"\n" + body_of(name) + b"\n")
    for words in (["publish", path], ["publish", path, "--dry-run"]):
        done = vhost.producer(*words)
        assert done.returncode == 2, done.stderr
        assert f"{path}:2: " in done.stderr and BAD[name][1] in done.stderr, done.stderr
    assert vhost.depth("assay.tasks.bash") == 0


def test_every_bad_line_is_named_in_one_go(vhost):
    path = vhost.folder / "tasks.jsonl"
    path.write_bytes(b"".join(body_of(name) + b"\n" for name in BAD))
    done = vhost.producer("publish", path)
    assert done.returncode == 2
    for line, (_, says) in enumerate(BAD.values(), 1):
        assert any(text.startswith(f"{path}:{line}: ") and says in text for text in done.stderr.splitlines()), (line, done.stderr)


def publish(site, body, message_id):
    """As any AMQP client would, past the producer and its checks."""
    channel = site.pika("assay-producer").channel()
    channel.confirm_delivery()
    channel.basic_publish("assay.tasks", "bash", body, pika.BasicProperties(
        content_type="application/json", delivery_mode=2, type="assay.task.v1", message_id=message_id), mandatory=True)


def test_a_worker_answers_it_and_nothing_is_lost(site):
    """By plain AMQP each becomes a stored verdict that says why; the good tasks between them pass."""
    site.start_collector()
    site.start_worker("bash")
    for name in BAD:
        publish(site, body_of(name), name)
        publish(site, json.dumps(GOOD).encode(), f"good-{name}")
    rows = site.wait_for_rows(2 * len(BAD), seconds=120)
    assert [row for row in rows if row[0].startswith("good-")] == sorted((f"good-{name}", "pass", "ok") for name in BAD)
    for name, (_, says) in BAD.items():
        wrong = "does not agree with the queue's" if name == "nothing-to-check" else says  # that one names another runtime
        status, reason, rate, errors = site.sql(
            "SELECT status::text, reason::text, test_pass_rate, errors FROM executions WHERE task_id = %s",
            name)[0]
        assert (status, reason, rate) == ("error", "bad_task", None)
        assert wrong in json.dumps(errors, ensure_ascii=False).replace('\\"', '"'), (name, errors)
    assert site.depth("assay.tasks.bash") == site.depth("assay.dead.tasks") == 0


def test_a_message_over_the_bound_is_answered(site):
    site.start_collector()
    site.start_worker("bash")
    publish(site, b'{"implementation_code": "' + b"x" * (65 << 20) + b'"}', "large")
    publish(site, json.dumps(GOOD).encode(), "small")
    assert site.wait_for_rows(2, seconds=120) == [("large", "error", "bad_task"), ("small", "pass", "ok")]
    assert "allowed are 67108864" in json.dumps(site.value("SELECT errors FROM executions WHERE task_id = 'large'"))


def test_duplicate_ids_in_one_file(vhost):
    path = vhost.write_tasks([{"task_id": "a", **GOOD}, {"task_id": "b", **GOOD}, {"task_id": "a", **changed(timeout=1)}])
    done = vhost.producer("publish", path)
    assert done.returncode == 2
    assert f"{path}:3: " in done.stderr and "'a'" in done.stderr and "line 1" in done.stderr
    assert vhost.depth("assay.tasks.bash") == 0


# -- configuration ---------------------------------------------------------------------------------------------------------

PROGRAMS = {"assay-producer": ["status"], "assay-worker": ["--check"], "assay-collector": ["run"]}
BROKEN = {
    "unknown-key": ("\ncolour = 1;\n", ":2: colour: unknown key"),
    "wrong-type": ("\n\nlog = { level = 5; };\n", ":3: log.level: "),
    "out-of-range": ("heartbeat_s = 100000;\n", ":1: heartbeat_s: 100000 is out of bounds: allowed are "),
    "syntax": ("colour = \n", "syntax"),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_configuration_names_file_and_line(vhost, program, name):
    text, says = BROKEN[name]
    path = vhost.folder / "wrong.cfg"
    path.write_text(text)
    done = vhost.run(program, *PROGRAMS[program], "--config", path)
    assert done.returncode == 2, done.stderr
    assert str(path) in done.stderr and says in done.stderr, done.stderr


@pytest.mark.parametrize("program", ["assay-producer", "assay-worker"])
def test_wrong_runtimes_name_file_and_line(vhost, program):
    path = vhost.folder / "runtimes.cfg"
    path.write_text((ROOT / "conf/runtimes.cfg").read_text().replace("    bash = {", "    bash = {\n        colour = 1;", 1))
    line = path.read_text().splitlines().index("        colour = 1;") + 1
    words = ["publish", vhost.write_tasks([{"task_id": "t", **GOOD}]), "--dry-run"] if program == "assay-producer" else ["--check"]
    done = vhost.run(program, *words, env={"ASSAY_RUNTIMES_FILE": path})
    assert done.returncode == 2, done.stderr
    assert f"{path}:{line}: runtimes.bash.colour: unknown key" in done.stderr


# -- broker and database ---------------------------------------------------------------------------------------------------

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("program, words, env", [
    ("assay-producer", ["publish", "tasks.jsonl"], {"ASSAY_AMQP_URL": f"amqp://u:secret-word@{NOBODY}/v"}),
    ("assay-worker", [], {"ASSAY_AMQP_URL": f"amqp://u:secret-word@{NOBODY}/v", "ASSAY_WORKER_RUNTIMES": "bash"}),
    ("assay-collector", ["run"], {"ASSAY_AMQP_URL": f"amqp://u:secret-word@{NOBODY}/v"}),
    ("assay-collector", ["migrate"], {"ASSAY_PG_URL": f"postgresql://u:secret-word@{NOBODY}/d"}),
    ("assay-producer", ["results", "j"], {"ASSAY_PG_URL": f"postgresql://u:secret-word@{NOBODY}/d"}),
], ids=["publish", "worker", "collector", "migrate", "results"])
def test_an_unreachable_server_is_named(site, program, words, env):
    site.write_tasks([{"task_id": "t", **GOOD}])
    done = site.run(program, *words, env=env)
    assert done.returncode == 3, done.stderr
    assert "127.0.0.1" in done.stderr and "secret-word" not in done.stderr + done.stdout


@pytest.mark.parametrize("program, words", [
    ("assay-producer", ["publish", "tasks.jsonl"]), ("assay-worker", []), ("assay-collector", ["run"]),
])
def test_a_wrong_password_is_told_and_not_shown(site, program, words):
    site.write_tasks([{"task_id": "t", **GOOD}])
    done = site.run(program, *words, env={"ASSAY_AMQP_URL": site.amqp_url(program, password="wrong-word"),
                                          "ASSAY_WORKER_RUNTIMES": "bash"})
    assert done.returncode == 3, done.stderr
    assert "wrong-word" not in done.stderr + done.stdout
    assert site.depth("assay.tasks.bash") == 0


# -- disks -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def broker_disk(servers):
    """A function that sets the free space below which the broker stops taking messages; back to normal afterwards."""
    yield lambda value: servers.rabbitmqctl("set_disk_free_limit", value)
    servers.rabbitmqctl("set_disk_free_limit", "50MB")


def test_the_brokers_disk_is_full(site, broker_disk):
    """It blocks its publishers: they say so and wait; with space again everything goes through, once."""
    broker_disk("1000000GB")
    wait_until(lambda: any(node["disk_free_alarm"] for node in site.management("GET", "nodes")), 30, "the disk alarm")
    path = site.write_tasks([{"task_id": f"t{i}", **GOOD} for i in range(20)])
    publisher = site.start("assay-producer", "publish", path)
    publisher.wait_for_log("disk", 60)
    assert publisher.alive() and site.depth("assay.tasks.bash") <= 20
    broker_disk("50MB")
    assert publisher.wait(60) == 0, publisher.errors()
    site.start_collector()
    site.start_worker("bash")
    assert site.wait_for_rows(20) == sorted((f"t{i}", "pass", "ok") for i in range(20))


@pytest.fixture
def small_disk(servers):
    """A small file system of its own, as a tablespace: (name, function that makes it larger)."""
    if os.geteuid() != 0:
        skip("small-disk", "mounting a tmpfs needs root")
    folder = servers.state / f"small-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", folder], check=False).returncode != 0:
        folder.rmdir()
        skip("small-disk", "this machine does not let us mount a tmpfs")
    name = "small_" + uuid.uuid4().hex[:8]
    data = folder / "data"
    data.mkdir()
    owner = os.stat(f"/proc/{servers.pid('postgresql')}")
    os.chown(data, owner.st_uid, owner.st_gid)
    servers.superuser(f"CREATE TABLESPACE {name} LOCATION '{data}'")
    yield name, lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def test_the_databases_disk_is_full(site, servers, small_disk):
    """No row is to blame, so none is set aside: the collector holds, the queue is the buffer, all is stored once there is space."""
    name, enlarge = small_disk
    site.sql(f"ALTER TABLE executions SET TABLESPACE {name}")
    collector = site.start_collector()
    noisy = changed(implementation_code="head -c 12000 /dev/urandom | od -An -tx1; exit 1")
    count = 120
    for number in range(count):
        publish(site, json.dumps(noisy).encode(), f"t{number:03}")
    site.start_worker("bash", slots=2)
    collector.wait_for_log("No space left on device", 120)
    stored = site.value("SELECT count(*) FROM executions")
    assert stored < count
    enlarge()
    rows = site.wait_for_rows(count, seconds=180)
    assert {(status, reason) for _, status, reason in rows} == {("fail", "wrong_output")}
    assert site.value("SELECT count(*) FROM dead_letters") == 0 and site.depth("assay.dead.results") == 0
    site.sql("ALTER TABLE executions SET TABLESPACE pg_default")
    servers.superuser(f"DROP TABLESPACE {name}")


def test_the_results_files_disk_is_full(vhost):
    path = vhost.write_tasks([{"task_id": "t", **GOOD}])
    vhost.start_worker("bash")
    done = vhost.producer("publish", path, "--wait", "--results", "/dev/full")
    assert done.returncode == 4 and "No space left on device" in done.stderr
    done = subprocess.run(f"{vhost.build}/bin/assay-worker --local {path} >/dev/full", shell=True, capture_output=True, text=True,
                          env=vhost.env("assay-worker", ASSAY_WORKER_RUNTIMES="bash"), stdin=subprocess.DEVNULL, timeout=120,
                          check=False)
    assert done.returncode not in (0, 1) and "No space left on device" in done.stderr, done.stderr
