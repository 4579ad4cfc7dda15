"""HumanEval: by --local, by a pytest for each, and by the whole fleet."""
import concurrent.futures
import json
import pathlib
import subprocess
import time

from core.context import ROOT
from core.local import rate, run_local
from core.measure import Group, Missing, Ratio, Variant

from lib.waiting import wait_until

DATA = ROOT.parent / "shared/data/humaneval.jsonl"


def read_tasks():
    if not DATA.exists():
        raise Missing(f"HumanEval as tasks in {DATA}")
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def plain_pytest(folder, task):
    folder.mkdir()
    (folder / "implementation.py").write_text(task["implementation_code"], encoding="utf-8")
    (folder / "test_implementation.py").write_text(task["test_suite_code"], encoding="utf-8")
    subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_implementation.py"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, timeout=60)


class HumanEval(Group):
    name = "humaneval"
    title = "The 164 tasks of HumanEval, two at a time, start-up included"

    def open(self):
        self.tasks = read_tasks()[:self.bench.size(164, 6)]

    def pytest(self):
        place = self.bench.new_folder()
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda item: plain_pytest(place / str(item[0]), item[1]), enumerate(self.tasks)))
        return time.monotonic() - began

    def variants(self):
        return [Variant("assay-worker --local, 2 slots, self-attack included", "s", lambda: run_local(self.bench, self.tasks, 2, "python")[1],
                        own=True),
                Variant("python3 -m pytest for each", "s", self.pytest)]

    def ratios(self):
        return [Ratio("pytest's time by ours", "python3 -m pytest for each", "assay-worker --local, 2 slots, self-attack included", at_least=12)]


class Fleet(Group):
    name = "fleet"
    title = "HumanEval's tasks over and over: producer, quorum queues, a worker of 2 slots, collector, PostgreSQL, beside --local"

    def open(self):
        tasks, count = read_tasks(), self.bench.size(10000, 12)
        self.tasks = [{**tasks[n % len(tasks)], "task_id": f"{n}"} for n in range(count)]

    def fleet(self, *options):
        with self.bench.site() as site:
            site.start_collector()
            site.start_worker("python", slots=2, ASSAY_LOG_LEVEL="warn")
            done = site.producer("publish", site.write_tasks(self.tasks), *options, seconds=280)
            assert done.returncode == 0, done.stderr[-1500:]
            # Seldom: what is measured shares its processors with who asks.
            wait_until(lambda: site.value("SELECT count(*) FROM executions") == len(self.tasks), 280, "each verdict", every=1)
            seconds = site.value("SELECT extract(epoch FROM max(stored_at) - min(started_at))::float8 FROM executions")
            return len(self.tasks) / seconds

    def variants(self):
        return [Variant("whole fleet, first start to last commit", "tasks/s", self.fleet, own=True),
                Variant("the same, whose producer waits for each verdict", "tasks/s", lambda: self.fleet("--wait"), own=True),
                Variant("assay-worker --local, 2 slots", "tasks/s", lambda: rate(run_local(self.bench, self.tasks, 2, "python")[0]), own=True)]

    def ratios(self):
        fleet, waiting, local = (variant.label for variant in self.variants())
        return [Ratio("fleet by --local", fleet, local, at_least=0.8),
                Ratio("fleet whose producer waits by --local", waiting, local)]


GROUPS = [HumanEval, Fleet]
