"""Lanes under a backlog: workers that run nothing (tests/tools/noop_worker.c), their slots held for some milliseconds a task."""
from lib.waiting import wait_until

COUNT = 300


def tasks(prefix, count, ms=40, **more):
    return [{"task_id": f"{prefix}{number}", "runtime": "bash", "implementation_code": "", "cases": [{"expected_stdout": ""}],
             "labels": {"noop_ms": str(ms)}, **more} for number in range(count)]


def test_interactive_overtakes_a_backlog_and_bulk_moves(site):
    backlog = tasks("n", COUNT) + tasks("b", COUNT, lane="bulk")
    assert site.producer("publish", site.write_tasks(backlog)).returncode == 0
    site.start_collector()
    site.start_worker("bash", slots=2, noop=True)

    def done(prefix):
        return site.value("SELECT count(*) FROM executions WHERE task_id LIKE %s", prefix + "%")
    wait_until(lambda: done("n") > 20, 60, "the backlog to shrink")
    assert site.producer("publish", site.write_tasks(tasks("i", 3, lane="interactive"))).returncode == 0
    wait_until(lambda: done("i") == 3, 60, "the interactive tasks")
    assert done("n") < COUNT / 2, "the backlog was served first"
    wait_until(lambda: done("n") == COUNT, 120, "the backlog")
    moved = site.value("SELECT count(*) FROM executions WHERE task_id LIKE 'b%%' AND finished_at <="
                       " (SELECT max(finished_at) FROM executions WHERE task_id LIKE 'n%%')")
    assert COUNT / 20 < moved < COUNT * 3 / 4, "normal weighs 4 times as much as bulk"


def test_short_tasks_keep_the_weights(site):
    """Tasks that end before their lane's next one has come: the look-ahead grows until a lane has always one to start."""
    count = 1500
    assert site.producer("publish", site.write_tasks(tasks("n", count, ms=5) + tasks("b", count, ms=5, lane="bulk"))).returncode == 0
    site.start_collector()
    site.start_worker("bash", slots=2, noop=True)
    wait_until(lambda: site.value("SELECT count(*) FROM executions WHERE task_id LIKE 'n%%'") == count, 300, "the normal lane")
    # Of the second half of the normal lane's time: it grew in the first.
    moved = site.value("WITH n AS (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY finished_at) AS half, max(finished_at) AS last"
                       " FROM executions WHERE task_id LIKE 'n%%')"
                       " SELECT count(*) FROM executions, n WHERE task_id LIKE 'b%%' AND finished_at > half AND finished_at <= last")
    print(f"{moved} of bulk while {count // 2} of normal")
    assert count / 20 < moved < count * 3 / 10, "normal weighs 4 times as much as bulk"
