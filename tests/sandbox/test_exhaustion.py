"""Attacks on what a task may use up: each ends with its own sign, and the next task finds everything as before."""
import os
import pathlib
import signal
import subprocess

import pytest
from sandboxes import ATTACK, PYTHON, attack_line, outside
from test_attacks import assert_control

from lib.skipping import skip
from lib.waiting import wait_until


@pytest.fixture(autouse=True)
def honest_task_afterwards(sandbox):
    yield
    answer = sandbox.run("ls -A /work /tmp /dev/shm | grep -v [.]py$ | paste -sd ' '; echo 'print(6 * 7)' > a.py; python3 a.py")
    assert answer["stdout"] == "/dev/shm:  /tmp:  /work:\n42\n"


def need_memory_cgroup(sandbox):
    if not (sandbox.has("cgroup_v1_memory") or sandbox.has("cgroup_v2_memory")):
        skip("sandbox_cgroup_memory", f"the setting {sandbox.setting} has no memory cgroup here")


@pytest.mark.parametrize("name", ["memory_bomb", "memory_bomb_of_many", "shared_memory_bomb", "memfd_bomb", "system_v_bomb"])
def test_memory(limited, sandbox, name):
    need_memory_cgroup(sandbox)
    small = limited(memory_mb=96, disk_mb=32, wall_ms=6000)
    answer = small.attack(name)
    assert answer["oom_kills"] > 0 and "reached" not in answer["stdout"]
    assert answer["signal"] == 9 or name == "memory_bomb_of_many"  # there the kernel may take a child
    assert answer["peak_bytes"] <= 128 << 20
    assert small.run("echo lives")["stdout"] == "lives\n"
    # The control: the same program is content with more.
    assert_control(limited(memory_mb=1200, wall_ms=20000).attack(name)["stdout"].strip())


def test_memory_through_the_workspace(limited, sandbox):
    need_memory_cgroup(sandbox)
    assert_control(limited(memory_mb=600, disk_mb=512, wall_ms=20000).attack("disk_bomb", "/dev/shm/bomb")["stdout"].strip())
    small = limited(memory_mb=64, disk_mb=512, wall_ms=20000)
    assert small.attack("disk_bomb", "/dev/shm/bomb")["oom_kills"] > 0
    assert small.run("echo lives")["stdout"] == "lives\n"


@pytest.mark.parametrize("name", ["memfd_bomb", "system_v_bomb"])
def test_memory_that_no_rlimit_bounds(sandbox, name):
    """Where no cgroup bounds the task's memory, the calls that make such memory are refused."""
    if sandbox.has("cgroup_v1_memory") or sandbox.has("cgroup_v2_memory"):
        skip("sandbox_no_cgroup_memory", f"the setting {sandbox.setting} has a memory cgroup")
    assert_control(outside(name))
    assert sandbox.attack(name)["stdout"] == "held: EPERM\n"


def test_fork_bomb(limited):
    sandbox = limited(wall_ms=2000)
    answer = sandbox.attack("fork_bomb")
    assert answer["killed"] == "wall" and answer["signal"] == 9
    assert answer["stdout"].startswith("held: EAGAIN\n")
    if sandbox.has("pids"):
        assert answer["process_denials"] > 0


def test_many_processes(sandbox):
    """The fork bomb with an end, for the control's sake."""
    assert outside("many_processes") == "reached: 300"
    assert sandbox.attack("many_processes")["stdout"] == "held: EAGAIN 63\n"


def test_thread_bomb(sandbox):
    assert outside("thread_bomb") == "reached: 5000"
    answer = sandbox.attack("thread_bomb")
    assert answer["stdout"] == "held: EAGAIN 63\n"


def test_descriptor_bomb(sandbox):
    assert outside("descriptor_bomb", open_files=16000) == "reached: 15000"
    assert sandbox.attack("descriptor_bomb")["stdout"] == "held: EMFILE 253\n"


@pytest.mark.parametrize("folder", ["/work/d", "/tmp/d", "/dev/shm/d"])
def test_inode_bomb(sandbox, folder, tmp_path):
    assert_control(outside("inode_bomb", tmp_path))
    answer = sandbox.attack("inode_bomb", folder)
    assert answer["stdout"] == "held: ENOSPC\n" and answer["disk_full"]


@pytest.mark.parametrize("path", ["/work/f", "/tmp/f", "/dev/shm/f"])
def test_disk_bomb(sandbox, path, tmp_path):
    """64 MB of workspace, and as much in one file: whichever comes first."""
    assert_control(outside("disk_bomb", tmp_path / "f"))
    answer = sandbox.run(f"python3 attack.py disk_bomb {path}; python3 attack.py disk_bomb {path}2")
    assert "held: ENOSPC" in answer["stdout"] and answer["disk_full"]


@pytest.mark.parametrize("how", ["sparse", "allocated", "far"])
def test_large_files(sandbox, how, tmp_path):
    assert_control(outside("large_file", how, folder=tmp_path))
    assert sandbox.attack("large_file", how)["stdout"] in ("held: EFBIG\n", "held: ENOSPC\n")
    # Unless a program wants to know, it is ended by SIGXFSZ.
    assert sandbox.run("exec truncate -s 1G sparse")["signal"] == 25
    assert sandbox.run("truncate -s 60M fine && stat -c %s fine")["stdout"] == f"{60 << 20}\n"


def test_a_program_of_its_own_in_use(sandbox):
    assert sandbox.attack("executable_in_use")["stdout"] == "held: ETXTBSY\n"


def test_deep_and_closed_folders(sandbox):
    assert sandbox.attack("deep_folders")["stdout"] == "done\n"


@pytest.mark.parametrize("fd", [1, 2])
def test_output_flood(sandbox, fd):
    control = subprocess.run(f"{PYTHON} {ATTACK} flood {fd} 2>&1 | head -c 20M | wc -c", shell=True, capture_output=True, text=True,
                             timeout=60, check=True)
    assert control.stdout.strip() == str(20 << 20)
    answer = sandbox.attack("flood", fd)
    assert answer["killed"] == "output" and answer["signal"] == 9
    assert answer["stdout_bytes" if fd == 1 else "stderr_bytes"] > 4 << 20


def test_much_correct_output(sandbox):
    """Beyond a pipe's capacity: it must arrive whole, and nothing hang."""
    answer = sandbox.run("head -c 204800 /dev/zero | tr '\\0' x")
    assert answer["exit_code"] == 0 and answer["stdout_bytes"] == 204800 and not answer["killed"]


@pytest.mark.parametrize("name", ["stubborn_sleeper", "stopped"])
def test_sleeping_past_the_limit(limited, name):
    with subprocess.Popen([PYTHON, ATTACK, name], start_new_session=True) as control:
        state = pathlib.Path(f"/proc/{control.pid}/stat")
        ready = "T" if name == "stopped" else "S"
        wait_until(lambda: state.read_text().rsplit(")", 1)[1].split()[0] == ready and ignores_term(control.pid, name), 20, ready)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            control.send_signal(number)
        assert control.poll() is None
        os.killpg(control.pid, signal.SIGKILL)
    answer = limited(wall_ms=2000).attack(name)
    assert answer["killed"] == "wall" and answer["signal"] == 9
    assert answer["wall_us"] < 12_000_000


def ignores_term(pid, name):
    """The sleeper is asleep only once it ignores all signals; what is stopped hears none."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    ignored = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn"))
    return name == "stopped" or ignored >> (signal.SIGTERM - 1) & 1


def test_daemons(sandbox):
    answer = sandbox.run("python3 attack.py daemons", "ps -eo comm= | grep -c python3")
    assert answer["stdout"] == "0\n"


def test_what_is_done_to_the_input_is_gone(sandbox):
    # The control: within one step it is the same.
    assert sandbox.run("python3 attack.py mark_input; python3 attack.py look_at_input")["stdout"] == "done\nFalse 10\n"
    assert sandbox.attack("look_at_input")["stdout"] == "True 0\n"


def test_zombies_are_reaped(sandbox):
    answer = sandbox.run("python3 attack.py zombies; sleep 0.2; ps -eo stat= | grep -c Z")
    assert answer["stdout"] == "done\n0\n"


def test_what_is_planted_is_gone(sandbox):
    # The control: within one task it is there.
    control = sandbox.run("python3 attack.py plant; python3 attack.py look")["stdout"]
    assert "reached" in control and "/dev/shm" in control and "abstract socket" in control and "msgget" in control
    assert sandbox.attack("plant")["stdout"] == "done\n"
    assert sandbox.attack("look")["stdout"] == "held: ENOENT\n"


@pytest.mark.parametrize("path", ["/usr/bin/env", "/assay/harness/python/run_suite.py"])
def test_a_lock_goes_with_its_task(sandbox, path):
    control = sandbox.run(f"python3 attack.py plant_lock {path}; python3 attack.py look_for_lock {path}")["stdout"]
    assert control == "done\nreached: EAGAIN: still locked\n"
    assert sandbox.attack("plant_lock", path)["stdout"] == "done\n"
    assert sandbox.attack("look_for_lock", path)["stdout"] == "held: ENOENT\n"


def test_keys_are_not_to_be_seen(sandbox):
    assert sandbox.run("cat /proc/keys /proc/key-users")["stdout"] == ""


def test_descriptors_in_flight(sandbox):
    assert sandbox.attack("passing_descriptors")["stdout"] == "done\n"


def test_two_sandboxes_do_not_meet(sandbox, limited):
    other = limited()
    assert sandbox.attack("plant")["stdout"] == "done\n"
    assert other.attack("look")["stdout"] == "held: ENOENT\n"
    assert attack_line("look")  # the same line, another slot
