"""The programs around the sandbox, each beside a bare loop in C that does the same work without Assay."""
import json
import os
import subprocess
import time

from core.context import Depth, binary, fill
from core.measure import Group, Ratio, Variant
from lib.waiting import wait_until

WINDOW, PREFETCH, BATCH = 100, 100, 500

SUITE = {"runtime": "python",
         "implementation_code": "def add(a, b):\n    return a + b\n",
         "test_suite_code": "from implementation import add\n\n\ndef test_small():\n    assert add(1, 2) == 3\n\n\n"
                            "def test_large():\n    assert add(10**9, 1) == 10**9 + 1\n"}


def tasks_file(site, count):
    return site.write_tasks([{**SUITE, "task_id": f"task-{n}"} for n in range(count)])


def bare_amqp(bench, site, user, *words):
    """bench_bare_amqp's figure: messages a second."""
    env = {**os.environ, "BENCH_PASSWORD": bench.servers.secret(user)}
    done = subprocess.run([binary("bench_bare_amqp"), "127.0.0.1", str(bench.servers.port("amqp")), site.vhost, user, *map(str, words)],
                          env=env, capture_output=True, text=True, check=True, timeout=240)
    count, seconds = done.stdout.split()
    return int(count) / float(seconds)


class Producer(Group):
    name = "producer"
    title = f"Publishing a file of small tasks, confirm window of {WINDOW}, quorum queue"

    def ours(self):
        with self.bench.site() as site:
            count = self.bench.size(100000, 2000)
            file = tasks_file(site, count)
            began = time.monotonic()
            done = site.producer("publish", file, env={"ASSAY_PUBLISH_WINDOW": WINDOW}, seconds=240)
            assert done.returncode == 0, done.stderr[-2000:]
            return count / (time.monotonic() - began)

    def bare(self):
        with self.bench.site() as site:
            return bare_amqp(self.bench, site, "assay-producer", "publish", tasks_file(site, self.bench.size(100000, 2000)), WINDOW, "python")

    def variants(self):
        return [Variant("assay-producer, start-up and validation included", "tasks/s", self.ours, own=True),
                Variant("bare librabbitmq loop", "tasks/s", self.bare)]

    def ratios(self):
        return [Ratio("assay-producer by the bare loop", *(v.label for v in self.variants()), at_least=0.8)]


class Pipeline(Group):
    name = "pipeline"
    title = f"A worker whose tasks take no time: consume, publish the result confirmed, acknowledge; prefetch {PREFETCH}"

    def measured(self, start):
        with self.bench.site() as site:
            count = self.bench.size(20000, 1000)
            body = json.dumps(SUITE)
            fill(site, "assay.tasks", "python", (f'{{"task_id": "task-{n}", {body[1:]}' for n in range(count)), "assay.task.v1")
            Depth(site, "assay.tasks.python").wait(count)
            results = Depth(site, "assay.results")
            process = start(site, count)
            rate = results.rate_to(count)
            if isinstance(process, subprocess.Popen):
                assert process.wait(60) == 0
            return rate

    def ours(self):
        # 16 slots allow this prefetch; each answers at once.
        return self.measured(lambda site, count: site.start_worker("python", slots=16, noop=True, wait=False,
                                                                   ASSAY_WORKER_PREFETCH=PREFETCH))

    def bare(self):
        def start(site, count):
            env = {**os.environ, "BENCH_PASSWORD": self.bench.servers.secret("assay-worker")}
            return subprocess.Popen([binary("bench_bare_amqp"), "127.0.0.1", str(self.bench.servers.port("amqp")), site.vhost,
                                     "assay-worker", "pipeline", "assay.tasks.python", str(count), str(PREFETCH)], env=env,
                                    stdout=subprocess.DEVNULL)
        return self.measured(start)

    def variants(self):
        return [Variant("worker with a no-op runner", "tasks/s", self.ours, own=True),
                Variant("bare librabbitmq loop", "tasks/s", self.bare)]

    def ratios(self):
        return [Ratio("worker by the bare loop", *(v.label for v in self.variants()), at_least=0.7)]


def result_bodies(count, job="bench", first=0):
    """Results with 2 KiB of tests."""
    tests = [{"name": f"test_{n}", "outcome": "passed", "ms": 1, "message": None} for n in range(32)]
    result = {"job_id": job, "runtime": "python", "labels": {"model": "m1"}, "status": "pass", "reason": "ok", "test_pass_rate": 1.0,
              "passed": 32, "failed": 0, "skipped": 0, "total": 32, "errors": [], "tests": tests, "stdout": "", "stderr": "",
              "stdout_truncated": False, "stderr_truncated": False, "exit_code": 0, "signal": None,
              "timing_ms": {"queued": 1, "setup": 1, "compile": 0, "run": 1}, "cpu_ms": 1, "peak_memory_kb": 1000,
              "coverage": None, "cached": False, "worker": "bench", "attempt": 1, "sandbox": [],
              "started_at": "2026-01-01T00:00:00.000Z", "finished_at": "2026-01-01T00:00:01.000Z"}
    body = json.dumps(result)
    return (f'{{"task_id": "task-{n}", {body[1:]}' for n in range(first, first + count))


def collect(site, rows, job="bench", first=0):
    """Rows a second of a collector that finds them queued: all but those of the last transaction, over the time from the first
    batch's transaction to the last one's, by the database's clock."""
    fill(site, "assay.results", f"{job}.pass", result_bodies(rows, job, first), "assay.result.v1")
    Depth(site, "assay.results").wait(rows)
    collector = site.start_collector(ASSAY_BATCH_ROWS=BATCH, ASSAY_COLLECTOR_PREFETCH=4 * BATCH)
    wait_until(lambda: site.sql("SELECT 1 FROM jobs WHERE job_id = %s AND done = %s", job, rows), 240, "all rows", every=0.2)
    seconds, counted = site.sql("SELECT extract(epoch FROM max(stored_at) - min(stored_at))::float8, count(*) FILTER (WHERE stored_at < "
                                "(SELECT max(stored_at) FROM executions WHERE job_id = %s)) FROM executions WHERE job_id = %s", job, job)[0]
    assert collector.stop() == 0
    return counted / seconds


class Collector(Group):
    name = "collector"
    title = f"Results with 2 KiB of tests into PostgreSQL (synchronous_commit on), batches of {BATCH}"

    def ours(self):
        with self.bench.site() as site:
            return collect(site, self.bench.size(30000, 3000))

    def bare(self):
        with self.bench.site() as site:
            done = subprocess.run([binary("bench_insert_forms"), site.pg_url(), "unnest", str(self.bench.size(30000, 3000)), str(BATCH)],
                                  capture_output=True, text=True, check=True, timeout=240)
            return float(done.stdout.split()[-2])  # "... 24000 rows/s"

    def variants(self):
        return [Variant("assay-collector, counters and acknowledgements included", "rows/s", self.ours, own=True),
                Variant("bare libpq loop, the same rows and batches", "rows/s", self.bare)]

    def ratios(self):
        return [Ratio("assay-collector by the bare loop", *(v.label for v in self.variants()), at_least=0.75)]


GROUPS = [Producer, Pipeline, Collector]
