"""The harness gives, test for test, the outcomes of plain pytest."""
import re
import subprocess

import drive
import pytest
from corpus import CORPUS, PROGRAM

LINE = re.compile(r"^test_implementation\.py::(.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
OUTCOMES = {"PASSED": "passed", "FAILED": "failed", "ERROR": "error", "SKIPPED": "skipped", "XFAIL": "xfailed", "XPASS": "xpassed"}


def plain_pytest(folder, suite, test_files):
    """Outcomes by pytest's own verbose output. An ERROR behind PASSED (its teardown) is what counts."""
    drive.write(folder, {"implementation.py": PROGRAM, "test_implementation.py": suite, **test_files})
    command = [drive.PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--color=no", "-c", "/dev/null", "--rootdir", ".",
               "test_implementation.py"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=drive.DEADLINE,
                         env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "400",
                              "PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    outcomes = {}
    for line in ran.stdout.splitlines():
        found = LINE.match(line)
        if found and outcomes.get(found[1]) != "failed":
            outcomes[found[1]] = OUTCOMES[found[2]]
    # The program's own tests, which a star import brings in, are the one difference that is meant.
    outcomes.pop("test_of_the_program", None)
    assert outcomes, ran.stdout + ran.stderr
    return outcomes


@pytest.mark.parametrize("name", CORPUS)
def test_same_outcomes(name, tmp_path):
    suite, test_files = CORPUS[name]
    (tmp_path / "plain").mkdir()
    (tmp_path / "harness").mkdir()
    expected = plain_pytest(tmp_path / "plain", suite, test_files)
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
