"""common/broker.h and broker_link.h against a real RabbitMQ, driven through tests/tools/broker_probe.c."""
import hashlib
import os
import signal

import pytest
from probing import MEGABYTE, QUEUE, publish

from lib.waiting import wait_until


def test_publish_is_confirmed_and_carries_everything(vhost, probe):
    writer = probe()
    writer.say("publish assay.tasks python 100 1 task-1")
    assert writer.expect("published")["sequence"] == 1
    assert writer.expect("confirm")["accepted"] is True
    channel = vhost.pika().channel()
    method, properties, body = channel.basic_get(QUEUE, auto_ack=True)
    assert body == b"x" * 100
    assert (method.exchange, method.routing_key) == ("assay.tasks", "python")
    assert (properties.content_type, properties.type, properties.message_id) == ("application/json", "assay.probe.v1", "task-1")
    assert (properties.correlation_id, properties.app_id, properties.timestamp) == ("correlation", "probe", 1700000000)
    assert properties.delivery_mode == 2
    assert properties.headers["assay-text"] == "text"
    assert int(properties.headers["assay-number"]) % 2**64 == 2**64 - 7  # pika reads AMQP's signed 64 bits as unsigned


def test_confirms_cover_every_message(probe):
    writer = probe()
    for number in range(500):
        writer.say(f"publish assay.tasks python 10 0 task-{number}")

    def confirmed():
        done = set()
        for event in writer.seen("confirm"):
            assert event["accepted"]
            if event["multiple"]:
                done.update(range(1, event["sequence"] + 1))
            done.add(event["sequence"])
        return done == set(range(1, 501))
    wait_until(confirmed, 30)


def test_mandatory_without_queue_comes_back(probe):
    writer = probe()
    writer.say("publish assay.tasks cobol 300000 1 task-1")
    back = writer.expect("return")
    assert (back["code"], back["text"], back["key"], back["message_id"]) == (312, "NO_ROUTE", "cobol", "task-1")
    assert back["size"] == 300000 and back["sha256"] == hashlib.sha256(b"x" * 300000).hexdigest()
    assert writer.expect("confirm")["accepted"] is True


def test_delivery_carries_everything(vhost, probe):
    reader = probe()
    channel = vhost.pika().channel()
    headers = {"text": "t", "number": 5, "negative": -5, "big": 2**40, "yes": True, "list": [1], "table": {"a": 1}}
    publish(channel, b"body", content_type="application/json", type="assay.task.v1", message_id="m", correlation_id="c",
            reply_to="amq.gen-x", app_id="a", timestamp=17, headers=headers)
    reader.say(f"consume {QUEUE} tag-1")
    assert reader.expect("consuming")["consumer_tag"] == "tag-1"
    got = reader.expect("delivery")
    assert got["sha256"] == hashlib.sha256(b"body").hexdigest()
    assert (got["consumer_tag"], got["exchange"], got["key"]) == ("tag-1", "assay.tasks", "python")
    assert (got["type"], got["message_id"], got["correlation_id"]) == ("assay.task.v1", "m", "c")
    assert (got["reply_to"], got["app_id"], got["timestamp"], got["persistent"]) == ("amq.gen-x", "a", 17, True)
    assert got["headers"] == {"text": "t", "number": 5, "negative": -5, "big": 2**40, "yes": 1}
    assert not got["redelivered"] and got["delivery_count"] == 0 and "death_queue" not in got


def test_absent_properties_are_absent(vhost, probe):
    reader = probe()
    vhost.pika().channel().basic_publish("assay.tasks", "python", b"")
    reader.say(f"consume {QUEUE} -")
    got = reader.expect("delivery")
    assert got["size"] == 0 and not got["persistent"] and got["headers"] == {}
    assert not {"type", "content_type", "message_id", "correlation_id", "reply_to", "app_id"} & set(got)


@pytest.mark.parametrize("size", [1, 131064, 131065, MEGABYTE, 20 * MEGABYTE])
def test_bodies_of_many_frames(vhost, probe, size):
    reader = probe()
    body = os.urandom(4096) * (size // 4096) + os.urandom(size % 4096)
    channel = vhost.pika().channel()
    publish(channel, body)
    publish(channel, b"after")
    reader.say(f"consume {QUEUE} -")
    assert reader.expect("delivery")["sha256"] == hashlib.sha256(body).hexdigest()
    assert reader.expect("delivery")["sha256"] == hashlib.sha256(b"after").hexdigest()


def test_body_over_the_bound_is_dropped_and_told(vhost, probe):
    reader = probe()
    size = 64 * MEGABYTE + 1
    publish(vhost.pika().channel(), b"y" * size, message_id="big")
    reader.say(f"consume {QUEUE} -")
    got = reader.expect("delivery", seconds=60)
    assert (got["size"], got["dropped"], got["message_id"]) == (0, size, "big")
    reader.say(f"ack {got['tag']} 0")
    reader.expect("ok")
    writer = probe()
    writer.say(f"publish assay.tasks python {size} 1 big")
    assert writer.expect("error")["code"] == "input"
    writer.say("publish assay.tasks python 1 1 small")
    assert writer.expect("confirm")["sequence"] == 1


def test_ack_and_redelivery_counts(vhost, probe):
    publish(vhost.pika().channel(), b"task")
    first = probe()
    first.say("prefetch 1")
    first.say(f"consume {QUEUE} -")
    got = first.expect("delivery")
    first.say(f"reject {got['tag']} 1")
    again = first.expect("delivery")
    assert again["redelivered"] and again["delivery_count"] == 1
    first.say("quit")
    first.child.wait(30)
    second = probe()
    second.say(f"consume {QUEUE} -")
    last = second.expect("delivery")
    assert last["delivery_count"] == 2
    second.say(f"ack {last['tag']} 0")
    second.expect("ok")
    second.say("quit")
    assert second.child.wait(30) == 0
    wait_until(lambda: vhost.consumers(QUEUE) == 0)
    assert vhost.depth(QUEUE) == 0


def test_prefetch_and_multiple_ack(vhost, probe):
    channel = vhost.pika().channel()
    for number in range(6):
        publish(channel, b"%d" % number)
    reader = probe()
    reader.say("prefetch 3")
    reader.say(f"consume {QUEUE} -")
    tags = [reader.expect("delivery")["tag"] for _ in range(3)]
    wait_until(lambda: vhost.depth(QUEUE) == 3)
    assert len(reader.seen("delivery")) == 3
    reader.say(f"ack {tags[-1]} 1")
    for _ in range(3):
        reader.expect("delivery")
    assert vhost.depth(QUEUE) == 0


def test_dead_letter_tells_queue_reason_and_count(vhost, probe):
    publish(vhost.pika().channel(), b"poison", message_id="task-1", headers={"mine": "kept"})
    reader = probe()
    reader.say(f"consume {QUEUE} -")
    reader.say(f"reject {reader.expect('delivery')['tag']} 0")
    undertaker = probe()
    undertaker.say("consume assay.dead.tasks -")
    got = undertaker.expect("delivery")
    assert (got["death_queue"], got["death_reason"], got["death_count"]) == (QUEUE, "rejected", 1)
    assert got["message_id"] == "task-1" and got["headers"]["mine"] == "kept"
    undertaker.say(f"ack {got['tag']} 0")
    undertaker.expect("ok")


def test_missing_queue_is_named_and_connection_comes_back(vhost, probe):
    reader = probe()
    reader.say("consume assay.tasks.cobol -")
    error = reader.expect("error")
    assert error["code"] == "protocol"
    assert "consume from queue assay.tasks.cobol" in error["text"] and vhost.vhost in error["text"] and "import" in error["text"]
    reader.expect("down")
    reader.expect("up")
    reader.say("publish assay.tasks python 1 1 task-1")
    assert reader.expect("confirm")["sequence"] == 1


def test_missing_exchange_is_told(probe):
    writer = probe()
    writer.say("publish nowhere python 1 1 task-1")
    down = writer.expect("down")
    assert "no exchange 'nowhere'" in down["text"]
    writer.expect("up")


def test_inspect_leaves_the_connection_alone(vhost, probe):
    publish(vhost.pika().channel(), b"task")
    reader = probe()
    for _ in range(2):
        reader.say("inspect assay.tasks.cobol")
        assert reader.expect("inspected")["exists"] is False
        reader.say(f"inspect {QUEUE}")
        found = reader.expect("inspected")
        assert (found["exists"], found["messages"], found["consumers"]) == (True, 1, 0)
    assert len(reader.seen("up")) == 1 and not reader.seen("down")


def test_declare_names_a_queue(vhost, probe):
    maker = probe()
    maker.say("declare -")
    name = maker.expect("declared")["queue"]
    assert name.startswith("amq.gen-")
    assert vhost.depth(name) == 0
    maker.say(f"delete {name}")
    maker.expect("ok")


def test_a_queue_with_other_arguments_is_explained(vhost, probe):
    vhost.pika().channel().queue_declare("mine", durable=True, arguments={"x-max-length": 1})
    client = probe()
    client.say("declare mine")
    text = client.expect("error")["text"]
    assert "'mine'" in text and "inequivalent arg" in text and "rabbitmqctl delete_queue" in text


def test_deleted_queue_cancels_the_consumer(vhost, probe):
    reader = probe()
    reader.say("declare mine")
    reader.say("consume mine tag-9")
    reader.expect("consuming")
    vhost.pika().channel().queue_delete("mine")
    assert reader.expect("cancelled")["consumer_tag"] == "tag-9"
    assert not reader.seen("down")


def test_wrong_password_is_denied_and_not_shown(vhost, probe):
    refused = probe(vhost.amqp_url("assay-admin", password="wr0ng-s3cret"), up=False)
    said = refused.expect("failed")
    assert said["code"] == "denied"
    assert "assay-admin" in said["text"] and "wr0ng-s3cret" not in said["text"] and vhost.vhost in said["text"]
    assert refused.child.wait(10) == 3


def test_unknown_vhost_is_denied_by_name(vhost, probe):
    refused = probe(vhost.amqp_url().replace(vhost.vhost, "nowhere"), up=False)
    said = refused.expect("failed")
    assert said["code"] == "denied" and "vhost nowhere" in said["text"]


def test_missing_permission_is_denied(vhost, probe):
    reader = probe(vhost.amqp_url("assay-producer"))
    reader.say("consume assay.dead.tasks -")
    said = reader.expect("error")
    assert said["code"] == "denied" and "assay.dead.tasks" in said["text"]


def test_flood_while_calling(vhost, probe):
    """RPCs in the middle of a flood of deliveries: nothing is lost or out of order."""
    channel = vhost.pika().channel()
    for number in range(2000):
        publish(channel, b"z" * (number % 97 * 300), message_id=str(number))
    reader = probe()
    reader.say(f"consume {QUEUE} -")
    for number in range(50):
        reader.say(f"inspect {QUEUE}")
        reader.say(f"declare extra-{number % 3}")
    wait_until(lambda: len(reader.seen("delivery")) == 2000 and len(reader.seen("declared")) == 50, 60)
    got = reader.seen("delivery")
    assert [event["message_id"] for event in got] == [str(number) for number in range(2000)]
    assert [event["size"] for event in got] == [number % 97 * 300 for number in range(2000)]


def test_long_names_and_headers_are_refused(probe):
    writer = probe()
    writer.say("publish assay.tasks " + "k" * 256 + " 1 1 task-1")
    assert writer.expect("error")["code"] == "input"
    writer.say("publish assay.tasks python 1 1 " + "m" * 256)
    assert "message_id" in writer.expect("error")["text"]
    writer.say("publish assay.tasks python 1 1 fine")
    writer.expect("confirm")


def test_unconfirmed(probe):
    writer = probe()
    writer.say("unconfirmed")
    writer.expect("ok")
    writer.say("publish assay.tasks python 1 1 task-1")
    writer.expect("ok")
    writer.say(f"inspect {QUEUE}")
    writer.expect("inspected")
    assert not writer.seen("confirm")


def test_quit_during_traffic_is_clean(vhost, probe):
    channel = vhost.pika().channel()
    for _ in range(200):
        publish(channel, b"w" * 5000)
    reader = probe()
    reader.say(f"consume {QUEUE} -")
    reader.expect("delivery")
    reader.child.send_signal(signal.SIGCONT)
    reader.say("quit")
    assert reader.child.wait(30) == 0
