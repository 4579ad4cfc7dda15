"""The harness gives, test for test, the outcomes of plain pytest."""
import drive
import pytest
from lib import plain_pytest
from lib.pytest_suites import CORPUS, PROGRAM


@pytest.mark.parametrize("name", CORPUS)
def test_same_outcomes(name, tmp_path):
    suite, test_files = CORPUS[name]
    (tmp_path / "plain").mkdir()
    (tmp_path / "harness").mkdir()
    expected = plain_pytest.outcomes(tmp_path / "plain", PROGRAM, suite, test_files, drive.PYTHON)
    ran = drive.python(tmp_path / "harness", PROGRAM, suite, test_files=test_files)
    assert ran.outcomes == expected
    assert ran.done and ran.fault is None
    assert ran.of("tampered") == []
    # What the worker demands of an honest run: every planned and collected test reported, no skip but the suite's.
    for planned in ran.names("plan"):
        assert any(test == planned or test.startswith(planned + "[") for test in ran.outcomes), planned
    assert set(ran.names("collected")) <= set(ran.outcomes)
    for test in ran.of("test"):
        assert test["outcome"] != "skipped" or test.get("suite_skip"), test
        assert bool(test.get("message")) or test["outcome"] in ("passed", "xfailed", "xpassed", "skipped"), test


def test_the_order_of_lines(tmp_path):
    ran = drive.python(tmp_path, PROGRAM, CORPUS["functions"][0])
    kinds = [line["t"] for line in ran.lines]
    assert kinds[:2] == ["plan", "collected"] and kinds[-1] == "done"
    assert ran.exit_code == 1


LOADS_THE_LIBRARY = """
import importlib, sys

def load():
    failed = []
    for name in sorted(sys.stdlib_module_names - {"antigravity", "this", "idlelib", "turtledemo", "__main__"}):
        if not name.startswith("_"):
            try:
                importlib.import_module(name)
            except ImportError:
                failed.append(name)
    return failed
"""


def test_a_program_may_load_the_whole_library(tmp_path):
    """Modules that make code of their own when they are imported, as asyncio does, are not the program's doing."""
    suite = "from implementation import load\n\ndef test_load():\n    assert 'asyncio' not in load()\n"
    ran = drive.python(tmp_path, LOADS_THE_LIBRARY, suite)
    assert ran.of("tampered") == []
    assert ran.outcomes == {"test_load": "passed"} and ran.done
