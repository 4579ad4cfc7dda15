"""The profiles standard and strict end to end: the limits that docs/runtimes.md gives are those that a program meets."""
import json
import os
import subprocess

import pytest
from sandboxes import driver_for

# Says which of the limits it meets, each by taking more than strict gives and less than standard does.
PROGRAM = """
import os, resource, signal

def outcome(attempt):
    try:
        attempt()
    except (MemoryError, OSError) as trouble:
        return type(trouble).__name__
    return "taken"

def memory():
    bytearray(800 << 20)

def disk():
    with open("large", "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))

children = []

def processes():
    for _ in range(90):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)

print("cpu_s", resource.getrlimit(resource.RLIMIT_CPU)[0])
print("memory", outcome(memory))
print("disk", outcome(disk))
os.unlink("large")
print("processes", outcome(processes))
for pid in children:
    os.kill(pid, signal.SIGKILL)
"""
MET = {"standard": "cpu_s 120\nmemory taken\ndisk taken\nprocesses taken\n",
       "strict": "cpu_s 15\nmemory MemoryError\ndisk OSError\nprocesses BlockingIOError\n"}


@pytest.fixture
def run(build):
    driver_for(build, "root")

    def run_tasks(*tasks):
        done = subprocess.run([build / "bin" / "assay-worker", "--local", "-"], input="\n".join(map(json.dumps, tasks)),
                              env={"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python"},
                              capture_output=True, text=True, timeout=180, check=False)
        assert done.stdout, done.stderr
        return {one["task_id"]: one for one in map(json.loads, done.stdout.splitlines())}
    return run_tasks


def task(name, expected, **more):
    return {"task_id": name, "runtime": "python", "implementation_code": PROGRAM, "cases": [{"expected_stdout": expected}], **more}


def test_each_profile_gives_its_limits(run):
    results = run(task("default", MET["standard"]), *(task(name, met, profile=name) for name, met in MET.items()))
    for name in ("default", *MET):
        assert results[name]["status"] == "pass", results[name]
    # Crossed over, so that the test would notice a profile that does nothing.
    crossed = run(task("a", MET["standard"], profile="strict"), task("b", MET["strict"], profile="standard"))
    assert [crossed[name]["reason"] for name in "ab"] == ["processes", "wrong_output"]


def test_what_a_task_says_holds_under_strict(run):
    limits = {"memory_mb": 2048, "disk_mb": 256, "processes": 128, "cpu_s": 120}
    results = run(task("t", MET["standard"], profile="strict", limits=limits))
    assert results["t"]["status"] == "pass", results["t"]


def test_strict_ends_what_is_beyond_by_its_reason(run):
    hog = {"task_id": "hog", "runtime": "python", "profile": "strict", "implementation_code": "x = bytearray(800 << 20)\n",
           "cases": [{"expected_stdout": ""}]}
    results = run(hog, {**hog, "task_id": "fits", "profile": "standard"})
    assert (results["hog"]["status"], results["hog"]["reason"]) == ("fail", "memory")
    assert results["fits"]["status"] == "pass"
