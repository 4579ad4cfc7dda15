"""The plan alone: what the suite's text promises."""
import sys

import drive
import pytest

sys.path.insert(0, str(drive.HARNESS / "python"))
from assay_harness import plan  # noqa: E402  pylint: disable=wrong-import-position

PLANS = {
    "functions": ("def test_a(): pass\ndef b(): pass\nasync def test_c(): pass\n", ["test_a", "test_c"]),
    "bases in the file": ("class Base:\n    def test_a(self): pass\n    def test_b(self): pass\nclass TestX(Base):\n    def test_b(self): pass\n",
                          ["TestX::test_a", "TestX::test_b"]),
    "a base that is deleted": ("class TestBase:\n    def test_a(self): pass\nclass TestX(TestBase): pass\ndel TestBase\n", ["TestX::test_a"]),
    "a base of the program": ("from implementation import Base\nclass TestX(Base):\n    def test_a(self): pass\n", ["TestX::test_a"]),
    "rebound": ("def test_a(): pass\ntest_a = 5\ndef test_b(): pass\nfrom other import test_b\n", []),
    "rebound under if": ("def test_a(): pass\nif x:\n    test_a = None\n", []),
    "module off": ("__test__ = False\ndef test_a(): pass\n", []),
    "parameterized": ("@parameterized.expand([1])\ndef test_a(): pass\n@ddt\nclass TestX:\n    @data(1)\n    def test_b(self): pass\n", []),
    "inherited __init__": ("class Base:\n    def __init__(self): pass\nclass TestX(Base):\n    def test_a(self): pass\n", []),
    "TestCase through a base": ("import unittest\nclass Base(unittest.TestCase):\n    pass\nclass Other(Base):\n    def test_a(self): pass\n", ["Other::test_a"]),
    "method taken away": ("class TestX:\n    def test_a(self): pass\n    def test_b(self): pass\n    test_b = None\nTestX.test_a = 1\n", []),
    "main guard": ("def test_a(): pass\nif __name__ == '__main__':\n    test_a()\n    test_a = 1\n", ["test_a"]),
    "fixture": ("import pytest\n@pytest.fixture\ndef test_data(): pass\n@pytest.fixture(scope='module')\ndef test_more(): pass\n", []),
    "nested functions": ("def outer():\n    def test_a(): pass\n", []),
}


@pytest.mark.parametrize("name", PLANS)
def test_plan(name):
    source, names = PLANS[name]
    assert plan.build(source.encode(), "test_implementation.py").names() == names


def test_where_a_test_is_defined():
    built = plan.build(b"class Base:\n    @mark\n    def test_a(self): pass\nclass TestX(Base): pass\n", "x")
    test = built.tests["TestX::test_a"]
    assert test.defined_at == ("Base", "test_a") and test.first_line == 2 and test.decorated
