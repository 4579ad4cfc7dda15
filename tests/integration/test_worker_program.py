"""assay-worker as a program: what the fleet hears of it, how it starts, `--local`."""
import json
import os
import pathlib
import signal
import tempfile

import pytest
from working import bash, get, publish, results, start, status

from lib.ports import free_port
from lib.waiting import wait_until

# -- what the fleet hears -------------------------------------------------------------------------------------------------


def test_hello_heartbeat_and_goodbye(vhost):
    channel = vhost.pika().channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "assay.events", "worker.#")
    worker = start(vhost, name="the-worker", slots=2)
    events = []

    def next_event():
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method:
            events.append((method.routing_key, json.loads(body)))
        return method
    wait_until(next_event, 30, "hello")
    wait_until(next_event, 30, "a heartbeat")
    assert worker.stop() == 0
    wait_until(next_event, 30, "goodbye")
    assert [event["event"] for _, event in events] == ["hello", "heartbeat", "goodbye"]
    for key, event in events:
        assert key == "worker.the-worker"
        assert (event["worker"], event["slots"], event["pid"]) == ("the-worker", 2, worker.pid)
        assert event["runtimes"] in ("bash", ["bash"])


def test_http(vhost):
    port = free_port()
    start(vhost, ASSAY_HTTP_LISTEN=f"127.0.0.1:{port}")
    publish(vhost, bash("t"), bash("wrong", "echo no"))
    results(vhost, 2)
    assert get(port, "/healthz")[0] == 200 and get(port, "/readyz")[0] == 200
    seen = status(port)
    assert seen["tasks"] == {"pass/ok": 1, "fail/wrong_output": 1}
    assert (seen["slots"], seen["runtimes"], seen["connected"], seen["consuming"]) == (1, ["bash"], True, True)
    metrics = get(port, "/metrics")[1]
    assert 'assay_worker_tasks_total{status="pass",reason="ok"} 1\n' in metrics
    assert "assay_worker_task_seconds_count 2\n" in metrics
    vhost.servers.stop_broker()
    try:
        wait_until(lambda: get(port, "/readyz")[0] == 503, 30, "503 without the broker")
        assert get(port, "/healthz")[0] == 200
    finally:
        vhost.servers.up()
    wait_until(lambda: get(port, "/readyz")[0] == 200, 60, "the worker to be ready again")


# -- starting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("env, status, says", [
    ({"ASSAY_AMQP_URL": ""}, 2, "ASSAY_AMQP_URL"),
    ({"ASSAY_WORKER_SLOTS": "0"}, 2, "ASSAY_WORKER_SLOTS"),
    ({"ASSAY_WORKER_NAME": "a b"}, 2, "name"),
    ({"ASSAY_WORKER_RUNTIMES": "cobol"}, 2, "cobol"),
    ({"ASSAY_WORKER_PREFETCH": "1000"}, 2, "consumer_timeout"),
    ({"ASSAY_AMQP_URL": "amqp://u:secret-word@127.0.0.1:1/v"}, 3, "127.0.0.1"),
    ({"ASSAY_RUNTIMES_FILE": "/nowhere/runtimes.cfg"}, 2, "/nowhere/runtimes.cfg"),
])
def test_what_keeps_it_from_starting(vhost, env, status, says):
    done = vhost.run("assay-worker", env={"ASSAY_WORKER_RUNTIMES": "bash", **env})
    assert done.returncode == status, done.stderr
    assert says in done.stderr and "secret-word" not in done.stderr


def test_a_wrong_password_ends_with_3(vhost):
    done = vhost.run("assay-worker", env={"ASSAY_WORKER_RUNTIMES": "bash",
                                          "ASSAY_AMQP_URL": vhost.amqp_url("assay-worker", password="wrong-word")})
    assert done.returncode == 3 and "wrong-word" not in done.stderr


def test_only_runtimes_that_work_are_served(vhost):
    stanza = """{name} = {{ program_file = "p.sh"; run_case = ["{command}", "{{program}}"];
                 self_test = {{ program = "echo hello"; expected_stdout = "hello"; }}; }};"""
    config = vhost.folder / "runtimes.cfg"
    config.write_text("runtimes = {" + stanza.format(name="bash", command="bash") +
                      stanza.format(name="node", command="no-such-interpreter") + "};")
    worker = vhost.start_worker("bash", ASSAY_RUNTIMES_FILE=config, ASSAY_WORKER_RUNTIMES="bash,node")
    assert "runtime node is not served" in worker.errors()
    assert vhost.consumers("assay.tasks.node") == 0
    publish(vhost, bash("t"))
    assert results(vhost, 1)[0]["status"] == "pass"

    check = vhost.run("assay-worker", "--check", env={"ASSAY_RUNTIMES_FILE": config})
    assert check.returncode == 1
    rows = [line.split() for line in check.stdout.splitlines()]
    assert ["bash", "pass/ok"] in [row[:2] for row in rows]
    assert ["node", "error/infra"] in [row[:2] for row in rows]

    none = vhost.run("assay-worker", env={"ASSAY_RUNTIMES_FILE": config, "ASSAY_WORKER_RUNTIMES": "node"})
    assert none.returncode == 4 and "no runtime passed its self-test" in none.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_self_tests_ends_with_0(vhost, number):
    config = vhost.folder / "runtimes.cfg"
    config.write_text("""runtimes = { bash = { program_file = "p.sh"; run_case = ["bash", "{program}"];
                          self_test = { program = "sleep 8; echo hello"; expected_stdout = "hello"; }; }; };""")
    worker = vhost.start_worker("bash", wait=False, ASSAY_RUNTIMES_FILE=config, ASSAY_LOG_LEVEL="debug")
    worker.wait_for_log('"started"')
    worker.signal(number)
    assert worker.wait(6) == 0
    assert "before the self-tests were over" in worker.errors() and "ready" not in worker.errors()


def test_check_of_a_sound_machine(vhost):
    check = vhost.run("assay-worker", "--check", env={"ASSAY_WORKER_RUNTIMES": "bash", "ASSAY_AMQP_URL": ""})
    assert check.returncode == 0, check.stdout + check.stderr
    assert "pass/ok" in check.stdout and "MECHANISMS" in check.stdout and "BROKEN" not in check.stdout


def test_a_runtime_whose_self_test_takes_too_long_is_tested_again(vhost, tools):
    """As on a machine where a whole fleet starts at once: it is served when the machine has become quiet."""
    config = vhost.folder / "runtimes.cfg"
    config.write_text(f"""runtimes = {{ bash = {{ program_file = "p.sh"; run_case = ["bash", "{{program}}"]; read_only_paths = ["{tools}"];
        defaults = {{ wall_s = 1.5; }};
        self_test = {{ program = "[ -e {tools}/quiet ] || sleep 60; echo hello"; expected_stdout = "hello"; }}; }}; }};""")
    worker = vhost.start_worker("bash", wait=False, ASSAY_RUNTIMES_FILE=config)
    worker.wait_for_log("self-test took too long, again in 2 s")
    (tools / "quiet").touch()
    publish(vhost, bash("t"))
    assert results(vhost, 1)[0]["status"] == "pass"
    assert "not served" not in worker.errors()


# -- --local --------------------------------------------------------------------------------------------------------------


def local(site, text, *words, env=None):
    done = site.run("assay-worker", "--local", "-", *words, stdin=text, env={"ASSAY_AMQP_URL": "", **(env or {})})
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_local_runs_every_line(vhost):
    text = "\n".join(json.dumps(bash(f"t{i}")) for i in range(10)) + "\n"
    done, found = local(vhost, text, "--slots", "3", "--name", "here")
    assert done.returncode == 0, done.stderr
    assert sorted(result["task_id"] for result in found) == sorted(f"t{i}" for i in range(10))
    assert {(result["status"], result["worker"], result["attempt"]) for result in found} == {("pass", "here", 1)}


def test_local_says_1_when_a_task_does_not_pass(vhost):
    done, found = local(vhost, json.dumps(bash("t", "echo no")))
    assert done.returncode == 1 and found[0]["reason"] == "wrong_output"


def test_local_names_the_line_of_what_is_no_task(vhost):
    nameless = bash("x")
    del nameless["task_id"]
    text = json.dumps(bash("good")) + "\n\nnot JSON\n" + json.dumps({**bash("typo"), "sutie": 1}) + "\n" + json.dumps(nameless)
    done, found = local(vhost, text)
    assert done.returncode == 1 and len(found) == 4
    by_reason = {result["errors"][0].split(":")[0]: result for result in found if result["reason"] == "bad_task"}
    assert set(by_reason) == {"line 3", "line 4"}
    assert by_reason["line 4"]["task_id"] == "typo" and "sutie" in by_reason["line 4"]["errors"][0]
    assert any(result["task_id"].startswith("sha256-") and result["status"] == "pass" for result in found)


@pytest.mark.parametrize("words, stdin, says", [
    (["--local", "/nowhere/tasks.jsonl"], None, "/nowhere/tasks.jsonl"),
    (["--local", "/"], None, "directory"),
    (["--local", "-"], "", "no task"),
    (["--local"], None, "--local"),
    (["--frobnicate"], None, "--frobnicate"),
    (["stray"], None, "stray"),
    (["--local", "-", "--check"], "", "only one"),
    (["--slots", "none", "--check"], None, "--slots"),
    (["--config", "/nowhere/worker.cfg", "--check"], None, "/nowhere/worker.cfg"),
])
def test_wrong_usage_ends_with_2(vhost, words, stdin, says):
    done = vhost.run("assay-worker", *words, stdin=stdin)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr


def test_the_sample_configuration_is_accepted(vhost):
    sample = vhost.run("assay-worker", "--print-config")
    assert sample.returncode == 0
    config = vhost.folder / "worker.cfg"
    config.write_text(sample.stdout)
    done = vhost.run("assay-worker", "--config", config, "--local", "-", stdin=json.dumps(bash("t")))
    assert done.returncode == 0, done.stderr
    config.write_text(sample.stdout + "\nslotz = 3;\n")
    done = vhost.run("assay-worker", "--config", config, "--check")
    assert done.returncode == 2 and "slotz" in done.stderr and "worker.cfg:" in done.stderr


def test_paths_shown_to_every_program(vhost):
    """Read-only, at the same place; without the setting they are not there."""
    with tempfile.TemporaryDirectory(prefix="assay-shown-", dir="/var/tmp") as folder:  # /tmp is the sandbox's own
        os.chmod(folder, 0o755)
        table = pathlib.Path(folder, "table")
        table.write_text("shown\n", encoding="utf-8")
        code = f"cat {table}; (echo x > {table}) 2>/dev/null || echo refused"
        text = json.dumps(bash("t", code, "shown\nrefused")) + "\n"
        done, found = local(vhost, text, env={"ASSAY_SANDBOX_READ_ONLY_PATHS": folder})
        assert done.returncode == 0 and found[0]["status"] == "pass", (done.stderr, found)
        done, found = local(vhost, text)
        assert done.returncode == 1 and found[0]["stdout"] == "refused\n", (done.stderr, found)
        assert table.read_text(encoding="utf-8") == "shown\n"
