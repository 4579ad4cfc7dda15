"""What a task may use up in the container setting, and what it leaves: each ends with its own sign, and the next task finds
everything as before."""

import pytest
from sandboxes import attack_line, outside
from test_attacks import assert_control
from test_leftovers import TASKS, attack_and_be_honest

from lib.waiting import wait_until


# --- what a task may use up -----------------------------------------------------------------------------------------------------------------

@pytest.fixture
def honest_task_afterwards(sandbox):
    yield
    answer = sandbox.run("ls -A /work /tmp /dev/shm | grep -v [.]py$ | paste -sd ' '; echo 'print(6 * 7)' > a.py; python3 a.py")
    assert answer["stdout"] == "/dev/shm:  /tmp:  /work:\n42\n"


@pytest.mark.usefixtures("honest_task_afterwards")
class TestExhaustion:
    def test_fork_bomb(self, sandbox):
        answer = sandbox.attack("fork_bomb")
        assert answer["killed"] == "wall" and answer["signal"] == 9 and answer["stdout"].startswith("held: EAGAIN\n")

    def test_many_processes(self, sandbox):
        assert outside("many_processes") == "reached: 300"
        assert sandbox.attack("many_processes")["stdout"] == "held: EAGAIN 63\n"

    @pytest.mark.parametrize("how", ["sparse", "allocated", "far"])
    def test_large_files(self, sandbox, how, tmp_path):
        assert_control(outside("large_file", how, folder=tmp_path))
        assert sandbox.attack("large_file", how)["stdout"] in ("held: EFBIG\n", "held: ENOSPC\n")

    def test_a_program_of_its_own_in_use(self, sandbox):
        assert sandbox.attack("executable_in_use")["stdout"] == "held: ETXTBSY\n"

    @pytest.mark.parametrize("path", ["/usr/bin/env", "/assay/harness/python/run_suite.py"])
    def test_a_lock_goes_with_its_task(self, sandbox, path):
        control = sandbox.run(f"python3 attack.py plant_lock {path}; python3 attack.py look_for_lock {path}")["stdout"]
        assert control == "done\nreached: EAGAIN: still locked\n"
        assert sandbox.attack("plant_lock", path)["stdout"] == "done\n"
        assert sandbox.attack("look_for_lock", path)["stdout"] == "held: ENOENT\n"

    def test_thread_bomb(self, sandbox):
        assert sandbox.attack("thread_bomb")["stdout"] == "held: EAGAIN 63\n"

    def test_descriptor_bomb(self, sandbox):
        assert sandbox.attack("descriptor_bomb")["stdout"] == "held: EMFILE 253\n"

    @pytest.mark.parametrize("folder", ["/work/d", "/tmp/d", "/dev/shm/d"])
    def test_inode_bomb(self, sandbox, folder):
        answer = sandbox.attack("inode_bomb", folder)
        assert answer["disk_full"] and (answer["stdout"] == "held: ENOSPC\n" or answer["signal"] == 9)

    @pytest.mark.parametrize("path", ["/work/f", "/tmp/f", "/dev/shm/f"])
    def test_disk_bomb(self, sandbox, path):
        answer = sandbox.run(f"python3 attack.py disk_bomb {path}; python3 attack.py disk_bomb {path}2")
        assert answer["disk_full"]

    @pytest.mark.parametrize("name", ["deep_folders", "passing_descriptors"])
    def test_what_is_hard_to_remove(self, sandbox, name):
        assert sandbox.attack(name)["stdout"] == "done\n"

    @pytest.mark.parametrize("fd", [1, 2])
    def test_output_flood(self, sandbox, fd):
        answer = sandbox.attack("flood", fd)
        assert answer["killed"] == "output" and answer["signal"] == 9

    def test_much_correct_output(self, sandbox):
        answer = sandbox.run("head -c 204800 /dev/zero | tr '\\0' x")
        assert answer["exit_code"] == 0 and answer["stdout_bytes"] == 204800 and not answer["killed"]

    @pytest.mark.parametrize("name", ["stubborn_sleeper", "stopped"])
    def test_sleeping_past_the_limit(self, sandbox, name):
        answer = sandbox.attack(name)
        assert answer["killed"] == "wall" and answer["signal"] == 9 and answer["wall_us"] < 15_000_000

    def test_daemons(self, sandbox):
        assert sandbox.run("python3 attack.py daemons", "ps -u $(id -u) -o comm= | grep -c python3")["stdout"] == "0\n"

    def test_zombies_are_reaped(self, sandbox):
        assert sandbox.run("python3 attack.py zombies; sleep 0.2; ps -u $(id -u) -o stat= | grep -c Z")["stdout"] == "done\n0\n"

    def test_what_is_planted_is_gone(self, sandbox):
        control = sandbox.run("python3 attack.py plant; python3 attack.py look")["stdout"]
        assert "/dev/shm" in control and "abstract socket" in control
        assert sandbox.attack("plant")["stdout"] == "done\n"
        found = sandbox.attack("look")["stdout"]
        assert "/" not in found and "get" not in found and "open" not in found and "socket" not in found  # other processes are seen

    def test_what_is_done_to_the_input_is_gone(self, sandbox):
        # The control: within one step it is the same.
        assert sandbox.run("python3 attack.py mark_input; python3 attack.py look_at_input")["stdout"] == "done\nFalse 10\n"
        assert sandbox.attack("look_at_input")["stdout"] == "True 0\n"

    def test_system_v_objects(self, sandbox):
        assert sandbox.attack("system_v_bomb")["stdout"] == "held: EPERM\n"


WARM = pytest.mark.parametrize("warm", [None, "suites", "cases"], ids=lambda warm: f"warm {warm}" if warm else "cold")


@WARM
@pytest.mark.parametrize("name", ["memory_bomb", "memory_bomb_of_many", "shared_memory_bomb", "memfd_bomb"])
def test_memory(executors, name, warm):
    """A limit below the container's is found by looking every 10 ms."""
    small = executors(memory_mb=96, disk_mb=32, wall_ms=6000, warm=warm)
    answer = small.attack(name, 3)
    assert answer["oom_kills"] > 0 and "reached" not in answer["stdout"], answer
    assert small.run("echo lives")["stdout"] == "lives\n"
    small.close()


@WARM
def test_the_containers_own_memory_limit(executors, warm):
    """The kernel kills, and the worker and its server live to tell."""
    small = executors({"mem_limit": "256m", "memswap_limit": "256m"}, memory_mb=4000, wall_ms=20000, warm=warm)
    assert small.attack("memory_bomb")["oom_kills"] > 0
    assert small.attack("memory_bomb_of_many")["oom_kills"] > 0
    assert small.run("echo lives")["stdout"] == "lives\n"
    small.close()


# --- what stays -----------------------------------------------------------------------------------------------------------------

HOSTILE = ["(setsid sleep 1000 >/dev/null 2>&1 &); exit 0", "mkdir -p a/b/c; chmod 000 a; ln -s /etc/shadow main.py; mkfifo f",
           "echo x > /dev/shm/x; echo y > /tmp/y", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; kill -9 $$",
           "head -c 100M /dev/zero > big", "for i in 1 2 3 4 5; do (sleep 1000 & sleep 1000 &) & done; kill -9 -1",
           "mkdir -p d/.assay-clean-0/e; touch d/.assay-clean-0/e/f; chmod 555 d d/.assay-clean-0", "kill -9 1; kill -TERM 1; kill -9 -1",
           "exec 9<>/dev/null; ulimit -c unlimited; kill -SEGV $$", "ipcmk -Q -S 1; unshare -r true; exec 3</proc/1/environ",
           "mkdir x; for i in 1 2 3 4 5 6 7 8 9; do mkdir x/$i; touch x/$i/f; done; chmod 111 x"]


def state(executor):
    """What a task could leave behind, by count; the worker's memory in KB."""
    wait_until(lambda: all(line.split()[0] == "0" for line in executor.processes()), 30, "the last task to end")
    pid = executor.pid
    script = (f"grep VmRSS /proc/{pid}/status | tr -dc 0-9; echo; ls /proc/{pid}/fd | wc -l; "
              "readlink /proc/[0-9]*/ns/* | sort -u | wc -l; wc -l < /proc/self/mountinfo; "
              "cat /proc/sysvipc/* | wc -l; ls /dev/mqueue | wc -l")
    names = ("memory_kb", "descriptors", "namespaces", "mounts", "ipc", "queues")
    counts = dict(zip(names, map(int, executor.inside("sh", "-c", script).split()), strict=True))
    return {**counts, "processes": executor.processes(), "files": executor.files()}


@WARM
def test_nothing_is_left(executors, warm):
    busy = executors(wall_ms=5000, processes=32, disk_mb=16, warm=warm)
    attack_and_be_honest(busy, HOSTILE, len(HOSTILE))  # whatever is allocated once
    before = state(busy)
    attack_and_be_honest(busy, HOSTILE, TASKS)
    after = state(busy)
    # AddressSanitizer's quarantine of freed memory grows to its bound; without it nothing grows at all.
    assert after.pop("memory_kb") < before.pop("memory_kb") + 65536
    assert after == before and after["files"] == ["/dev/shm:", "/tmp:", "/work:"]
    assert busy.close() == 0


@WARM
def test_a_killed_worker_leaves_nothing_that_lives(executors, warm):
    doomed = executors(wall_ms=60000, warm=warm)
    doomed.process.stdin.write("touch /tmp/x; (setsid sleep 1000 &); " + attack_line("stubborn_sleeper") + "\n")
    doomed.process.stdin.flush()
    wait_until(lambda: any("sleep" in line for line in doomed.processes()), 30, "the program to run")
    doomed.inside("pkill", "-KILL", "-x", "sandbox_driver")
    wait_until(lambda: all(line.split()[0] == "0" and "python3" not in line for line in doomed.processes()), 20, "everything to die")
    wait_until(lambda: doomed.files() == ["/dev/shm:", "/tmp:", "/work:"], 10, "its files to go")
