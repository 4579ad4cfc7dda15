"""common/broker.h and broker_link.h where the connection is bad: no server, a restart, silence, a cut, TLS. As test_broker.py."""
import hashlib
import os
import re
import socket
import subprocess
import time
import urllib.parse

import pytest
from probing import MEGABYTE, QUEUE, publish
from relays import Relay, Tls

from lib.ports import free_port
from lib.waiting import wait_until


def test_nobody_listens(vhost, probe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = probe(vhost.amqp_url(port=taken.getsockname()[1]), up=False)
        said = refused.expect("failed")
    assert said["code"] == "unreachable" and "is RabbitMQ running" in said["text"]


def test_silent_peer_times_out(vhost, probe):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        refused = probe(vhost.amqp_url(port=silent.getsockname()[1]), up=False)
        said = refused.expect("failed", seconds=20)
    assert said["code"] == "unreachable"
    assert time.monotonic() - began < 15


def test_server_restart_is_survived(servers, vhost, probe):
    reader = probe()
    publish(vhost.pika().channel(), b"task")
    reader.say(f"consume {QUEUE} -")
    reader.expect("delivery")
    servers.stop_broker()
    try:
        assert reader.expect("down")["code"] == "unreachable"
        assert reader.expect("attempt_failed")["code"] == "unreachable"
        reader.say(f"consume {QUEUE} -")
        reader.expect("not_connected")
    finally:
        servers.up()
    reader.expect("up", seconds=60)
    reader.say(f"consume {QUEUE} -")
    assert reader.expect("delivery")["redelivered"]


@pytest.mark.parametrize("order", ["{dead},{live}", "{live},{dead}", "{dead},{dead},{live}"])
def test_the_next_host_is_taken(vhost, probe, order):
    """Several hosts in the URL: whichever comes first, a live one is found; also again, after the connection was lost."""
    live = f"127.0.0.1:{vhost.servers.port('amqp')}"
    url = vhost.amqp_url().replace(live, order.format(live=live, dead=f"127.0.0.1:{free_port()}"))
    reader = probe(url)
    publish(vhost.pika().channel(), b"task")
    reader.say(f"consume {QUEUE} -")
    reader.expect("delivery")

    def closed():
        for connection in vhost.management("GET", "vhosts/{vhost}/connections"):
            if connection.get("client_properties", {}).get("connection_name") == "assay-probe":
                vhost.management("DELETE", "connections/" + urllib.parse.quote(connection["name"], safe=""))
                return True
        return False
    wait_until(closed, 30, "the connection in the management API")
    reader.expect("down")
    reader.expect("up", seconds=30)


def test_server_closing_the_connection_is_told(vhost, probe):
    reader = probe()

    def mine():
        names = [c["name"] for c in vhost.management("GET", "connections") if c.get("vhost") == vhost.vhost and
                 c.get("client_properties", {}).get("connection_name") == "assay-probe"]
        return names and names[0]
    name = wait_until(mine, 30, "the connection in the management API")
    vhost.management("DELETE", "connections/" + name.replace(" ", "%20").replace(">", "%3E"))
    down = reader.expect("down")
    assert down["code"] == "unreachable" and "CONNECTION_FORCED" in down["text"]
    reader.expect("up")


def test_missing_heartbeat_is_noticed(servers, vhost, probe):
    relay = Relay(servers.port("amqp"))
    try:
        reader = probe(vhost.amqp_url(port=relay.port), heartbeat=1)
        relay.silent.set()
        down = reader.expect("down", seconds=20)
        assert "no heartbeat" in down["text"]
        relay.silent.clear()
        reader.expect("up", seconds=30)
    finally:
        relay.close()


def test_heartbeats_keep_an_idle_connection(vhost, probe):
    reader = probe(heartbeat=1)
    deadline = time.monotonic() + 5
    wait_until(lambda: time.monotonic() > deadline, 10)  # longer than the server's patience of 2 heartbeats
    assert not reader.seen("down")
    reader.say("publish assay.tasks python 1 1 task-1")
    reader.expect("confirm")


def test_blocked_and_unblocked(servers, vhost, probe):
    def control(value):
        script = subprocess.run(["/bin/bash", "-c", f'''
            . compose/lib/state.sh; . compose/lib/process.sh; . compose/lib/broker.sh
            as_user rabbitmq
            mapfile -t environment < <(broker_environment "$ASSAY_STATE/rabbitmq")
            "${{as[@]}}" env -i "${{environment[@]}}" "$(rabbitmq_sbin)/rabbitmqctl" set_vm_memory_high_watermark {value}'''],
                                env={**os.environ, "ASSAY_STATE": str(servers.state)}, capture_output=True, text=True, timeout=60,
                                cwd=os.path.join(os.path.dirname(__file__), "../.."), check=False)
        assert script.returncode == 0, script.stdout + script.stderr
    writer = probe()
    control("0.00001")
    try:
        writer.say("publish assay.tasks python 1 1 task-1")
        assert "memory" in writer.expect("blocked")["reason"]
    finally:
        control("0.4")
    writer.expect("unblocked")
    writer.expect("confirm")


def test_connection_dies_in_the_middle_of_a_message(servers, vhost, probe):
    relay = Relay(servers.port("amqp"), cut_after=10 * MEGABYTE)
    try:
        publish(vhost.pika().channel(), b"q" * (30 * MEGABYTE))
        reader = probe(vhost.amqp_url(port=relay.port))
        reader.say(f"consume {QUEUE} -")
        reader.expect("down")
        reader.expect("up")
        reader.say(f"consume {QUEUE} -")
        assert reader.expect("delivery", seconds=60)["size"] == 30 * MEGABYTE
    finally:
        relay.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)
    for name, host in (("good", "DNS:localhost"), ("other", "DNS:elsewhere.example")):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}")
    return folder


def tls_url(vhost, port, query=""):
    # A name: librabbitmq does not compare addresses with a certificate.
    return re.sub("^amqp:", "amqps:", vhost.amqp_url(port=port)).replace("127.0.0.1", "localhost") + query


def test_tls(servers, vhost, probe, certificates):
    relay = Tls(servers.port("amqp"), certificates / "good.pem", certificates / "good.key")
    try:
        writer = probe(tls_url(vhost, relay.port, f"?cacertfile={certificates}/good.pem"))
        writer.say(f"publish assay.tasks python {MEGABYTE} 1 task-1")
        assert writer.expect("confirm")["accepted"]
        writer.say(f"consume {QUEUE} -")
        assert writer.expect("delivery")["sha256"] == hashlib.sha256(b"x" * MEGABYTE).hexdigest()
        refused = probe(tls_url(vhost, relay.port), up=False)
        assert "cacertfile" in refused.expect("failed")["text"]
        missing = probe(tls_url(vhost, relay.port, "?cacertfile=/nowhere.pem"), up=False)
        assert "/nowhere.pem" in missing.expect("failed")["text"]
    finally:
        relay.close()


def test_tls_certificate_of_another_host_is_refused(servers, vhost, probe, certificates):
    relay = Tls(servers.port("amqp"), certificates / "other.pem", certificates / "other.key")
    try:
        refused = probe(tls_url(vhost, relay.port, f"?cacertfile={certificates}/other.pem"), up=False)
        said = refused.expect("failed")
        assert said["code"] == "unreachable" and "TLS" in said["text"]
    finally:
        relay.close()
