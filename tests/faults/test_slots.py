"""One sick slot among healthy ones: its runtime server dies all the time."""
import json
import signal
import time

from fleet import signal_pid

from lib.proc import children, read
from lib.waiting import wait_until

TASKS = 60
# Long enough that a death every 200 ms meets what runs in the slot.
SUITE = "import time\n\nfrom implementation import add\n\n\ndef test_add():\n    time.sleep(0.3)\n    assert add(1, 2) == 3\n"


def warm_servers(init):
    return [pid for pid in children(init) if b"warm_server" in read(f"/proc/{pid}/cmdline")]


def test_a_dying_runtime_server_disturbs_its_own_slot_alone(site):
    worker = site.start_worker("python", slots=4)
    site.start_collector()
    sick, *others = children(worker.pid)
    wait_until(lambda: all(map(warm_servers, others)), 60, "a runtime server in each slot")
    healthy = [warm_servers(init) for init in others]
    path = site.write_tasks([{"task_id": f"t{n}", "job_id": "j", "runtime": "python", "test_suite_code": SUITE, "timeout": 60,
                              "implementation_code": f"def add(a, b):\n    return a {'+-'[n % 2]} b\n"} for n in range(TASKS)])
    producer = site.start("assay-producer", "publish", path, "--wait")
    killed = set()
    while producer.alive():
        killed.update(pid for pid in warm_servers(sick) if signal_pid(pid, signal.SIGKILL))
        time.sleep(0.2)
    assert producer.wait(0) == 1
    assert site.wait_for_rows(TASKS, "j") == sorted((f"t{n}", *[("pass", "ok"), ("fail", "assertion")][n % 2]) for n in range(TASKS))
    assert len(killed) > 1, "it was started again, and killed again"
    assert children(worker.pid) == [sick, *others] and [warm_servers(init) for init in others] == healthy
    faults = [line for line in map(json.loads, worker.errors().splitlines()) if "infra fault" in line["message"]]
    assert {line["slot"] for line in faults} <= {1}, faults
