"""What a task does, on the fast path and under pytest, is done in the server beforehand: it leaves nothing behind, and must pass."""
import os
import pathlib
import subprocess
import sys

import pytest

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
SAMPLE = HARNESS / "assay_harness/sample"
# In a process of its own, which is made what a server is.
CHECK = """
import gc, logging, os, sys, warnings
sys.path.insert(0, sys.argv[1])
import math, typing
from _pytest import main
from assay_harness import canaries, fast_path, fast_rehearsal, interpreter, pytest_rehearsal, rehearsal, warm
from assay_harness.prepared import Prepared
warm._load_pytest()
rehearsal.FOLDER = sys.argv[2]
told = []
sys.addaudithook(lambda event, args: told.append(event) if event == "sys.addaudithook" else None)
OF_TASKS = {"Session", "Config", "ReportPlugin", "_Session", "_Run", "Reporter", "Files", "Suite", "SuiteModule", "_Module", "Canaries", "Guard"}

def state(extra):
    gc.collect()
    living = [type(one).__name__ for one in gc.get_objects() if type(one).__name__ in OF_TASKS]
    return (dict(sys.modules), list(vars(sys.modules["__main__"])), list(sys.meta_path), list(sys.path), list(sys.path_hooks), dict(sys.path_importer_cache),
            sys.argv, sys.stdin, dict(os.environ), list(warnings.filters), warnings.showwarning, list(logging.root.handlers), logging.root.level,
            sorted(os.listdir("/proc/self/fd")), os.getcwd(), sys.excepthook, sys.unraisablehook, hasattr(sys, "last_value"), gc.isenabled(), gc.get_threshold(),
            sorted(living), extra())

def check(rehearse, extra):
    before = state(extra)
    try:
        rehearse()
    except ValueError as error:
        said = str(error)
    else:
        said = "passed"
    after = state(extra)
    different = [(one, other) for one, other in zip(before, after) if one != other]
    os.write(1, (said + "\\n").encode() if not different and not told else repr((different, told)).encode())
    os._exit(0)

if sys.argv[4] == "pytest":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # pytest's configuration sets it
    check(lambda: pytest_rehearsal.rehearse(interpreter.plain()), lambda: None)
prepared = Prepared(sys.argv[3], sys.argv[3] + "/test_implementation.py", [])
prepared.configure(with_conftest=False, stop_on_first_failure=False)
prepared.make_ready()

def tests(config, session):
    fast = fast_path.Prepared(config, prepared)
    check(lambda: fast_rehearsal.rehearse(fast), lambda: (vars(fast).copy(), fast.base.changes()))

main.wrap_session(prepared.config, tests)
"""
WAYS = {"fast": "test_sample.py", "pytest": "test_sample_session.py"}


def rehearse(way, folder, workspace):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS, folder, workspace, way], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_it_passes_and_leaves_nothing_behind(tmp_path, way):
    assert rehearse(way, SAMPLE, tmp_path) == "passed\n"


@pytest.mark.parametrize("suite", ["def test_one():\n    assert 1 == 2\n", "import nothing_of_that_name\n\ndef test_one():\n    pass\n"])
@pytest.mark.parametrize("way", WAYS)
def test_a_sample_that_does_not_pass_is_told(tmp_path, way, suite):
    (tmp_path / WAYS[way]).write_text(suite)
    (tmp_path / "implementation.py").write_text("")
    assert rehearse(way, tmp_path, tmp_path) == "the sample does not pass\n"


def test_a_sample_that_needs_pytest_is_none_of_the_fast_path(tmp_path):
    (tmp_path / "test_sample.py").write_text("def test_one(tmp_path):\n    pass\n")
    (tmp_path / "implementation.py").write_text("")
    assert rehearse("fast", tmp_path, tmp_path) == "the sample does not pass\n"
