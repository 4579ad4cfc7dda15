"""The wall limit is the program's own time, and all that it gets."""
import json
import os
import signal
import subprocess

from lib.proc import read, state
from lib.waiting import wait_until
from sandboxes import tree

SLOW = "import time\n\n\ndef answer():\n    time.sleep(3)\n    return 42\n"
SUITE = "from implementation import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"


def test_a_report_that_is_complete_too_late(build):
    """Whatever keeps the task's init from its work: here it is stopped until the program has ended by itself, long after its limit."""
    env = {"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python", "ASSAY_WORKER_SLOTS": "1",
           "ASSAY_WARM_ENABLED": "false"}
    task = {"task_id": "t", "runtime": "python", "implementation_code": SLOW, "test_suite_code": SUITE, "limits": {"wall_s": 1}}
    with subprocess.Popen([build / "bin/assay-worker", "--local", "-"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.close()

        def program():
            return next((pid for pid in tree(worker.pid) if b"run_suite.py" in read(f"/proc/{pid}/cmdline")
                         and b"sleep(3)" in read(f"/proc/{pid}/root/work/implementation.py")), None)
        suite = wait_until(program, 60, "the suite's process", every=0.01)
        init = int(read(f"/proc/{suite}/stat").decode().rpartition(") ")[2].split()[1])
        os.kill(init, signal.SIGSTOP)
        try:
            wait_until(lambda: state(suite) == "Z", 30, "the program to end by itself")
        finally:
            os.kill(init, signal.SIGCONT)
        result = json.loads(worker.stdout.read())
    assert (result["status"], result["reason"]) == ("timeout", "wall_time"), result
    assert result["timing_ms"]["run"] >= 3000
