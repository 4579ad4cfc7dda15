"""The engine of the tests' own: what it makes on the machine is seen while it runs, so that the check at its end means something."""
from lib.skipping import skip


def test_what_an_engine_makes_is_seen(engine, images):
    """conftest.py asserts at the end of the run that nothing of it is left."""
    if not engine.own():
        skip("own_engine", "the engine was there before")
    container = engine.docker("run", "-d", "--network", "bridge", images.base, "sleep", "1000").stdout.strip()
    found = engine.machine.left()
    assert {"docker0"} < set(found["links"]), "the bridge, and the container's own link"
    assert any("MASQUERADE" in rule for rule in found["rules"])
    assert any("sleep" in process for process in found["processes"]) and any("dockerd" in process for process in found["processes"])
    assert any(group.endswith(f"{engine.machine.group}/{container}") for group in found["groups"])
    assert str(engine.folder / "exec") in found["folders"]
    assert found["mounts"] == [], "they are in a namespace of the engine's own"
    engine.docker("rm", "--force", container)
