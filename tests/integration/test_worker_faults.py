"""assay-worker against a real RabbitMQ: its own ends, a connection that is lost, queues that are not there or
full, a machine that falls sick."""
import pathlib
import signal
import subprocess
import time
import urllib.request

from working import RESULTS, TASKS, bash, debug_worker, get, publish, results, sleeper, start, status, unacknowledged, wait_running

from lib.ports import free_port
from lib.waiting import wait_until

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
