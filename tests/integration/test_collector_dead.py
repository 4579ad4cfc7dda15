"""Messages that their broker gave up on: each ends its story."""
import json

import pika
from collecting import counters, reconstruction, result, wait_until_acknowledged, wait_until_empty

from lib.dead import kill_task
from lib.waiting import wait_until


def test_dead_task_ends_its_story(site, publisher):
    requirement, number = reconstruction(site)
    del requirement
    waiter = site.pika().channel()
    waiting = waiter.queue_declare("assay.wait.t", durable=True).method.queue
    waiter.queue_bind(waiting, "assay.results", "j.*")
    replies = waiter.queue_declare("assay.reply.test").method.queue
    task = {"task_id": "t1", "job_id": "j", "runtime": "python", "implementation_code": "x", "test_suite_code": "y",
            "reconstruction_id": number}
    kill_task(site, json.dumps(task), reply_to=replies, correlation_id="c-1", message_id="t1", type="assay.task.v1",
              content_type="application/json")
    site.start_collector()
    publisher.job("j", 1)
    assert site.wait_for_rows(1, "j") == [("t1", "error", "undeliverable")]
    wait_until(lambda: counters(site) == ("complete", 1, 1, 0, 0, 0, 1), what="the job to complete")
    letter = site.sql("SELECT kind, job_id, task_id, exchange, routing_key, convert_from(body, 'UTF8'), properties, reason, count,"
                      " requeued_at FROM dead_letters")[0]
    assert letter[:5] == ("task", "j", "t1", "assay.tasks", "python")
    assert json.loads(letter[5]) == task
    assert letter[6] == {"reply_to": replies, "correlation_id": "c-1", "message_id": "t1", "type": "assay.task.v1",
                         "content_type": "application/json"}
    assert letter[7] == "delivery_limit" and letter[8] >= 1 and letter[9] is None
    assert site.value("SELECT claimed_by FROM reconstructions") is None

    def from_queue(queue):
        def got():
            method, properties, body = waiter.basic_get(queue, auto_ack=True)
            return method and json.loads(body).get("reason") and (properties, json.loads(body))
        return wait_until(got, what=f"the verdict in {queue}")
    properties, verdict = from_queue(waiting)
    assert (verdict["task_id"], verdict["status"], verdict["reason"], verdict["test_pass_rate"]) == ("t1", "error", "undeliverable", None)
    assert "delivery_limit" in verdict["errors"][0] and verdict["reconstruction_id"] == number
    assert properties.type == "assay.result.v1"
    properties, verdict = from_queue(replies)
    assert properties.correlation_id == "c-1" and verdict["reason"] == "undeliverable"
    wait_until_acknowledged(site, "assay.dead.tasks")
    wait_until_acknowledged(site)
    assert site.value("SELECT count(*) FROM executions") == 1
    # A requeued task that runs after all.
    publisher.result(result("t1", reconstruction_id=number))
    wait_until(lambda: counters(site) == ("complete", 1, 1, 1, 0, 0, 0), what="the real verdict")


def test_dead_task_that_cannot_be_read(site):
    kill_task(site, b"\x00\xffnot json", "assay.tasks.c.bulk", reply_to="amq.rabbitmq.reply-to.evil key")
    collector = site.start_collector()
    wait_until(lambda: site.value("SELECT count(*) FROM dead_letters") == 1, what="the dead letter")
    wait_until_empty(site, "assay.dead.tasks")
    task, key, body = site.sql("SELECT task_id, routing_key, body FROM dead_letters")[0]
    assert task.startswith("unidentified/") and key == "c.bulk" and bytes(body) == b"\x00\xffnot json"
    assert site.wait_for_rows(1) == [(task, "error", "undeliverable")]
    assert site.value("SELECT runtime FROM executions") == "c"
    assert collector.stop() == 0


def test_a_dead_message_is_kept_without_what_the_table_refuses(site):
    site.sql("ALTER TABLE dead_letters ADD CONSTRAINT no_headers CHECK (headers = '{}')")
    channel = site.pika().channel()
    channel.confirm_delivery()
    body = json.dumps({"task_id": "t1", "job_id": "j", "runtime": "python", "labels": {"model": "m"}})
    channel.basic_publish("assay.dead", "tasks", body, pika.BasicProperties(delivery_mode=2, headers={"x-note": "n"}))
    site.start_collector()
    assert site.wait_for_rows(1, "j") == [("t1", "error", "undeliverable")]
    assert site.value("SELECT labels FROM executions") == {"model": "m"}
    wait_until_acknowledged(site, "assay.dead.tasks")
    kept, properties, reason = site.sql("SELECT convert_from(body, 'UTF8'), properties, reason FROM dead_letters")[0]
    assert kept == body and properties == {} and "no_headers" in reason


def test_a_dead_message_that_the_table_refuses_is_not_lost(site):
    site.sql("ALTER TABLE dead_letters ADD CONSTRAINT nothing CHECK (false) NOT VALID")
    channel = site.pika().channel()
    channel.confirm_delivery()
    channel.basic_publish("assay.dead", "tasks", json.dumps({"task_id": "t1", "job_id": "j", "runtime": "python"}),
                          pika.BasicProperties(delivery_mode=2))
    collector = site.start_collector(ASSAY_COLLECTOR_DRAIN_S=1)
    collector.wait_for_log("in every form")
    assert collector.stop() == 0
    wait_until(lambda: site.depth("assay.dead.tasks") == 1, what="the message back in its queue")
    collector = site.start_collector()
    collector.wait_for_log("in every form")
    site.sql("ALTER TABLE dead_letters DROP CONSTRAINT nothing")
    assert site.wait_for_rows(1, "j") == [("t1", "error", "undeliverable")]
    wait_until_acknowledged(site, "assay.dead.tasks")
    assert site.value("SELECT count(*) FROM dead_letters") == 1


def test_dead_message_seen_twice(site):
    """As after a collector that died between its commit and its acknowledgement."""
    body = json.dumps({"task_id": "t1", "job_id": "j", "runtime": "python"})
    channel = site.pika().channel()
    channel.confirm_delivery()
    site.start_collector()
    for _ in range(2):
        channel.basic_publish("assay.dead", "tasks", body, pika.BasicProperties(delivery_mode=2))
    wait_until_acknowledged(site, "assay.dead.tasks")
    assert site.value("SELECT count(*) FROM dead_letters") == 1
    assert site.wait_for_rows(1, "j") == [("t1", "error", "undeliverable")]
    assert counters(site)[2:] == (1, 0, 0, 0, 1)


def test_dead_task_with_a_real_verdict_tells_nobody_otherwise(site, publisher):
    site.start_collector()
    publisher.result(result("t1"))
    site.wait_for_rows(1, "j")
    waiter = site.pika().channel()
    waiter.queue_declare("assay.wait.t", durable=True)
    waiter.queue_bind("assay.wait.t", "assay.results", "j.*")
    publisher.raw(json.dumps({"task_id": "t1", "job_id": "j", "runtime": "python"}), "tasks", "assay.dead")
    wait_until_acknowledged(site, "assay.dead.tasks")
    assert site.value("SELECT status FROM executions") == "pass"
    assert site.value("SELECT count(*) FROM dead_letters") == 1
    assert site.depth("assay.wait.t") == 0
