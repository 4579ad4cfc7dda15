"""assay-collector against a real RabbitMQ and PostgreSQL: what is published is stored once, whatever is killed or refused."""
import datetime
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid

import pika
import psycopg2
import pytest

from lib.dead import kill_task
from lib.ports import free_port
from lib.waiting import wait_until


def result(task, job="j", status="pass", reason="ok", **more):
    """A result message with everything that is required."""
    rate = {"pass": 1.0, "error": None}.get(status, 0.0)
    made = {"task_id": task, "job_id": job, "runtime": "python", "status": status, "reason": reason, "test_pass_rate": rate,
            "passed": 3 if status == "pass" else 0, "failed": 0 if status == "pass" else 3, "skipped": 0, "total": 3, "errors": [],
            "tests": [{"name": "test_a", "outcome": "passed", "ms": 1, "message": None}], "stdout": "", "stderr": "",
            "timing_ms": {"queued": 5, "setup": 6, "compile": 0, "run": 250}, "cpu_ms": 200, "attempt": 1, "worker": "w1",
            "sandbox": ["tmpfs"], "started_at": "2026-01-02T03:04:05.678Z", "finished_at": "2026-01-02T03:04:06.678Z"}
    made.update(more)
    return made


class Publisher:
    """Publishes results and job messages, confirmed."""

    def __init__(self, site):
        self.channel = site.pika().channel()
        self.channel.confirm_delivery()

    def raw(self, body, key, exchange="assay.results", **properties):
        properties = {"content_type": "application/json", "delivery_mode": 2, **properties}
        self.channel.basic_publish(exchange, key, body, pika.BasicProperties(**properties), mandatory=True)

    def result(self, message, **properties):
        self.raw(json.dumps(message), f"{message['job_id']}.{message['status']}", type="assay.result.v1",
                 message_id=message["task_id"], **properties)

    def results(self, messages):
        for message in messages:
            self.result(message)

    def job(self, job, total, part="a" * 64, labels=None):
        body = {"job_id": job, "part": part, "total": total, "labels": labels or {}}
        self.raw(json.dumps(body), f"{job}.job", type="assay.job.v1")

    def event(self, kind, worker="w1", busy=0, heartbeat_s=10, **more):
        body = {"event": kind, "worker": worker, "host": "h", "pid": 7, "version": "0.1.0", "slots": 2, "busy": busy,
                "consuming": True, "runtimes": ["python", "c"], "tasks_done": 5, "tasks_error": 1,
                "started_at": "2026-01-02T03:04:05.678Z", "heartbeat_s": heartbeat_s, **more}
        self.raw(json.dumps(body), f"worker.{worker}", "assay.events", type="assay.event.v1")


@pytest.fixture
def publisher(site):
    return Publisher(site)


def counters(site, job="j"):
    """(state, total, done, passed, failed, timed_out, errors)"""
    return site.sql("SELECT state, total, done, passed, failed, timed_out, errors FROM jobs WHERE job_id = %s", job)[0]


def true_counters(site, job="j"):
    """What the counters have to be, from the rows."""
    return site.sql("SELECT count(*), count(*) FILTER (WHERE status = 'pass'), count(*) FILTER (WHERE status = 'fail'),"
                    " count(*) FILTER (WHERE status = 'timeout'), count(*) FILTER (WHERE status = 'error')"
                    " FROM executions WHERE job_id = %s", job)[0]


def settle(site, publisher):
    """Everything published before is stored (one collector, and the queue keeps its order)."""
    task = uuid.uuid4().hex
    publisher.result(result(task, "barrier"))
    wait_until(lambda: site.sql("SELECT 1 FROM executions WHERE task_id = %s", task), what="the barrier")
    site.sql("DELETE FROM executions WHERE job_id = 'barrier'")
    site.sql("DELETE FROM jobs WHERE job_id = 'barrier'")


def wait_until_acknowledged(site, queue="assay.results", seconds=60):
    """Nothing ready and nothing unacknowledged, by the broker's own account (its numbers are some seconds old)."""
    def empty():
        state = site.management("GET", "queues/{vhost}/" + queue)
        return site.depth(queue) == 0 and state.get("messages_unacknowledged") == 0 and state.get("messages") == 0
    wait_until(empty, seconds, f"{queue} to be empty and acknowledged", every=0.2)


def wait_until_empty(site, queue):
    """Nothing ready any more: taken, though perhaps not acknowledged."""
    wait_until(lambda: site.depth(queue) == 0, what=f"{queue} to be taken")


def page(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# --- storing --------------------------------------------------------------------------------------------------------------


def test_every_field_is_stored(site, publisher):
    site.start_collector()
    publisher.result(result("t/1", status="fail", reason="assertion", test_pass_rate=1 / 3, passed=1, failed=2, skipped=1, total=4,
                            errors=["first \"quoted\" \\ {é}", "NULL"], stdout="out\n\t{},\"", stderr="err", stdout_truncated=True,
                            labels={"model": "m-1", "ü": "{\"x\"}"}, reconstruction_id=None, exit_code=1, signal=None,
                            peak_memory_kb=1234, coverage={"percent": 87.5, "files": {}}, tests_truncated=True, cached=True))
    site.wait_for_rows(1, "j")
    row = site.sql("SELECT runtime, status, reason, test_pass_rate, passed, failed, skipped, total, errors, tests, tests_truncated,"
                   " stdout, stderr, stdout_truncated, stderr_truncated, exit_code, signal, queued_ms, setup_ms, compile_ms, run_ms,"
                   " cpu_ms, peak_memory_kb, coverage, cached, labels, reconstruction_id, worker, attempt, sandbox, started_at,"
                   " finished_at FROM executions")[0]
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc)
    assert row == ("python", "fail", "assertion", 1 / 3, 1, 2, 1, 4, ["first \"quoted\" \\ {é}", "NULL"],
                   [{"name": "test_a", "outcome": "passed", "ms": 1, "message": None}], True, "out\n\t{},\"", "err", True, False, 1,
                   None, 5, 6, 0, 250, 200, 1234, {"percent": 87.5, "files": {}}, True, {"model": "m-1", "ü": "{\"x\"}"}, None,
                   "w1", 1, ["tmpfs"], when, when + datetime.timedelta(seconds=1))


def test_thousand_results_once_each_and_counted(site, publisher):
    site.start_collector()
    kinds = [("pass", "ok"), ("fail", "assertion"), ("timeout", "wall_time"), ("error", "bad_task")]
    messages = [result(f"t{i}", "j" if i % 2 else "k", *kinds[i % 4]) for i in range(1000)]
    publisher.results(messages + messages[:300])
    publisher.job("j", 500)
    settle(site, publisher)
    for job in ("j", "k"):
        assert counters(site, job)[2:] == true_counters(site, job)
        assert counters(site, job)[2] == 500
    assert counters(site, "j")[:2] == ("complete", 500)
    assert counters(site, "k")[:2] == ("open", None)


def test_first_verdict_stands(site, publisher):
    site.start_collector()
    publisher.result(result("t1", status="fail", reason="assertion"))
    site.wait_for_rows(1, "j")
    for other in (result("t1"), result("t1", status="error", reason="infra"), result("t1", status="timeout", reason="wall_time")):
        publisher.result(other)
    settle(site, publisher)
    assert site.sql("SELECT status, reason, replaced_at FROM executions") == [("fail", "assertion", None)]
    assert counters(site)[2:] == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("reason", ["undeliverable", "cancelled", "expired", "infra"])
def test_real_verdict_replaces_what_was_none(site, publisher, reason):
    site.start_collector()
    publisher.job("j", 1)
    publisher.result(result("t1", status="error", reason=reason, stdout="old"))
    site.wait_for_rows(1, "j")
    assert counters(site) == ("complete", 1, 1, 0, 0, 0, 1)
    publisher.result(result("t1", status="error", reason="infra", stdout="other"))  # replaces nothing
    publisher.result(result("t1", stdout="new"))
    wait_until(lambda: site.sql("SELECT status, reason, stdout, replaced_at IS NOT NULL FROM executions") ==
               [("pass", "ok", "new", True)], what="the replacement")
    assert counters(site) == ("complete", 1, 1, 1, 0, 0, 0)
    publisher.result(result("t1", status="error", reason=reason))
    settle(site, publisher)
    assert site.value("SELECT status FROM executions") == "pass"
    assert counters(site) == ("complete", 1, 1, 1, 0, 0, 0)


def test_bad_task_is_a_verdict_that_stands(site, publisher):
    site.start_collector()
    publisher.result(result("t1", status="error", reason="bad_task"))
    site.wait_for_rows(1, "j")
    publisher.result(result("t1"))
    settle(site, publisher)
    assert site.value("SELECT reason FROM executions") == "bad_task"


def test_duplicates_inside_one_batch(site, publisher):
    """All are waiting when the collector comes: one batch."""
    publisher.results([result("a", status="error", reason="infra"), result("a"), result("a", status="fail", reason="assertion"),
                       result("b", status="fail", reason="crash"), result("b"), result("c", status="error", reason="infra"),
                       result("c", status="error", reason="cancelled")])
    site.start_collector(ASSAY_BATCH_AGE_MS=2000)
    assert site.wait_for_rows(3, "j") == [("a", "pass", "ok"), ("b", "fail", "crash"), ("c", "error", "infra")]
    settle(site, publisher)
    assert counters(site)[2:] == (3, 1, 1, 0, 1)


def test_batches_by_age_rows_and_bytes(site, publisher):
    started = time.monotonic()
    site.start_collector(ASSAY_BATCH_AGE_MS=60000, ASSAY_BATCH_ROWS=5, ASSAY_BATCH_BYTES=100000)
    publisher.results([result(f"t{i}") for i in range(5)])
    site.wait_for_rows(5, "j", 20)
    publisher.result(result("large", stdout="x" * 120000))
    site.wait_for_rows(6, "j", 20)
    publisher.result(result("alone"))
    assert time.monotonic() - started < 50
    wait_until(lambda: site.management("GET", "queues/{vhost}/assay.results").get("messages_unacknowledged") == 1,
               what="the row that waits for its age", every=0.2)
    assert site.value("SELECT count(*) FROM executions") == 6


def test_results_before_the_collector_and_after_a_kill(site, publisher):
    messages = [result(f"t{i}") for i in range(3000)]
    publisher.results(messages[:1000])
    first = site.start_collector(ASSAY_BATCH_ROWS=50)
    wait_until(lambda: site.value("SELECT count(*) FROM executions") > 100, what="some rows", every=0.01)
    first.kill()
    publisher.results(messages[1000:2000])
    second = site.start_collector(ASSAY_BATCH_ROWS=50)
    publisher.results(messages[2000:])
    wait_until(lambda: site.value("SELECT count(*) FROM executions") > 2100, what="more rows", every=0.01)
    second.kill()
    site.start_collector()
    site.wait_for_rows(3000, "j")
    wait_until_acknowledged(site)
    assert counters(site)[2:] == (3000, 3000, 0, 0, 0)


def test_two_collectors_share_the_work(site, publisher):
    """The same results twice, jobs interleaved: lock order and counters hold."""
    collectors = [site.start_collector(ASSAY_BATCH_ROWS=20, ASSAY_COLLECTOR_NAME=f"c{n}") for n in (1, 2)]
    messages = [result(f"t{i}", f"j{i % 7}") for i in range(1400)]
    publisher.results(messages)
    publisher.results(reversed(messages))
    wait_until_acknowledged(site)
    for n in range(7):
        assert counters(site, f"j{n}")[2:] == (200, 200, 0, 0, 0)
    for collector in collectors:
        assert collector.stop() == 0


# --- what cannot be stored ------------------------------------------------------------------------------------------------


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


# --- jobs -----------------------------------------------------------------------------------------------------------------


def test_job_announcements(site, publisher):
    site.start_collector()
    publisher.job("j", 2, "a" * 64, {"model": "m"})
    wait_until(lambda: site.sql("SELECT state, total, done, labels FROM jobs") == [("open", 2, 0, {"model": "m"})], what="the job")
    publisher.job("j", 2, "a" * 64)  # the same file again: the same part
    publisher.results([result("t1"), result("t2")])
    wait_until(lambda: counters(site)[:3] == ("complete", 2, 2), what="the job to complete")
    completed = site.value("SELECT completed_at FROM jobs")
    assert completed is not None
    publisher.job("j", 1, "b" * 64, {"more": "x"})  # more work under the same job
    wait_until(lambda: counters(site)[:3] == ("open", 3, 2), what="the job to be open again")
    assert site.value("SELECT completed_at FROM jobs") is None
    publisher.result(result("t3"))
    wait_until(lambda: counters(site)[:3] == ("complete", 3, 3), what="the job to complete again")
    assert site.value("SELECT labels FROM jobs") == {"model": "m", "more": "x"}
    publisher.job("late", 1)
    publisher.result(result("x", "late"))
    wait_until(lambda: counters(site, "late")[0] == "complete", what="the other job")


def test_total_after_all_results(site, publisher):
    site.start_collector()
    publisher.result(result("t1"))
    site.wait_for_rows(1, "j")
    publisher.job("j", 1)
    wait_until(lambda: counters(site)[:3] == ("complete", 1, 1), what="the job to complete")


def test_cancels_are_recorded_and_told_to_new_workers(site, publisher):
    site.start_collector()
    listener = site.pika().channel()
    queue = listener.queue_declare("", exclusive=True).method.queue
    listener.queue_bind(queue, "assay.control")
    publisher.raw(json.dumps({"cancel": "j"}), "", "assay.control", type="assay.control.v1")
    wait_until(lambda: site.sql("SELECT state, cancelled_at IS NOT NULL FROM jobs WHERE job_id = 'j'") == [("cancelled", True)],
               what="the cancel in jobs")
    wait_until(lambda: listener.basic_get(queue, auto_ack=True)[0], what="our own cancel")
    publisher.event("hello")

    def told():
        method, _, body = listener.basic_get(queue, auto_ack=True)
        return method and json.loads(body) == {"cancel": "j"}
    wait_until(told, what="the cancel to be told again")
    heard = []

    def lifted(times):
        method, _, body = listener.basic_get(queue, auto_ack=True)
        heard.extend([json.loads(body)] if method else [])
        return [order for order in heard if "told" not in order] == [{"resume": "j"}] * times
    publisher.raw(json.dumps({"resume": "j"}), "", "assay.control", type="assay.control.v1")
    wait_until(lambda: lifted(2), what="the lifted cancel: ours, and told again once it is recorded")
    assert site.sql("SELECT state, cancelled_at FROM jobs WHERE job_id = 'j'") == [("open", None)]
    publisher.event("hello")
    wait_until(lambda: lifted(3), what="the lifted cancel to be told to a worker that comes back")
    wait_until(lambda: lifted(3) and heard[-1].keys() == {"told"}, what="the end of the orders")
    publisher.raw(json.dumps({"cancel": "j"}), "", "assay.control", type="assay.control.v1")
    wait_until(lambda: site.sql("SELECT state FROM jobs WHERE job_id = 'j'") == [("cancelled",)], what="the second cancel in jobs")
    publisher.job("j", 1)
    publisher.result(result("t1", status="error", reason="cancelled"))
    wait_until(lambda: counters(site)[:3] == ("cancelled", 1, 1), what="the cancelled job's counters")
    assert site.value("SELECT completed_at IS NOT NULL FROM jobs") is True


# --- research tables ------------------------------------------------------------------------------------------------------


def reconstruction(site):
    application = site.value("INSERT INTO applications (name, source_path, test_suite_path, language, split)"
                             " VALUES (gen_random_uuid()::text, 's', 't', 'python', 'train') RETURNING id")
    requirement = site.value("INSERT INTO requirements (application_id, cet_model_version, requirement_text, phase)"
                             " VALUES (%s, 'v', 'r', 1) RETURNING id", application)
    return requirement, site.value("INSERT INTO reconstructions (application_id, requirement_id, llm_model, implementation_code,"
                                   " claimed_by, claimed_until) VALUES (%s, %s, 'm', 'c', 'p1', now() + interval '1 hour')"
                                   " RETURNING id", application, requirement)


def test_reconstructions_and_signals(site, publisher):
    site.start_collector()
    requirement, number = reconstruction(site)
    publisher.result(result("t1", status="fail", reason="assertion", test_pass_rate=0.25, passed=1, failed=3, total=4,
                            errors=["test_b: boom"], stdout="o", stderr="e", reconstruction_id=number))
    site.wait_for_rows(1, "j")
    row = site.sql("SELECT test_results, test_pass_rate, execution_time, claimed_by, claimed_until FROM reconstructions")[0]
    assert row == ({"status": "fail", "test_pass_rate": 0.25, "passed": 1, "failed": 3, "errors": ["test_b: boom"], "stdout": "o",
                    "stderr": "e"}, 0.25, 0.25, None, None)
    assert site.sql("SELECT requirement_id, reconstruction_id, signal_type, signal_value, details->>'task_id' FROM training_signals")\
        == [(requirement, number, "reconstruction_success", 0.25, "t1")]
    publisher.result(result("t1", reconstruction_id=number))  # a duplicate teaches nothing
    settle(site, publisher)
    assert site.value("SELECT count(*) FROM training_signals") == 1


def test_verdict_without_a_rate_frees_the_claim(site, publisher):
    site.start_collector()
    _, number = reconstruction(site)
    publisher.result(result("t1", status="error", reason="infra", reconstruction_id=number))
    wait_until(lambda: site.sql("SELECT test_results, test_pass_rate, claimed_by, claimed_until FROM reconstructions") ==
               [(None, None, None, None)], what="the claim to be freed")
    assert site.value("SELECT count(*) FROM training_signals") == 0
    publisher.result(result("t1", reconstruction_id=number))  # the real one replaces it
    wait_until(lambda: site.value("SELECT test_pass_rate FROM reconstructions") == 1.0, what="the real verdict")
    assert site.value("SELECT signal_value FROM training_signals") == 1.0


def test_unknown_reconstruction_costs_nothing(site, publisher):
    collector = site.start_collector()
    _, number = reconstruction(site)
    publisher.results([result("t1", reconstruction_id=987654321), result("t2", reconstruction_id=number), result("t3")])
    site.wait_for_rows(3, "j")
    collector.wait_for_log("987654321")
    assert site.value("SELECT reconstruction_id FROM executions WHERE task_id = 't1'") == 987654321
    assert site.value("SELECT test_pass_rate FROM reconstructions") == 1.0


def test_two_verdicts_for_one_reconstruction_in_a_batch(site, publisher):
    _, number = reconstruction(site)
    publisher.results([result("t1", "a", reconstruction_id=number), result("t1", "b", "error", "infra", reconstruction_id=number)])
    site.start_collector(ASSAY_BATCH_AGE_MS=1000)
    site.wait_for_rows(1, "b")
    assert site.value("SELECT test_pass_rate FROM reconstructions") == 1.0
    assert site.value("SELECT count(*) FROM training_signals") == 1


# --- the dead -------------------------------------------------------------------------------------------------------------


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


# --- workers --------------------------------------------------------------------------------------------------------------


def test_workers_are_shown_truthfully(site, publisher):
    site.start_collector()

    def state(worker="w1"):
        rows = site.sql("SELECT state FROM worker_states WHERE worker = %s", worker)
        return rows and rows[0][0]
    publisher.event("hello")
    wait_until(lambda: state() == "idle", what="idle")
    assert site.sql("SELECT host, pid, slots, runtimes, tasks_done, tasks_error FROM workers") == [("h", 7, 2, ["python", "c"], 5, 1)]
    publisher.event("heartbeat", busy=2)
    wait_until(lambda: state() == "busy", what="busy")
    publisher.event("heartbeat", consuming=False)
    wait_until(lambda: state() == "paused", what="paused")
    publisher.event("goodbye")
    wait_until(lambda: state() == "stopped", what="stopped")
    publisher.event("hello", "w2", heartbeat_s=1)  # and then silence: it was killed
    wait_until(lambda: state("w2") == "idle", what="the second worker", every=0.02)
    wait_until(lambda: state("w2") == "lost", 10, "lost after three silent heartbeats")
    publisher.raw("{]", "worker.x", "assay.events")
    publisher.event("hello")
    wait_until(lambda: state() == "idle", what="back again")


# --- faults ---------------------------------------------------------------------------------------------------------------


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
        wait_until(lambda: json.loads(page(port, "/status")[1])["statements_waiting"] == 1, what="the waiting statement")
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


# --- migrate, prune, retention --------------------------------------------------------------------------------------------


def test_migrations_at_once_and_again(site):
    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public AUTHORIZATION assay_collector")
    refused = site.run("assay-collector", "run")
    assert refused.returncode == 2 and "assay-collector migrate" in refused.stderr
    done = []
    threads = [threading.Thread(target=lambda: done.append(site.run("assay-collector", "migrate"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.returncode for run in done] == [0] * 4, [run.stderr for run in done]
    assert sum("applied 001" in run.stdout for run in done) == 1
    assert sum("up to date" in run.stdout for run in done) == 3
    assert site.value("SELECT count(*) FROM schema_migrations") == site.value("SELECT max(version) FROM schema_migrations")
    kind = site.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'conversations'::regclass"
                      " AND attname = 'embedding'")
    available = site.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
    assert kind == ("vector(384)" if available else "real[]")


def test_changed_migration_is_an_error(site):
    site.sql("UPDATE schema_migrations SET checksum = 'x' WHERE version = 2")
    done = site.run("assay-collector", "migrate")
    assert done.returncode == 2
    assert "002_fleet.sql was changed after it had been applied" in done.stderr


def test_failed_migration_leaves_nothing_behind(site, tmp_path):
    home = tmp_path / "home"
    folder = home / "conf/schema"
    folder.mkdir(parents=True)
    (folder / "001_a.sql").write_text("CREATE TABLE a (x int); CREATE TABLE b (x int);")
    (folder / "002_b.sql").write_text("CREATE TABLE c (x int);\nCREATE TABLE nonsense (;")
    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public AUTHORIZATION assay_collector")
    done = site.run("assay-collector", "migrate", env={"ASSAY_HOME": home})
    assert done.returncode == 4 and "002_b.sql" in done.stderr and "syntax error" in done.stderr
    tables = {row[0] for row in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables == {"a", "b", "schema_migrations"}


def test_retention_while_storing(site, publisher):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'old', 't' || n, 'pass', 'ok', 1, now() - interval '31 days' FROM generate_series(1, 230) n")
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'young', 't' || n, 'pass', 'ok', 1, now() - interval '29 days' FROM generate_series(1, 50) n")
    collector = site.start_collector(ASSAY_RETENTION_BATCH=50, ASSAY_RETENTION_INTERVAL_S=1)
    publisher.results([result(f"t{i}") for i in range(100)])
    wait_until(lambda: site.sql("SELECT job_id, count(*) FROM executions GROUP BY job_id ORDER BY job_id") ==
               [("j", 100), ("young", 50)], what="the old rows to go and the others to stay")
    collector.wait_for_log("deleted 230 verdicts")
    site.sql("UPDATE executions SET stored_at = now() - interval '40 days' WHERE job_id = 'young'")
    wait_until(lambda: site.value("SELECT count(*) FROM executions") == 100, what="the next look")


def test_retention_of_jobs_dead_letters_and_workers(site, publisher):
    site.sql("INSERT INTO jobs (job_id, created_at) VALUES ('old', now() - interval '40 days'), ('kept', now() - interval '40 days')")
    site.sql("INSERT INTO job_parts VALUES ('old', 'p', 1, now() - interval '40 days'), ('kept', 'p', 1, now())")
    for age in (40, 20):
        site.sql("INSERT INTO dead_letters (kind, job_id, task_id, body, reason, died_at) VALUES ('task', 'j', 't', %s, 'r',"
                 " now() - %s * interval '1 day')", str(age).encode(), age)
        site.sql("INSERT INTO workers VALUES (%s, 'h', 1, 'v', 1, 0, true, '{}', 0, 0, 10, now(), now() - %s * interval '1 day')",
                 f"w{age}", age)
    site.start_collector(ASSAY_RETENTION_BATCH=1)
    wait_until(lambda: site.sql("SELECT worker FROM workers") == [("w20",)], what="the old worker to go, last of all")
    assert site.sql("SELECT job_id FROM jobs") == site.sql("SELECT job_id FROM job_parts") == [("kept",)]
    assert [bytes(row[0]) for row in site.sql("SELECT body FROM dead_letters")] == [b"20"]


def test_retention_zero_keeps_for_ever(site, publisher):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " VALUES ('old', 't', 'pass', 'ok', 1, now() - interval '3000 days')")
    site.start_collector(ASSAY_RETENTION_DAYS=0, ASSAY_RETENTION_INTERVAL_S=1)
    publisher.result(result("t1"))
    site.wait_for_rows(1, "j")
    assert site.value("SELECT count(*) FROM executions") == 2
    done = site.run("assay-collector", "prune", env={"ASSAY_RETENTION_DAYS": "0"})
    assert done.returncode == 2 and "--older-than" in done.stderr


def test_prune_by_hand(site):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'old', 't' || n, 'pass', 'ok', 1, now() - n * interval '1 day' FROM generate_series(0, 19) n")
    dry = site.run("assay-collector", "prune", "--older-than", "9", "--dry-run")
    assert dry.returncode == 0 and dry.stdout.startswith("11 verdicts"), dry.stdout + dry.stderr
    assert site.value("SELECT count(*) FROM executions") == 20
    done = site.run("assay-collector", "prune", "--older-than", "9", env={"ASSAY_RETENTION_BATCH": "3"})
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "deleted 11 verdicts older than 9 days")
    assert [line.rsplit(" older")[0] for line in done.stdout.splitlines()[1:]] == \
        ["deleted 0 dead letters", "deleted 0 jobs", "deleted 0 parts of jobs", "deleted 0 workers"]
    assert site.value("SELECT count(*) FROM executions") == 9


# --- command line, start, pages -------------------------------------------------------------------------------------------


def test_usage(site, tmp_path):
    for words in ([], ["walk"], ["run", "walk"], ["run", "--dry-run"], ["prune", "--older-than", "0"], ["prune", "--older-than", "x"],
                  ["--bogus"], ["--config"], ["--config", "/nonexistent", "run"]):
        done = site.run("assay-collector", *words)
        assert done.returncode == 2, (words, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
    named = site.run("assay-collector", "migrate", env={"ASSAY_COLLECTOR_CONFIG": "/nonexistent/c.cfg"})
    assert named.returncode == 2 and "/nonexistent/c.cfg" in named.stderr
    for word in ("--help", "--version"):
        done = site.run("assay-collector", word)
        assert done.returncode == 0 and "assay-collector" in done.stdout
    sample = tmp_path / "sample.cfg"
    sample.write_text(site.run("assay-collector", "--print-config").stdout)
    assert site.run("assay-collector", "--config", sample, "migrate").returncode == 0
    sample.write_text("batch: { rows = 10; };\nretension_days = 3;\n")
    done = site.run("assay-collector", "--config", sample, "migrate")
    assert done.returncode == 2 and f"{sample}:2: retension_days" in done.stderr and "retention_days" in done.stderr


def test_unreachable_and_denied(site):
    cases = [({"ASSAY_PG_URL": "postgresql://a:secret@127.0.0.1:1/x"}, "run"), ({"ASSAY_PG_URL": "postgresql://a:secret@127.0.0.1:1/x"},
             "migrate"), ({"ASSAY_AMQP_URL": "amqp://a:secret@127.0.0.1:1/x"}, "run"),
             ({"ASSAY_AMQP_URL": site.amqp_url("assay-collector", "secret")}, "run"),
             ({"ASSAY_PG_URL": site.pg_url().replace(site.servers.secret("pg-assay_collector"), "secret")}, "run")]
    for env, command in cases:
        done = site.run("assay-collector", command, env=env)
        assert done.returncode == 3, (env, done.stderr)
        assert "secret" not in done.stderr


def test_secret_from_a_file(site, tmp_path):
    secret = tmp_path / "pg_url"
    secret.write_text(site.pg_url() + "\n")
    env = site.env("assay-collector")
    env.pop("ASSAY_PG_URL")
    assert "ASSAY_PG_URL" not in env
    done = site.run("assay-collector", "migrate", env={"ASSAY_PG_URL_FILE": secret})
    assert done.returncode == 0
    collector = site.start("assay-collector", "migrate", env={"ASSAY_PG_URL_FILE": "/nonexistent"})
    assert collector.wait() in (0, 2)


def test_pages(site, publisher):
    port = free_port()
    collector = site.start_collector(ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}", ASSAY_COLLECTOR_NAME="c1")
    publisher.results([result("t1"), result("t1"), result("t2", status="fail", reason="assertion")])
    site.wait_for_rows(2, "j")
    settle(site, publisher)
    assert page(port, "/healthz") == page(port, "/health") == (200, "ok\n")
    assert page(port, "/readyz") == (200, "ready\n")
    status = json.loads(page(port, "/status")[1])
    assert (status["name"], status["broker"], status["database"]) == ("c1", True, True)
    assert (status["inserted"], status["duplicates"], status["held"]) == (3, 1, 0)  # one is the barrier
    metrics = page(port, "/metrics")[1]
    values = {}
    for line in metrics.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    assert values["assay_collector_rows_inserted_total"] == 3
    assert values["assay_collector_broker_up"] == values["assay_collector_database_up"] == 1
    assert values['assay_collector_commit_seconds_bucket{le="+Inf"}'] == values["assay_collector_commit_seconds_count"] >= 1
    assert all(f"# TYPE {name.split('{')[0]} " in metrics for name in values if "_bucket" not in name and not
               name.endswith(("_sum", "_count")))
    collector.signal(signal.SIGTERM)
    assert collector.wait() == 0


def test_ready_follows_the_database(site, servers):
    port = free_port()
    site.start_collector(ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}")
    assert page(port, "/readyz")[0] == 200
    servers.stop_database()
    try:
        wait_until(lambda: page(port, "/readyz")[0] == 503, what="not ready")
        assert page(port, "/healthz")[0] == 200
    finally:
        servers.up()
    wait_until(lambda: page(port, "/readyz")[0] == 200, what="ready again")
