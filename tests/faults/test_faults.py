"""A job of known verdicts under a seeded schedule of faults: nothing lost, nothing twice, nothing invented. Longer: tests/soak."""
import signal
import time

import campaign
import faults
import pytest

from lib.waiting import wait_until

COMPUTED = [fault for fault in faults.ALL if fault[1] not in (faults.broker_restarted, faults.broker_killed, faults.database_restarted, faults.database_crashed)]


@pytest.mark.parametrize("seed, chosen, seconds", [(1, COMPUTED, 35), (2, faults.ALL, 45)], ids=["programs-and-alarms", "servers-too"])
def test_books_are_right_after_faults(site, seed, chosen, seconds):
    run = campaign.Campaign(site, 300, seed, gap_s=1.5, faults_s=seconds, rate=10)
    assert run.run(chosen, collectors=2) == []
    assert sum(run.counted.values()) > 5, run.counted


def test_a_worker_that_stood_still_does_not_blame_the_task(site):
    """Stopped (or starved) beyond the task's wall limit while the task itself was done in time."""
    worker = site.start_worker("bash")
    site.publish({"task_id": "t", "runtime": "bash", "implementation_code": "sleep 2; echo hi", "cases": [{"expected_stdout": "hi"}],
                  "limits": {"wall_s": 5}}, "bash")
    site.wait_busy(worker)
    worker.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped + 7, 10, "the wall limit to pass")
    worker.signal(signal.SIGCONT)
    _, verdict = site.get("assay.results")
    assert (verdict["status"], verdict["reason"]) == ("pass", "ok"), verdict
    assert verdict["timing_ms"]["run"] < 5000
