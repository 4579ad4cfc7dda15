"""The attacks of tests/compose, in what a container is without an engine (stand.py). What is forked by a server of suites has most to attack;
ASSAY_SANDBOX_STARTS=cold,suites,cases has the others attack too, as tests/compose does with an engine."""
import os
import pathlib
import sys

import pytest
from stand import Stand

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "compose"))
from test_executor import *  # noqa: E402,F403  pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from test_executor_limits import *  # noqa: E402,F403  pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

del test_a_softer_container_is_refused, test_a_place_to_write_without_a_limit_is_refused  # noqa: F821  pylint: disable=undefined-variable


@pytest.fixture(scope="module")
def executors(build, tmp_path_factory):
    """As those of an engine; of what an override can say: mem_limit, in MB."""
    opened = []

    def open_one(overrides=None, **options):
        if overrides:
            options["mem_limit"] = int(overrides["mem_limit"].removesuffix("m")) << 20
        opened.append(Stand(build, tmp_path_factory.mktemp("container"), **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.remove()


@pytest.fixture(scope="module", params=os.environ.get("ASSAY_SANDBOX_STARTS", "suites").split(","))
def sandbox(executors, request):
    made = executors(wall_ms=5000, warm=None if request.param == "cold" else request.param)
    yield made
    assert made.close() == 0
