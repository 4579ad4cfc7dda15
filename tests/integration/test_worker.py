"""assay-worker against a real RabbitMQ: the way of a task, answers to reply_to, cancelling."""
import json
import time

import pika
import pytest
from working import RESULTS, TASKS, bash, debug_worker, publish, results, sleeper, start, unacknowledged, wait_running

from lib.waiting import wait_until

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
