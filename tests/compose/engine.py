"""A Docker engine for the tests."""
import os
import pathlib
import shutil
import subprocess

from lib.skipping import skip
from lib.waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCKERFILE = ROOT / "compose/images/executor.Dockerfile"


class Engine:
    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.env = dict(os.environ)

    def docker(self, *words, check=True, timeout=1800, **more):
        return subprocess.run(["docker", *map(str, words)], env=self.env, capture_output=True, text=True, check=check, timeout=timeout, **more)

    def compose(self, *words, **more):
        plugin = self.docker("compose", "version", check=False).returncode == 0
        command = ["docker", "compose"] if plugin else ["docker-compose"]
        return subprocess.run([*command, *map(str, words)], env=self.env, capture_output=True, text=True, check=True, timeout=300, **more)

    def answers(self):
        return self.docker("info", check=False, timeout=60).returncode == 0

    def start(self):
        if not shutil.which("docker"):
            skip("docker", "no docker is installed")
        if not shutil.which("docker-compose") and self.docker("compose", "version", check=False).returncode != 0:
            skip("docker_compose", "neither docker-compose nor docker's compose plugin is installed")
        if self.answers():
            return
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            skip("docker", "no engine answers, and one of our own needs root and dockerd")
        socket = self.folder / "sock"
        self.env["DOCKER_HOST"] = f"unix://{socket}"
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "-H", f"unix://{socket}",
                 "--pidfile", self.folder / "pid"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.process.poll() is not None or self.answers(), 60, "dockerd to answer")
        except AssertionError:
            pass
        if self.process.poll() is not None or not self.answers():
            skip("docker", f"dockerd does not start here: {(self.folder / 'log').read_text()[-300:]}")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
            self.clear()

    def clear(self):
        """The engine leaves the mount of a namespace, and gigabytes."""
        for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            point = line.split()[4]
            if point.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", point], check=False)
        for name in ("data", "exec"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def image(self):
        """The runtime stage of the image that ships: the worker comes from the build under test."""
        base = self.base()
        built = self.docker("build", "--network", "host", "--target", "runtime", "--build-arg", f"BASE={base}", "-f", DOCKERFILE, "-t",
                            "assay-test-runtime", ROOT / "compose/images", check=False)
        if built.returncode != 0:
            skip("docker_image", f"the image cannot be built on {base}: {(built.stdout + built.stderr)[-300:]}")
        return "assay-test-runtime"

    def base(self):
        """What to build on, by name: the image asked for, or pulled; without a registry a Debian 12 made by debootstrap."""
        asked, tree = os.environ.get("ASSAY_TEST_BASE_IMAGE"), os.environ.get("ASSAY_TEST_BASE_TREE")
        if asked:
            return asked
        if tree:
            return self.imported(tree)
        if self.docker("pull", "debian:12-slim", check=False, timeout=600).returncode == 0:
            return "debian:12-slim"
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
            whole.parent.mkdir(exist_ok=True)
            shutil.move(part, whole)
        return whole

    def imported(self, tree):
        with subprocess.Popen(["tar", "-C", tree, "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            self.docker("import", "-", "assay-test-base-tree", stdin=tar.stdout)
        return "assay-test-base-tree"
