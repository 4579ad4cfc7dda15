"""What kills workers, and what has the bad luck to be beside it."""
import pathlib
import shutil
import signal
import tempfile

import pytest

from lib.waiting import wait_until

QUEUE = "assay.tasks.bash"
LIMIT = 8


def task(name, code="echo hi", **more):
    return {"task_id": name, "job_id": "j", "runtime": "bash", "implementation_code": code, "cases": [{"expected_stdout": "hi"}], **more}


def shorten_life(site, limit):
    """Tasks die after so many returns."""
    site.management("PUT", "policies/{vhost}/short", {
        "pattern": "^assay\\.tasks\\.", "apply-to": "queues", "priority": 10,
        "definition": {"delivery-limit": limit, "dead-letter-exchange": "assay.dead", "dead-letter-routing-key": "tasks",
                       "dead-letter-strategy": "at-least-once", "overflow": "reject-publish"}})
    wait_until(lambda: (site.management("GET", f"queues/{{vhost}}/{QUEUE}").get("effective_policy_definition") or {})
               .get("delivery-limit") == limit, what="the policy")


def test_a_task_that_kills_workers_dies_alone(site):
    """Its neighbours were at hand each time. Requeued, it gets its real verdict."""
    shorten_life(site, LIMIT)
    site.start_collector()
    neighbours = [task(f"neighbour-{number}") for number in range(2)]
    assert site.producer("publish", site.write_tasks([task("poison", code="sleep 5; echo hi"), *neighbours])).returncode == 0
    ended = lambda: site.value("SELECT count(*) FROM executions WHERE task_id = 'poison'") > 0  # noqa: E731
    deaths = 0
    while deaths < 3 * LIMIT:
        worker = site.start_worker("bash", wait=False, ASSAY_WORKER_PREFETCH=3, ASSAY_WORKER_DELIVERY_LIMIT=LIMIT, ASSAY_LOG_LEVEL="debug")
        wait_until(lambda: ended() or any('"poison"' in line and '"started"' in line for line in worker.errors().splitlines()),
                   60, "the poison to be taken")
        if ended():
            break
        worker.signal(signal.SIGKILL)
        worker.wait(10)
        deaths += 1
    assert LIMIT <= deaths <= LIMIT + 2
    assert dict(row[:2] for row in site.wait_for_rows(3, "j")) == {"poison": "error", "neighbour-0": "pass", "neighbour-1": "pass"}
    assert site.sql("SELECT task_id, reason FROM dead_letters") == [("poison", "delivery_limit")]
    done = site.producer("dead", "requeue", "--all")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: {row[1] for row in site.wait_for_rows(3, "j")} == {"pass"}, 60, "the real verdict")
    assert site.sql("SELECT state, done, passed, errors FROM jobs") == [("complete", 3, 3, 0)]


@pytest.fixture(name="tools")
def folder_of_tools():
    """A folder that sandboxes can show: their /tmp is their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-tools-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_one_sick_worker_among_three_healthy_ones_burns_nothing(site, tools):
    interpreter = tools / "run"
    interpreter.write_text("#!/bin/bash\nexec /bin/bash \"$@\"\n")
    interpreter.chmod(0o755)
    config = site.folder / "runtimes.cfg"
    config.write_text(f"""runtimes = {{ bash = {{ program_file = "p.sh"; run_case = ["{interpreter}", "{{program}}"];
        read_only_paths = ["{tools}"]; self_test = {{ program = "echo hello"; expected_stdout = "hello"; }}; }}; }};""")
    site.start_collector()
    sick = site.start_worker("bash", ASSAY_RUNTIMES_FILE=config)
    for _ in range(3):
        site.start_worker("bash")
    interpreter.unlink()
    count = 60
    assert site.producer("publish", site.write_tasks([task(f"t{number}") for number in range(count)])).returncode == 0
    assert {row[1:] for row in site.wait_for_rows(count, "j", 120)} == {("pass", "ok")}
    sick.wait_for_log("infra fault", 60)
    assert site.value("SELECT count(*) FROM dead_letters") == 0
