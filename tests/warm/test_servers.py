"""The life of a warm server: started, killed, started anew, not there at all."""
import ctypes
import mmap
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest
from workers import SUITE, Worker, has_ended, is_warm, task, with_stanza

from lib.proc import state
from lib.skipping import skip
from lib.waiting import wait_until

HUGE_PAGE = 2 << 20
MADV_COLLAPSE = 25
GOOD = "def check():\n    return True\n"
SLOW = "import time\n\ndef check():\n    time.sleep(3)\n    return True\n"


def test_killed_in_mid_task_costs_one_attempt(start):
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    server = worker.server()
    worker.send({"task_id": "slow", "runtime": "python", "implementation_code": SLOW,
                 "test_suite_code": "from implementation import check\n\n\ndef test_it():\n    assert check()\n"})
    wait_until(lambda: len(worker.family()) >= 3, 30, "server, waiter and program")
    os.kill(server, signal.SIGKILL)
    slow = worker.answer()
    assert (slow["status"], slow["attempt"]) == ("pass", 2), slow["errors"]
    assert "the warm server died" in worker.log.read_text()
    after = worker.run("after", GOOD)
    assert is_warm(after) and (after["status"], after["attempt"]) == ("pass", 1)
    assert worker.server() != server


def test_killed_between_tasks_costs_nothing(start):
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    server = worker.server()
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: has_ended(server), 30, "its death")
    after = worker.run("after", GOOD)
    assert is_warm(after) and (after["status"], after["attempt"]) == ("pass", 1)


def test_stopped_between_tasks_costs_nothing(start):
    """Nobody lets it go on: the next task does not wait for it until its limit."""
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    server = worker.server()
    os.kill(server, signal.SIGSTOP)
    wait_until(lambda: state(server) == "T", 30, "its standstill")
    after = worker.run("after", GOOD)
    assert is_warm(after) and (after["status"], after["attempt"]) == ("pass", 1), after["errors"]
    assert has_ended(server) and worker.server() != server


def test_stopped_in_mid_task_costs_nothing(start):
    """It is stopped when the task has ended; the task's process is another one."""
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    server = worker.server()
    worker.send(task("slow", SLOW))
    wait_until(lambda: len(worker.family()) >= 3, 30, "server, waiter and program")
    os.kill(server, signal.SIGSTOP)
    slow = worker.answer()
    assert is_warm(slow) and (slow["status"], slow["attempt"]) == ("pass", 1), slow["errors"]
    wait_until(lambda: has_ended(server) or state(server) == "T", 30, "its standstill, or its end by it")
    after = worker.run("after", GOOD)
    assert is_warm(after) and (after["status"], after["attempt"]) == ("pass", 1), after["errors"]
    assert has_ended(server)


def test_under_the_filter_before_it_serves(start):
    """Its forks add to what it has."""
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{worker.server()}/status").read_text().splitlines())
    assert (status["Seccomp"], status["NoNewPrivs"], status["CapEff"].strip("0")) == ("2", "1", "")


def collapses():
    """Does this kernel put what is asked for into huge pages?"""
    with mmap.mmap(-1, 2 * HUGE_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % HUGE_PAGE
        memory[start] = 1
        try:
            memory.madvise(MADV_COLLAPSE, start, HUGE_PAGE)
        except OSError:
            return False
    return True


def test_its_memory_is_in_huge_pages(start):
    """A fork copies less of its page table."""
    if not collapses():
        skip("huge_pages", "this kernel makes none when asked to")
    worker = start()
    assert is_warm(worker.run("before", GOOD))
    rollup = pathlib.Path(f"/proc/{worker.server()}/smaps_rollup").read_text()
    assert int(re.search(r"AnonHugePages:\s+(\d+)", rollup)[1]) >= 2048


def test_started_anew_after_a_number_of_tasks(start):
    worker = start(ASSAY_WARM_TASKS_MAX="2")
    servers = []
    for number in range(6):
        result = worker.run(str(number), GOOD)
        assert is_warm(result) and result["status"] == "pass"
        if number % 2 == 0:
            servers.append(worker.server())
    assert len(set(servers)) == 3


def test_the_worker_leaves_none(build, tmp_path):
    worker = Worker(build, tmp_path)
    assert is_warm(worker.run("one", GOOD))
    server = worker.server()
    worker.process.kill()
    worker.close()
    wait_until(lambda: has_ended(server), 10, "the server's end")


@pytest.mark.parametrize("pattern, replacement, why", [
    (r"warm_suite     = .*", 'warm_suite = ["/usr/bin/false"];', "ended before it was ready"),
    (r"warm_suite     = .*", 'warm_suite = ["/nowhere/python3"];', "No such file or directory"),
    (r"warm_suite     = .*", 'warm_suite = ["/usr/bin/python3", "-c", "import time; raise SystemExit(\'no way\')"];', "no way"),
    (r', "PYTHONHASHSEED=0"\]', "]", "one random hash seed"),
    (r"(warm_suite     = .*)", r'\1 preload = ["no_such_module"];', "No module named 'no_such_module'"),
], ids=["command", "no_command", "exit", "hash_seed", "preload"])
def test_without_a_server_suites_start_cold(start, pattern, replacement, why):
    worker = start(with_stanza(pattern, replacement))
    for name in ("one", "two"):
        result = worker.run(name, GOOD)
        assert result["status"] == "pass" and not is_warm(result)
    bad = worker.run("bad", "def check():\n    return False\n")
    assert (bad["status"], bad["reason"]) == ("fail", "assertion")
    log = worker.log.read_text()
    assert why in log and "suites start cold" in log


def test_switched_off(start):
    worker = start(ASSAY_WARM_ENABLED="false")
    result = worker.run("one", GOOD)
    assert result["status"] == "pass" and not is_warm(result)
    assert worker.family() == []


@pytest.fixture
def modules():
    """A folder that is shown in sandboxes: none below /tmp can be."""
    with tempfile.TemporaryDirectory(prefix="assay-test-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def test_preloads_are_there_and_measured(start, modules):
    """A module that takes 300 MB: nothing of it counts for a task, whose own memory does."""
    (modules / "spacious.py").write_text("DATA = bytearray(300 << 20)\n")
    stanza = with_stanza(r"(warm_suite     = .*)",
                         rf'\1 preload = ["spacious", "sqlite3"]; read_only_paths = ["{modules}"];')
    worker = start(stanza.replace('"PYTHONHASHSEED=0"]', f'"PYTHONHASHSEED=0", "PYTHONPATH={modules}"]', 1))
    loaded = worker.run("loaded", "import sys\n\nBEFORE = 'spacious' in sys.modules and 'sqlite3' in sys.modules\n\ndef check():\n"
                        "    return BEFORE\n")
    assert is_warm(loaded) and loaded["status"] == "pass", loaded["errors"]
    within = worker.run("within", "def check():\n    return len(bytearray(60 << 20)) > 0\n", limits={"memory_mb": 200})
    assert is_warm(within) and within["status"] == "pass", within["errors"]
    assert 60 * 1024 < within["peak_memory_kb"] < 200 * 1024
    beyond = worker.run("beyond", "def check():\n    return len(bytearray(250 << 20)) > 0\n", limits={"memory_mb": 200})
    assert is_warm(beyond) and (beyond["status"], beyond["reason"]) == ("fail", "memory"), beyond["errors"]
    told = worker.check()["warm_servers"]
    assert [(server["runtime"], server["steps"]) for server in told] == [("python", "suites"), ("python", "cases")]
    assert told[0]["serves"] and told[0]["memory_kb"] > 300 * 1024
    for name in ("pytest", "spacious", "sqlite3"):
        assert f"{name} " in told[0]["detail"] and " ms " in told[0]["detail"]


def test_started_anew_when_it_has_grown(start, modules):
    """By a module of the operator's that keeps 3 MB more at each fork: nothing of a task can."""
    (modules / "leaking.py").write_text("import os\nKEPT = []\nos.register_at_fork(before=lambda: KEPT.append(bytearray(b'x' * (3 << 20))))\n")
    stanza = with_stanza(r"(warm_suite     = .*)", rf'\1 preload = ["leaking"]; read_only_paths = ["{modules}"];')
    worker = start(stanza.replace('"PYTHONHASHSEED=0"]', f'"PYTHONHASHSEED=0", "PYTHONPATH={modules}"]', 1), ASSAY_WARM_GROWTH_MB="8")
    for number in range(8):
        result = worker.run(str(number), GOOD)
        assert is_warm(result) and (result["status"], result["attempt"]) == ("pass", 1), result["errors"]
    assert 1 < worker.log.read_text().count("the warm server of python serves suites") < 8


@pytest.mark.skipif(subprocess.run(["/usr/bin/python3", "-c", "import numpy"], capture_output=True, check=False).returncode != 0,
                    reason="python3-numpy is not installed")
def test_numpy_preloaded(start):
    """Loaded, in suites of either path, and with random numbers of each task's own."""
    worker = start(with_stanza(r"(warm_suite     = .*)", r'\1 preload = ["numpy"];'))
    program = "import sys\nLOADED = 'numpy' in sys.modules\nimport numpy\n\ndef check():\n    print(numpy.random.random())\n    return LOADED and numpy.arange(4).sum() == 6\n"
    drawn = []
    for name, suite in (("fast", SUITE), ("pytest", SUITE.replace("test_it()", "test_it(tmp_path)"))):
        result = worker.run(name, program, suite)
        assert is_warm(result) and result["status"] == "pass", result["errors"]
        drawn.append(result["stdout"])
    assert drawn[0] != drawn[1]


def test_what_needs_a_process_of_its_own_starts_cold(worker):
    covered = worker.run("covered", GOOD, coverage=True)
    assert covered["status"] == "pass" and covered["coverage"]["percent"] == 100 and not is_warm(covered)
    small = worker.run("small", GOOD, limits={"memory_mb": 16})
    assert not is_warm(small) and small["status"] == "error"


def test_limits_hold_in_a_fork(worker):
    verdicts = {
        "wall": ("import time\n\ndef check():\n    time.sleep(100)\n", {"wall_s": 2}, ("timeout", "wall_time")),
        "cpu": ("def check():\n    while True:\n        pass\n", {"wall_s": 10, "cpu_s": 1}, ("timeout", "cpu_time")),
        "processes": ("import os, time\n\ndef check():\n    for _ in range(50):\n        if os.fork() == 0:\n            time.sleep(100)\n",
                      {"processes": 20}, ("fail", "processes")),
        "disk": ("def check():\n    with open('big', 'wb') as file:\n        for _ in range(64):\n            file.write(bytes(1 << 20))\n",
                 {"disk_mb": 16}, ("fail", "disk")),
        "crash": ("import ctypes\n\ndef check():\n    ctypes.string_at(0)\n", {}, ("fail", "crash")),
        "output": ("def check():\n    while True:\n        print('x' * 1000)\n", {"output_kb": 64}, ("fail", "output")),
    }
    for name, (program, limits, verdict) in verdicts.items():
        result = worker.run(f"limit/{name}", program, limits=limits)
        assert is_warm(result) and (result["status"], result["reason"]) == verdict, (name, result["reason"], result["errors"])
        assert worker.run(f"limit/{name}/after", GOOD)["status"] == "pass"


def test_a_crash_is_told_on_the_tasks_own_stderr(worker):
    result = worker.run("segv", "import ctypes\n\ndef check():\n    ctypes.string_at(0)\n")
    assert is_warm(result) and "Segmentation fault" in result["stderr"]


def test_what_a_fork_forks_is_as_elsewhere(worker):
    """A process with one thread, and with locks that nobody holds."""
    program = ("import logging, os, threading\nheld, done = threading.Event(), threading.Event()\nhandler = logging.StreamHandler()\n\n\n"
               "def hold():\n    with handler.lock:\n        held.set()\n        done.wait()\n\n\n"
               "def check():\n    thread = threading.Thread(target=hold)\n    thread.start()\n    held.wait()\n    pid = os.fork()\n    if pid == 0:\n"
               "        os._exit(0 if threading.active_count() == 1 and handler.lock.acquire(blocking=False) else 1)\n"
               "    done.set()\n    thread.join()\n    return os.waitpid(pid, 0)[1] == 0 and logging._lock.acquire(blocking=False)\n")
    result = worker.run("fork", program)
    assert is_warm(result) and result["status"] == "pass", result["errors"]
