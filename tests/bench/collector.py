#!/usr/bin/python3
"""Rows a second of the collector, against the same rows written by a bare libpq loop.

    tests/bench/collector.py [--rows 30000] [--batch 500] [--build build/release]

Starts a private broker and database (or uses those of ASSAY_TEST_STATE), fills assay.results with verdicts of 2 KiB of tests, and
measures from the start of the collector's consuming to the last row; then bench_insert_forms writes as many rows in the same
batches, in each form of statement. Prints a table. The collector does more in each transaction: it counts jobs and looks for
reconstructions, and it parses, acknowledges and checks every message.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import pika  # noqa: E402  pylint: disable=wrong-import-position

from lib.servers import Servers  # noqa: E402  pylint: disable=wrong-import-position
from lib.site import Site  # noqa: E402  pylint: disable=wrong-import-position

TEMPLATE = "assay_bench_template"


def tests_of_2_kib():
    made = []
    while len(json.dumps(made)) < 1960:
        made.append({"name": f"test_{len(made)}", "outcome": "passed", "ms": len(made) % 7, "message": None})
    return made


def fill(site, rows):
    channel = site.pika().channel()
    tests = tests_of_2_kib()
    for number in range(rows):
        body = {"task_id": f"t{number}", "job_id": "bench", "runtime": "python", "status": "pass", "reason": "ok", "test_pass_rate": 1.0,
                "passed": len(tests), "failed": 0, "total": len(tests), "tests": tests, "labels": {"model": "m1"}, "worker": "w1",
                "attempt": 1, "timing_ms": {"queued": 12, "setup": 3, "compile": 0, "run": 35}, "cpu_ms": 30, "exit_code": 0,
                "started_at": "2026-01-02T03:04:05.678Z", "finished_at": "2026-01-02T03:04:05.778Z"}
        channel.basic_publish("assay.results", "bench.pass", json.dumps(body), pika.BasicProperties(delivery_mode=2))
    deadline = time.monotonic() + 300
    while site.depth("assay.results") < rows:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_collector(site, rows, batch):
    collector = site.start_collector(ASSAY_BATCH_ROWS=batch, ASSAY_COLLECTOR_PREFETCH=4 * batch)
    while not site.sql("SELECT 1 FROM jobs WHERE done = %s", rows):
        assert collector.alive(), collector.errors()
        time.sleep(0.1)
    # By the database's own clock: the looking above costs the measurement nothing.
    seconds = float(site.value("SELECT extract(epoch FROM last_result_at - first_result_at) FROM jobs"))
    cpu = cpu_seconds(collector.pid)
    assert collector.stop() == 0
    return rows / seconds, cpu / rows * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    arguments = parser.parse_args()
    arguments.build = str(pathlib.Path(arguments.build).resolve())
    os.environ["ASSAY_BUILD"] = arguments.build
    programs = pathlib.Path(arguments.build) / "bin"
    servers = Servers()
    servers.up()
    site = None
    try:
        servers.superuser(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        servers.superuser(f"CREATE DATABASE {TEMPLATE} OWNER assay_collector")
        subprocess.run([programs / "assay-collector", "migrate"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_PG_URL": servers.pg_url("assay_collector", TEMPLATE)})
        site = Site(servers, tempfile.mkdtemp(prefix="assay-bench-"), "python", TEMPLATE)
        fill(site, arguments.rows)
        rate, cpu = measure_collector(site, arguments.rows, arguments.batch)
        print(f"collector  {rate:8.0f} rows/s   ({cpu:.0f} microseconds of its CPU a row)")
        for form in ("unnest", "values", "copy", "single"):
            rows = arguments.rows if form != "single" else arguments.rows // 10
            done = subprocess.run([programs / "bench_insert_forms", site.pg_url(), form, str(rows), str(arguments.batch)], check=True,
                                  capture_output=True, text=True)
            print(f"bare {done.stdout.strip()}")
    finally:
        if site:
            site.close()
        servers.down()


if __name__ == "__main__":
    main()
