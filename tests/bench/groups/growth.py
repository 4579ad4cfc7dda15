"""What grows: the store with its rows, the programs with the tasks they have seen."""
import json
import pathlib
import re
import time

from core.context import Depth, fill
from core.measure import Group, Ratio, Variant
from groups.throughput import SUITE, collect
from lib.proc import descendants

STORED = ("INSERT INTO executions (job_id, task_id, runtime, status, reason, test_pass_rate, passed, total, tests, stored_at)"
          " SELECT 'old-' || n / 1000, 'task-' || n, 'python', 'pass', 'ok', 1, 1, 1, '[]', now() - n * interval '1 second'"
          " FROM generate_series(1, %s) n")


class Growth(Group):
    name = "growth"
    title = "The collector's rate into a table that holds rows already"

    def into(self, rows):
        with self.bench.site() as site:
            site.sql(STORED, rows)
            site.sql("INSERT INTO jobs (job_id, total, done, passed) SELECT job_id, count(*), count(*), count(*) FROM executions GROUP BY job_id")
            site.sql("ANALYZE executions")
            return collect(site, self.bench.size(20000, 1500), "new")

    def variants(self):
        many = self.bench.size(10**6, 10**4)
        self.labels = "into 1,000 rows", f"into {many:,} rows"
        return [Variant(label, "rows/s", lambda rows=rows: self.into(rows), own=True) for label, rows in zip(self.labels, (1000, many))]

    def ratios(self):
        return [Ratio("rate into many rows by that into few", self.labels[1], self.labels[0], at_least=0.9)]


def pss_mb(pid):
    """Of a process, in MB of 2**20: what it shares with others divided by how many have it."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) / 1024


def resident_mb(process):
    """Of a process, in MB of 2**20: all that is in memory, libraries with it."""
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)[1]) / 1024


class Memory(Group):
    name = "memory"
    title = "Memory: of worker and collector over many tasks, of a worker that runs suites in 16 slots, of an idle slot"

    def open(self):
        self.count, self.suites = self.bench.size(100000, 2000), self.bench.size(1000, 4)
        self.found = {}

    def fill(self, site, count):
        body = json.dumps(SUITE)
        fill(site, "assay.tasks", "python", (f'{{"task_id": "task-{n}", {body[1:]}' for n in range(count)), "assay.task.v1")

    def soak(self):
        early = self.count // 10
        with self.bench.site() as site:
            programs = {"worker": site.start_worker("python", slots=16, noop=True, ASSAY_LOG_LEVEL="warn"),
                        "collector": site.start_collector()}
            self.fill(site, self.count)
            for when, count in (("early", early), ("late", self.count)):
                until = time.monotonic() + 280
                while (site.value("SELECT COALESCE(sum(done), 0) FROM jobs") or 0) < count:
                    assert time.monotonic() < until, f"not {count} rows within 280 s"
                    time.sleep(0.1)
                self.found.update({(name, when): resident_mb(process) for name, process in programs.items()})
            assert Depth(site, "assay.tasks.python").now() == 0
        return self.found["worker", "late"]

    def busy(self):
        """The worker alone: its slots are other processes."""
        with self.bench.site() as site:
            worker = site.start_worker("python", slots=self.bench.size(16, 2), ASSAY_LOG_LEVEL="warn")
            self.fill(site, self.suites)
            Depth(site, "assay.results").wait(self.suites)
            return resident_mb(worker)

    def idle(self):
        """What each of two slots holds beside the worker, once it has run suites: its init, its warm server, the parked sandbox."""
        with self.bench.site() as site:
            worker = site.start_worker("python", slots=2, ASSAY_LOG_LEVEL="warn")
            self.fill(site, 20)
            Depth(site, "assay.results").wait(20)
            before = set()
            while before != set(descendants(worker.pid)):  # a task's processes go after its result
                before = set(descendants(worker.pid))
                time.sleep(0.5)
            return sum(pss_mb(pid) for pid in before) / 2

    def get(self, name, when):
        return lambda: self.found[name, when]

    def variants(self):
        few, many = f"after {self.count // 10:,} tasks", f"after {self.count:,}"
        return [Variant(f"worker that runs suites, after {self.suites:,}", "MB", self.busy, own=True),
                Variant("an idle warm slot of Python, by PSS", "MB", self.idle, own=True),
                Variant(f"worker, {many}", "MB", self.soak, own=True, once=True),
                Variant(f"worker, {few}", "MB", self.get("worker", "early"), own=True, once=True),
                Variant(f"collector, {many}", "MB", self.get("collector", "late"), own=True, once=True),
                Variant(f"collector, {few}", "MB", self.get("collector", "early"), own=True, once=True)]

    def ratios(self):
        busy, slot, worker, worker_early, collector, collector_early = (v.label for v in self.variants())
        return [Ratio("MB of a worker that runs suites", busy, None, at_most=10), Ratio("MB of an idle slot", slot, None, at_most=30),
                Ratio("MB of a worker", worker, None, at_most=10),
                Ratio("worker: late by early", worker, worker_early, at_most=1.1),
                Ratio("collector: late by early", collector, collector_early, at_most=1.25)]


GROUPS = [Growth, Memory]
