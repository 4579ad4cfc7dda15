"""The sandbox's driver in the container that compose/executor.yaml describes."""
import json
import os
import subprocess

from engine import ROOT
from sandboxes import SECRET, SERVERS, WARM, Sandbox

# Where the override shows things in the container.
DRIVER = "/opt/assay/sandbox_driver"
ATTACK = "/opt/attacks/attack.py"
PROGRAMS = (ATTACK, "/opt/attacks/exhaustion.py")
CONFIG = "/etc/assay/worker.cfg"
# The programs of the build under test take harnesses and settings from the image: where it was built is no place of the container's.
# AddressSanitizer's search for leaks needs ptrace, which a container does not allow.
VARIABLES = ("-e", "ASSAY_HOME=/usr/local/share/assay", "-e", "ASAN_OPTIONS=detect_leaks=0")
BROKER_SECRET = "/run/secrets/broker"


class Executor(Sandbox):
    """One container, and one open sandbox in it."""

    count = 0

    def __init__(self, engine, image, build, folder, overrides, options):  # pylint: disable=super-init-not-called
        Executor.count += 1
        self.engine, self.options, self.image, self.build, self.folder = engine, options, image, build, folder
        self.setting, self.warm = "container", options.pop("warm", None)
        self.process = None
        secret = folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o644)  # as secrets of compose are: only Landlock keeps programs off
        self.project = f"assaytest{os.getpid()}n{Executor.count}"
        self.override = folder / "override.json"
        service = {"image": image, "command": ["sleep", "infinity"], "environment": {"ASSAY_TEST_SECRET": SECRET},
                   "volumes": [f"{build / 'bin'}:/opt/assay:ro", f"{ROOT / 'tests/sandbox'}:/opt/attacks:ro",
                               f"{secret}:{CONFIG}:ro", f"{secret}:{BROKER_SECRET}:ro"]}
        self.override.write_text(json.dumps({"version": "2.4", "services": {"executor": {**service, **(overrides or {})}}}))
        self.container = None

    def compose(self, *words):
        return self.engine.compose("-p", self.project, "-f", ROOT / "compose/executor.yaml", "-f", self.override, *words)

    def command(self, **options):
        """The driver in the container."""
        words = ["docker", "exec", "-i", *VARIABLES, self.container, DRIVER]
        words += [word for path in PROGRAMS for word in ("--file", f"{os.path.basename(path)}={path}")]
        words += [SERVERS[self.warm], f"/opt/attacks/{WARM.name}"] if self.warm else []
        for name, value in {"setting": "container", "slot": 1, **options}.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        return words

    def start(self):
        self.compose("up", "-d", "--no-build")
        self.container = self.compose("ps", "-q", "executor").stdout.strip()

    def open(self):
        self.start()
        self.process = subprocess.Popen(self.command(**self.options), env=self.engine.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect_open()
        return self

    def inside(self, *words):
        """In the container, as its root, but outside of the sandbox: what it prints."""
        done = self.engine.docker("exec", self.container, *words, check=False, timeout=60)
        return done.stdout.strip()

    def start_inside(self, *words):
        """The same, side by side with the tests; it ends with the container."""
        self.engine.docker("exec", "-d", self.container, *words)

    def check(self):
        """What the worker's own --check says, in a container of its own: a slot's uid is the container's."""
        other = Executor(self.engine, self.image, self.build, self.folder, None, {})
        try:
            other.start()
            done = self.engine.docker("exec", *VARIABLES, other.container, "/opt/assay/assay-worker", "--check", check=False, timeout=180)
            return done.stdout + done.stderr
        finally:
            other.remove()

    def control(self, name, *arguments):
        return self.inside("python3", ATTACK, name, *arguments)

    @property
    def pid(self):
        """Of the driver, as the container counts."""
        return int(self.inside("pgrep", "-x", "sandbox_driver"))

    def processes(self):
        return sorted(self.inside("ps", "-eo", "uid=,comm=").split("\n"))

    def files(self):
        return self.inside("ls", "-A", "/work", "/tmp", "/dev/shm").split()

    def remove(self):
        self.compose("down", "-t", "0", "-v")
