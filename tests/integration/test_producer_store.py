"""assay-producer against a real broker and database; in the place of the workers a client that answers at once: what the store tells."""
import csv
import io
import json
import re

from producing import drain, tasks

from lib.waiting import wait_until


def store(site, task_id, status="pass", reason="ok", job="j", **more):
    row = {"job_id": job, "task_id": task_id, "runtime": "bash", "status": status, "reason": reason,
           "test_pass_rate": None if status == "error" else float(status == "pass"), **more}
    names = ", ".join(row)
    site.sql(f"INSERT INTO executions ({names}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())


def test_results_in_each_format(site):
    site.sql("INSERT INTO executions (job_id, task_id, runtime, status, reason, test_pass_rate) "
             "SELECT 'j', 't/' || n, 'bash', 'pass', 'ok', 1 FROM generate_series(1, 1200) n")
    store(site, "quoted", "fail", "assertion", passed=1, failed=1, total=2, errors=json.dumps(['say "no", twice\nplease']),
          stdout="out", exit_code=1, run_ms=42)
    store(site, "broken", "error", "infra", errors=json.dumps(["sandbox"]))
    done = site.producer("results", "j")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pass     ok") == 1200
    assert "1200 of 1202 pass" in done.stdout
    lines = [json.loads(line) for line in site.producer("results", "j", "--format", "jsonl").stdout.splitlines()]
    assert len({line["task_id"] for line in lines}) == len(lines) == 1202
    quoted = next(line for line in lines if line["task_id"] == "quoted")
    assert (quoted["errors"], quoted["exit_code"], quoted["timing_ms"]["run"]) == (['say "no", twice\nplease'], 1, 42)
    broken = next(line for line in lines if line["task_id"] == "broken")
    assert broken["test_pass_rate"] is None
    rows = list(csv.DictReader(io.StringIO(site.producer("results", "j", "--format", "csv", "--status", "fail").stdout)))
    assert len(rows) == 1
    assert (rows[0]["task_id"], rows[0]["error"]) == ("quoted", 'say "no", twice\nplease')
    done = site.producer("results", "j", "--reason", "infra", "--format", "jsonl")
    assert [json.loads(line)["task_id"] for line in done.stdout.splitlines()] == ["broken"]


def test_show_one_and_what_is_not_there(site):
    store(site, "one", "fail", "assertion", errors=json.dumps(["test_x: no"]), stdout="seen\n",
          tests=json.dumps([{"name": "test_x", "outcome": "failed", "ms": 3, "message": "no"}]))
    done = site.producer("show", "j", "one")
    assert done.returncode == 0, done.stderr
    assert "fail/assertion  j  one" in done.stdout and "failed   test_x  3 ms" in done.stdout and "  seen" in done.stdout
    assert json.loads(site.producer("show", "j", "one", "--format", "json").stdout)["stdout"] == "seen\n"
    for words, says in ((("show", "j", "two"), "no stored verdict for task 'two'"), (("show", "k", "one"), "no job 'k'"),
                        (("results", "k"), "no job 'k'"), (("status", "k"), "no job 'k'")):
        done = site.producer(*words)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_rerun_publishes_what_may_be_replaced(site):
    path = site.write_tasks(tasks(6))
    for number, (status, reason) in enumerate((("pass", "ok"), ("fail", "assertion"), ("error", "infra"), ("error", "bad_task"),
                                               ("error", "undeliverable"))):
        store(site, f"t/{number}", status, reason)
    done = site.producer("rerun", "j", path, "--reason", "infra")
    assert done.returncode == 0, done.stderr
    assert [one["task_id"] for one in drain(site)] == ["t/2"]
    done = site.producer("rerun", "j", path)
    assert "2 tasks confirmed by the broker, 4 left out" in done.stdout
    assert sorted(one["task_id"] for one in drain(site)) == ["t/2", "t/4"]
    assert site.depth("assay.results") == 0, "a rerun must not raise the job's total"
    assert "nothing to publish again" in site.producer("rerun", "j", path, "--reason", "cancelled").stdout


def test_status_of_queues_jobs_and_workers(site):
    site.sql("INSERT INTO jobs (job_id, total, done, passed, failed) VALUES ('j', 8, 4, 3, 1)")
    site.sql("INSERT INTO workers VALUES ('w-1', 'host', 7, '1', 2, 1, true, '{bash,c}', 5, 1, 10, now(), now())")
    site.producer("publish", site.write_tasks(tasks(3)))
    wait_until(lambda: re.search(r"assay.tasks.bash +3 ", site.producer("status").stdout), 60, "the management API to count")
    text = site.producer("status").stdout
    assert re.search(r"j +open +4 +8 +50.0 % +3 +1 +0 +0", text)
    assert re.search(r"w-1 +busy +2 +1 +5 +1 +bash c", text)
    found = json.loads(site.producer("status", "--format", "json").stdout)
    assert next(queue for queue in found["queues"] if queue["name"] == "assay.tasks.bash")["waiting"] == 3
    assert found["jobs"][0]["done"] == 4 and found["workers"][0]["state"] == "busy"
    over_amqp = site.producer("status", "j", env={"ASSAY_MANAGEMENT_URL": "", "ASSAY_PG_URL": site.pg_url("assay_producer")})
    assert re.search(r"assay.tasks.bash +3", over_amqp.stdout)
    wrong = site.producer("status", env={"ASSAY_MANAGEMENT_PASSWORD": "wrong"})
    assert (wrong.returncode, "401" in wrong.stderr) == (3, True)


def test_watch_ends_with_the_job(site):
    watcher = site.start("assay-producer", "status", "j", "--watch", "--interval", "0.2")
    wait_until(lambda: watcher.output().count("queue ") >= 2, 30, "two looks before the job is known")
    site.sql("INSERT INTO jobs (job_id, total, done) VALUES ('j', 2, 1)")
    wait_until(lambda: watcher.output().count("open") >= 2, 30, "two looks")
    site.sql("UPDATE jobs SET done = 2, state = 'complete' WHERE job_id = 'j'")
    assert watcher.wait(30) == 0
    assert "complete" in watcher.output()
