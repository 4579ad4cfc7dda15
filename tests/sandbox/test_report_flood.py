"""A program floods the descriptor on which the suite's results travel: no verdict comes of it, and the worker lives on."""
import json
import os
import subprocess

import pytest
from sandboxes import ATTACK, PYTHON, as_user, driver_for

SUITE = "from implementation import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
HONEST = "def answer():\n    return 42\n"
# Every pipe or socket that the process has: wherever the harness put its own.
FLOOD = """
import os, stat, time

def answer():
    block = b"x" * 65536
    {fork}
    while True:
        for fd in range(3, 256):
            try:
                if stat.S_ISFIFO(os.fstat(fd).st_mode) or stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, block)
            except OSError:
                pass
        os.close(os.open("/tmp/flooded", os.O_CREAT))
    return 42
"""
# On a busy machine the child may begin when the suite has ended, and has flooded nothing then.
CHILD = """if os.fork() != 0:
        while not os.path.exists("/tmp/flooded"):
            time.sleep(0.01)
        return 42"""


@pytest.fixture(params=["root", "user"])
def run(request, build):
    driver_for(build, request.param)

    def run_tasks(*programs):
        words = [build / "bin/assay-worker", "--local", "-"]
        if request.param == "user":
            words = as_user(*words)
        tasks = [{"task_id": str(number), "runtime": "python", "implementation_code": program, "test_suite_code": SUITE,
                  "limits": {"wall_s": 6}} for number, program in enumerate(programs)]
        env = {"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python", "ASSAY_WORKER_SLOTS": "1",
               "ASSAY_SANDBOX_ALLOW_MISSING": "cgroup_memory,cgroup_cpu" if request.param == "user" else ""}
        done = subprocess.run(words, input="\n".join(map(json.dumps, tasks)), env=env, capture_output=True, text=True, timeout=180,
                              check=False)
        assert done.stdout, done.stderr
        results = {one["task_id"]: one for one in map(json.loads, done.stdout.splitlines())}
        return [results[task["task_id"]] for task in tasks]
    return run_tasks


def test_flood_of_the_report(run):
    control = subprocess.run(["bash", "-c", f"{PYTHON} {ATTACK} flood 3 3>&1 | head -c 20M | wc -c"], capture_output=True, text=True,
                             timeout=60, check=True)
    assert control.stdout.strip() == str(20 << 20)
    first, alone, beside, last = run(HONEST, FLOOD.format(fork=""), FLOOD.format(fork=CHILD), HONEST)
    assert first["status"] == last["status"] == "pass", (first, last)
    for result in (alone, beside):
        assert result["status"] == "fail" and result["reason"] in ("tampered", "timeout"), result
