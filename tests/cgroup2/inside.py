"""cgroup v2 as users have it: run in the guest (test_guest.py), beside the attacks on the sandbox."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sandbox"))

from sandboxes import USER, Sandbox, attack_line, driver_for  # noqa: E402  pylint: disable=wrong-import-position

from lib.waiting import wait_until  # noqa: E402  pylint: disable=wrong-import-position

ROOT_CGROUP = pathlib.Path("/sys/fs/cgroup")
CONTROLLERS = {"cgroup_v2_memory", "cgroup_v2_pids", "cgroup_v2_cpu"}
LIMITS = {"memory_mb": 96, "disk_mb": 32, "wall_ms": 20000}


def delegated(name, owner):
    """A cgroup of its own, as systemd's Delegate=yes gives one: its files that steer it belong to `owner`."""
    (ROOT_CGROUP / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    folder = ROOT_CGROUP / name
    folder.mkdir()
    for path in (folder, folder / "cgroup.procs", folder / "cgroup.subtree_control", folder / "cgroup.threads"):
        os.chown(path, owner, owner)
    return folder


def enter(folder):
    return lambda: (folder / "cgroup.procs").write_text("0")


@pytest.fixture(params=["root", "user"])
def cgroup(request):
    """The setting, a cgroup delegated to it, and a list of sandboxes to be closed at the end."""
    folder, opened = delegated(f"service-{request.param}", USER if request.param == "user" else 0), []
    yield request.param, folder, opened
    for sandbox in opened:
        sandbox.process.kill()
        sandbox.process.wait(30)
    for leaf in folder.glob("assay-[0-9]*"):
        wait_until(lambda leaf=leaf: leaf.rmdir() is None, 10, f"{leaf} to be empty")
    for part in (folder / "assay-worker", folder):
        if part.exists():
            wait_until(lambda part=part: part.rmdir() is None, 10, f"{part} to be empty")


def test_a_delegated_cgroup(build, cgroup):
    """Every controller is used; each limit ends a task by its own sign; the leaf goes with the worker."""
    setting, folder, opened = cgroup
    made = Sandbox(driver_for(build, setting), setting, optional=(), before=enter(folder), **LIMITS)
    opened.append(made)
    assert CONTROLLERS <= set(made.mechanisms)
    (leaf,) = folder.glob("assay-[0-9]*")
    assert (folder / "cgroup.procs").read_text() == "" and str(made.pid) in (folder / "assay-worker/cgroup.procs").read_text().split()
    for name in ("memory_bomb", "memory_bomb_of_many", "shared_memory_bomb", "memfd_bomb", "system_v_bomb"):
        answer = made.attack(name)
        assert answer["oom_kills"] > 0 and "reached" not in answer["stdout"], name
        assert answer["peak_bytes"] <= 112 << 20
    # The slot's own processes, and what the kernel cannot take back at once, come on top.
    assert 96 << 20 <= int((leaf / "memory.max").read_text()) <= 112 << 20
    answer = made.attack("many_processes")
    assert answer["process_denials"] > 0 and answer["stdout"].startswith("held: EAGAIN")
    burner = made.run("for i in 1 2 3; do (while :; do :; done) & done; sleep 1; kill -9 -1")
    assert burner["cpu_us"] > 300_000
    assert made.run("echo lives")["stdout"] == "lives\n"
    assert made.close() == 0
    wait_until(lambda: not list(folder.glob("assay-[0-9]*")), 10, "the leaf to go")


def test_a_killed_workers_leaf_goes_with_the_next(build, cgroup):
    setting, folder, opened = cgroup
    doomed = Sandbox(driver_for(build, setting), setting, optional=(), before=enter(folder))
    opened.append(doomed)
    doomed.begin(attack_line("stubborn_sleeper"))
    (leaf,) = folder.glob("assay-[0-9]*")
    wait_until(lambda: len((leaf / "cgroup.procs").read_text().split()) >= 3, 20, "the program to run")
    doomed.process.kill()
    doomed.process.wait(30)
    wait_until(lambda: (leaf / "cgroup.procs").read_text() == "", 20, "everything in it to die")
    # Where the worker before had moved to: a cgroup that gives its children controllers takes no process of its own.
    again = Sandbox(driver_for(build, setting), setting, optional=(), before=enter(folder / "assay-worker"))
    opened.append(again)
    assert not leaf.exists() and again.close() == 0


def test_the_worker_attacks_itself(build, cgroup):
    """assay-worker --check, nothing allowed to be missing, as an ordinary user too."""
    setting, folder, _ = cgroup
    words = [str(build / "bin/assay-worker"), "--check", "--format", "json"]
    if setting == "user":
        words = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", *words]
    env = {"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "bash"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300, check=False, preexec_fn=enter(folder))
    answer = json.loads(done.stdout)
    probes = {probe["probe"]: probe["verdict"] for layer in answer["layers"] for probe in layer["probes"]}
    assert done.returncode == 0 and answer["passed"], done.stdout + done.stderr
    assert probes["task_memory"] == probes["cpu_time"] == probes["processes"] == "held"


def test_a_cgroup_that_is_not_delegated(build):
    """An ordinary user without one: named, and refused."""
    with pytest.raises(RuntimeError) as refusal:
        Sandbox(driver_for(build, "user"), "user", optional=()).close()
    assert "cgroup_memory" in str(refusal.value) and "delegated" in str(refusal.value)
