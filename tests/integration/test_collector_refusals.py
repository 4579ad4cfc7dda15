"""What cannot be stored: it is found, kept with the reason, and costs nothing else its row."""
import json
import os
import signal

import psycopg2
from collecting import Publisher, counters, page, result, settle, wait_until_acknowledged, wait_until_empty

from lib.ports import free_port
from lib.waiting import wait_until


def test_refused_rows_are_found_and_the_rest_commits(site, publisher):
    bad = {7: result("t7", passed=3000000000), 8: result("t8", coverage={"a": "x\u0000y"}), 250: result("t250", attempt=2**40)}
    publisher.results([bad.get(i) or result(f"t{i}") for i in range(300)])
    publisher.job("j", 300)
    site.start_collector(ASSAY_BATCH_AGE_MS=2000)
    site.wait_for_rows(300, "j")
    wait_until_acknowledged(site)
    wait_until_acknowledged(site, "assay.dead.results")
    rows = dict((task, (status, reason, errors)) for task, status, reason, errors in site.sql(
        "SELECT task_id, status, reason, errors FROM executions WHERE status <> 'pass'"))
    assert set(rows) == {"t7", "t8", "t250"}
    assert rows["t7"][:2] == ("error", "infra") and "22003" in rows["t7"][2][0]
    assert rows["t8"][:2] == ("error", "infra") and "22P05" in rows["t8"][2][0]
    letters = site.sql("SELECT task_id, kind, job_id, reason, exchange, routing_key, convert_from(body, 'UTF8'), headers"
                       " FROM dead_letters ORDER BY task_id")
    assert [row[:3] for row in letters] == [("t250", "result", "j"), ("t7", "result", "j"), ("t8", "result", "j")]
    assert letters[1][3].startswith("SQLSTATE 22003: ") and "out of range" in letters[1][3]
    assert letters[1][4:6] == ("assay.results", "j.pass")
    assert json.loads(letters[1][6]) == bad[7]
    assert letters[1][7]["assay-sqlstate"] == "22003"
    assert counters(site) == ("complete", 300, 300, 297, 0, 0, 3)


def test_a_duplicate_of_a_refused_row_is_stored(site, publisher):
    """Two verdicts of one task in one batch, the first of which the database refuses: the second is no duplicate of it."""
    publisher.results([result("t1", passed=3000000000), result("t1"), result("t2"), result("t2", status="fail", reason="crash")])
    site.start_collector(ASSAY_BATCH_AGE_MS=2000)
    site.wait_for_rows(2, "j")
    wait_until_acknowledged(site)
    wait_until_acknowledged(site, "assay.dead.results")
    assert site.wait_for_rows(2, "j") == [("t1", "pass", "ok"), ("t2", "pass", "ok")]
    assert site.value("SELECT count(*) FROM dead_letters") == 1
    assert counters(site)[2:] == (2, 2, 0, 0, 0)


def test_what_is_no_result_is_kept_with_the_reason(site, publisher):
    site.start_collector()
    publisher.raw("{not json", "j.pass", type="assay.result.v1", message_id="broken")
    publisher.raw(json.dumps({"task_id": "t1", "job_id": "j", "status": "great", "reason": "ok"}), "j.great", type="assay.result.v1")
    publisher.raw(b"\xff\xfe", "j.pass")
    publisher.raw("", "j.pass", message_id="empty")
    publisher.raw(json.dumps({"job_id": "j", "total": "many"}), "j.job", type="assay.job.v1", message_id="job")
    publisher.result(result("good"))
    wait_until(lambda: site.value("SELECT count(*) FROM dead_letters") == 5, what="five dead letters")
    settle(site, publisher)
    wait_until_empty(site, "assay.dead.results")
    letters = dict(site.sql("SELECT task_id, reason FROM dead_letters"))
    assert "t1" in letters and "status" in letters["t1"] and "great" in letters["t1"]
    assert "broken" in letters and "empty" in letters and "job" in letters
    assert "part is missing" in letters["job"]
    assert sum(task.startswith("unidentified/") for task in letters) == 1
    stubs = dict(site.sql("SELECT task_id, reason FROM executions"))
    assert stubs["good"] == "ok" and stubs["t1"] == "infra" and stubs["broken"] == "infra"
    assert "job" not in stubs  # no task stands behind it


def test_a_missing_table_blames_no_row(site, publisher):
    collector = site.start_collector()
    site.sql("ALTER TABLE executions RENAME TO gone")
    publisher.results([result(f"t{i}") for i in range(20)])
    collector.wait_for_log("does not exist")
    site.sql("ALTER TABLE gone RENAME TO executions")
    site.wait_for_rows(20, "j")
    assert site.value("SELECT count(*) FROM dead_letters") == 0
    assert collector.alive()


def test_trouble_that_is_nobodys_row_is_told(site, publisher):
    port = free_port()
    collector = site.start_collector(ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}")
    site.sql("ALTER TABLE executions RENAME TO gone")
    publisher.result(result("t1"))
    wait_until(lambda: page(port, "/readyz")[0] == 503, what="not ready")
    assert "does not exist" in json.loads(page(port, "/status")[1])["database_trouble"]
    collector.wait_for_log("results wait in their queue until this is mended", 60)
    site.sql("ALTER TABLE gone RENAME TO executions")
    site.wait_for_rows(1, "j")
    wait_until(lambda: page(port, "/readyz")[0] == 200, what="ready again")
    assert "database_trouble" not in json.loads(page(port, "/status")[1])


def collectors_session(site):
    return site.value("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'assay-collector %%'")


def test_a_server_that_became_a_standby_is_left(site, publisher):
    """A session is as read-only as it was made: only another one sees that the server takes writes."""
    collector = site.start_collector()
    site.sql(f"ALTER DATABASE {site.database} SET default_transaction_read_only = on")
    session = collectors_session(site)
    site.sql("SELECT pg_terminate_backend(%s)", session)
    wait_until(lambda: collectors_session(site) != session, what="another session")
    publisher.result(result("t1"))
    collector.wait_for_log("the database takes no writes", 60)
    site.servers.superuser(f"ALTER DATABASE {site.database} RESET default_transaction_read_only")
    site.wait_for_rows(1, "j")


def test_a_statement_has_its_time(site, publisher):
    collector = site.start_collector(ASSAY_COLLECTOR_STATEMENT_TIMEOUT_S=1)
    lock = psycopg2.connect(site.pg_url("assay_collector"))
    with lock, lock.cursor() as cursor:
        cursor.execute("LOCK TABLE executions")
        publisher.result(result("t1"))
        collector.wait_for_log("canceling statement due to statement timeout", 60)
    lock.close()
    site.wait_for_rows(1, "j")
    silent = collectors_session(site)
    os.kill(silent, signal.SIGSTOP)
    try:
        publisher.result(result("t2"))
        collector.wait_for_log("the database is silent", 60)
        site.wait_for_rows(2, "j")
    finally:
        os.kill(silent, signal.SIGCONT)


def test_a_queue_made_by_somebody_else_is_explained(site):
    site.pika().channel().queue_declare("assay.events.c1", durable=True)
    collector = site.start_collector(wait=False, ASSAY_COLLECTOR_NAME="c1")
    assert collector.wait(60) != 0
    said = collector.errors()
    assert "assay.events.c1" in said and "rabbitmqctl delete_queue" in said


def test_a_results_queue_that_was_deleted_is_consumed_again(site, publisher):
    collector = site.start_collector()
    site.management("DELETE", "queues/{vhost}/assay.results")
    collector.wait_for_log("its queue was deleted", 60)
    site.servers.make_vhost(site.vhost, "bash")
    publisher = Publisher(site)
    publisher.result(result("t1"))
    site.wait_for_rows(1, "j")
    assert collector.alive()
