"""A suite that uses what suites use (fast_rehearsal.py)."""
import math
from typing import List

import pytest
from implementation import *
from implementation import Thing, work

CASES = [([2, 1], [1, 2]), ([], [])]


def check(candidate):
    for given, expected in CASES:
        assert candidate(given) == expected, "text"
    assert not [one for one in (1, 2) if one not in (1, 2)] and "a" in "abc" or {1: 2}


@pytest.mark.parametrize("given, expected", [([1.5, 0.5], [0.5, 1.5]), ([], [])])
def test_one(given, expected):
    with pytest.raises(ValueError, match="x"):
        work(1)
    assert work(given) == pytest.approx(expected)


def test_two():
    check(work)
    assert math.floor(1.5) == 1 and work("ba") == ["a", "b"]


def test_three():
    assert work([1, 2], key=lambda value: -value) == [2, 1] and work([3]) != [4]


class TestMore:
    def setup_method(self):
        self.thing = Thing()

    def test_four(self):
        if self.thing.value > 1:
            check(work)
