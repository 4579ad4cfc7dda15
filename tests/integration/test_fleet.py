"""All programs together: tasks go in by the producer or by pika, verdicts end up in PostgreSQL, whatever is killed on the way."""
import ast
import json
import signal
import subprocess
import sys
import uuid

import pika
import pytest

from lib.waiting import wait_until

CHEAP = {"runtime": "bash", "implementation_code": "echo done", "cases": [{"expected_stdout": "done\n"}]}


def cheap(task_id, **more):
    return {**CHEAP, "task_id": task_id, **more}


def slow(task_id, seconds, **more):
    return cheap(task_id, implementation_code=f"sleep {seconds}; echo done", **more)


def job(site, name):
    """(state, total, done, passed, failed, timed_out, errors) of a job."""
    rows = site.sql("SELECT state, total, done, passed, failed, timed_out, errors FROM jobs WHERE job_id = %s", name)
    if len(rows) != 1:
        raise LookupError(f"no job {name}")
    return rows[0]


def wait_complete(site, name, seconds=60):
    wait_until(lambda: job(site, name)[0] == "complete", seconds, f"job {name} to complete")
    return job(site, name)


def exact(site, name, count):
    """Every task of the job once in the store, all counters in step."""
    site.wait_for_rows(count, name)
    assert site.value("SELECT count(DISTINCT task_id) FROM executions WHERE job_id = %s", name) == count
    assert wait_complete(site, name)[:3] == ("complete", count, count)
    assert sum(job(site, name)[3:]) == count


# -- the main job ----------------------------------------------------------------------------------------------------------


def test_humaneval_again_and_under_another_job(site, shared):
    file = shared / "data/humaneval.jsonl"
    site.start_collector()
    site.start_worker("python", slots=2)
    for name in ("humaneval", "humaneval", "other"):
        done = site.producer("publish", file, "--job", name, "--wait", seconds=600)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "164" in done.stdout
        rows = site.wait_for_rows(164, name)
        assert {(status, reason) for _, status, reason in rows} == {("pass", "ok")}
        assert wait_complete(site, name) == ("complete", 164, 164, 164, 0, 0, 0)
    assert site.value("SELECT count(*) FROM executions") == 328
    for queue in ("assay.tasks.python", "assay.results", "assay.dead.tasks", "assay.dead.results"):
        assert site.depth(queue) == 0, queue


def test_humaneval_without_any_broker(build, shared):
    env = {"PATH": "/usr/bin:/bin", "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python", "ASSAY_WORKER_SLOTS": "2",
           "ASSAY_WORKER_UID_BASE": "390000"}
    done = subprocess.run([build / "bin/assay-worker", "--local", shared / "data/humaneval.jsonl"], env=env, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len({result["task_id"] for result in results}) == 164
    assert {(result["status"], result["reason"]) for result in results} == {("pass", "ok")}


class Gut(ast.NodeTransformer):
    """Replaces the body of every function by `return None`."""

    def visit_FunctionDef(self, node):  # pylint: disable=invalid-name
        node.body = [ast.Return(ast.Constant(None))]
        return node


RUN_BY_HAND = """
import json, sys, types
for line in sys.stdin:
    task = json.loads(line)
    program, suite = types.ModuleType("implementation"), {}
    sys.modules["implementation"] = program
    try:
        exec(task["implementation_code"], program.__dict__)
        exec(task["test_suite_code"], suite)
        for name in [name for name in suite if name.startswith("test_")]:
            suite[name]()
        print(task["task_id"])
    except Exception:
        pass
"""


def test_gutted_programs_do_not_pass(site, shared):
    tasks = [json.loads(line) for line in open(shared / "data/humaneval.jsonl", encoding="utf-8")]
    for task in tasks:
        task["implementation_code"] = ast.unparse(Gut().visit(ast.parse(task["implementation_code"])))
    file = site.write_tasks(tasks)
    by_hand = subprocess.run([sys.executable, "-c", RUN_BY_HAND], input=file.read_text(), capture_output=True, text=True,
                             timeout=120, check=True)
    truly_none = set(by_hand.stdout.split())
    assert len(truly_none) < 10
    site.start_collector()
    site.start_worker("python", slots=2)
    done = site.producer("publish", file, "--job", "gutted", "--wait", "--results", site.folder / "results.jsonl", seconds=600)
    assert done.returncode == 1, done.stderr[-2000:]
    results = {result["task_id"]: result for result in map(json.loads, open(site.folder / "results.jsonl", encoding="utf-8"))}
    assert len(results) == 164
    assert {name for name, result in results.items() if result["status"] == "pass"} == truly_none
    for name, result in results.items():
        if name not in truly_none:
            assert (result["status"], result["reason"]) == ("fail", "assertion"), (name, result["reason"], result["errors"])
            failing = [test["name"] for test in result["tests"] if test["outcome"] in ("failed", "error")]
            assert failing and all(any(test in text for text in result["errors"]) for test in failing), (name, result["errors"])
    exact(site, "gutted", 164)


# -- any AMQP client -------------------------------------------------------------------------------------------------------


def ask(site, body, runtime="bash", user="assay-producer", direct=True, **properties):
    """Publishes with reply_to and waits for the answer: (properties, result)."""
    connection = site.pika(user)
    channel = connection.channel()
    queue = "amq.rabbitmq.reply-to" if direct else channel.queue_declare("", exclusive=True).method.queue
    answers = []
    channel.basic_consume(queue, lambda _c, _m, answer, text: answers.append((answer, text)), auto_ack=True)
    channel.basic_publish("assay.tasks", runtime, json.dumps(body).encode() if isinstance(body, dict) else body,
                          pika.BasicProperties(content_type="application/json", delivery_mode=2, reply_to=queue,
                                               correlation_id="question-7", **properties))

    def answered():
        connection.process_data_events(0.1)
        return answers
    wait_until(answered, 60, "the answer")
    answer, text = answers[0]
    return answer, json.loads(text)


@pytest.mark.parametrize("direct", [True, False])
def test_ask_by_reply_to(site, direct):
    site.start_collector()
    site.start_worker("bash")
    properties, result = ask(site, cheap("ask-1"), direct=direct, type="assay.task.v1")
    assert properties.correlation_id == "question-7"
    assert (result["task_id"], result["job_id"], result["status"], result["reason"]) == ("ask-1", "default", "pass", "ok")
    assert site.wait_for_rows(1) == [("ask-1", "pass", "ok")]


def test_misspelt_field_is_named(site):
    site.start_collector()
    site.start_worker("bash")
    _, result = ask(site, cheap("typo", tiemout=5))
    assert (result["status"], result["reason"], result["test_pass_rate"]) == ("error", "bad_task", None)
    assert "tiemout" in result["errors"][0]
    assert site.wait_for_rows(1) == [("typo", "error", "bad_task")]
    assert "tiemout" in site.value("SELECT errors->>0 FROM executions")


def test_not_json_is_answered_and_stored(site):
    site.start_collector()
    site.start_worker("bash")
    _, result = ask(site, b"\xff{ this is no JSON")
    assert (result["status"], result["reason"]) == ("error", "bad_task")
    assert result["task_id"].startswith("unidentified/")
    site.wait_for_rows(1, result["job_id"])


# -- things die ------------------------------------------------------------------------------------------------------------


def test_killed_worker_in_mid_task(site):
    site.start_collector()
    doomed = site.start_worker("bash", name="doomed")
    site.publish(slow("task-1", 4), "bash")
    site.wait_busy(doomed)
    doomed.kill()
    site.start_worker("bash", name="heir")
    assert site.wait_for_rows(1) == [("task-1", "pass", "ok")]
    assert site.value("SELECT worker FROM executions") == "heir"
    wait_until(lambda: site.depth("assay.tasks.bash") == 0 and site.depth("assay.results") == 0)
    assert job(site, "default")[2:4] == (1, 1)


def test_terminated_worker_finishes_its_task(site):
    site.start_collector()
    worker = site.start_worker("bash", name="leaving")
    site.publish(slow("task-1", 4), "bash")
    site.wait_busy(worker)
    assert worker.stop() == 0, worker.errors()[-2000:]
    assert site.wait_for_rows(1) == [("task-1", "pass", "ok")]
    assert site.value("SELECT worker FROM executions") == "leaving"
    wait_until(lambda: site.sql("SELECT 1 FROM worker_states WHERE worker = 'leaving' AND state = 'stopped'"))


def test_terminated_worker_hands_back_what_takes_too_long(site):
    site.start_collector()
    worker = site.start_worker("bash", name="leaving", ASSAY_WORKER_DRAIN_S=1)
    site.publish(slow("task-1", 20), "bash")
    site.wait_busy(worker)
    assert worker.stop(15) == 0, worker.errors()[-2000:]
    wait_until(lambda: site.depth("assay.tasks.bash") == 1)
    assert site.value("SELECT count(*) FROM executions") == 0
    site.start_worker("bash", name="heir")
    assert site.wait_for_rows(1) == [("task-1", "pass", "ok")]


def test_second_signal_ends_at_once(site):
    worker = site.start_worker("bash", ASSAY_WORKER_DRAIN_S=60)
    site.publish(slow("task-1", 30), "bash")
    site.wait_busy(worker)
    worker.signal(signal.SIGTERM)
    wait_until(lambda: site.status(worker)["draining"])
    assert worker.alive()
    assert worker.stop(10) is not None
    wait_until(lambda: site.depth("assay.tasks.bash") == 1)


def waiting_publisher(site, count, name):
    """A producer that publishes `count` tasks and waits, in the background; returns once a part of them is stored."""
    file = site.write_tasks([slow(f"{name}/{number}", 0.05) for number in range(count)])
    producer = site.start("assay-producer", "publish", file, "--job", name, "--wait", "--results", site.folder / "results.jsonl")

    def some_stored():
        assert producer.alive(), producer.errors()[-2000:]
        return site.value("SELECT count(*) FROM executions") >= count // 10
    wait_until(some_stored, 60, "a part of the job")
    return producer


def all_waited_for(site, producer, count):
    status = producer.wait(180)
    assert status == 0, producer.errors()[-4000:] + producer.output()[-2000:]
    results = [json.loads(line) for line in open(site.folder / "results.jsonl", encoding="utf-8")]
    assert len(results) == count and len({result["task_id"] for result in results}) == count
    assert {result["status"] for result in results} == {"pass"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_broker_restart_in_mid_job(site, number):
    site.start_collector()
    site.start_worker("bash", slots=2)
    producer = waiting_publisher(site, 200, "steady")
    site.servers.stop_broker(number)
    try:
        assert site.value("SELECT count(*) FROM executions") < 200, "the job was over before the restart"
    finally:
        site.servers.up()
    all_waited_for(site, producer, 200)
    exact(site, "steady", 200)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_database_restart_in_mid_job(site, number):
    collector = site.start_collector()
    site.start_worker("bash", slots=2)
    producer = waiting_publisher(site, 200, "steady")
    site.servers.stop_database(number)
    try:
        wait_until(lambda: site.depth("assay.results") > 0 or site.management(
            "GET", "queues/{vhost}/assay.results").get("messages_unacknowledged", 0) > 0, 30, "results to queue up")
    finally:
        site.servers.up()
    all_waited_for(site, producer, 200)
    exact(site, "steady", 200)
    assert collector.alive()
    assert site.depth("assay.dead.results") == 0


def test_killed_collector_in_mid_job(site):
    collector = site.start_collector()
    site.start_worker("bash", slots=2)
    producer = waiting_publisher(site, 100, "steady")
    collector.kill()
    all_waited_for(site, producer, 100)
    site.start_collector()
    exact(site, "steady", 100)


# -- dead tasks ------------------------------------------------------------------------------------------------------------


def kill_task(site, queue, task_id):
    """Returns a task to its queue until the broker gives it up."""
    connection = site.pika()
    channel = connection.channel()

    def gone():
        method, properties, _ = channel.basic_get(queue)
        if method is None:
            return site.depth(queue) == 0
        if properties.message_id in (task_id, None):
            channel.basic_reject(method.delivery_tag, requeue=True)
        return False
    wait_until(gone, 60, "the broker to give the task up")


def test_dead_task_reaches_store_waiter_and_job(site):
    site.management("PUT", "policies/{vhost}/test-limit", {"pattern": "^assay\\.tasks\\.", "apply-to": "queues", "priority": 9,
                                                          "definition": {"delivery-limit": 2, "dead-letter-exchange": "assay.dead",
                                                                         "dead-letter-routing-key": "tasks",
                                                                         "dead-letter-strategy": "at-least-once",
                                                                         "overflow": "reject-publish"}})
    site.start_collector()
    site.start_worker("bash")
    file = site.write_tasks([cheap("fine"), cheap("poison", runtime="node", implementation_code="console.log('done')")])
    producer = site.start("assay-producer", "publish", file, "--job", "deadly", "--wait", "--results",
                          site.folder / "results.jsonl")
    wait_until(lambda: site.depth("assay.tasks.node") == 1)
    kill_task(site, "assay.tasks.node", "poison")
    assert producer.wait(60) == 1, producer.errors()[-2000:]
    results = {result["task_id"]: result for result in map(json.loads, open(site.folder / "results.jsonl", encoding="utf-8"))}
    assert results["fine"]["status"] == "pass"
    assert (results["poison"]["status"], results["poison"]["reason"]) == ("error", "undeliverable")
    assert site.wait_for_rows(2, "deadly") == [("fine", "pass", "ok"), ("poison", "error", "undeliverable")]
    assert wait_complete(site, "deadly")[:3] == ("complete", 2, 2)
    kind, task, reason, count = site.sql("SELECT kind, task_id, reason, count FROM dead_letters")[0]
    assert (kind, task, reason) == ("task", "poison", "delivery_limit") and count >= 1
    assert json.loads(bytes(site.value("SELECT body FROM dead_letters")))["task_id"] == "poison"
    assert site.depth("assay.dead.tasks") == 0


def test_dead_task_answers_reply_to(site):
    site.start_collector()
    connection = site.pika("assay-producer")
    channel = connection.channel()
    queue = "assay.reply." + uuid.uuid4().hex
    channel.queue_declare(queue, durable=True, arguments={"x-expires": 600000})
    channel.basic_publish("assay.tasks", "node", json.dumps(cheap("poison", runtime="node")),
                          pika.BasicProperties(delivery_mode=2, reply_to=queue, correlation_id="c-1", message_id="poison"))
    reader = site.pika().channel()
    method, _, _ = wait_until(lambda: (got := reader.basic_get("assay.tasks.node"))[0] and got)
    reader.basic_reject(method.delivery_tag, requeue=False)
    properties, result = site.get(queue)
    assert properties.correlation_id == "c-1"
    assert (result["task_id"], result["status"], result["reason"]) == ("poison", "error", "undeliverable")
    site.wait_for_rows(1)


# -- what the store says of the fleet --------------------------------------------------------------------------------------


def test_workers_are_told_truthfully(site):
    site.start_collector()

    def state(worker):
        rows = site.sql("SELECT state, slots, busy FROM worker_states WHERE worker = %s", worker)
        return rows[0] if rows else None
    worker = site.start_worker("bash", slots=2, name="honest")
    wait_until(lambda: state("honest") == ("idle", 2, 0), 30, "an idle worker")
    site.publish(slow("task-1", 12), "bash")  # longer than the 10 s between heartbeats
    wait_until(lambda: state("honest") == ("busy", 2, 1), 30, "a busy worker")
    site.wait_for_rows(1)
    wait_until(lambda: state("honest") == ("idle", 2, 0), 30, "an idle worker again")
    assert site.value("SELECT pid FROM workers WHERE worker = 'honest'") == worker.pid
    worker.kill()
    wait_until(lambda: state("honest")[0] == "lost", 60, "a lost worker")
    again = site.start_worker("bash", slots=1, name="honest")
    wait_until(lambda: state("honest") == ("idle", 1, 0), 30, "the worker's return")
    assert again.stop() == 0
    wait_until(lambda: state("honest")[0] == "stopped", 30, "a stopped worker")
