"""A kernel without a layer: the sandbox does not open, and says which layer is missing (shown by masking its system call)."""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile

import pytest
from sandboxes import Sandbox, as_user, driver_for, private_ancestor, tree

from lib.servers import ROOT
from lib.skipping import skip
from lib.waiting import wait_until

LIBC = ctypes.CDLL(None, use_errno=True)

# system call (x86-64): the mechanism that the message names, as root and as an ordinary user
MASKS = {"clone3": (435, "pid_namespace", "user_namespace"), "unshare": (272, "user_namespace", "network_namespace"),
         "mount_setattr": (442, "read_only_root", "read_only_root"), "pivot_root": (155, "read_only_root", "read_only_root"),
         "landlock_create_ruleset": (444, "landlock", "landlock"), "landlock_add_rule": (445, "landlock", "landlock"),
         "seccomp": (317, "seccomp", "seccomp"),
         "sethostname": (170, "uts_namespace", "uts_namespace")}


def mask(number):
    """After this, the system call does not exist for this process and those it starts (seccomp with an ENOSYS answer)."""
    instructions = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code)))
    if LIBC.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


@pytest.mark.parametrize("name", MASKS)
def test_a_missing_layer_is_named(sandbox, build, name):
    number, as_root, as_user = MASKS[name]
    if name == "unshare" and sandbox.setting == "user" and private_ancestor(ROOT):
        skip("sandbox_user", "the clone is private, and to make it reachable takes the call that would be masked")
    with pytest.raises(RuntimeError) as refusal:
        Sandbox(driver_for(build, sandbox.setting), sandbox.setting, slot=41, before=lambda: mask(number)).close()
    assert (as_root if sandbox.setting == "root" else as_user) in str(refusal.value)


def test_landlock_can_be_done_without_by_name(sandbox, build):
    without = Sandbox(driver_for(build, sandbox.setting), sandbox.setting, slot=42, before=lambda: mask(444),
                      allow_missing="landlock")
    assert not without.has("landlock") and without.has("seccomp")
    assert without.run("echo lives")["stdout"] == "lives\n"
    assert without.close() == 0


def test_an_ordinary_user_must_say_that_no_cgroup_is_needed(build):
    with pytest.raises(RuntimeError) as refusal:
        Sandbox(driver_for(build, "user"), "user", slot=43, optional=()).close()
    assert "cgroup_memory, cgroup_cpu" in str(refusal.value) and "sandbox.allow_missing" in str(refusal.value)


def test_nothing_else_can_be_done_without(sandbox, build):
    with pytest.raises(RuntimeError) as refusal:
        Sandbox(driver_for(build, sandbox.setting), sandbox.setting, slot=44, allow_missing="seccomp").close()
    assert "seccomp cannot be missing" in str(refusal.value)


class Local:
    """assay-worker --local with programs of its own, whose sandbox can be broken while it runs."""

    PROGRAMS = ("assay-worker", "assay-slot-init", "assay-probe")

    def __init__(self, build, setting, folder):
        for name in self.PROGRAMS:
            shutil.copy(build / "bin" / name, folder)
        self.slot_init = folder / "assay-slot-init"
        words = [folder / "assay-worker", "--local", "-"]
        if setting == "user":
            words = as_user(*words)
        env = {"PATH": os.environ["PATH"], "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "bash", "ASSAY_WORKER_SLOTS": "1",
               "ASSAY_SANDBOX_ALLOW_MISSING": "cgroup_memory,cgroup_cpu" if setting == "user" else ""}
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=env)

    def submit(self, name, program):
        task = {"task_id": name, "runtime": "bash", "implementation_code": program, "cases": [{"expected_stdout": "hello"}]}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()

    def result(self):
        return json.loads(self.process.stdout.readline())

    def running(self, name):
        return [pid for pid in tree(self.process.pid) if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name]


@pytest.fixture
def local(build, sandbox):
    with tempfile.TemporaryDirectory(prefix="assay-refusal-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        made = Local(build, sandbox.setting, pathlib.Path(folder))
        yield made
        made.process.stdin.close()
        made.process.stdout.close()
        made.process.wait(60)


@pytest.mark.parametrize("gone", [False, True])
def test_a_sandbox_that_breaks_is_no_verdict_about_the_program(local, gone):
    """The slot's init dies under a task. Set up anew, the task is run again; where it cannot be, that is error/infra, never a fail."""
    local.submit("before", "echo hello")
    assert local.result()["status"] == "pass"
    local.submit("during", "sleep 3; echo hello")
    wait_until(lambda: local.running("sleep"), 30, "the task to run")
    if gone:
        local.slot_init.unlink()
    os.kill(local.running("assay-slot-init")[0], signal.SIGKILL)
    during = local.result()
    if gone:
        assert (during["status"], during["reason"]) == ("error", "infra") and "assay-slot-init" in during["errors"][0]
    else:
        assert (during["status"], during["attempt"]) == ("pass", 2)
