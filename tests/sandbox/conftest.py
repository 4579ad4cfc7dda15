import pytest
from sandboxes import SETTINGS, Sandbox, driver_for


@pytest.fixture(scope="session", params=SETTINGS)
def sandbox(request, build):
    """One sandbox for all attacks of a setting, so that what one leaves would meet the next."""
    made = Sandbox(driver_for(build, request.param), request.param, slot=1 + SETTINGS.index(request.param), wall_ms=5000)
    yield made
    assert made.close() == 0


@pytest.fixture
def limited(request, build, sandbox):
    """Sandboxes with limits of their own: limited(memory_mb=64)."""
    opened = []

    def open_one(**options):
        opened.append(Sandbox(driver_for(build, sandbox.setting), sandbox.setting, slot=11 + len(opened), **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
