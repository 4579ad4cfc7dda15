"""A fork of a warm server gives the verdicts of a cold start, test for test, with the fast path and without."""
import base64
import json
import pathlib
import re
import sys

import pytest
from workers import ROOT, Worker, is_fast, is_warm

from lib.pytest_suites import CORPUS, PROGRAM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integrity"))

import gaming  # noqa: E402  pylint: disable=wrong-import-position
import python_attacks  # noqa: E402  pylint: disable=wrong-import-position

# Modules that a cold start has not loaded when the program is imported; "plain" is there to compare with.
OWN_MODULES = ("code", "queue", "statistics", "fractions", "asyncio", "ctypes", "doctest", "plain")
FIELDS = ("status", "reason", "test_pass_rate", "passed", "failed", "skipped", "total", "errors", "tests", "exit_code", "signal", "stdout")


def tasks():
    made = []
    for name, (suite, test_files) in CORPUS.items():
        if isinstance(suite, str):
            files = {path: text if isinstance(text, str) else {"base64": base64.b64encode(text).decode()} for path, text in test_files.items()}
            for stop in (False, True):
                made.append({"task_id": f"corpus/{name}/{stop}", "runtime": "python", "implementation_code": PROGRAM,
                             "test_suite_code": suite, "test_files": files, "stop_on_first_failure": stop})
    for name in OWN_MODULES:
        for path in (f"{name}.py", f"{name}/__init__.py"):
            for whose in ("files", "test_files"):
                made.append({"task_id": f"own/{whose}/{path}", "runtime": "python", whose: {path: "ours = 5\n"},
                             "implementation_code": f"import {name}\n\ndef check():\n    return {name}.ours\n",
                             "test_suite_code": "from implementation import check\n\n\ndef test_it():\n    assert check() == 5\n"})
    for _, attack, twin in gaming.tasks("python", python_attacks.SUITE, python_attacks.HONEST, python_attacks.ATTACKS):
        made += [attack, twin]
    lines = (ROOT / "compose/demo/demo.jsonl").read_text(encoding="utf-8").splitlines()
    demo = [task for task in map(json.loads, lines) if task["runtime"] == "python" and "expires_at" not in task]
    for task in demo:  # on a busy machine a cold start takes a while to its plan
        if "timeout" in task:
            task["timeout"] = 10
    return made + demo


def verdict(result):
    """Without times and addresses; and without how a process ended that the worker kills for what it reports, while it may
    just be ending by itself."""
    kept = {name: result[name] for name in FIELDS}
    if result["reason"] == "tampered":
        del kept["exit_code"], kept["signal"]
    kept["tests"] = [{**test, "ms": None} for test in kept["tests"]]
    return re.sub(r"0x[0-9a-f]{6,}|\d+\.\d+ ?m?s", "?", json.dumps(kept))


WAYS = {"fast": {}, "pytest": {"ASSAY_WARM_FAST_PATH": "false"}, "cold": {"ASSAY_WARM_ENABLED": "false"}}
NAMES = [task["task_id"] for task in tasks()]
# A cold start takes its time: every third of them.
COLD = [name for number, name in enumerate(NAMES) if number % 3 == 0 or name.startswith("own/")]


@pytest.fixture(scope="module")
def results(build, tmp_path_factory):
    found = {way: {} for way in WAYS}
    for way, environment in WAYS.items():
        worker = Worker(build, tmp_path_factory.mktemp("same"), **environment)
        for one in tasks():
            if way != "cold" or one["task_id"] in COLD:
                worker.send(one)
                found[way][one["task_id"]] = worker.answer()
        worker.close()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_fast_path_says_what_pytest_says(results, name):
    """Of a program that games, that it does."""
    fast, under_pytest = results["fast"][name], results["pytest"][name]
    assert not is_fast(under_pytest)
    if name.endswith("/attack"):
        assert fast["status"] != "pass" and under_pytest["status"] != "pass"
    else:
        assert verdict(fast) == verdict(under_pytest)


@pytest.mark.parametrize("name", COLD)
def test_a_fork_says_what_a_cold_start_says(results, name):
    cold = results["cold"][name]
    assert not is_warm(cold)
    assert verdict(results["pytest"][name]) == verdict(cold)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("own/")])
def test_a_module_of_the_tasks_own(results, name):
    assert results["fast"][name]["status"] == "pass", results["fast"][name]["errors"]


def test_most_of_them_ran_warm(results):
    for way in ("fast", "pytest"):
        assert sum(is_warm(result) for result in results[way].values()) > len(NAMES) * 0.9
    assert sum(is_fast(result) for result in results["fast"].values()) > len(NAMES) * 0.2
