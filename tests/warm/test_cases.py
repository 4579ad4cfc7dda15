"""A case that is a fork of an interpreter which waits for its program is what a cold start is: the same verdicts, the same output to the
byte, the same end, for programs that look at everything around them."""
import pytest
from case_programs import shown, tasks
from workers import Worker, is_warm

NAMES = [task["task_id"] for task in tasks()]


@pytest.fixture(scope="module")
def results(build, tmp_path_factory):
    found = {}
    for way, environment in {"warm": {}, "cold": {"ASSAY_WARM_ENABLED": "false"}}.items():
        worker = Worker(build, tmp_path_factory.mktemp("cases"), **environment)
        found[way] = {}
        for one in tasks():
            worker.send(one)
            found[way][one["task_id"]] = worker.answer()
        worker.close()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_fork_is_what_a_cold_start_is(results, name):
    warm, cold = results["warm"][name], results["cold"][name]
    assert is_warm(warm) and not is_warm(cold)
    assert shown(warm) == shown(cold)
