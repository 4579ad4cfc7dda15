"""The worker's loop, on slots that answer without running anything (tests/tools/noop_worker.c): everything around the sandbox."""
from lib.waiting import wait_until
from lib.way_to_broker import WayToBroker

NOOP = {"runtime": "bash", "implementation_code": "", "cases": [{"expected_stdout": ""}]}


def noop(task_id, ms=0, **more):
    return {**NOOP, "task_id": task_id, "labels": {"noop_ms": str(ms)}, **more}


def test_thousands_at_once_each_stored_once(site):
    site.start_collector()
    site.start_worker("bash", slots=16, noop=True, ASSAY_WORKER_PREFETCH=100)
    site.start_worker("bash", slots=1, noop=True)
    file = site.write_tasks([noop(f"task-{n}") for n in range(3000)])
    done = site.producer("publish", file, "--job", "many", "--wait")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = site.wait_for_rows(3000, "many")
    assert {row[1:] for row in rows} == {("pass", "ok")}
    assert site.value("SELECT done FROM jobs WHERE job_id = 'many'") == 3000
    wait_until(lambda: site.depth("assay.tasks.bash") == site.depth("assay.results") == 0, 30, "empty queues")


def test_short_tasks_do_not_wait_behind_a_long_one(site):
    """Two workers; one gets a long task. All short ones are done long before it ends, whoever had taken them ahead."""
    site.start_collector()
    site.start_worker("bash", noop=True)
    site.start_worker("bash", noop=True)
    site.publish(noop("long", 20000), "bash")
    for number in range(10):
        site.publish(noop(f"short-{number}", 10), "bash")
    rows = wait_until(lambda: len(site.sql("SELECT task_id FROM executions")) == 10 and
                      site.sql("SELECT task_id, finished_at FROM executions"), 15, "the short tasks while the long one runs")
    assert "long" not in {row[0] for row in rows}


def test_short_tasks_are_published_and_acknowledged_together(site):
    way = WayToBroker(site.servers.port("amqp"))
    site.start_collector()
    done = site.producer("publish", site.write_tasks([noop(f"task-{n}", 3 + n % 5) for n in range(1000)]))
    assert done.returncode == 0, done.stderr[-2000:]
    worker = site.start_worker("bash", slots=4, noop=True, ASSAY_WORKER_PREFETCH=40, ASSAY_AMQP_URL=site.amqp_url("assay-worker", port=way.port))
    site.wait_for_rows(1000)
    wait_until(lambda: site.depth("assay.tasks.bash") == 0, 30, "an empty queue")
    assert worker.stop() == 0
    assert way.acknowledgements < 500 and way.bursts < 400
    way.close()


def test_verdicts_are_acknowledged_together(site):
    way = WayToBroker(site.servers.port("amqp"))
    site.start_worker("bash", slots=2, noop=True)
    done = site.producer("publish", site.write_tasks([noop(f"task-{n}") for n in range(400)]), "--wait",
                         env={"ASSAY_AMQP_URL": site.amqp_url("assay-producer", port=way.port)})
    assert done.returncode == 0 and "400" in done.stdout + done.stderr, done.stderr[-2000:]
    assert 0 < way.acknowledgements < 200
    way.close()


def test_what_is_held_at_the_end_is_acknowledged(site):
    """The worker drains in mid-job: the tasks it has done are not run again."""
    site.start_collector()
    done = site.producer("publish", site.write_tasks([noop(f"task-{n}", 5) for n in range(600)]))
    assert done.returncode == 0, done.stderr[-2000:]
    first = site.start_worker("bash", slots=2, noop=True)
    wait_until(lambda: site.status(first)["prefetch"] > 8 and sum(site.status(first)["tasks"].values()) > 100, 60, "its look-ahead to be wide")
    assert first.stop() == 0
    done_by_first = site.value("SELECT count(*) FROM executions")
    second = site.start_worker("bash", slots=2, noop=True)
    site.wait_for_rows(600)
    wait_until(lambda: site.depth("assay.tasks.bash") == 0, 30, "an empty queue")
    assert sum(site.status(second)["tasks"].values()) <= 600 - done_by_first
