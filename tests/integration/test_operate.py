"""What an operator does to a running fleet: cancels a job, looks at dead messages, publishes them again."""
import csv
import io
import json
import re
import time

import pytest

from lib.dead import kill_task
from lib.waiting import wait_until


def task(name, job="j", code="echo hi", **more):
    return {"task_id": name, "job_id": job, "runtime": "bash", "implementation_code": code, "cases": [{"expected_stdout": "hi"}], **more}


# -- cancel ----------------------------------------------------------------------------------------------------------------


def test_cancel_ends_what_runs_and_what_waits(site):
    site.start_collector()
    worker = site.start_worker("bash")
    tasks = [task("long", code="sleep 600", timeout=60)] + [task(f"t{i}") for i in range(300)] + [task("other", "k")]
    assert site.producer("publish", site.write_tasks(tasks)).returncode == 0
    site.wait_busy(worker)
    done = site.producer("cancel", "j")
    assert done.returncode == 0, done.stderr
    # The worker may have ended some by the time the producer looks.
    assert re.match("job j is cancelled: [0-9]+ of 301 tasks have a verdict", done.stdout), done.stdout
    rows = site.wait_for_rows(301, "j")
    assert {row[1:] for row in rows} == {("error", "cancelled")}
    assert site.wait_for_rows(1, "k") == [("other", "pass", "ok")]
    wait_until(lambda: site.sql("SELECT state, total, done, errors FROM jobs WHERE job_id = 'j'") == [("cancelled", 301, 301, 301)],
               what="the cancelled job's counters")


def test_a_worker_that_starts_later_runs_nothing_of_a_cancelled_job(site):
    site.start_collector()
    assert site.producer("publish", site.write_tasks([task(f"t{i}", code=f"echo ran >> /dev/null; echo hi {i}") for i in range(50)])).returncode == 0
    assert site.producer("cancel", "j").returncode == 0
    site.start_worker("bash")
    assert {row[1:] for row in site.wait_for_rows(50, "j")} == {("error", "cancelled")}


def test_a_rerun_of_what_was_cancelled_runs(site):
    """Also at a worker that knows the cancel, and at one that was away while it was lifted."""
    site.start_collector()
    knows = site.start_worker("bash")
    path = site.write_tasks([task("long", code="sleep 600", timeout=60), *(task(f"t{i}") for i in range(20))])
    assert site.producer("publish", path).returncode == 0
    site.wait_busy(knows)
    assert site.producer("cancel", "j").returncode == 0
    assert {row[1:] for row in site.wait_for_rows(21, "j")} == {("error", "cancelled")}
    done = site.producer("publish", path, "--job", "j")
    assert done.returncode == 2 and "job j is cancelled" in done.stderr and "assay-producer rerun j FILE" in done.stderr
    assert site.depth("assay.tasks.bash") == 0
    path = site.write_tasks([task("long"), *(task(f"t{i}") for i in range(20))])
    done = site.producer("rerun", "j", path, "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "job j is no longer cancelled" in done.stderr
    wait_until(lambda: {row[1:] for row in site.wait_for_rows(21, "j")} == {("pass", "ok")}, what="real verdicts")
    assert site.sql("SELECT state, total, done, passed, errors, cancelled_at FROM jobs") == [("complete", 21, 21, 21, 0, None)]


def test_a_large_cancelled_job_is_gone_in_seconds_and_costs_others_nothing(site):
    count = 10000
    site.start_collector()
    assert site.producer("publish", site.write_tasks([task(f"a{i}", "k") for i in range(10)])).returncode == 0
    assert site.producer("publish", site.write_tasks([task(f"t{i}", code="sleep 1; echo hi") for i in range(count)])).returncode == 0
    assert site.producer("publish", site.write_tasks([task(f"b{i}", "k") for i in range(10)])).returncode == 0
    worker = site.start_worker("bash", slots=2)
    site.wait_busy(worker, 2)
    assert site.producer("cancel", "j").returncode == 0
    began = time.monotonic()
    wait_until(lambda: site.depth("assay.tasks.bash") == 0, 300, "an empty queue")
    emptied = time.monotonic() - began
    rows = site.wait_for_rows(20, "k")
    assert {row[1:] for row in rows} == {("pass", "ok")}
    wait_until(lambda: site.sql("SELECT done FROM jobs WHERE job_id = 'j'") == [(count,)], 300, "the cancelled job's counters")
    print(f"{count} cancelled tasks left the queue in {emptied:.1f} s")
    ran = site.value("SELECT count(*) FROM executions WHERE job_id = 'j' AND reason <> 'cancelled'")
    assert ran < 20, "tasks of the cancelled job were run"
    assert site.sql("SELECT state, total, done, errors FROM jobs WHERE job_id = 'j'") == [("cancelled", count, count, count - ran)]


def test_cancel_of_what_is_complete(site):
    site.start_collector()
    site.start_worker("bash")
    path = site.write_tasks([task("t1")])
    assert site.producer("publish", path, "--wait").returncode == 0
    wait_until(lambda: site.sql("SELECT state FROM jobs") == [("complete",)], what="the job to complete")
    done = site.producer("cancel", "j")
    assert done.returncode == 0 and "nothing is left to cancel" in done.stdout
    assert site.sql("SELECT state FROM jobs") == [("complete",)]


def test_cancel_says_what_it_could_not_do(site):
    done = site.producer("cancel", "j")
    assert done.returncode == 4 and "neither a worker nor a collector is connected" in done.stderr
    site.start_worker("bash")
    done = site.producer("cancel", "j", "--timeout", "0.2")
    assert done.returncode == 5 and "no collector has recorded the cancel" in done.stderr
    done = site.producer("cancel", "j", env={"ASSAY_PG_URL": ""})
    assert done.returncode == 0 and "without pg_url" in done.stdout
    done = site.producer("cancel", "not a job")
    assert done.returncode == 2 and "'not a job' is no job id" in done.stderr


# -- dead letters ----------------------------------------------------------------------------------------------------------


@pytest.fixture(name="dead")
def dead_letters(site):
    """Two dead tasks (of the jobs j and k) and a dead result (of the job j), taken in by a collector."""
    for dying in (task("t1"), task("t2", "k", code="echo no")):
        kill_task(site, json.dumps(dying), "assay.tasks.bash", message_id=dying["task_id"], type="assay.task.v1")
    site.publish({"task_id": "t3", "job_id": "j"}, "results", "assay.dead", user="assay-admin")
    site.start_collector()
    site.wait_for_rows(2, "j")
    site.wait_for_rows(1, "k")
    return {(kind, name): number for number, kind, name in site.sql("SELECT id, kind, task_id FROM dead_letters")}


def test_dead_letters_are_listed(site, dead):
    done = site.producer("dead", "list")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["id", "kind", "job", "task", "deliveries", "died", "requeued", "reason"]
    assert len(lines) == 4 and any(f"{dead['task', 't1']}  task" in line and "delivery_limit" in line for line in lines)
    rows = list(csv.DictReader(io.StringIO(site.producer("dead", "list", "--job", "k", "--format", "csv").stdout)))
    assert [(row["kind"], row["task"]) for row in rows] == [("task", "t2")]
    objects = [json.loads(line) for line in site.producer("dead", "list", "--kind", "result", "--format", "jsonl").stdout.splitlines()]
    assert [(found["task_id"], found["id"]) for found in objects] == [("t3", dead["result", "t3"])]
    assert site.producer("dead", "list", "--job", "nobody").stdout == "no dead letters\n"


def test_a_dead_letter_is_shown_as_it_was(site, dead):
    done = site.producer("dead", "show", dead["task", "t1"])
    assert done.returncode == 0 and "delivery_limit" in done.stdout and '"implementation_code": "echo hi"' in done.stdout
    found = json.loads(site.producer("dead", "show", dead["task", "t1"], "--format", "jsonl").stdout)
    assert json.loads(found["body"]) == task("t1") and found["routing_key"] == "bash" and found["count"] >= 1


def test_requeued_tasks_get_their_verdicts(site, dead):
    assert site.wait_for_rows(1, "k") == [("t2", "error", "undeliverable")]
    done = site.producer("dead", "requeue", "--kind", "task")
    assert (done.returncode, done.stdout) == (0, "2 published again\n"), done.stderr
    assert site.producer("dead", "requeue", "--kind", "task").stdout == "0 published again\n"
    site.start_worker("bash")
    wait_until(lambda: site.sql("SELECT status, reason FROM executions WHERE job_id = 'k'") == [("fail", "wrong_output")], what="the real verdict")
    wait_until(lambda: site.sql("SELECT status FROM executions WHERE task_id = 't1'") == [("pass",)], what="the other one's")
    assert site.sql("SELECT done, failed, errors FROM jobs WHERE job_id = 'k'") == [(1, 1, 0)]
    # By its number a letter goes out as often as it is asked for; the stored verdict stands.
    assert site.producer("dead", "requeue", dead["task", "t1"]).stdout == "1 published again\n"


def test_dead_letters_are_deleted(site, dead):
    done = site.producer("dead", "purge", dead["task", "t1"])
    assert (done.returncode, done.stdout) == (0, "1 deleted; their verdicts stay\n")
    assert site.producer("dead", "purge", "--all").stdout.startswith("2 deleted")
    assert site.value("SELECT count(*) FROM executions") == 3


@pytest.mark.parametrize("words, status, text", [
    (["requeue"], 2, "which?"),
    (["frobnicate"], 2, "there is no such action"),
    (["list", "3"], 2, "takes no ids"),
    (["purge", "3", "--all"], 2, "either ids, or"),
    (["show", "x"], 2, "'x' is no number"),
    (["show", "99"], 2, "there is no dead letter 99"),
    (["requeue", "1", "99"], 2, "there is no dead letter"),
])
def test_wrong_words_about_the_dead(site, words, status, text):
    done = site.producer("dead", *words)
    assert done.returncode == status and text in done.stderr
