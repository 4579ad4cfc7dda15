import os

import pytest
from workers import Worker

from lib.skipping import skip


@pytest.fixture(scope="session", autouse=True)
def namespaces():
    if os.geteuid() != 0:
        skip("warm_root", "the tests of warm servers need root")


@pytest.fixture
def start(build, tmp_path):
    """start(runtimes=..., ASSAY_...=...): a worker that ends with the test."""
    started = []

    def start_one(*words, **environment):
        started.append(Worker(build, tmp_path / str(len(started)), *words, **environment))
        return started[-1]

    yield start_one
    for worker in started:
        worker.close()


@pytest.fixture(scope="module")
def worker(build, tmp_path_factory):
    made = Worker(build, tmp_path_factory.mktemp("worker"))
    yield made
    made.close()
