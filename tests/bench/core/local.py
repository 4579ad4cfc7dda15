"""assay-worker --local, measured."""
import datetime
import json
import os
import subprocess
import time

from core.context import binary
from lib.site import FIRST_UID


def run_local(bench, tasks, slots, runtime, executor=None, **environment):
    """Runs the tasks: (results, seconds in all). Each must pass. executor: where, else on the machine itself; environment: of the worker."""
    file = bench.new_folder() / "tasks.jsonl"
    file.write_text("".join(json.dumps(task) + "\n" for task in tasks), encoding="utf-8")
    given = {"ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": runtime, "ASSAY_WORKER_SLOTS": str(slots), "ASSAY_LOG_LEVEL": "warn",
             "ASSAY_WORKER_UID_BASE": str(FIRST_UID + 64 * (os.getpid() % 1000 * 16)), **environment}
    if executor:
        words, env = executor.words(given), executor.env
    else:
        words, env = [binary("assay-worker")], {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | given
    with open(file, "rb") as tasks_in:
        began = time.monotonic()
        done = subprocess.run([*words, "--local", "-"], env=env, stdin=tasks_in, capture_output=True, text=True, timeout=280, check=False)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr[-1500:] + done.stdout[-500:]
    return [json.loads(line) for line in done.stdout.splitlines()], seconds


def rate(results):
    """Tasks a second from the first start to the last end: without the worker's start."""
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    return len(results) / (max(moment(r["finished_at"]) for r in results) - min(moment(r["started_at"]) for r in results))
