"""A Docker engine for the tests: the one that answers, or one of our own that leaves nothing behind."""
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess

from lib.skipping import skip
from lib.waiting import wait_until
from machine import PLACES, Machine

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEBIAN = ROOT / "tests/compose/debian"

# The engine in a namespace of mounts of its own, which ends with the last process in it. Not one of processes: whether a container is
# in the machine's own is what an executor checks. The words before "--" are folders to cover with empty ones.
RUN = 'while [ "$1" != -- ]; do mkdir -p "$1" && mount -t tmpfs -o mode=755 tmpfs "$1" && shift || exit; done; shift; exec "$@"'


class Engine:
    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.machine = None
        self.env = dict(os.environ)

    def run(self, *words, check=True, timeout=900, env=None, **more):
        return subprocess.run([*map(str, words)], env={**self.env, **(env or {})}, capture_output=True, text=True, check=check, timeout=timeout,
                              stdin=more.pop("stdin", subprocess.DEVNULL), **more)

    def docker(self, *words, **more):
        return self.run("docker", *words, **more)

    @functools.cached_property
    def composer(self):
        """The words that Docker's compose starts with here, or None."""
        if self.docker("compose", "version", check=False).returncode == 0:
            return ["docker", "compose"]
        return ["docker-compose"] if shutil.which("docker-compose") else None

    def compose(self, *words, **more):
        return self.run(*self.composer, *words, **more)

    def answers(self):
        return self.docker("info", check=False, timeout=60).returncode == 0

    def start(self):
        if not shutil.which("docker"):
            skip("docker", "no docker is installed")
        if self.composer is None:
            skip("docker_compose", "neither docker-compose nor docker's compose plugin is installed")
        if self.answers():
            return
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            skip("docker", "no engine answers, and one of our own needs root and dockerd")
        group = f"assaytest{os.getpid()}"
        self.machine = Machine(self.folder, group)
        socket, data = self.folder / "sock", os.environ.get("ASSAY_TEST_ENGINE_DATA", self.folder / "data")
        self.env["DOCKER_HOST"] = f"unix://{socket}"
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "bash", "-c", RUN, "engine", *PLACES, "--",
                 "dockerd", "--data-root", data, "--exec-root", self.folder / "exec", "-H", f"unix://{socket}", "--pidfile", self.folder / "pid",
                 "--cgroup-parent", f"/{group}", "--exec-opt", "native.cgroupdriver=cgroupfs"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.process.poll() is not None or self.answers(), 60, "dockerd to answer")
        except AssertionError:
            pass
        if self.process.poll() is not None or not self.answers():
            skip("docker", f"dockerd does not start here: {(self.folder / 'log').read_text()[-300:]}")

    def own(self):
        return self.process is not None

    def stop(self):
        """One of our own goes with all that it made: what is left nevertheless, by kind."""
        if self.process is None:
            return {}
        if self.process.poll() is None:
            # The engine would give each container its time to end.
            running = self.docker("ps", "-q", check=False).stdout.split()
            if running:
                self.docker("kill", *running, check=False)
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(60)
        self.machine.end_processes()
        for name in ("data", "exec"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.machine.restore()
        return {kind: found for kind, found in self.machine.left().items() if found}

    def build(self, dockerfile, tag, base, context):
        built = self.docker("build", "--network", "host", "--build-arg", f"BASE={base}", "-f", dockerfile, "-t", tag, context, check=False)
        if built.returncode != 0:
            skip("docker_image", f"{dockerfile.name} cannot be built on {base}: {(built.stdout + built.stderr)[-300:]}")
        return tag

    @functools.cache
    def pulled(self, *names):
        """The first that a registry gives, or None."""
        for name in names:
            if self.docker("image", "inspect", name, check=False).returncode == 0 or \
                    self.docker("pull", "-q", name, check=False, timeout=600).returncode == 0:
                return name
        return None

    def base(self):
        """What to build on, by name: the image asked for, or pulled; without a registry a Debian 12 made by debootstrap."""
        asked, tree = os.environ.get("ASSAY_TEST_BASE_IMAGE"), os.environ.get("ASSAY_TEST_BASE_TREE")
        if asked:
            return asked
        if tree:
            return self.imported(tree)
        pulled = self.pulled("debian:bookworm-20250520-slim", "debian:12-slim")
        if pulled:
            return pulled
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            skip("docker_image", "debian:12-slim cannot be pulled, and making a Debian needs root and debootstrap")
        return self.imported(self.bootstrapped())

    def bootstrapped(self):
        """Made once: build/debian-12, below a name of its own until it is whole."""
        whole, part = ROOT / "build/debian-12", self.folder / "debian-12"
        if not whole.is_dir():
            done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", part], capture_output=True, text=True, timeout=1800,
                                  check=False)
            if done.returncode != 0:
                skip("docker_image", f"debootstrap: {done.stdout[-300:]}")
            (part / "etc/apt/sources.list").write_text(
                "".join(f"deb http://deb.debian.org/{where} main\n" for where in
                        ("debian bookworm", "debian bookworm-updates", "debian-security bookworm-security")))
            # As the public images do: no waiting for the disk at each package, and what apt has downloaded does not stay in a layer.
            (part / "etc/dpkg/dpkg.cfg.d/docker-apt-speedup").write_text("force-unsafe-io\n")
            (part / "etc/apt/apt.conf.d/docker-clean").write_text(
                'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n'
                'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n')
            whole.parent.mkdir(exist_ok=True)
            shutil.move(part, whole)
        return whole

    def imported(self, tree):
        """The same tree is the same image as before, so that layers on it are found again."""
        names = subprocess.run(["find", tree, "-printf", "%P %s %T@\\n"], capture_output=True, check=True).stdout
        label = f"assaytest.tree={hashlib.sha256(names).hexdigest()}"
        if self.docker("image", "ls", "-q", "--filter", f"label={label}", "assaytest/base").stdout:
            return "assaytest/base"
        with subprocess.Popen(["tar", "-C", tree, "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            self.docker("import", "--change", f"LABEL {label}", "-", "assaytest/base", stdin=tar.stdout)
        return "assaytest/base"
