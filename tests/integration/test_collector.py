"""Results on their way into the tables: storing, jobs, workers."""
import datetime
import json
import time

import pytest
from collecting import counters, result, settle, true_counters, wait_until_acknowledged

from lib.waiting import wait_until


# --- storing ----------------------------------------------------------------------------------------------------------


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


# --- jobs -------------------------------------------------------------------------------------------------------------


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


# --- workers ----------------------------------------------------------------------------------------------------------


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
