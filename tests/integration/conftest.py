"""Fixtures of the integration tests alone."""
import pytest
from collecting import Publisher


@pytest.fixture
def publisher(site):
    """Of results and job messages, as workers and producers publish them."""
    return Publisher(site)
