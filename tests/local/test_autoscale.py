"""compose/local scale and autoscale while a job runs: nothing lost, nothing run twice, the number of workers within its bounds."""
import json
import os
import re
import subprocess
import urllib.request

import pytest

from lib.local import Local
from lib.ports import free_port
from lib.processes import Process
from lib.servers import ROOT
from lib.waiting import wait_until

GROUP = "bash"


class Fleet(Local):
    """One whose collector shows its counters, and that has no workers but those of one group."""

    def begin(self):
        self.port = free_port()
        self.env["ASSAY_COLLECTOR_HTTP_LISTEN"] = f"127.0.0.1:{self.port}"
        (self.state / "fleet").mkdir()
        for group in ("python", "node", "native"):
            (self.state / f"fleet/{group}.count").write_text("0")
        (self.state / f"fleet/{GROUP}.count").write_text("1")
        done = self("up")
        assert done.returncode == 0, done.stderr

    def publish(self, job, count, seconds):
        """Tasks that take a while and no CPU time: their ids follow those that the job has."""
        self.published = getattr(self, "published", {})
        first = self.published.get(job, 0)
        self.published[job] = first + count
        lines = (json.dumps({"task_id": f"t{first + i}", "runtime": "bash", "implementation_code": f"sleep {seconds}; echo done",
                             "cases": [{"expected_stdout": "done\n"}]}) + "\n" for i in range(count))
        done = self.program("assay-producer", "publish", "-", "--job", job, stdin="".join(lines))
        assert done.returncode == 0, done.stderr

    def stored(self, job):
        return int(self.sql(f"SELECT count(*) FROM executions WHERE job_id = '{job}'")[0][0])

    def counters(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            return json.load(answer)

    def check_books(self, job):
        """Each task has one verdict, a pass; and no task made a second one, which a task that ran twice would have."""
        total = self.published[job]
        wait_until(lambda: self.stored(job) == total, 120, f"{total} verdicts of {job}")
        assert self.sql(f"SELECT count(*), count(DISTINCT task_id) FROM executions WHERE job_id = '{job}' AND status = 'pass'") == \
            [[str(total), str(total)]]
        assert self.sql(f"SELECT done, passed FROM jobs WHERE job_id = '{job}'") == [[str(total), str(total)]]
        assert self.counters()["duplicates"] == 0
        assert self.sql("SELECT count(*) FROM dead_letters") == [["0"]]


@pytest.fixture(scope="module")
def fleet():
    made = Fleet.new()
    try:
        made.begin()
        yield made
    finally:
        made.remove()


def test_scale_during_a_job_loses_nothing(fleet):
    fleet.publish("scaled", 90, 0.15)
    for number in (3, 1, 0, 1):
        done = fleet("scale", f"{GROUP}={number}")
        assert done.returncode == 0, done.stderr
        assert len(fleet.workers()) == number
    fleet.check_books("scaled")


def changes_in(text):
    return [(int(a), int(b)) for a, b in re.findall(rf"autoscale: {GROUP}: (\d+) -> (\d+) workers", text)]


@pytest.fixture
def autoscale(fleet, tmp_path):
    started = []

    def start(*words):
        process = Process([ROOT / "compose/local", "autoscale", *words], fleet.env, tmp_path / f"autoscale-{len(started)}.log")
        started.append(process)
        return process
    yield start
    for process in started:
        if process.alive():
            process.stop()


def test_bursts_are_followed_up_and_idleness_down(fleet, autoscale):
    scaler = autoscale(f"{GROUP}=1-3", "--every", "1", "--backlog-s", "3", "--idle-s", "10")
    scaler.wait_for_log("between 1 and 3 workers, now 1")
    for burst in range(3):
        fleet.publish("bursts", 40, 0.25)
        wait_until(lambda b=burst: fleet.stored("bursts") == 40 * (b + 1), 120, f"burst {burst}")
    fleet.check_books("bursts")
    wait_until(lambda: changes_in(scaler.errors())[-1:] and changes_in(scaler.errors())[-1][1] == 1, 120, "the fleet at its minimum")
    wait_until(lambda: len(fleet.workers()) == 1, 60, "one worker")
    changes = changes_in(scaler.errors())
    assert max(after for _, after in changes) in (2, 3), changes
    assert all(1 <= number <= 3 for change in changes for number in change), changes
    # Up to the maximum in two steps and down in two, at most: the bursts come closer together than --idle-s.
    assert len(changes) <= 4 and sorted(b < a for a, b in changes) == [b < a for a, b in changes], changes
    assert scaler.stop() == 0
    assert "ended; the workers stay as they are" in scaler.errors()
    assert len(fleet.workers()) == 1


def test_a_fleet_of_none_starts_with_the_first_task(fleet, autoscale):
    assert fleet("scale", f"{GROUP}=0").returncode == 0
    scaler = autoscale(f"{GROUP}=0-2", "--every", "1", "--idle-s", "2")
    scaler.wait_for_log("now 0")
    fleet.publish("first", 1, 0)
    fleet.check_books("first")
    wait_until(lambda: not fleet.workers(), 60, "no worker again")
    second = autoscale(f"{GROUP}=1-2")
    assert second.wait(30) == 2 and "another one is at work" in second.errors()


@pytest.mark.parametrize("words, says", [
    (["python=1"], "'python=1' is not GROUP=MIN-MAX"), (["python=5-2"], "MIN <= MAX"), (["python=1-999"], "<= 256"),
    (["cobol=1-2"], "no group or runtime 'cobol'"), (["python=1-2", "--every", "0"], "--every takes a number of seconds"), ([], "usage:")])
def test_autoscale_refuses(fleet, words, says):
    done = fleet("autoscale", *words)
    assert done.returncode == 2 and says in done.stderr


def test_autoscale_help_and_nothing_running(tmp_path):
    def ask(*words):
        return subprocess.run([ROOT / "compose/local", "autoscale", *words], env={**os.environ, "ASSAY_STATE": str(tmp_path)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    done = ask("--help")
    assert done.returncode == 0 and "--backlog-s" in done.stdout
    done = ask("python=1-2")
    assert done.returncode == 3 and "nothing is running" in done.stderr
