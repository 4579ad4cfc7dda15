"""What a machine cannot run is skipped by name; where ASSAY_REQUIRE lists the name, that is a failure."""
import os

import pytest


def skip(name, why):
    required = os.environ.get("ASSAY_REQUIRE", "").split(",")
    if name in required or "all" in required:
        pytest.fail(f"{name} is required here (ASSAY_REQUIRE), but {why}")
    pytest.skip(f"{name}: {why}")
