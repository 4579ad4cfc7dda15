"""Warm servers in a container, where no namespace ends with a task: whatever happens between a fork and its change of uid, nothing of a task
runs once its sandbox says that it is over; and memory of servers is no task's."""
import json

import pytest
from stand import Stand

from lib.waiting import wait_until

HOLD = "/run/assay/hold"
LEAKS = "touch /tmp/leaked /dev/shm/leaked; sleep 0.5"


@pytest.fixture
def open_stand(build, tmp_path):
    opened = []

    def open_one(**options):
        opened.append(Stand(build, tmp_path, **{"warm": "suites", **options}))
        return opened[-1]

    yield open_one
    for one in opened:
        one.remove()


@pytest.fixture
def held(open_stand):
    """A sandbox with a step whose process was forked, and is about to become the task's: held(command)."""
    stand = open_stand(script="held_server.py", wall_ms=60000)
    assert stand.run("echo works")["stdout"] == "works\n"

    def hold(command):
        stand.inside("touch", HOLD)
        stand.begin(command)
        wait_until(lambda: len(of_servers(stand)) == 3, 30, "server, waiter and fork")
        assert {uid for _, uid in of_servers(stand)} == {"0"}
        return stand

    return hold


def of_servers(stand):
    """(process, uid) of the server and what it forked."""
    lines = [line.split() for line in stand.inside("ps", "-eo", "pid=,uid=,comm=").splitlines()]
    return [(pid, uid) for pid, uid, name in lines if name == "python3"]


def of_tasks(stand):
    return [uid for uid in stand.inside("ps", "-eo", "uid=").split() if uid != "0"]


def nothing_runs(stand):
    assert "leaked" not in stand.files()
    return not of_servers(stand) and not of_tasks(stand)


def let_go(stand):
    stand.inside("rm", HOLD)


# --- a fork on its way to a task ----------------------------------------------------------------------------------------------------------------

def test_the_end_of_a_task_waits_for_its_fork(held):
    """Which then runs nothing in the next one's sandbox; and the server serves on."""
    stand = held(f"- {LEAKS}")
    server = of_servers(stand)[0]
    stand.begin("")
    stand.begin("for i in 1 2 3 4 5 6 7 8 9; do ls -A /tmp /dev/shm | grep leaked; sleep 0.05; done; ps -u $(id -u) -o comm= | grep -c sleep")
    let_go(stand)
    assert stand.ended() == {"ended": True}
    assert stand.ended()["stdout"] == "0\n"
    wait_until(lambda: of_servers(stand) == [server], 30, "the last waiter's end")


def test_a_fork_that_does_not_come_on_is_killed(held):
    stand = held(f"- {LEAKS}")
    stand.begin("")
    assert stand.ended() == {"ended": True}
    assert not of_servers(stand)
    let_go(stand)
    assert stand.run("ls -A /tmp /dev/shm")["stdout"] == "/dev/shm:\n\n/tmp:\n"


def test_a_fork_that_was_stopped_is_killed(held):
    stand = held(f"- {LEAKS}")
    stand.inside("kill", "-STOP", of_servers(stand)[2][0])
    let_go(stand)
    stand.begin("")
    assert stand.ended() == {"ended": True}
    assert not of_servers(stand)
    assert stand.run("ls -A /tmp /dev/shm")["stdout"] == "/dev/shm:\n\n/tmp:\n"


def test_a_waiter_that_was_stopped_is_killed(open_stand):
    """It reaps nothing of its task."""
    stand = open_stand(wall_ms=60000)
    stand.begin(f"- {LEAKS}; sleep 60")
    wait_until(lambda: len(of_tasks(stand)) >= 2, 30, "init and program")  # the fork is a shell by now
    stand.inside("kill", "-STOP", of_servers(stand)[1][0])
    stand.begin("")
    assert stand.ended() == {"ended": True}
    assert not of_servers(stand)
    assert stand.run("ls -A /tmp /dev/shm")["stdout"] == "/dev/shm:\n\n/tmp:\n"


def test_many_tasks_that_end_at_once(open_stand):
    stand = open_stand(wall_ms=60000)
    for number in range(100):
        stand.begin(f"- {LEAKS}\n")
        assert stand.ended() == {"ended": True}, number
        assert stand.run("ls -A /tmp /dev/shm")["stdout"] == "/dev/shm:\n\n/tmp:\n"


@pytest.mark.parametrize("victim", ["task init", "server", "waiter"])
def test_a_sandbox_that_breaks_leaves_no_fork(held, victim):
    """The driver closes it, and ends when its init has."""
    stand = held(LEAKS)
    pids = {"server": of_servers(stand)[0][0], "waiter": of_servers(stand)[1][0], "task init": stand.inside("pgrep", "-u", uid_of_tasks(stand))}
    stand.inside("kill", "-KILL", pids[victim])
    if victim == "waiter":  # the server goes on; the fork finds itself alone
        let_go(stand)
    assert "failed" in json.loads(stand.process.stdout.readline())
    assert stand.process.wait(60) == 1  # and with it the container


def uid_of_tasks(stand):
    return of_tasks(stand)[0]


def test_a_worker_that_dies_leaves_no_fork(held):
    stand = held(LEAKS)
    stand.inside("pkill", "-KILL", "-x", "sandbox_driver")
    wait_until(lambda: nothing_runs(stand), 30, "everything to end")
    let_go(stand)
    assert nothing_runs(stand)


def test_a_fork_without_parents_becomes_no_task(held):
    """Server, waiter and init are killed, all at once: it ends by itself."""
    stand = held(LEAKS)
    fork = of_servers(stand)[2]
    stand.inside("pkill", "-STOP", "-x", "sandbox_driver")
    stand.inside("kill", "-KILL", stand.inside("pgrep", "-o", "-x", "assay-slot-init"), *(pid for pid, _ in of_servers(stand)[:2]))
    wait_until(lambda: of_servers(stand) == [fork], 30, "the others to end")
    let_go(stand)
    wait_until(lambda: nothing_runs(stand), 30, "its end")


def test_the_next_sandbox_waits_for_a_fork_that_lost_all(open_stand):
    """Its slot's init was killed, so nobody else could."""
    stand = open_stand(script="held_server.py", wall_ms=60000, again=1)
    stand.inside("touch", HOLD)
    stand.begin(LEAKS)
    wait_until(lambda: len(of_servers(stand)) == 3, 30, "server, waiter and fork")
    stand.inside("kill", "-KILL", stand.inside("pgrep", "-o", "-x", "assay-slot-init"))
    assert "failed" in json.loads(stand.process.stdout.readline())
    assert "before this one" in json.loads(stand.process.stdout.readline())["failed"]


def test_a_sandbox_follows_one_that_broke(open_stand):
    stand = open_stand(wall_ms=60000, again=1)
    stand.begin(LEAKS)
    wait_until(lambda: of_tasks(stand), 30, "the task to begin")
    stand.inside("kill", "-KILL", stand.inside("pgrep", "-o", "-x", "assay-slot-init"))
    assert "failed" in json.loads(stand.process.stdout.readline())
    assert json.loads(stand.process.stdout.readline())["server"] == "attacks"
    assert stand.run("ls -A /tmp /dev/shm")["stdout"] == "/dev/shm:\n\n/tmp:\n"


def test_a_stopped_server_is_started_anew(open_stand):
    stand = open_stand(wall_ms=60000)
    assert stand.run("echo works")["stdout"] == "works\n"
    server = of_servers(stand)[0]
    stand.inside("kill", "-STOP", server[0])
    wait_until(lambda: stand.inside("ps", "-o", "stat=", "-p", server[0]).startswith("T"), 30, "its standstill")
    assert stand.run("echo works")["stdout"] == "works\n"
    assert of_servers(stand)[0] != server


# --- what a server is -----------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("warm", ["suites", "cases"])
def test_a_server_has_what_it_needs_to_become_a_task(open_stand, warm):
    stand = open_stand(warm=warm)
    pid = of_servers(stand)[0][0]
    lines = dict(line.split(":\t") for line in stand.inside("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert [int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0xc0, 0xc0, 0]
    assert (lines["NoNewPrivs"], lines["Seccomp"]) == ("1", "2")


# --- memory -----------------------------------------------------------------------------------------------------------------------------------------

def test_what_the_worker_grows_by_is_no_tasks(open_stand):
    """Between the sandbox that is made ahead and its task."""
    stand = open_stand(warm=None)
    alone = stand.run("true")["peak_bytes"]
    assert stand.run("+80 sleep 0.1")["peak_bytes"] < alone + (20 << 20)


def test_what_a_server_takes_is_no_tasks(open_stand):
    """Started anew for each task, and growing with each step of one."""
    stand = open_stand(script="spacious_server.py", memory_mb=60, server_tasks=1)
    servers = set()
    for _ in range(4):
        answer = stand.run("ps -C python3 -o pid= | head -n 1; sleep 0.1")
        assert answer["oom_kills"] == 0 and answer["peak_bytes"] < 20 << 20
        servers.add(answer["stdout"])
    assert len(servers) == 4
    answer = stand.run(*["sleep 0.1"] * 5)
    assert answer["oom_kills"] == 0 and answer["peak_bytes"] < 20 << 20
    assert stand.run("python3 -c 'import time; held = bytearray(40 << 20); time.sleep(0.1)'")["peak_bytes"] > 40 << 20
    assert stand.run("python3 -c 'import time; held = bytearray(100 << 20); time.sleep(5)'")["oom_kills"] > 0


# --- a whole worker -----------------------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def worker(open_stand):
    """Runs one task after the other: worker(implementation, ...) gives the result."""
    stand = open_stand(warm=None, program=["/opt/assay/assay-worker", "--local", "-"],
                       environment={"ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python", "ASSAY_LOG_LEVEL": "error"})

    def run(implementation, **more):
        stand.begin(json.dumps({"task_id": "t", "runtime": "python", "implementation_code": implementation, **more}))
        return json.loads(stand.process.stdout.readline())

    run.stand = stand
    yield run
    assert stand.close() in (0, 1)


GOOD, BAD = "def double(n):\n    return 2 * n\n", "def double(n):\n    return n + 2\n"
PLAIN = "from implementation import double\n\n\ndef test_it():\n    assert double(3) == 6\n"
FULL = PLAIN.replace("test_it()", "test_it(tmp_path)")


def marks(result):
    return set(result["sandbox"]) & {"warm_server", "fast_path", "kept_suite"}


def test_a_worker_serves_by_forks(worker):
    """Suites without and with their framework, cases; what needs a process of its own starts cold."""
    for program, status in ((GOOD, "pass"), (BAD, "fail"), (GOOD, "pass")):
        plain = worker(program, test_suite_code=PLAIN)
        fast = {"fast_path"} if status == "pass" else set()  # what fails there runs again
        assert plain["status"] == status and marks(plain) - {"kept_suite"} == {"warm_server"} | fast, plain["errors"]
        full = worker(program, test_suite_code=FULL)
        assert full["status"] == status and marks(full) - {"kept_suite"} == {"warm_server"}, full["errors"]
    assert "kept_suite" in marks(plain) & marks(full)
    case = worker("print(2 * int(input()))", cases=[{"stdin": "3\n", "expected_stdout": "6\n"}])
    assert case["status"] == "pass" and marks(case) == {"warm_server"}, case["errors"]
    cold = worker(GOOD, test_suite_code=PLAIN, coverage=True)
    assert cold["status"] == "pass" and not marks(cold), cold["errors"]


def test_the_server_of_cases_comes_with_the_first_of_them(worker):
    """And again, once it was killed."""
    worker(GOOD, test_suite_code=PLAIN)
    wait_until(lambda: len(of_servers(worker.stand)) == 1, 30, "the server of suites alone")
    suites = of_servers(worker.stand)[0]
    for _ in range(2):
        case = worker("print(2 * int(input()))", cases=[{"stdin": "3\n", "expected_stdout": "6\n"}], limits={"processes": 1})
        assert (case["status"], case["attempt"]) == ("pass", 1) and marks(case) == {"warm_server"}, case["errors"]
        wait_until(lambda: len(of_servers(worker.stand)) == 2, 30, "both servers and no task")
        server = next(pid for pid, _ in of_servers(worker.stand) if pid != suites[0])
        worker.stand.inside("kill", "-KILL", server)
        wait_until(lambda server=server: worker.stand.inside("ps", "-o", "stat=", "-p", server).startswith("Z"), 30, "its end")
