"""What a task does on the fast path is done in the server beforehand: it leaves nothing behind, and must pass."""
import os
import pathlib
import subprocess
import sys

import pytest

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
# In a process of its own, which is made what a server is.
CHECK = """
import logging, os, sys, warnings
sys.path.insert(0, sys.argv[1])
import math, typing
from _pytest import main
from assay_harness import canaries, fast_path, fast_rehearsal
from assay_harness.prepared import Prepared
prepared = Prepared(sys.argv[3], sys.argv[3] + "/test_implementation.py", [])
prepared.configure(with_conftest=False, stop_on_first_failure=False)
prepared.make_ready()
told = []
sys.addaudithook(lambda event, args: told.append(event) if event == "sys.addaudithook" else None)

def state(fast):
    return (dict(sys.modules), list(vars(sys.modules["__main__"])), list(sys.meta_path), list(sys.path), list(sys.path_hooks), dict(sys.path_importer_cache),
            sys.argv, sys.stdin, dict(os.environ), list(warnings.filters), warnings.showwarning, list(logging.root.handlers), logging.root.level,
            sorted(os.listdir("/proc/self/fd")), os.getcwd(), vars(fast).copy(), fast.base.changes(), sys.excepthook, sys.unraisablehook)

def check(config, session):
    fast = fast_path.Prepared(config, prepared)
    fast_rehearsal.FOLDER = sys.argv[2]
    before = state(fast)
    try:
        fast_rehearsal.rehearse(fast)
    except ValueError as error:
        said = str(error)
    else:
        said = "passed"
    after = state(fast)
    different = [(one, other) for one, other in zip(before, after) if one != other]
    os.write(1, (said + "\\n").encode() if not different and not told else repr((different, told)).encode())
    os._exit(0)

main.wrap_session(prepared.config, check)
"""


def rehearse(folder, workspace):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS, folder, workspace], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_passes_and_leaves_nothing_behind(tmp_path):
    assert rehearse(HARNESS / "assay_harness/sample", tmp_path) == "passed\n"


@pytest.mark.parametrize("suite", ["def test_one():\n    assert 1 == 2\n", "import nothing_of_that_name\n\ndef test_one():\n    pass\n", "def test_one(tmp_path):\n    pass\n"])
def test_a_sample_that_does_not_pass_is_told(tmp_path, suite):
    (tmp_path / "test_sample.py").write_text(suite)
    (tmp_path / "implementation.py").write_text("")
    assert rehearse(tmp_path, tmp_path) == "the sample does not pass\n"
