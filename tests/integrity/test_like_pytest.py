"""Honest suites, of every use of pytest and of what looks suspicious, keep through the real worker the outcome that plain pytest gives
them, test for test: on the fast path where they fit it, and under pytest."""
import base64
import concurrent.futures

import gaming
import pytest
from lib import plain_pytest, suites
from lib.honest_suites import HONEST
from lib.pytest_suites import CORPUS, PROGRAM

SUITES = {**{name: (PROGRAM, *entry) for name, entry in {**CORPUS, **suites.ALL}.items()}, **HONEST}
# Their source is no UTF-8 text, so they cannot be a field of a task's JSON.
SUITES = {name: entry for name, entry in SUITES.items() if not isinstance(entry[1], bytes) or name in ("crlf", "bom")}


def text(content):
    return content.decode() if isinstance(content, bytes) else content


def task_of(name):
    program, suite, test_files = SUITES[name]
    return {"task_id": f"honest/{list(SUITES).index(name)}", "runtime": "python", "implementation_code": program, "test_suite_code": text(suite), "timeout": 60,
            "test_files": {path: {"base64": base64.b64encode(text(content).encode()).decode()} for path, content in test_files.items()}}


@pytest.fixture(scope="module", params=["true", "false"], ids=["fast path", "pytest"])
def results(build, tmp_path_factory, request):
    return gaming.run_local(build, tmp_path_factory.mktemp("honest"), [task_of(name) for name in SUITES], ASSAY_WARM_FAST_PATH=request.param)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")

    def ask(name):
        here = folder / task_of(name)["task_id"].split("/")[1]
        here.mkdir()
        return plain_pytest.outcomes(here, *SUITES[name])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(SUITES, pool.map(ask, SUITES)))


def test_there_are_enough():
    assert len(SUITES) >= 220


@pytest.mark.parametrize("name", SUITES)
def test_same_outcomes(name, results, expected):
    result = results[task_of(name)["task_id"]]
    assert {test["name"]: test["outcome"] for test in result["tests"]} == expected[name], (result["reason"], result["errors"])
    good = all(outcome not in ("failed", "error") for outcome in expected[name].values())
    ran = any(outcome != "skipped" for outcome in expected[name].values())
    assert result["reason"] == ("no_tests" if not ran else "ok" if good else "memory" if name == "memory_error" else "assertion"), result["errors"]
