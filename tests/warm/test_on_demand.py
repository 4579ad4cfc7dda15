"""The server of cases is started for the first task with cases that comes to a slot, and for no task before."""
import os
import pathlib
import re
import signal
import tempfile

import pytest
from workers import RUNTIMES, case_family, case_task, command, is_warm, task, with_stanza

from lib.proc import descendants
from lib.waiting import wait_until

GOOD = "def check():\n    return True\n"
DOUBLE = "print(2 * int(input()))\n"
RIGHT = {"stdin": "21", "expected_stdout": "42"}
SERVES = "the warm server of python serves cases"
MEMORY_OF_ALL = with_stanza("address_space_limit = true", "address_space_limit = false")


@pytest.fixture
def pythons():
    """pythons(text): runtimes.cfg whose Pythons run that text whenever one starts; none below /tmp is shown in sandboxes."""
    with tempfile.TemporaryDirectory(prefix="assay-test-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)

        def make(text):
            (pathlib.Path(folder) / "sitecustomize.py").write_text(text, encoding="utf-8")
            return MEMORY_OF_ALL.replace("park_suite     = true;", f'park_suite = true; read_only_paths = ["{folder}"];', 1).replace('"PYTHONHASHSEED=0"]', f'"PYTHONHASHSEED=0", "PYTHONPATH={folder}"]', 1)

        yield make


def test_suites_alone_start_none(start):
    worker = start()
    for name in ("one", "two"):
        assert is_warm(worker.run(name, GOOD))
    worker.server()
    assert worker.case_family() == [] and SERVES not in worker.log.read_text()
    first = worker.run_cases("first", DOUBLE, RIGHT)
    assert is_warm(first) and (first["status"], first["attempt"]) == ("pass", 1), first["errors"]
    server = worker.server(worker.case_family)
    assert is_warm(worker.run("three", GOOD)) and is_warm(worker.run_cases("second", DOUBLE, RIGHT))
    assert worker.server(worker.case_family) == server and worker.log.read_text().count(SERVES) == 1


def test_each_slot_has_its_own(start):
    """One that has had no cases has none yet."""
    worker = start(ASSAY_WORKER_SLOTS="2")
    assert is_warm(worker.run_cases("first", DOUBLE, RIGHT))
    worker.server(worker.case_family)
    worker.send(case_task("long", "input()\nimport time\ntime.sleep(3)\n", {"stdin": "1", "expected_stdout": ""}))
    worker.send(case_task("other", DOUBLE, RIGHT))
    results = [worker.answer() for _ in range(2)]
    assert all(map(is_warm, results)) and {result["status"] for result in results} == {"pass"}
    wait_until(lambda: len(worker.case_family()) == 2, 30, "a server in each slot")


def test_its_start_is_not_in_the_time_of_the_first_case(start, pythons):
    worker = start(pythons("import time\ntime.sleep(3)\n"))
    first = worker.run_cases("first", DOUBLE, RIGHT, limits={"wall_s": 2})
    assert is_warm(first) and first["status"] == "pass", first["errors"]
    assert first["timing_ms"]["setup"] >= 3000


def test_its_memory_is_not_the_first_tasks(start, pythons):
    worker = start(pythons("HELD = b'x' * (100 << 20)\n"))
    program = "held = b'x' * (150 << 20)\nprint(len(held) >> 20)\n"
    for name in ("first", "second"):
        result = worker.run_cases(name, program, {"expected_stdout": "150"}, limits={"memory_mb": 250, "processes": 1})
        assert is_warm(result) and result["status"] == "pass", (result["reason"], result["errors"])
        assert 150 * 1024 < result["peak_memory_kb"] < 200 * 1024
    beyond = worker.run_cases("beyond", program.replace("150", "260"), None, limits={"memory_mb": 250})
    assert is_warm(beyond) and (beyond["status"], beyond["reason"]) == ("fail", "memory"), beyond["errors"]


def test_comes_back_for_the_next_task(start):
    """Also when the next one has no cases, as servers do."""
    worker = start()
    for name in ("one", "two"):
        assert is_warm(worker.run_cases(name, DOUBLE, RIGHT))
        server = worker.server(worker.case_family)
        os.kill(server, signal.SIGKILL)
        wait_until(lambda server=server: server not in worker.case_family(), 30, "its death")
    assert is_warm(worker.run("suite", GOOD))
    worker.server(worker.case_family)


@pytest.mark.parametrize("kind", ["suite", "case"])
def test_limits_of_a_second_attempt(start, kind):
    """In a sandbox made anew, whose servers are no task's either."""
    worker = start(MEMORY_OF_ALL)
    program = "import time\ntime.sleep(3)\nheld = b'x' * (45 << 20)\n"
    limits = {"memory_mb": 64, "processes": 1}
    of_kind = {"suite": (worker.family, task("slow", program + "\n\ndef check():\n    return True\n", limits=limits)),
               "case": (worker.case_family, case_task("slow", program, {"expected_stdout": ""}, limits=limits))}
    family, slow = of_kind[kind]
    assert is_warm(worker.run_cases("before", DOUBLE, RIGHT)) and is_warm(worker.run("before", GOOD))
    server = worker.server(family)
    worker.send(slow)
    wait_until(lambda: len(family()) >= 3, 30, "server, waiter and program")
    os.kill(server, signal.SIGKILL)
    result = worker.answer()
    assert is_warm(result) and (result["status"], result["attempt"]) == ("pass", 2), (result["reason"], result["errors"])


def test_one_that_does_not_start_costs_nothing(start):
    """It is tried for a few tasks, and then no more."""
    worker = start(with_stanza(r"run_case .*\"-s\", \"{program}\"\];", 'run_case = ["/usr/bin/env", "python3", "-s", "{program}"];'))
    assert is_warm(worker.run("suite", GOOD)) and "cases start cold" not in worker.log.read_text()
    for number in range(5):
        result = worker.run_cases(str(number), DOUBLE, RIGHT)
        assert not is_warm(result) and (result["status"], result["attempt"]) == ("pass", 1), result["errors"]
    assert len(re.findall("its cases start cold", worker.log.read_text())) == 3


def test_a_check_starts_it_all_the_same(start):
    told = start(RUNTIMES).check()["warm_servers"]
    assert [(one["runtime"], one["steps"], one["serves"]) for one in told] == [("python", "suites", True), ("python", "cases", True)]
    assert told[1]["ms"] > 0 and told[1]["memory_kb"] > 0


# --- in service -------------------------------------------------------------------------------------------------------------------------------------

def result_of(vhost, one):
    vhost.publish(one)
    return vhost.get("assay.results", 60)[1]


def test_the_self_test_leaves_none(vhost):
    """Its own case is a fork."""
    worker = vhost.start_worker("python", slots=2, ASSAY_LOG_LEVEL="debug")
    assert worker.errors().count(SERVES) == 1
    wait_until(lambda: not case_family(worker.pid), 30, "its end")
    first = result_of(vhost, case_task("first", DOUBLE, RIGHT))
    assert is_warm(first) and (first["status"], first["attempt"]) == ("pass", 1), first["errors"]
    assert len(case_family(worker.pid)) == 1


def test_what_was_made_ahead_gives_way_to_it(vhost):
    """Once: what is made ahead from then on is made beside it."""
    worker = vhost.start_worker("python", ASSAY_LOG_LEVEL="debug")

    def is_made_ahead():
        return sum("assay-slot-init" in command(pid) for pid in descendants(worker.pid)) == 2

    wait_until(is_made_ahead, 30, "what is made ahead")
    for one, parked in ((task("suite", GOOD), True), (case_task("first", DOUBLE, RIGHT), False), (case_task("second", DOUBLE, RIGHT), True)):
        result = result_of(vhost, one)
        assert is_warm(result) and (result["status"], "parked" in result["sandbox"]) == ("pass", parked), (one["task_id"], result["errors"])
        wait_until(is_made_ahead, 30, "what is made ahead")
    assert len(case_family(worker.pid)) == 1
