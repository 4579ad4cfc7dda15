"""The worker attacks its own sandbox at start: --check tells what held, and a worker whose layer does not hold refuses to start.

Broken are real things: a kernel whose system call claims success and does nothing (seccomp answers 0), a configuration file that
lies where programs can read it, a machine without cgroups for an ordinary user.
"""
import ctypes
import fcntl
import glob
import json
import os
import pathlib
import struct
import subprocess
import tempfile

import pytest
from sandboxes import USER, as_user, driver_for

from lib.proc import children, stat_of, state
from lib.waiting import wait_until

LIBC = ctypes.CDLL(None, use_errno=True)
LAYERS = ["resource", "network", "filesystem", "privilege"]
SECCOMP, LANDLOCK_RESTRICT_SELF, PRLIMIT64, MOUNT_SETATTR = 317, 446, 302, 442
ERRNO = 0x00050000  # SECCOMP_RET_ERRNO; with errno 0 the call answers 0
ENOSYS = 38
TASK = {"task_id": "t", "runtime": "bash", "implementation_code": "echo hello", "cases": [{"expected_stdout": "hello"}]}


def mask(number, answer=0, argument=None):
    """After this, the system call does nothing and answers `answer`, for this process and those it starts; with `argument`
    (a number of the call's argument and a value) only where that argument has this value."""
    if argument is None:
        words = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, ERRNO | answer), (0x06, 0, 0, 0x7fff0000)]
    else:
        at, value = argument
        words = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16 + 8 * at), (0x15, 0, 1, value),
                 (0x06, 0, 0, ERRNO | answer), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in words))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(words), ctypes.addressof(code)))
    if LIBC.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


class Worker:
    """assay-worker in one setting, with a configuration of its own."""

    def __init__(self, build, setting, folder):
        self.program, self.setting, self.folder = build / "bin" / "assay-worker", setting, folder

    def config(self, text="", allow=None, name="worker.cfg"):
        if allow is None:
            allow = ["cgroup_memory", "cgroup_cpu"] if self.setting == "user" else []
        path = self.folder / name
        listed = ", ".join(f'"{one}"' for one in allow)
        path.write_text(f'sandbox = {{ allow_missing = [{listed}]; }};\nruntimes = ["bash"];\n{text}')
        path.chmod(0o644)
        return path

    def command(self, *words, config=None):
        command = [str(self.program), "--config", str(config or self.config()), *words]
        if self.setting == "user":
            command = as_user(*command)
        return command

    def run(self, *words, config=None, before=None, given="", **env):
        return subprocess.run(self.command(*words, config=config), input=given, capture_output=True, text=True, timeout=120,
                              check=False, preexec_fn=before, env={"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", **env})

    def check(self, **options):
        done = self.run("--check", "--format", "json", **options)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(params=["root", "user"])
def worker(request, build):
    driver_for(build, request.param)  # skips what this machine cannot offer
    with tempfile.TemporaryDirectory(prefix="assay-self-attack-", dir="/var/tmp") as folder:  # not tmp_path: that one is private
        os.chmod(folder, 0o755)
        yield Worker(build, request.param, pathlib.Path(folder))


def tree_of_cgroups(pid, occupied=False):
    """The leaves that a worker made; with `occupied` those that have processes."""
    leaves = glob.glob(f"/sys/fs/cgroup/**/assay-{pid}-*", recursive=True)
    return [leaf for leaf in leaves if not occupied or pathlib.Path(leaf, "cgroup.procs").read_text()]


def layers(answer):
    return {layer["layer"]: layer for layer in answer["layers"]}


def verdicts(answer):
    return {probe["probe"]: probe["verdict"] for layer in answer["layers"] for probe in layer["probes"]}


def test_every_layer_holds(worker):
    status, answer = worker.check()
    assert status == 0 and answer["passed"] is True
    assert [layer["layer"] for layer in answer["layers"]] == LAYERS
    told = verdicts(answer)
    without = {"task_memory", "cpu_time"} if worker.setting == "user" else set()
    assert {name for name, verdict in told.items() if verdict == "missing"} == without
    assert {name for name, verdict in told.items() if verdict not in ("held", "missing")} == set()
    for layer in answer["layers"]:
        assert layer["held"] is True and layer["mechanisms"]
        assert layer["probes_held"] == sum(probe["verdict"] == "held" for probe in layer["probes"])
        assert all(probe["detail"] and probe["attempt"] for probe in layer["probes"])
    assert answer["runtimes"][0]["runtime"] == "bash" and answer["runtimes"][0]["passed"] is True


def test_each_probe_meets_an_errno_or_a_signal(worker):
    _, answer = worker.check()
    for layer in answer["layers"]:
        for probe in layer["probes"]:
            if probe["verdict"] == "held" and probe["probe"] != "reach_listeners":
                assert probe["detail"].isalnum() and probe["detail"][0] in "ES", probe


def test_the_table_in_text(worker):
    done = worker.run("--check")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0].split() == ["LAYER", "PROBES", "MECHANISMS"]
    rows = {line.split()[0]: line for line in lines if line and not line.startswith(" ")}
    for layer in LAYERS:
        assert rows[layer].split()[1] == "held"
    assert "seccomp" in rows["privilege"] and "network_namespace" in rows["network"]
    assert "pass/ok" in rows["bash"]
    assert ("own_uid" in rows["privilege"]) == (worker.setting == "root")
    assert ("missing:cgroup_memory" in rows["resource"]) == (worker.setting == "user")


def test_each_slot_is_attacked(worker):
    status, answer = worker.check(config=worker.config("slots = 3;"))
    assert status == 0 and all(layer["held"] for layer in answer["layers"])


# what lies, the probes that must find it, their layer
LIES = {
    "seccomp": (SECCOMP, None, {"socket_inet", "keyctl", "io_uring", "kernel_calls"}, "network"),
    "rlimits_files": (PRLIMIT64, (1, 7), {"open_files"}, "resource"),
    "rlimits_size": (PRLIMIT64, (1, 1), {"file_size"}, "resource"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_layer_that_is_only_claimed_is_found(worker, lie):
    number, argument, must_break, layer = LIES[lie]
    lying = (lambda: mask(number, argument=argument))
    status, answer = worker.check(before=lying)
    broken = {name for name, verdict in verdicts(answer).items() if verdict == "broken"}
    assert status == 1 and must_break <= broken, broken
    assert layers(answer)[layer]["held"] is False

    refused = worker.run("--local", "-", before=lying, given=json.dumps(TASK) + "\n")
    assert refused.returncode == 4 and refused.stdout == ""
    assert f"the {layer} layer of the sandbox does not hold" in refused.stderr
    assert any(f"probe {name} " in refused.stderr for name in must_break)


def test_a_broken_layer_stands_in_the_table(worker):
    done = worker.run("--check", before=lambda: mask(SECCOMP))
    assert done.returncode == 1
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line and not line.startswith(" ")}
    assert "BROKEN" in rows["privilege"] and "BROKEN" in rows["network"] and "held" in rows["filesystem"]
    assert "  broken   keyctl: " in done.stdout


def test_landlock_is_not_the_only_guard(worker):
    """Without it (it claims success) the other mechanisms of its layer hold."""
    status, answer = worker.check(before=lambda: mask(LANDLOCK_RESTRICT_SELF))
    assert status == 0 and layers(answer)["filesystem"]["held"] is True


def test_a_configuration_that_programs_can_read_is_found(worker):
    """An operator shows a folder to the programs in which the worker's own configuration lies."""
    shown = worker.folder / "shown"
    shown.mkdir(mode=0o755)
    original = (pathlib.Path(__file__).parents[2] / "conf" / "runtimes.cfg").read_text()
    at = original.index("    bash = {") + len("    bash = {")
    runtimes = worker.folder / "runtimes.cfg"
    runtimes.write_text(f'{original[:at]}\n        read_only_paths = ["{shown}"];{original[at:]}')
    runtimes.chmod(0o644)
    text = f'runtimes_file = "{runtimes}";\n'
    inside = worker.config(text, name="shown/worker.cfg")
    status, answer = worker.check(config=inside)
    assert status == 1 and verdicts(answer)["read_config"] == "broken"
    refused = worker.run("--local", "-", config=inside, given=json.dumps(TASK) + "\n")
    assert refused.returncode == 4
    assert "the filesystem layer of the sandbox does not hold" in refused.stderr and "read_config" in refused.stderr
    status, answer = worker.check(config=worker.config(text))  # the same beside the folder
    assert status == 0 and verdicts(answer)["read_config"] == "held"


def test_a_layer_that_cannot_be_set_up_is_named(worker):
    done = worker.run("--local", "-", before=lambda: mask(MOUNT_SETATTR, ENOSYS), given=json.dumps(TASK) + "\n")
    assert done.returncode == 4 and "the filesystem layer does not hold: read_only_root" in done.stderr


@pytest.mark.parametrize("worker", ["user"], indirect=True)
def test_a_machine_without_cgroups_must_be_accepted_by_name(worker):
    refused = worker.run("--check", config=worker.config(allow=["cgroup_cpu"]))
    assert refused.returncode == 4 and "the resource layer does not hold: cgroup_memory" in refused.stderr
    accepted = worker.run("--local", "-", given=json.dumps(TASK) + "\n")
    assert accepted.returncode == 0, accepted.stderr
    told = json.loads(accepted.stdout)
    assert told["status"] == "pass"
    assert {"missing:cgroup_memory", "missing:cgroup_cpu", "seccomp"} <= set(told["sandbox"])


def test_results_say_missing_only_of_what_is(worker):
    done = worker.run("--local", "-", given=json.dumps(TASK) + "\n")
    missing = [name for name in json.loads(done.stdout)["sandbox"] if name.startswith("missing:")]
    assert missing == (["missing:cgroup_memory", "missing:cgroup_cpu"] if worker.setting == "user" else [])


def test_nothing_of_the_attack_is_left(worker):
    folder = worker.folder / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    assert worker.run("--check", TMPDIR=str(folder)).returncode == 0
    assert not os.listdir(folder)


def test_a_killed_worker_s_leavings_go_with_the_next_start(worker):
    """Its canary file and its empty cgroups; what a worker that lives holds, or somebody else owns, stays."""
    folder = worker.folder / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    owner = USER if worker.setting == "user" else 0
    live, foreign = folder / "assay-canary-live", folder / "assay-canary-foreign"
    for path, uid in ((live, owner), (foreign, owner + 1)):
        path.write_text("canary\n")
        os.chown(path, uid, uid)
    env = {"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "TMPDIR": str(folder)}
    with open(live, encoding="ascii") as held, subprocess.Popen(worker.command("--check"), env=env, stdout=subprocess.DEVNULL,
                                                                stderr=subprocess.DEVNULL) as doomed:
        fcntl.flock(held, fcntl.LOCK_EX)
        wait_until(lambda: len(os.listdir(folder)) == 3, 60, "its canary")
        doomed.kill()
        doomed.wait(30)
        assert len(os.listdir(folder)) == 3  # nobody was there to remove it
        wait_until(lambda: not tree_of_cgroups(doomed.pid, occupied=True), 30, "its slots to die")
        if worker.setting == "root":
            assert tree_of_cgroups(doomed.pid)
        assert worker.run("--check", TMPDIR=str(folder)).returncode == 0
        assert sorted(os.listdir(folder)) == ["assay-canary-foreign", "assay-canary-live"]
        assert not tree_of_cgroups(doomed.pid)


def test_format_goes_with_check(worker):
    assert worker.run("--local", "-", "--format", "json").returncode == 2
    assert worker.run("--check", "--format", "xml").returncode == 2


def probe_of_task_memory(build, killed):
    """What assay-probe tells, outside of any sandbox, when one of its three processes is killed once all hold their memory, or none."""
    reader, writer = os.pipe()
    words = ["bash", "-c", f'exec "$@" 3>&{writer}', "bash", build / "bin/assay-probe", "task_memory", "memory_mb=8"]
    with subprocess.Popen(words, pass_fds=[writer]) as probe, os.fdopen(reader) as told:
        os.close(writer)
        wait_until(lambda: sum(state(pid) == "T" for pid in children(probe.pid)) == 3, 30, "three processes to hold their memory")
        holding = children(probe.pid)
        os.kill(holding[0], 9 if killed else 0)
        line = told.readline()
        for pid in holding[1 if killed else 0:]:
            os.kill(pid, 9)
    return line


def probe_of_memory(build, killed):
    """The same of the one process that takes twice what is allowed."""
    with subprocess.Popen(["bash", "-c", 'exec "$@" 3>&1', "bash", build / "bin/assay-probe", "memory", "memory_mb=8"],
                          stdout=subprocess.PIPE, text=True) as probe:
        wait_until(lambda: int((stat_of(probe.pid) or ["0"] * 22)[21]) * os.sysconf("SC_PAGE_SIZE") > 16 << 20, 30, "twice the memory to be held", every=0.01)
        if killed:
            probe.kill()
        return probe.stdout.read()


def test_a_limit_that_is_looked_at_may_kill_a_moment_later(build):
    assert probe_of_task_memory(build, killed=True) == "task_memory held SIGKILL\n"
    assert probe_of_task_memory(build, killed=False).startswith("task_memory broken three processes hold 16 MiB")
    assert probe_of_memory(build, killed=True) == ""
    assert probe_of_memory(build, killed=False) == "memory broken 16 MiB where 8 are allowed\n"
