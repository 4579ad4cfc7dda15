"""A job of known verdicts under a seeded schedule of faults: nothing lost, nothing twice, nothing invented. Longer: tests/soak."""
import os
import signal
import time

import campaign
import faults
import network
from machine import Clock

from lib.skipping import skip
from lib.waiting import wait_until

KILLED = ("worker_killed", "collector_killed", "producer_killed")


def needs(condition, name, why):
    if not condition:
        skip(name, why)


def right_after(site, seed, chosen, seconds, **fleet):
    """The books are right after all kinds of `chosen`; publishing goes on for as long as that takes."""
    run = campaign.Campaign(site, 3000, seed, gap_s=1, faults_s=seconds, publish_s=seconds, chunk=40, rate=8, **fleet)
    assert run.run(chosen, collectors=2, producers=2) == []
    missed = [fault.__name__ for _, fault in chosen if fault.__name__ not in run.counted]
    assert not missed, f"these did not happen: {missed}; {run.counted}"


def test_books_are_right_when_programs_and_servers_fail(site):
    right_after(site, 1, faults.ALL, 45)


def test_books_are_right_when_clocks_step_and_disks_are_full(site):
    needs(Clock.available(), "faketime", "libfaketime is not there")
    needs(os.geteuid() == 0, "small-disk", "mounting a tmpfs needs root")
    right_after(site, 2, faults.CLOCK + faults.DISK + faults.some(*KILLED), 20, disk=64, clocks=True)


def test_books_are_right_behind_a_bad_network(site):
    try:
        right_after(site, 3, faults.NETWORK + faults.some(*KILLED), 20, network=True)
    except network.Unavailable as problem:
        skip("network-faults", problem)


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
