"""An engine, and images whose /usr and /etc are the machine's own: nothing is pulled, and what runs in a container is what runs beside it."""
import io
import subprocess
import sys
import tarfile

import pytest

from core.measure import Missing
from lib.servers import ROOT

sys.path += [str(ROOT / "tests/compose"), str(ROOT / "tests/sandbox")]  # the engine; what executors import

LIMITS = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "2g",
          "--pids-limit", "256"]


class Image:
    """What an image holds: names for the machine's folders to be mounted on, and files of its own."""

    def __init__(self):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w")  # pylint: disable=consider-using-with
        for name in ("bin", "lib", "lib64"):
            self.link(name, "usr/" + name)
        for name in ("usr", "etc", "proc", "sys", "dev", "sbin"):  # sbin: the engine mounts a file there
            self.folder(name)
        self.folder("tmp", 0o1777)

    def link(self, name, to):
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, to
        self.tar.addfile(link)

    def folder(self, name, mode=0o755):
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, mode
        self.tar.addfile(folder)

    def copy(self, path, name):
        self.tar.add(path, name, filter=self._as_root)

    @staticmethod
    def _as_root(info):
        info.uid = info.gid = 0
        return info

    def load(self, engine, tag):
        self.tar.close()
        subprocess.run(["docker", "import", "-", tag], env=engine.env, input=self.out.getvalue(), capture_output=True, check=True)


def start_engine(folder):
    """To be stopped, also when this raises: engine.stop()."""
    from engine import Engine  # pylint: disable=import-outside-toplevel
    engine = Engine(folder)
    try:
        engine.start()
    except pytest.skip.Exception as why:
        engine.stop()
        raise Missing(f"a Docker engine ({why})") from None
    return engine


class Docker:
    """A warm container for the harness by `docker exec`, and the words for `docker run`."""

    def __init__(self, folder, rivals):
        self.folder, self.engine, self.container = folder, None, None
        self.options = [*LIMITS, "-v", "/usr:/usr:ro", "-v", "/etc:/etc:ro", "-v", f"{rivals}:/bench:ro"]

    def start(self):
        self.engine = start_engine(self.folder)
        image = Image()
        image.folder("bench")
        image.load(self.engine, "assay-bench")
        self.container = self.engine.docker("run", "-d", *self.options, "assay-bench", "sleep", "infinity").stdout.strip()

    def exec_words(self):
        if self.container is None:
            raise Missing("a Docker engine")
        return ["docker", "exec", "-i", self.container]

    def run_words(self):
        if self.container is None:
            raise Missing("a Docker engine")
        return ["docker", "run", "--rm", "-i", *self.options, "assay-bench"]

    def stop(self):
        if self.container is not None:
            self.engine.docker("rm", "-f", self.container, check=False)
        if self.engine is not None:
            self.engine.stop()
