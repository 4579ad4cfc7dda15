"""A warm container with the machine's own Python: for the harness by `docker exec`, and by `docker run`."""
import io
import subprocess
import sys
import tarfile

import pytest

from core.measure import Missing
from lib.servers import ROOT

LIMITS = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "2g",
          "--pids-limit", "256"]


def skeleton():
    """An image of names alone: /usr is mounted from the machine."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "usr/" + name
            tar.addfile(link)
        for name in ("usr", "etc", "tmp", "proc", "sys", "dev", "bench"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    return out.getvalue()


class Docker:
    def __init__(self, folder, rivals):
        sys.path.insert(0, str(ROOT / "tests/compose"))
        from engine import Engine  # pylint: disable=import-outside-toplevel
        self.engine, self.container = Engine(folder), None
        self.options = [*LIMITS, "-v", "/usr:/usr:ro", "-v", "/etc:/etc:ro", "-v", f"{rivals}:/bench:ro"]

    def start(self):
        try:
            self.engine.start()
        except pytest.skip.Exception as why:
            raise Missing(f"a Docker engine ({why})") from None
        subprocess.run(["docker", "import", "-", "assay-bench"], env=self.engine.env, input=skeleton(), capture_output=True, check=True)
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
        self.engine.stop()
