"""The demonstration job: what its file holds, and that each task ends as its label says."""
import json
import os
import subprocess
import sys

import drive

DEMO = drive.ROOT / "compose/demo/demo.jsonl"
TASKS = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]


def test_the_file_is_what_its_sources_make():
    made = subprocess.run([sys.executable, drive.ROOT / "compose/demo/make_demo.py"], capture_output=True, check=True).stdout
    assert made == DEMO.read_bytes(), "run: compose/demo/make_demo.py > compose/demo/demo.jsonl"


def test_it_shows_every_status_and_most_reasons():
    expected = {task["labels"]["expect"] for task in TASKS}
    assert len(TASKS) >= 16 and len({task["task_id"] for task in TASKS}) == len(TASKS)
    assert {task["runtime"] for task in TASKS} == {"python", "node", "c", "cpp", "bash"}
    assert {text.split("/")[0] for text in expected} == {"pass", "fail", "timeout", "error"}
    assert {text.split("/")[1] for text in expected} >= {
        "ok", "assertion", "wrong_output", "wall_time", "cpu_time", "memory", "output", "processes", "disk", "crash", "compile", "no_tests",
        "tampered", "bad_task", "expired"}
    assert all(task["labels"]["shows"] for task in TASKS)


def test_each_task_ends_as_documented(build):
    ran = subprocess.run([build / "bin/assay-worker", "--local", DEMO, "--slots", "2"], capture_output=True, text=True, timeout=180, check=False,
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    results = {result["task_id"]: result for result in map(json.loads, ran.stdout.splitlines())}
    assert ran.returncode == 1, ran.stderr  # some task did not pass
    verdicts = {name: f"{result['status']}/{result['reason']}" for name, result in results.items()}
    assert verdicts == {task["task_id"]: task["labels"]["expect"] for task in TASKS}, [
        (name, result["errors"]) for name, result in results.items()]
    assert all(result["test_pass_rate"] is None for result in results.values() if result["status"] == "error")
    assert results["python-pytest"]["coverage"]["percent"] == 100
    assert results["node-assertion"]["test_pass_rate"] == 0.5
