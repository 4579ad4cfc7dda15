import pytest
from sandboxes import Sandbox, driver_for

# A fork of a cases' server confines itself by the code of one of a suites' server: as root is enough.
KINDS = [("root", None), ("root", "suites"), ("root", "cases"), ("user", None), ("user", "suites")]


@pytest.fixture(scope="session", params=KINDS, ids=[f"{setting} warm {warm}" if warm else setting for setting, warm in KINDS])
def sandbox(request, build):
    """One sandbox for all attacks of a setting, so that what one leaves would meet the next."""
    setting, warm = request.param
    made = Sandbox(driver_for(build, setting), setting, slot=1 + KINDS.index(request.param), warm=warm, wall_ms=5000)
    yield made
    assert made.close() == 0


@pytest.fixture
def limited(request, build, sandbox):
    """Sandboxes with limits of their own: limited(memory_mb=64)."""
    opened = []

    def open_one(**options):
        opened.append(Sandbox(driver_for(build, sandbox.setting), sandbox.setting, slot=11 + len(opened), warm=sandbox.warm,
                              **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
