"""Executors and fleets in containers, by the files that ship. Runs by name only: tests/run compose

A Docker engine that answers is used; otherwise root starts one of its own, below a temporary folder, and stops it.

    ASSAY_TEST_BASE_IMAGE   the image to build on (default debian:12-slim, pulled by Docker; where that cannot be had, a Debian that
                            debootstrap makes, once, in build/debian-12)
    ASSAY_TEST_BASE_TREE    a Debian 12 tree (as of debootstrap) to import instead
    ASSAY_TEST_ENGINE_DATA  a folder where an engine of the tests' own keeps its images from one run to the next
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sandbox"))

from engine import DEBIAN, Engine  # noqa: E402  pylint: disable=wrong-import-position
from executors import Executor  # noqa: E402  pylint: disable=wrong-import-position
from fleet import Fleet, Images  # noqa: E402  pylint: disable=wrong-import-position


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test of the fleet shows the ends of its containers' logs."""
    report = (yield).get_result()
    made = getattr(item, "funcargs", {}).get("fleet")
    if report.when == "call" and report.failed and made is not None:
        report.sections.append(("containers", made.logs()[-6000:]))


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("docker"))
    try:
        made.start()
        yield made
    finally:
        left = made.stop()
    assert not left, left


@pytest.fixture(scope="session")
def images(engine):
    made = Images(engine).build()
    yield made
    made.forget()


@pytest.fixture(scope="session")
def make_executor(engine, images, build, tmp_path_factory):
    image = engine.build(DEBIAN / "attacked.Dockerfile", "assaytest/attacked", "assaytest/worker-python:current", DEBIAN)

    def make(overrides=None, **options):
        return Executor(engine, image, build, tmp_path_factory.mktemp("executor"), overrides, options)

    return make


@pytest.fixture
def executors(make_executor):
    """executors(name="x", memory_mb=64, overrides={}) opens a sandbox in a container of its own. Each has a network, of which an engine has some
    thirty: it goes with the test."""
    opened = []

    def open_one(overrides=None, **options):
        opened.append(make_executor(overrides, **options))
        return opened[-1].open()

    yield open_one
    for one in opened:
        one.remove()


@pytest.fixture(scope="session", params=[None, "suites", "cases"], ids=lambda warm: f"warm {warm}" if warm else "cold")
def sandbox(make_executor, request):
    """One of each kind for all attacks, so that what one leaves would meet the next."""
    made = make_executor(wall_ms=5000, warm=request.param)
    try:
        yield made.open()
        assert made.close() == 0
    finally:
        made.remove()


@pytest.fixture(scope="module")
def fleet(images, tmp_path_factory):
    made = Fleet(images, tmp_path_factory.mktemp("fleet"))
    try:
        yield made.up()
    finally:
        made.down()
