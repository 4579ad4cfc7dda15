"""The collector while servers or it itself end."""
import json
import time

import pika
import psycopg2
from collecting import Publisher, counters, page, result, settle, wait_until_acknowledged

from lib.ports import free_port
from lib.waiting import wait_until


def test_database_restart_holds_and_loses_nothing(site, servers, publisher):
    collector = site.start_collector(ASSAY_COLLECTOR_HEARTBEAT_S=2, ASSAY_COLLECTOR_PREFETCH=100)
    publisher.results([result(f"a{i}") for i in range(50)])
    site.wait_for_rows(50, "j")
    servers.stop_database()
    try:
        publisher.results([result(f"b{i}") for i in range(300)])
        collector.wait_for_log("cannot be reached")
        # Three heartbeat intervals without a database: the broker must not have dropped the connection meanwhile.
        deadline = time.monotonic() + 7
        wait_until(lambda: time.monotonic() > deadline, 20, "heartbeats")
        # The broker's statistics come every few seconds, and say nothing before.
        state = wait_until(lambda: (lambda told: told if "consumers" in told else None)(
            site.management("GET", "queues/{vhost}/assay.results")), 30, "statistics of the queue")
        assert state.get("messages_unacknowledged", 0) <= 100  # memory is bounded by the prefetch
        assert state["consumers"] == 1
    finally:
        servers.up()
    site.wait_for_rows(350, "j")
    settle(site, publisher)
    assert counters(site)[2:] == (350, 350, 0, 0, 0)
    assert "broker:" not in collector.errors()
    assert collector.stop() == 0


def test_broker_restart(site, servers, publisher):
    collector = site.start_collector(ASSAY_BATCH_ROWS=10)
    publisher.results([result(f"a{i}") for i in range(200)])
    servers.restart_broker()
    again = Publisher(site)
    again.results([result(f"b{i}") for i in range(200)])
    site.wait_for_rows(400, "j")
    wait_until_acknowledged(site)
    assert counters(site)[2:] == (400, 400, 0, 0, 0)
    assert collector.stop() == 0


def test_long_commit_does_not_stop_the_heartbeats(site, publisher):
    """A lock keeps the statement waiting; the loop goes on."""
    port = free_port()
    collector = site.start_collector(ASSAY_COLLECTOR_HEARTBEAT_S=1, ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}")
    connection = psycopg2.connect(site.pg_url())
    try:
        connection.cursor().execute("LOCK TABLE executions IN ACCESS EXCLUSIVE MODE")
        publisher.results([result(f"t{i}") for i in range(10)])
        # More than one where the results came in more than one batch.
        wait_until(lambda: json.loads(page(port, "/status")[1])["statements_waiting"] >= 1, what="the waiting statement")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            assert page(port, "/healthz") == (200, "ok\n")
            time.sleep(0.1)
    finally:
        connection.rollback()
        connection.close()
    site.wait_for_rows(10, "j")
    assert "broker:" not in collector.errors()


def test_held_bytes_are_bounded(site, publisher):
    """While nothing can be stored no more is taken than the bound allows; all is stored when it can be."""
    collector = site.start_collector(ASSAY_COLLECTOR_HELD_BYTES_MAX=1000000, ASSAY_BATCH_ROWS=2)
    connection = psycopg2.connect(site.pg_url())
    try:
        connection.cursor().execute("LOCK TABLE executions IN ACCESS EXCLUSIVE MODE")
        publisher.results([result(f"a{i}", stdout="x" * 100000) for i in range(10)])
        collector.wait_for_log("taking no more")
        publisher.results([result(f"b{i}", stdout="x" * 100000) for i in range(20)])
        wait_until(lambda: site.depth("assay.results") >= 15, what="the rest to stay in the queue")
    finally:
        connection.rollback()
        connection.close()
    site.wait_for_rows(30, "j")
    wait_until_acknowledged(site)
    assert "taking more again" in collector.errors()
    assert collector.stop() == 0


def test_sigterm_stores_what_is_held(site, publisher):
    collector = site.start_collector(ASSAY_BATCH_AGE_MS=60000, ASSAY_BATCH_ROWS=10000)
    publisher.results([result(f"t{i}") for i in range(100)])
    wait_until(lambda: site.management("GET", "queues/{vhost}/assay.results").get("messages_unacknowledged") == 100,
               what="the collector to hold them", every=0.2)
    assert site.value("SELECT count(*) FROM executions") == 0
    assert collector.stop() == 0
    assert site.value("SELECT count(*) FROM executions") == 100
    wait_until_acknowledged(site)
    assert collector.output() == ""


def test_sigterm_without_a_database_gives_back(site, servers, publisher):
    collector = site.start_collector(ASSAY_COLLECTOR_DRAIN_S=1)
    servers.stop_database()
    try:
        publisher.results([result(f"t{i}") for i in range(10)])
        collector.wait_for_log("cannot be reached")
        assert collector.stop() == 0
        wait_until(lambda: site.depth("assay.results") == 10, what="the results back in the queue")
    finally:
        servers.up()


def test_full_result_queue_does_not_stop_the_dead(site, publisher):
    """The verdict of a dead task waits for room in assay.results; results go on meanwhile, which makes that room."""
    site.management("PUT", "policies/{vhost}/tiny", {
        "pattern": "^assay\\.results$", "apply-to": "queues", "priority": 10,
        "definition": {"max-length": 20, "overflow": "reject-publish"}})
    wait_until(lambda: (site.management("GET", "queues/{vhost}/assay.results").get("effective_policy_definition") or {})
               .get("max-length") == 20, what="the policy")
    channel = site.pika().channel()
    for i in range(60):  # unconfirmed: the queue fills and refuses the rest
        message = result(f"t{i}")
        channel.basic_publish("assay.results", "j.pass", json.dumps(message), pika.BasicProperties(delivery_mode=2))
    publisher.raw(json.dumps({"task_id": "dead", "job_id": "j", "runtime": "python"}), "tasks", "assay.dead")
    site.start_collector(ASSAY_COLLECTOR_PREFETCH=5)
    wait_until_acknowledged(site, "assay.dead.tasks")
    wait_until_acknowledged(site)
    assert site.value("SELECT reason FROM executions WHERE task_id = 'dead'") == "undeliverable"
