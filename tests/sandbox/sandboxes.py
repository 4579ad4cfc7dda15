"""Sandboxes to attack: the driver (driver.c) as a process to talk to, in each setting that this machine offers."""
import json
import os
import pathlib
import shutil
import subprocess

from lib.proc import descendants
from lib.servers import ROOT
from lib.skipping import skip

HERE = pathlib.Path(__file__).resolve().parent
ATTACK = HERE / "attack.py"
PROGRAMS = (ATTACK, HERE / "exhaustion.py")  # what a task that attacks has
PYTHON = "/usr/bin/python3"
USER = 12345  # any uid without an account
UID_BASE = 64000  # SANDBOX_UID_BASE
WARM = HERE / "warm_attacks.py"
SERVERS = {"suites": "--server", "cases": "--case-server"}
SECRET = "s3cret-of-the-worker"


class Sandbox:
    """One open sandbox. run() gives what the driver tells of the last step."""

    def __init__(self, driver, setting, slot=1, before=None, optional=("cgroup_memory", "cgroup_cpu"), warm=None, apart=False, **options):
        """`before` is called in the new process; `optional` are the mechanisms that an ordinary user does without; `warm`:
        commands are run by forks of a warm server ("suites", "cases": of which kind); `apart`: in a mount namespace that no other program's mounts reach."""
        words = [str(driver), "--slot", str(slot), *(word for path in PROGRAMS for word in ("--file", f"{path.name}={path}")),
                 *([SERVERS[warm], str(WARM)] if warm else [])]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        if setting == "user":
            words = as_user(*words, *(word for name in optional for word in ("--allow-missing", name)))
        if apart:
            words = ["unshare", "--mount", "--propagation", "private", *words]
        self.setting, self.warm = setting, warm
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=before,
                                        env={"PATH": os.environ["PATH"], "ASSAY_TEST_SECRET": SECRET})
        self._expect_open()

    def _expect_open(self):
        """What the driver tells first."""
        first = self._answer()
        if "failed" in first:
            self.close()
            raise RuntimeError(first["failed"])
        self.mechanisms, self.server = first["mechanisms"], first["server"]
        if self.warm:
            assert self.server == "attacks" if self.warm == "suites" else self.server.startswith("started"), self.server

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, f"the driver ended with {self.process.wait()}"
        return json.loads(line)

    @property
    def pid(self):
        return self.process.pid

    def begin(self, command):
        """Starts a task of one step; ended() waits for it."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ended(self):
        answer = self._answer()
        assert "failed" not in answer, answer["failed"]
        return answer

    def run(self, *commands):
        """One task; each command is a step of it."""
        self.begin("\t".join(commands))
        answer = {}
        for _ in commands:
            answer = self.ended()
            assert answer["warm"] == bool(self.warm), answer
        return answer

    def attack(self, name, *arguments):
        return self.run(attack_line(name, *arguments))

    def has(self, part):
        return any(part in name for name in self.mechanisms if not name.startswith("missing:"))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(30)


def tree(pid):
    """The process and all below it."""
    return [pid, *descendants(pid)]


def attack_line(name, *arguments):
    return " ".join([f"exec {PYTHON} attack.py", name, *map(str, arguments)])


def outside(name, *arguments, user=False, folder=None, open_files=None):
    """The control: the same attack without a sandbox. The line that it prints."""
    words = [PYTHON, str(ATTACK), name, *map(str, arguments)]
    if open_files:
        words = ["prlimit", f"--nofile={open_files}:{open_files}", *words]
    if user:
        words = as_user(*words)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    return done.stdout.strip() or f"ended with {done.returncode}: {done.stderr[-300:]}"


def private_ancestor(path):
    """The outermost folder above that others may not pass, or None."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def as_user(*words):
    """The command that runs `words` as an ordinary user. Where the clone lies in a private folder, that one is covered, for
    this command alone, by an open one that holds nothing but the clone."""
    words = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", *map(str, words)]
    private = private_ancestor(ROOT)
    if private is None:
        return words
    cover = ('mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 tmpfs "$2" && mkdir -p "$1" && mount --move /mnt "$1" && cd / && shift 2 &&'
             ' exec "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", cover, "sh", str(ROOT), str(private), *words]


def needs_user_namespaces():
    if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode != 0:
        skip("user_namespaces", "the kernel makes none here (none are allowed, or this is a chroot)")


def driver_for(build, setting):
    driver = build / "bin" / "sandbox_driver"
    if setting == "root" and os.geteuid() != 0:
        skip("sandbox_root", "the tests do not run as root")
    if setting == "user":
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            skip("sandbox_user", "only root can become an ordinary user by setpriv")
        needs_user_namespaces()
        if subprocess.run(as_user("test", "-x", driver), check=False).returncode != 0:
            skip("sandbox_user", f"uid {USER} cannot reach {driver}")
    return driver
