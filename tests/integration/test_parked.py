"""What an idle slot makes ahead: the process of a suite that waits for its task, against a real broker and real runtimes."""
import os
import signal

import pytest

from lib import proc
from lib.waiting import wait_until

NODE_SUITE = ("const test = require('node:test');\nconst assert = require('node:assert');\nconst { double } = require('./implementation.js');\n"
              "test('double', () => assert.strictEqual(double(2), 4));\ntest('zero', () => assert.strictEqual(double(0), 0));\n")
PYTHON_SUITE = ("from implementation import double\n\n\ndef test_double():\n    assert double(2) == 4\n\n\ndef test_zero():\n    assert double(0) == 0\n")
COLD = {"ASSAY_WARM_ENABLED": "false"}
KINDS = {
    "node": {"suite": NODE_SUITE, "harness": b"run_suite.mjs", "settings": {}, "programs": {
        "right": "exports.double = (n) => 2 * n;\n",
        "wrong": "console.log('hello'); exports.double = (n) => n + 2;\n",
        "no syntax": "exports.double = (n => ;\n",
        "loops": "for (;;);\n",
        "exits": "process.exit(0);\n"}},
    "python": {"suite": PYTHON_SUITE, "harness": b"run_suite.py", "settings": COLD, "programs": {
        "right": "def double(n):\n    return 2 * n\n",
        "wrong": "print('hello')\n\n\ndef double(n):\n    return n + 2\n",
        "no syntax": "def double(n:\n",
        "loops": "while True:\n    pass\n",
        "exits": "import os\nos._exit(0)\n"}},
}


class Slot:
    """A worker of one slot, with a broker of its own."""

    def __init__(self, site, kind, **settings):
        self.site, self.kind, self.of = site, kind, KINDS[kind]
        self.worker = site.start_worker(kind, **{**self.of["settings"], **settings})
        self.count = 0

    def run(self, program="right", **more):
        self.count += 1
        limits = {"wall_s": 3, **more.pop("limits", {})}
        self.site.publish({"task_id": f"t{self.count}", "job_id": "job", "runtime": self.kind, "implementation_code": self.of["programs"][program],
                           "test_suite_code": self.of["suite"], "limits": limits, **more}, self.kind)
        return self.site.get("assay.results", 60)[1]

    def waiting(self):
        """The process that waits for a task; None."""
        return next((pid for pid in reversed(proc.descendants(self.worker.pid)) if self.of["harness"] in proc.read(f"/proc/{pid}/cmdline")), None)

    def wait_parked(self):
        return wait_until(self.waiting, 30, "a process that waits")

    def parked(self):
        """Until a process waits: what it takes, and its pid."""
        while self.waiting() is None and self.count < 2:
            assert self.run()["status"] == "pass"
        return self.wait_parked()


def is_parked(result):
    return "parked_process" in result["sandbox"]


@pytest.fixture(params=sorted(KINDS))
def slot(request, vhost):
    return Slot(vhost, request.param)


def told(result):
    """All of a result but what differs from run to run."""
    differs = ("task_id", "timing_ms", "cpu_ms", "peak_memory_kb", "started_at", "finished_at", "sandbox", "tests", "worker")
    return {name: value for name, value in result.items() if name not in differs} | {
        "tests": [(test["name"], test["outcome"], test["message"]) for test in result["tests"]]}


def test_the_same_verdicts(vhost, slot):
    parked = {}
    for name in slot.of["programs"]:
        slot.parked()
        parked[name] = slot.run(name)
        assert is_parked(parked[name]), name
        slot.wait_parked()
    assert slot.worker.stop() == 0
    other = Slot(vhost, slot.kind, ASSAY_WARM_PARK="false")
    for name, result in parked.items():
        plain = other.run(name)
        assert not is_parked(plain) and other.waiting() is None
        assert told(result) == told(plain), name
    assert (parked["loops"]["reason"], parked["exits"]["reason"]) == ("wall_time", "tampered")


def test_each_process_is_used_once(slot):
    first = slot.parked()
    assert is_parked(slot.run())
    second = slot.wait_parked()
    assert first != second and proc.state(first) == "X"


def test_what_the_next_task_is_not_expected_to_be(slot):
    slot.parked()
    other = slot.run(limits={"wall_s": 4})
    assert other["status"] == "pass" and not is_parked(other)
    assert is_parked(slot.run(limits={"wall_s": 4})) == is_parked(slot.run()) is False, "two alike come first"


def test_killed_while_it_waits(slot):
    for _ in range(2):
        os.kill(slot.parked(), signal.SIGKILL)
        wait_until(lambda: slot.waiting() is None, 30, "its end")
        result = slot.run()
        assert (result["status"], result["attempt"]) == ("pass", 1) and not is_parked(result)
        slot.run()


def test_the_worker_ends_with_it(slot):
    pid = slot.parked()
    assert slot.worker.stop() == 0
    wait_until(lambda: proc.state(pid) == "X", 30, "its end")


def test_a_worker_that_is_killed_leaves_none(slot):
    pid = slot.parked()
    slot.worker.kill()
    wait_until(lambda: proc.state(pid) == "X", 30, "its end")


def test_a_waiting_process_takes_no_processor_time(slot):
    """Neither it nor the processes of its sandbox: what looks at a task's time, memory and disk looks at nothing yet."""
    slot.parked()
    pids = [pid for pid in proc.descendants(slot.worker.pid) if proc.stat_of(pid)]

    def switches():
        return [line for pid in pids for line in proc.read(f"/proc/{pid}/status").splitlines() if line.startswith(b"voluntary_ctxt_switches")]

    seen = []

    def rests():
        seen.append(switches())
        return len(seen) > 12 and all(one == seen[-1] for one in seen[-13:])  # 3 s: what is looked at is looked at each second at least

    wait_until(rests, 30, "all of its sandbox to rest", every=0.25)
