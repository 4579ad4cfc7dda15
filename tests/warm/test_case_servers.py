"""The server of a runtime's cases: how it lives, when cases start cold, and that nothing goes from one case to the next."""
import json
import os
import resource
import signal

import pytest
from case_programs import MORE_STATE, READ, shown
from case_programs import STATE as SHOW
from test_leaks import DIRT, STATE
from workers import Worker, case_task, has_ended, is_warm, with_stanza

from lib.waiting import wait_until

DOUBLE = "print(2 * int(input()))\n"
RIGHT = {"stdin": "21", "expected_stdout": "42"}
SLOW = "import time\ntime.sleep(3)\n"
CASES = [RIGHT, {"stdin": "1", "expected_stdout": "2"}, {"stdin": "x", "expected_stdout": "", "exit_code": 1}]


def test_cases_are_forks(start):
    worker = start()
    result = worker.run_cases("one", DOUBLE, *CASES)
    assert is_warm(result) and result["status"] == "pass", result["errors"]
    assert result["sandbox"].count("warm_server") == 1
    server = worker.server(worker.case_family)
    assert worker.run_cases("two", DOUBLE, *CASES)["status"] == "pass" and worker.server(worker.case_family) == server
    told = worker.check()["warm_servers"]
    assert [(one["steps"], one["serves"]) for one in told] == [("suites", True), ("cases", True)]
    assert "implementation.py" in told[1]["detail"] and told[1]["memory_kb"] < 20 * 1024


def test_cases_and_a_suite_in_one_task(start):
    worker = start()
    program = "def double(n):\n    return 2 * n\n\nif __name__ == '__main__':\n    print(double(int(input())))\n"
    suite = "from implementation import double\n\n\ndef test_it():\n    assert double(2) == 4\n"
    result = worker.run_cases("both", program, RIGHT, test_suite_code=suite, limits={"processes": 2})
    assert is_warm(result) and (result["status"], result["total"]) == ("pass", 2), result["errors"]


def test_killed_between_tasks_and_cases(start):
    worker = start()
    assert is_warm(worker.run_cases("before", DOUBLE, RIGHT))
    server = worker.server(worker.case_family)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: has_ended(server), 30, "its death")
    after = worker.run_cases("after", DOUBLE, RIGHT)
    assert is_warm(after) and (after["status"], after["attempt"]) == ("pass", 1)


def test_killed_in_mid_case_costs_one_attempt(start):
    worker = start()
    assert is_warm(worker.run_cases("before", DOUBLE, RIGHT))
    server = worker.server(worker.case_family)
    worker.send(case_task("slow", SLOW, {"expected_stdout": ""}))
    wait_until(lambda: len(worker.case_family()) >= 3, 30, "server, waiter and program")
    os.kill(server, signal.SIGKILL)
    slow = worker.answer()
    assert (slow["status"], slow["attempt"]) == ("pass", 2), slow["errors"]


def test_started_anew_after_a_number_of_cases(start):
    worker = start(ASSAY_WARM_TASKS_MAX="2")
    servers = []
    for number in range(6):
        result = worker.run_cases(str(number), DOUBLE, RIGHT)
        assert is_warm(result) and result["status"] == "pass"
        if number % 2 == 0:
            servers.append(worker.server(worker.case_family))
    assert len(set(servers)) == 3


@pytest.mark.parametrize("pattern, replacement, why", [
    (r', "PYTHONHASHSEED=0"\]', "]", "one random hash seed"),
    (r', "PYTHONHASHSEED=0"\]', ', "PYTHONHASHSEED=random"]', "one random hash seed"),
    (r'run_case .*"-s", "{program}"\];', 'run_case = ["/usr/bin/python3", "-E", "-s", "{program}"];', "one random hash seed"),
    (r'run_case .*"-s", "{program}"\];', 'run_case = ["/usr/bin/python3", "{program}"];', "user's site directory"),
    (r'"PYTHONHASHSEED=0"\]', '"PYTHONHASHSEED=0", "PYTHONPATH=/work/lib"]', "sys.path lies in the workspace"),
    (r'"PYTHONHASHSEED=0"\]', '"PYTHONHASHSEED=0", "PYTHONPATH=lib"]', "sys.path lies in the workspace"),
    (r'run_case .*"-s", "{program}"\];', 'run_case = ["/usr/bin/env", "python3", "{program}"];', "ended before it was ready"),
    (r'run_case .*"-s", "{program}"\];', 'run_case = ["/bin/bash", "-c", "exec python3 implementation.py", "{program}"];', "ended before it was ready"),
], ids=["no_seed", "random_seed", "environment_ignored", "user_site", "path", "relative_path", "no_python", "shell"])
def test_without_a_server_cases_start_cold(start, pattern, replacement, why):
    worker = start(with_stanza(pattern, replacement))
    for name in ("one", "two"):
        result = worker.run_cases(name, DOUBLE, *CASES)
        assert result["status"] == "pass" and not is_warm(result), result["errors"]
    log = worker.log.read_text()
    assert why in log and "its cases start cold" in log


@pytest.mark.parametrize("words", [["-s", "-u"], ["-s", "-X", "dev"], ["-s", "-P"], ["-s", "-O", "-B"], ["-s", "-S"], ["-s", "-W", "error"], ["-s", "-X", "utf8=0"]],
                         ids=" ".join)
def test_flags_of_the_interpreter(start, words):
    """And words of the operator's behind the program."""
    listed = ", ".join(f'"{word}"' for word in ["/usr/bin/python3", *words, "{program}", "--fixed"])
    runtimes = with_stanza(r'run_case  .*"-s", "{program}"\];', f"run_case = [{listed}];")
    warm, cold = start(runtimes), start(runtimes, ASSAY_WARM_ENABLED="false")
    for name, program, case in (("show", SHOW, {"args": ["more"]}), ("read", SHOW, READ[0]), ("more", MORE_STATE, None)):
        ours, theirs = (one.run_cases(name, program, case) for one in (warm, cold))
        assert is_warm(ours) and not is_warm(theirs)
        assert shown(ours) == shown(theirs) and ours["stdout"]


def test_the_stacks_of_threads_are_those_of_a_cold_start(start):
    """Which takes their size from its limit when it starts, whatever the worker's own is."""
    program = ("import ctypes\nattributes, size = ctypes.create_string_buffer(256), ctypes.c_size_t()\nlibrary = ctypes.CDLL(None)\n"
               "library.pthread_getattr_default_np(attributes)\nlibrary.pthread_attr_getstacksize(attributes, ctypes.byref(size))\nprint(size.value)\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (3 << 20, hard))
    try:
        warm, cold = start(), start(ASSAY_WARM_ENABLED="false")
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))
    ours, theirs = (one.run_cases("stack", program) for one in (warm, cold))
    assert is_warm(ours) and not is_warm(theirs) and ours["stdout"] == theirs["stdout"] != ""


def test_too_little_memory_for_a_fork(worker):
    small = worker.run_cases("small", DOUBLE, RIGHT, limits={"memory_mb": 64})
    assert not is_warm(small) and small["status"] == "pass"


def test_switched_off(start):
    for worker in (start(ASSAY_WARM_ENABLED="false"), start(with_stanza(r"warm_case      = true", "warm_case = false"))):
        result = worker.run_cases("one", DOUBLE, RIGHT)
        assert result["status"] == "pass" and not is_warm(result) and not worker.case_family()


def test_the_worker_leaves_none(build, tmp_path):
    worker = Worker(build, tmp_path)
    assert is_warm(worker.run_cases("one", DOUBLE, RIGHT))
    server = worker.server(worker.case_family)
    worker.process.kill()
    worker.close()
    wait_until(lambda: has_ended(server), 10, "the server's end")


def test_limits_hold_in_a_fork(worker):
    verdicts = {
        "wall": ("import time\ntime.sleep(100)\n", {"wall_s": 2}, ("timeout", "wall_time")),
        "cpu": ("while True:\n    pass\n", {"wall_s": 10, "cpu_s": 1}, ("timeout", "cpu_time")),
        "memory": ("kept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n", {"memory_mb": 200}, ("fail", "memory")),
        "memory of many": ("import os\nfor _ in range(4):\n    os.fork()\nkept = bytearray(b'x' * (60 << 20))\nos.wait()\n", {"memory_mb": 200}, ("fail", "memory")),
        "processes": ("import os, time\nfor _ in range(50):\n    if os.fork() == 0:\n        time.sleep(100)\n", {"processes": 20}, ("fail", "processes")),
        "disk": ("with open('big', 'wb') as file:\n    for _ in range(64):\n        file.write(bytes(1 << 20))\n", {"disk_mb": 16}, ("fail", "disk")),
        "crash": ("import ctypes\nctypes.string_at(0)\n", {}, ("fail", "crash")),
        "output": ("while True:\n    print('x' * 1000)\n", {"output_kb": 64}, ("fail", "output")),
    }
    for name, (program, limits, verdict) in verdicts.items():
        result = worker.run_cases(f"limit/{name.replace(' ', '-')}", program, None, limits=limits)
        assert is_warm(result) and (result["status"], result["reason"]) == verdict, (name, result["reason"], result["errors"])
        assert worker.run_cases("after", DOUBLE, RIGHT)["status"] == "pass"


# --- one case and the next ---

SHOWING = STATE + """
if sys.argv[1] == "dirty":
    exec(sys.argv[2])
shown = check()
shown["processes"], shown["pid"], shown["argv"] = len(shown["processes"]), None, None
with open("/work/shown-" + sys.argv[1], "w") as file:
    json.dump(shown, file)
if sys.argv[1] == "after":
    for name in ("clean", "dirty", "after"):
        sys.stdout.write(open("/work/shown-" + name).read() + "\\n")
"""
# Files outlive a case, as they do in a cold start: cases of one task share its workspace.
OF_FILES = ("work", "tmp", "shm")


@pytest.mark.parametrize("name", [name for name in DIRT if name not in OF_FILES])
def test_nothing_is_handed_on_to_the_next_case(worker, name):
    dirt = DIRT[name].replace("(print)", "(lambda *_: None)")
    cases = [{"args": [step, dirt], "expected_stdout": "?" if step == "after" else ""} for step in ("clean", "dirty", "after")]
    result = worker.run_cases(f"{name}/cases", SHOWING, *cases)
    assert is_warm(result) and result["stdout"], result["errors"]
    clean, dirty, after = map(json.loads, result["stdout"].splitlines())
    assert dirty[name] != clean[name], "the control: this dirt does not show"
    assert {key: after[key] for key in after if after[key] != clean[key] and key != "work"} == {}


def test_nor_to_the_next_task(worker):
    program = "import os, sys\nprint(sorted(os.listdir('/work')), os.listdir('/tmp'), os.listdir('/dev/shm'))\nfor folder in ('/work', '/tmp', '/dev/shm'):\n" \
              "    open(folder + '/left', 'w').close()\n"
    shown = [worker.run_cases(str(number), program)["stdout"] for number in range(2)]
    assert shown == ["['implementation.py'] [] []\n"] * 2


def test_a_server_that_is_attacked_serves_on(worker):
    """Its forks hold nothing of it: not its descriptors, not its memory, not its name in /proc."""
    assert is_warm(worker.run_cases("before", DOUBLE, RIGHT))
    server = worker.server(worker.case_family)
    attacks = {
        "descriptors": "import os\nprint([name for name in os.listdir('/proc/self/fd') if int(name) > 2 and os.path.exists('/proc/self/fd/' + name)])",
        "signals": "import os\nfor number in (9, 15, 19):\n    for pid in (1, -1):\n        try:\n            os.kill(pid, number)\n        except OSError:\n            pass\nprint([])",
        "library": "import ctypes\nlibrary = ctypes.PyDLL(None)\n"
                   "print([] if library.assay_warm_serve() == -1 and library.assay_warm_ready(b'x', ctypes.c_int64(0)) == -1 else [1])",
        "memory": "import ctypes\nfor line in open('/proc/self/maps'):\n    first, rights, *rest = line.split()\n    if 'w' in rights and 'assay-warm' in line:\n"
                  "        start, end = (int(part, 16) for part in first.split('-'))\n        ctypes.memset(start, 255, end - start)\nprint([], flush=True)\nimport os\nos._exit(0)",
        "shared": "print([line for line in open('/proc/self/maps') if line.split()[1][3] == 's' and 'w' in line.split()[1]])",
    }
    for name, program in attacks.items():
        result = worker.run_cases(name, program, *[{"expected_stdout": "[]"}] * 2)
        assert is_warm(result) and result["status"] == "pass", (name, result["errors"], result["stdout"], result["stderr"])
        assert worker.run_cases("after", DOUBLE, RIGHT)["status"] == "pass"
    assert worker.server(worker.case_family) == server


def test_what_is_each_cases_own(worker):
    program = ("import json, os, random, secrets, sys, tempfile, time, uuid\nopen('seen', 'a').write(json.dumps([random.random(), secrets.token_hex(), str(uuid.uuid4()), "
               "os.urandom(8).hex(), next(tempfile._get_candidate_names())]) + '\\n')\nassert time.process_time() < 2\n"
               "if sys.argv[1:]:\n    print(open('seen').read())\n")
    result = worker.run_cases("own", program, {"expected_stdout": ""}, {"expected_stdout": ""}, {"args": ["show"]})
    assert is_warm(result)
    seen = list(map(json.loads, result["stdout"].splitlines()[:3]))
    for values in zip(*seen):
        assert len(set(values)) == 3, values
