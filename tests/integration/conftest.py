"""Fixtures of the integration tests alone."""
import pathlib
import shutil
import tempfile

import pytest
from collecting import Publisher

from lib.probe import Probe


@pytest.fixture
def publisher(site):
    """Of results and job messages, as workers and producers publish them."""
    return Publisher(site)


@pytest.fixture
def tools():
    """A folder that sandboxes can show: their /tmp is their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-tools-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def probe(vhost, build):
    """Starts tests/tools/broker_probe.c; nothing that a sanitizer says is let pass."""
    started = []

    def start(url=None, heartbeat=0, up=True):
        made = Probe(build / "bin/tool_broker_probe", url or vhost.amqp_url(), heartbeat)
        started.append(made)
        if up:
            made.expect("up")
        return made
    yield start
    for made in started:
        assert made.close() >= 0, "".join(made.stderr)
        assert not [line for line in made.stderr if "Sanitizer" in line], "".join(made.stderr)
