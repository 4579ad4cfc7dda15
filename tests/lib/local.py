"""compose/local on a state folder of its own, with the binaries of the test build."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from lib.servers import ROOT


class Local:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        build = os.environ.get("ASSAY_BUILD", str(ROOT / "build/asan"))
        self.env = {**os.environ, "ASSAY_STATE": str(state), "ASSAY_BUILD": build}
        self.bin = pathlib.Path(build) / "bin"

    @classmethod
    def new(cls):
        # The servers' users must reach their data: pytest's own temporary folders are private.
        state = tempfile.mkdtemp(prefix="assay-test-", dir="/var/tmp")
        os.chmod(state, 0o755)
        return cls(state)

    def remove(self):
        self("reset", "--yes")
        shutil.rmtree(self.state, ignore_errors=True)

    def __call__(self, *arguments, stdin=subprocess.DEVNULL):
        return subprocess.run([ROOT / "compose/local", *arguments], env=self.env, stdin=stdin, capture_output=True, text=True,
                              timeout=600, check=False)

    def pid(self, name):
        record = self.state / "run" / name
        return int(record.read_text().split()[0]) if record.exists() else None

    def workers(self):
        return sorted(p.name for p in (self.state / "run").glob("worker-*"))

    def program(self, name, *words, stdin=None):
        """One of our programs with its variables, as a shell that has sourced them would run it."""
        variables = "env" if name == "assay-producer" else f"{name}.env"
        script = '. "$1"; shift; ASSAY_NO_LOCAL_ENV=1 exec "$@"'
        return subprocess.run(["/bin/bash", "-c", script, name, self.state / "env" / variables, self.bin / name, *words],
                              env=self.env, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              capture_output=True, text=True, timeout=600, check=False)

    def sql(self, statement):
        """The rows of a query as the publisher's role, as lists of text."""
        done = subprocess.run(["/bin/bash", "-c", '. "$1"; exec psql -X -A -t -c "$2"', "psql", self.state / "env/env", statement],
                              env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def processes(self):
        """Pids of all live processes that mention the state folder, or are recorded in it."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (OSError, PermissionError):
                continue
            if str(self.state).encode() in words:
                found.append((int(entry.name), words[:200]))
        return found
