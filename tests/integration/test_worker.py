"""assay-worker against a real RabbitMQ: what becomes of deliveries, whatever happens to the worker or the broker."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
import urllib.error

import pika
import pytest

from lib.ports import free_port
from lib.waiting import wait_until

TASKS = "assay.tasks.bash"
RESULTS = "assay.results"


def bash(task_id, code="echo ok", expected="ok", **more):
    return {"task_id": task_id, "job_id": "job", "runtime": "bash", "implementation_code": code,
            "cases": [{"expected_stdout": expected}], **more}


def sleeper(task_id, seconds, **more):
    return bash(task_id, f"sleep {seconds}; echo ok", **more)


def start(site, **more):
    return site.start_worker("bash", **more)


def publish(site, *tasks, key="bash"):
    for task in tasks:
        site.publish(task, key)


def results(site, count, seconds=60):
    return [site.get(RESULTS, seconds)[1] for _ in range(count)]


def unacknowledged(site, queue):
    """Messages that a consumer holds. The management API's numbers are a little old: ask until they agree."""
    return site.management("GET", f"queues/{{vhost}}/{queue}").get("messages_unacknowledged")


def get(port, path):
    """(status, text) of the worker's HTTP listener."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def status(port):
    return json.loads(get(port, "/status")[1])


def wait_running(worker, task_id):
    """The worker logs at debug when a task starts."""
    def running():
        return any(f'"{task_id}"' in line and '"started"' in line for line in worker.errors().splitlines())
    wait_until(running, 30, f"{task_id} to run")


def debug_worker(site, **more):
    return start(site, ASSAY_LOG_LEVEL="debug", **more)


# -- the way of a task ----------------------------------------------------------------------------------------------------


def test_a_result_is_published_and_the_task_acknowledged(vhost):
    start(vhost, name="the-worker")
    properties = pika.BasicProperties(delivery_mode=2, message_id="t1", timestamp=int(time.time()) - 5,
                                      headers={"assay-published-ms": int(time.time() * 1000) - 3000})
    task = bash("t1", labels={"model": "m"}, reconstruction_id=7)
    vhost.publish(task, "bash", properties=properties)
    message, result = vhost.get(RESULTS)
    assert (message.type, message.message_id, message.content_type, message.delivery_mode) == (
        "assay.result.v1", "t1", "application/json", 2)
    assert (result["status"], result["reason"], result["job_id"], result["worker"], result["attempt"]) == (
        "pass", "ok", "job", "the-worker", 1)
    assert result["labels"] == {"model": "m"} and result["reconstruction_id"] == 7
    assert 3000 <= result["timing_ms"]["queued"] < 60000, "the header is finer than the timestamp, and wins"
    assert result["sandbox"]
    wait_until(lambda: unacknowledged(vhost, TASKS) == 0, what="the acknowledgement")
    assert vhost.depth(TASKS) == 0


def test_message_id_names_a_task_without_an_id(vhost):
    start(vhost)
    task = bash("x")
    del task["task_id"]
    vhost.publish(task, "bash", properties=pika.BasicProperties(message_id="from-amqp"))
    assert results(vhost, 1)[0]["task_id"] == "from-amqp"


@pytest.mark.parametrize("body, says", [
    ({**bash("bad"), "implementaton_code": "x"}, "implementaton_code"),
    ({**bash("bad"), "runtime": "node"}, "runtime"),
    ({**bash("bad"), "limits": {"wall_s": 1e9}}, "wall_s"),
    ("this is not JSON", ""),
    (b"\xff\xfe\x00", ""),
    ("", ""),
])
def test_what_is_no_task_gets_its_verdict(vhost, body, says):
    start(vhost)
    vhost.publish(body, "bash")
    result = results(vhost, 1)[0]
    assert (result["status"], result["reason"], result["test_pass_rate"]) == ("error", "bad_task", None)
    assert says in result["errors"][0]
    assert result["task_id"].startswith("bad" if isinstance(body, dict) else "unidentified/")
    wait_until(lambda: unacknowledged(vhost, TASKS) == 0, what="the acknowledgement")


def test_an_expired_task_is_not_run(vhost):
    start(vhost)
    publish(vhost, bash("old", expires_at="2001-01-01T00:00:00Z"), bash("new", expires_at="2901-01-01T00:00:00Z"))
    by_id = {result["task_id"]: result for result in results(vhost, 2)}
    assert (by_id["old"]["status"], by_id["old"]["reason"]) == ("error", "expired")
    assert by_id["new"]["status"] == "pass"


def test_a_task_that_expires_while_it_waits_is_not_run(vhost):
    worker = debug_worker(vhost)
    publish(vhost, sleeper("long", 2))
    wait_running(worker, "long")
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    publish(vhost, bash("late", expires_at=soon))
    by_id = {result["task_id"]: result for result in results(vhost, 2)}
    assert (by_id["late"]["status"], by_id["late"]["reason"]) == ("error", "expired")


def test_all_three_lanes_are_consumed_and_interactive_overtakes(vhost):
    order = [("bash.bulk", "b1"), ("bash", "n1"), ("bash", "n2"), ("bash.interactive", "i1"), ("bash.interactive", "i2")]
    for key, task_id in order:
        vhost.publish(bash(task_id), key)
    start(vhost)
    finished = [result["task_id"] for result in results(vhost, len(order))]
    assert sorted(finished) == ["b1", "i1", "i2", "n1", "n2"]
    # The first tasks are taken as the subscriptions come up, interactive first.
    assert finished[0] == "i1" and finished.index("i2") < finished.index("b1")


def test_slots_run_side_by_side(vhost):
    worker = debug_worker(vhost, slots=3)
    publish(vhost, *[sleeper(f"t{i}", 3) for i in range(3)])
    for i in range(3):
        wait_running(worker, f"t{i}")
    assert '"pass/ok' not in worker.errors(), "all three started before the first ended"
    assert {result["status"] for result in results(vhost, 3)} == {"pass"}


def test_a_short_task_is_not_parked_behind_a_long_one(vhost):
    first = debug_worker(vhost, name="first")
    publish(vhost, sleeper("long", 20))
    wait_running(first, "long")
    publish(vhost, *[bash(f"short{i}") for i in range(4)])  # the first worker's look-ahead takes some
    start(vhost, name="second")
    early = results(vhost, 4, seconds=15)
    assert sorted(result["task_id"] for result in early) == [f"short{i}" for i in range(4)]
    assert {result["worker"] for result in early} == {"second"}


def test_a_worker_with_long_tasks_only_still_takes_the_next(vhost):
    """After it gave tasks back, it must take them again when its slot is idle."""
    start(vhost)
    publish(vhost, *[sleeper(f"t{i}", 1.5) for i in range(4)])
    assert sorted(result["task_id"] for result in results(vhost, 4)) == ["t0", "t1", "t2", "t3"]


# -- answers to reply_to --------------------------------------------------------------------------------------------------


def ask(site, task, reply_to, correlation_id="c-1"):
    site.publish(task, "bash", properties=pika.BasicProperties(reply_to=reply_to, correlation_id=correlation_id, delivery_mode=2))


def test_direct_reply_to_is_answered(vhost):
    start(vhost)
    channel = vhost.pika("assay-producer").channel()
    answers = []
    channel.basic_consume("amq.rabbitmq.reply-to", lambda *answer: answers.append(answer), auto_ack=True)
    channel.basic_publish("assay.tasks", "bash", json.dumps(bash("asked")),
                          pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="c-7"))
    deadline = time.monotonic() + 30
    while not answers and time.monotonic() < deadline:
        channel.connection.process_data_events(time_limit=1)
    assert len(answers) == 1
    _, _, properties, body = answers[0]
    assert properties.correlation_id == "c-7"
    assert json.loads(body) == results(vhost, 1)[0], "the answer is the result"


def test_a_reply_queue_of_the_publisher_is_answered(vhost):
    start(vhost)
    vhost.pika().channel().queue_declare("assay.reply.mine", durable=True)
    ask(vhost, bash("asked"), "assay.reply.mine")
    properties, result = vhost.get("assay.reply.mine")
    assert properties.correlation_id == "c-1" and result["task_id"] == "asked" and result["status"] == "pass"


def test_a_bad_task_is_answered_too(vhost):
    start(vhost)
    vhost.pika().channel().queue_declare("assay.reply.mine", durable=True)
    ask(vhost, {**bash("asked"), "sutie": ""}, "assay.reply.mine")
    assert vhost.get("assay.reply.mine")[1]["reason"] == "bad_task"


@pytest.mark.parametrize("reply_to", ["assay.tasks.node", "assay.dead.tasks", "amq.rabbitmq.reply-to.garbage"])
def test_no_other_queue_is_written_to(vhost, reply_to):
    worker = start(vhost)
    vhost.pika().channel().queue_declare("assay.reply.after", durable=True)
    ask(vhost, bash("hostile"), reply_to)
    ask(vhost, bash("honest"), "assay.reply.after")
    assert vhost.get("assay.reply.after")[1]["task_id"] == "honest"  # replies leave in order: the other was passed over
    if "garbage" not in reply_to:
        assert vhost.depth(reply_to) == 0
    assert len(results(vhost, 2)) == 2 and worker.alive()


def test_an_unanswerable_reply_costs_nothing(vhost):
    worker = start(vhost)
    ask(vhost, bash("one"), "assay.reply.nobody")
    ask(vhost, bash("two"), "amq.rabbitmq.reply-to.AAAA.BBBB")  # well-formed for us, a lie for the broker: may cost the connection
    publish(vhost, bash("three"))
    assert {result["status"] for result in results(vhost, 3)} == {"pass"}
    vhost.pika().channel().queue_declare("assay.reply.mine", durable=True)
    ask(vhost, bash("four"), "assay.reply.mine")
    assert vhost.get("assay.reply.mine")[1]["task_id"] == "four"
    assert worker.alive()


def test_without_a_reply_url_tasks_still_run(vhost):
    worker = start(vhost, ASSAY_REPLY_AMQP_URL="")
    assert "reply_to is not served" in worker.errors()
    ask(vhost, bash("asked"), "assay.reply.mine")
    assert results(vhost, 1)[0]["status"] == "pass"


# -- cancelling -----------------------------------------------------------------------------------------------------------


def test_a_cancelled_job_ends_wherever_its_tasks_are(vhost):
    worker = debug_worker(vhost)
    publish(vhost, sleeper("running", 60))
    wait_running(worker, "running")
    publish(vhost, bash("waiting"))
    vhost.publish({"cancel": "job"}, "", exchange="assay.control")
    worker.wait_for_log("job cancelled")
    publish(vhost, bash("later"), bash("other", job_id="another"))
    by_id = {result["task_id"]: result for result in results(vhost, 4)}
    for task_id in ("running", "waiting", "later"):
        assert (by_id[task_id]["status"], by_id[task_id]["reason"]) == ("error", "cancelled"), task_id
    assert by_id["other"]["status"] == "pass"


def test_nonsense_on_the_control_exchange_is_ignored(vhost):
    worker = start(vhost)
    vhost.publish("nonsense", "", exchange="assay.control")
    worker.wait_for_log("was not understood")
    publish(vhost, bash("t"))
    assert results(vhost, 1)[0]["status"] == "pass"


# -- ends of a worker -----------------------------------------------------------------------------------------------------


def test_kill_9_in_mid_task_and_another_runs_it(vhost):
    first = debug_worker(vhost, name="first")
    publish(vhost, sleeper("t", 3))
    wait_running(first, "t")
    first.kill()
    start(vhost, name="second")
    result = results(vhost, 1)[0]
    assert (result["status"], result["worker"], result["attempt"]) == ("pass", "second", 2)
    assert vhost.depth(RESULTS) == 0


def test_sigterm_lets_what_runs_finish_and_gives_the_rest_back(vhost):
    worker = debug_worker(vhost)
    publish(vhost, sleeper("running", 3))
    wait_running(worker, "running")
    publish(vhost, *[bash(f"t{i}") for i in range(5)])
    assert worker.stop() == 0
    assert results(vhost, 1)[0]["task_id"] == "running"
    wait_until(lambda: vhost.depth(TASKS) == 5, what="the five to be back")
    assert vhost.depth(RESULTS) == 0
    start(vhost)
    assert sorted(result["task_id"] for result in results(vhost, 5)) == [f"t{i}" for i in range(5)]


def test_the_drain_has_an_end(vhost):
    worker = debug_worker(vhost, ASSAY_WORKER_DRAIN_S=1)
    publish(vhost, sleeper("long", 60))
    wait_running(worker, "long")
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 15
    wait_until(lambda: vhost.depth(TASKS) == 1, what="the task to be back")


def test_a_second_sigterm_ends_at_once(vhost):
    worker = debug_worker(vhost)
    publish(vhost, sleeper("long", 60))
    wait_running(worker, "long")
    worker.signal(signal.SIGTERM)
    worker.wait_for_log("draining")
    worker.signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    wait_until(lambda: vhost.depth(TASKS) == 1, what="the task to be back")


# -- the connection -------------------------------------------------------------------------------------------------------


def close_connections(site, prefix="assay-worker"):
    """As an operator would, in the management UI. Its list is a little old, so wait for the connection to be in it."""
    def theirs():
        return [c for c in site.management("GET", "vhosts/{vhost}/connections")
                if c.get("client_properties", {}).get("connection_name", "").startswith(prefix)]
    for connection in wait_until(theirs, 30, f"the connections of {prefix}"):
        site.management("DELETE", "connections/" + urllib.request.quote(connection["name"], safe=""))


def test_a_lost_connection_does_not_run_a_task_twice(vhost):
    worker = debug_worker(vhost)
    publish(vhost, sleeper("t", 8))
    wait_running(worker, "t")
    close_connections(vhost)
    worker.wait_for_log("broker connection lost")
    worker.wait_for_log("not run twice")
    result = results(vhost, 1)[0]
    assert result["status"] == "pass"
    wait_until(lambda: unacknowledged(vhost, TASKS) == 0, what="the acknowledgement")
    assert vhost.depth(TASKS) == 0 and vhost.depth(RESULTS) == 0
    assert sum('"started"' in line and '"t"' in line for line in worker.errors().splitlines()) == 1
    publish(vhost, bash("next"))
    assert results(vhost, 1)[0]["task_id"] == "next"


def test_a_broker_restart_in_mid_job_loses_nothing(vhost):
    start(vhost, slots=2)
    count = 20
    publish(vhost, *[sleeper(f"t{i:02}", 0.3) for i in range(count)])
    vhost.servers.restart_broker()
    seen = {result["task_id"] for result in results(vhost, count, seconds=120)}
    # A result whose confirm was lost comes twice; the collector keeps the first.
    while len(seen) < count:
        seen.add(vhost.get(RESULTS)[1]["task_id"])
    assert len(seen) == count
    wait_until(lambda: vhost.depth(TASKS) == 0, what="an empty queue")


def test_heartbeats_are_served_while_a_task_runs(vhost):
    worker = debug_worker(vhost, ASSAY_WORKER_HEARTBEAT_S=1)
    publish(vhost, sleeper("t", 6))
    assert results(vhost, 1)[0]["status"] == "pass"
    assert "broker connection lost" not in worker.errors()


def rabbitmqctl(site, *words):
    state = site.servers.state
    sbin = max(pathlib.Path("/usr/lib/rabbitmq/lib").glob("*/sbin"))
    env = {"HOME": str(state / "rabbitmq"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
           "RABBITMQ_NODENAME": "assay@localhost", "ERL_EPMD_PORT": str(site.servers.port("epmd")), "RABBITMQ_CONF_ENV_FILE": "/dev/null"}
    subprocess.run([sbin / "rabbitmqctl", "--quiet", *words], env=env, check=True, timeout=60, stdin=subprocess.DEVNULL)


def test_results_are_held_while_the_broker_blocks_publishers(vhost):
    """The broker is short of memory: it tells whoever publishes (connection.blocked), and reads nothing more from them."""
    port = free_port()
    worker = debug_worker(vhost, ASSAY_HTTP_LISTEN=f"127.0.0.1:{port}")
    publish(vhost, sleeper("first", 4), bash("second"))
    wait_running(worker, "first")
    try:
        rabbitmqctl(vhost, "set_vm_memory_high_watermark", "absolute", "1MB")
        worker.wait_for_log("the broker blocks publishers", 60)
        wait_until(lambda: status(port)["results"]["unpublished"] > 0 or status(port)["tasks"] == {"pass/ok": 2}, 60, "the results")
        assert status(port)["blocked"] and get(port, "/readyz")[0] == 503
    finally:
        rabbitmqctl(vhost, "set_vm_memory_high_watermark", "0.4")
    worker.wait_for_log("takes publishes again")
    assert sorted(result["task_id"] for result in results(vhost, 2)) == ["first", "second"]
    publish(vhost, bash("third"))
    assert results(vhost, 1)[0]["task_id"] == "third"
    assert "broker connection lost" not in worker.errors()


def test_a_missing_queue_is_named_and_found_again(vhost):
    vhost.management("DELETE", "queues/{vhost}/" + TASKS + ".bulk")
    worker = start(vhost)
    worker.wait_for_log(f"queue {TASKS}.bulk does not exist")
    assert "definitions" in worker.errors()
    publish(vhost, bash("t"))
    assert results(vhost, 1)[0]["status"] == "pass"
    vhost.servers.make_vhost(vhost.vhost, "bash")
    vhost.publish(bash("bulk"), "bash.bulk")
    assert results(vhost, 1)[0]["task_id"] == "bulk"


def test_a_queue_deleted_under_the_worker_is_found_again(vhost):
    worker = start(vhost)
    vhost.management("DELETE", "queues/{vhost}/" + TASKS)
    worker.wait_for_log("ended the consumer of queue")
    vhost.servers.make_vhost(vhost.vhost, "bash")
    publish(vhost, bash("t"))
    assert results(vhost, 1)[0]["status"] == "pass"


def test_a_full_result_queue_stops_consuming_and_loses_nothing(vhost):
    vhost.management("PUT", "policies/{vhost}/full",
                     {"pattern": "^assay.results$", "apply-to": "queues", "priority": 10,
                      "definition": {"max-length": 1, "overflow": "reject-publish"}})
    port = free_port()
    worker = start(vhost, ASSAY_HTTP_LISTEN=f"127.0.0.1:{port}")
    publish(vhost, *[bash(f"t{i}") for i in range(12)])
    worker.wait_for_log("not taken by the broker")
    # Not by the queue's consumers: a quorum queue counts one that was ended while it holds a message.
    wait_until(lambda: not status(port)["consuming"], what="the worker to stop consuming")
    left = vhost.depth(TASKS)
    assert left > 0
    wait_until(lambda: worker.errors().count("not taken by the broker") >= 5, what="it to try again")
    assert vhost.depth(TASKS) == left and not status(port)["consuming"] and get(port, "/readyz")[0] == 503
    seen = sorted(result["task_id"] for result in results(vhost, 12, seconds=120))
    assert seen == sorted(f"t{i}" for i in range(12))
    wait_until(lambda: status(port)["consuming"], what="the worker to consume again")
    wait_until(lambda: vhost.depth(TASKS) == 0, what="an empty queue")


def test_a_result_that_no_queue_takes_is_held(vhost):
    """The binding of the result queue is gone: the confirm alone would lose the verdict."""
    channel = vhost.pika().channel()
    channel.queue_unbind(RESULTS, RESULTS, "#")
    worker = start(vhost)
    publish(vhost, bash("t"))
    worker.wait_for_log("no queue is bound to exchange assay.results")
    assert unacknowledged(vhost, TASKS) != 0 or vhost.depth(TASKS) == 0
    channel.queue_bind(RESULTS, RESULTS, "#")
    assert results(vhost, 1)[0]["task_id"] == "t"


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


@pytest.fixture
def tools():
    """A folder that sandboxes can show: their /tmp is their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-tools-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


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


# -- infra faults ---------------------------------------------------------------------------------------------------------


def test_a_machine_that_falls_sick_stops_consuming_until_it_is_well(vhost, tools):
    """The runtime's interpreter goes away under the worker, and comes back."""
    interpreter = vhost.folder / "tools" / "run"
    interpreter = tools / "run"

    def install():
        interpreter.write_text("#!/bin/bash\nexec /bin/bash \"$@\"\n")
        interpreter.chmod(0o755)
    install()
    config = vhost.folder / "runtimes.cfg"
    config.write_text(f"""runtimes = {{ bash = {{ program_file = "p.sh"; run_case = ["{interpreter}", "{{program}}"];
        read_only_paths = ["{tools}"];
        self_test = {{ program = "echo hello"; expected_stdout = "hello"; }}; }}; }};""")
    worker = start(vhost, ASSAY_RUNTIMES_FILE=config)
    publish(vhost, bash("before"))
    assert results(vhost, 1)[0]["status"] == "pass"

    interpreter.unlink()
    publish(vhost, *[bash(f"t{i}") for i in range(4)])
    worker.wait_for_log("infra fault")
    worker.wait_for_log("still sick")
    wait_until(lambda: vhost.depth(TASKS) == 4, what="all tasks to be back in the queue")
    assert vhost.consumers(TASKS) == 0 and vhost.depth(RESULTS) == 0  # nothing burnt

    install()
    after = results(vhost, 4, seconds=90)
    assert {result["status"] for result in after} == {"pass"}


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
