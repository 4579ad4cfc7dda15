"""Executors in containers, by the compose file that ships. Runs by name only: tests/run compose

A Docker engine that answers is used; otherwise root starts one of its own, below a temporary folder, and stops it.

    ASSAY_TEST_BASE_IMAGE   the image to build on (default debian:12-slim, pulled by Docker; where that cannot be had, a Debian that
                            debootstrap makes, once, in build/debian-12)
    ASSAY_TEST_BASE_TREE    a Debian 12 tree (as of debootstrap) to import instead
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sandbox"))

from engine import Engine  # noqa: E402  pylint: disable=wrong-import-position
from executors import Executor  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("docker"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def executors(engine, build, tmp_path_factory):
    """executors(name="x", memory_mb=64, overrides={}) opens a sandbox in a container of its own."""
    image = engine.image()
    opened = []

    def open_one(overrides=None, **options):
        opened.append(Executor(engine, image, build, tmp_path_factory.mktemp("executor"), overrides, options))
        return opened[-1].open()

    yield open_one
    for one in opened:
        one.remove()


@pytest.fixture(scope="session")
def sandbox(executors):
    """One for all attacks, so that what one leaves would meet the next."""
    made = executors(wall_ms=5000)
    yield made
    assert made.close() == 0
