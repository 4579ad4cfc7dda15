"""A worker that is fed one task after the other (--local -), and its warm servers."""
import json
import os
import pathlib
import re
import subprocess

from lib.proc import descendants, read, state
from lib.waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNTIMES = (ROOT / "conf/runtimes.cfg").read_text(encoding="utf-8")
SUITE = "from implementation import *\n\n\ndef test_it():\n    assert check()\n"


def task(name, program, suite=SUITE, **more):
    return {"task_id": name, "runtime": "python", "implementation_code": program, "test_suite_code": suite, **more}


def case_task(name, program, *cases, **more):
    """A case is stdin, or what a case of a task has beside expected_stdout. None: one that reads nothing."""
    made = [{"stdin": one} if isinstance(one, str) else one or {} for one in cases or (None,)]
    return {"task_id": name, "runtime": "python", "implementation_code": program, "cases": [{"expected_stdout": "?", **one} for one in made], **more}


def is_warm(result):
    return "warm_server" in result["sandbox"]


def is_fast(result):
    return "fast_path" in result["sandbox"]


def command(pid):
    return read(f"/proc/{pid}/cmdline").decode().replace("\0", " ")


def case_family(pid):
    """The servers of cases below a worker, with what they forked."""
    return [one for one in descendants(pid) if command(one).endswith("python3 -s implementation.py ")]


def has_ended(pid):
    """All its descriptors are closed; it may still be waited for."""
    return state(pid) in "ZX"


class Worker:
    def __init__(self, build, folder, runtimes=RUNTIMES, **environment):
        folder.mkdir(exist_ok=True)
        (folder / "runtimes.cfg").write_text(runtimes, encoding="utf-8")
        self.log = folder / "log"
        self.program = build / "bin/assay-worker"
        self.environment = {**os.environ, "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "python", "ASSAY_LOG_LEVEL": "debug",
                            "ASSAY_RUNTIMES_FILE": str(folder / "runtimes.cfg"), "ASAN_OPTIONS": "detect_leaks=0", **environment}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.program, "--local", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True, env=self.environment)

    def send(self, one):
        self.process.stdin.write(json.dumps(one) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, self.log.read_text()[-3000:]
        return json.loads(line)

    def run(self, *words, **more):
        self.send(task(*words, **more))
        return self.answer()

    def run_cases(self, *words, **more):
        self.send(case_task(*words, **more))
        return self.answer()

    def family(self):
        return [pid for pid in descendants(self.process.pid) if "warm_server.py" in command(pid)]

    def case_family(self):
        return case_family(self.process.pid)

    def server(self, family=None):
        """While no task runs."""
        family = family or self.family
        return wait_until(lambda: family()[0] if len(family()) == 1 else None, 30, "one warm server and no task")

    def check(self):
        done = subprocess.run([self.program, "--check", "--format", "json"], capture_output=True, text=True, timeout=120, check=False,
                              env=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(60)


def with_stanza(pattern, replacement):
    """runtimes.cfg with the first match in it replaced: the python stanza is the first."""
    changed, count = re.subn(pattern, replacement, RUNTIMES, count=1, flags=re.MULTILINE)
    assert count == 1
    return changed
