"""Attacks on what a task may use up: each ends with its own sign, and the next task finds everything as before."""
import pytest
from sandboxes import attack_line

from lib.skipping import skip


@pytest.fixture(autouse=True)
def honest_task_afterwards(sandbox):
    yield
    answer = sandbox.run("ls -A /work /tmp /dev/shm | grep -v attack.py | paste -sd ' '; echo 'print(6 * 7)' > a.py; python3 a.py")
    assert answer["stdout"] == "/dev/shm:  /tmp:  /work:\n42\n"


def need_memory_cgroup(sandbox):
    if not (sandbox.has("cgroup_v1_memory") or sandbox.has("cgroup_v2_memory")):
        skip("sandbox_cgroup_memory", f"the setting {sandbox.setting} has no memory cgroup here")


@pytest.mark.parametrize("name", ["memory_bomb", "memory_bomb_of_many", "shared_memory_bomb", "memfd_bomb", "system_v_bomb"])
def test_memory(limited, sandbox, name):
    need_memory_cgroup(sandbox)
    small = limited(memory_mb=96, disk_mb=32, wall_ms=6000)
    answer = small.attack(name)
    assert answer["oom_kills"] > 0
    assert answer["peak_bytes"] <= 128 << 20
    assert small.run("echo lives")["stdout"] == "lives\n"
    # The control: the same program is content with more.
    if name == "shared_memory_bomb":
        assert limited(memory_mb=1200, wall_ms=20000).attack(name)["exit_code"] == 0


def test_memory_through_the_workspace(limited, sandbox):
    need_memory_cgroup(sandbox)
    small = limited(memory_mb=64, disk_mb=512, wall_ms=20000)
    assert small.attack("disk_bomb", "/dev/shm/bomb")["oom_kills"] > 0
    assert small.run("echo lives")["stdout"] == "lives\n"


@pytest.mark.parametrize("name", ["memfd_bomb", "system_v_bomb"])
def test_memory_that_no_rlimit_bounds(sandbox, name):
    """Where no cgroup bounds the task's memory, the calls that make such memory are refused."""
    if sandbox.has("cgroup_v1_memory") or sandbox.has("cgroup_v2_memory"):
        skip("sandbox_no_cgroup_memory", f"the setting {sandbox.setting} has a memory cgroup")
    answer = sandbox.attack(name)
    assert "held: EPERM" in answer["stdout"] or "Operation not permitted" in answer["stderr"]


def test_fork_bomb(sandbox):
    answer = sandbox.attack("fork_bomb")
    assert answer["killed"] == "wall" and answer["signal"] == 9 and answer["left"]
    if sandbox.has("pids"):
        assert answer["process_denials"] > 0


def test_thread_bomb(sandbox):
    answer = sandbox.attack("thread_bomb")
    assert answer["stdout"] == "held: EAGAIN 63\n"


def test_descriptor_bomb(sandbox):
    assert sandbox.attack("descriptor_bomb")["stdout"] == "held: EMFILE 253\n"


@pytest.mark.parametrize("folder", ["/work/d", "/tmp/d", "/dev/shm/d"])
def test_inode_bomb(sandbox, folder):
    answer = sandbox.attack("inode_bomb", folder)
    assert answer["stdout"] == "held: ENOSPC\n" and answer["disk_full"]


@pytest.mark.parametrize("path", ["/work/f", "/tmp/f", "/dev/shm/f"])
def test_disk_bomb(sandbox, path):
    """64 MB of workspace, and as much in one file: whichever comes first."""
    answer = sandbox.run(f"python3 attack.py disk_bomb {path}; python3 attack.py disk_bomb {path}2")
    assert "held: ENOSPC" in answer["stdout"] and answer["disk_full"]


def test_sparse_and_huge_files(sandbox):
    answer = sandbox.run("truncate -s 1P sparse; fallocate -l 1G huge; dd if=/dev/zero of=far bs=1 count=1 seek=1T")
    assert answer["exit_code"] != 0 or answer["signal"] == 25
    assert sandbox.run("truncate -s 60M fine && stat -c %s fine")["stdout"] == f"{60 << 20}\n"


def test_deep_and_closed_folders(sandbox):
    assert sandbox.attack("deep_folders")["stdout"] == "done\n"


@pytest.mark.parametrize("fd", [1, 2])
def test_output_flood(sandbox, fd):
    answer = sandbox.attack("flood", fd)
    assert answer["killed"] == "output" and answer["signal"] == 9
    assert answer["stdout_bytes" if fd == 1 else "stderr_bytes"] > 4 << 20


def test_much_correct_output(sandbox):
    """Beyond a pipe's capacity: it must arrive whole, and nothing hang."""
    answer = sandbox.run("head -c 204800 /dev/zero | tr '\\0' x")
    assert answer["exit_code"] == 0 and answer["stdout_bytes"] == 204800 and not answer["killed"]


def test_sleeping_past_the_limit(sandbox):
    answer = sandbox.attack("stubborn_sleeper")
    assert answer["killed"] == "wall" and answer["signal"] == 9
    assert answer["wall_us"] < 15_000_000


def test_stopped_processes(sandbox):
    answer = sandbox.attack("stopped")
    assert answer["killed"] == "wall" and answer["signal"] == 9


def test_daemons(sandbox):
    answer = sandbox.run("python3 attack.py daemons", "ps -eo comm= | grep -c python3")
    assert answer["stdout"] == "0\n"


def test_zombies_are_reaped(sandbox):
    answer = sandbox.run("python3 attack.py zombies; sleep 0.2; ps -eo stat= | grep -c Z")
    assert answer["stdout"] == "done\n0\n"


def test_what_is_planted_is_gone(sandbox):
    # The control: within one task it is there.
    control = sandbox.run("python3 attack.py plant; python3 attack.py look")["stdout"]
    assert "reached" in control and "/dev/shm" in control and "abstract socket" in control and "msgget" in control
    assert sandbox.attack("plant")["stdout"] == "done\n"
    assert sandbox.attack("look")["stdout"] == "held: ENOENT\n"


def test_keys_are_not_to_be_seen(sandbox):
    assert sandbox.run("cat /proc/keys /proc/key-users")["stdout"] == ""


def test_descriptors_in_flight(sandbox):
    assert sandbox.attack("passing_descriptors")["stdout"] == "done\n"


def test_two_sandboxes_do_not_meet(sandbox, limited):
    other = limited()
    assert sandbox.attack("plant")["stdout"] == "done\n"
    assert other.attack("look")["stdout"] == "held: ENOENT\n"
    assert attack_line("look")  # the same line, another slot
