"""tests/run's closing line: right sums, and nothing that could hide a failure."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTEST = '<testsuites><testsuite><testcase classname="a" name="x"/>{}</testsuite></testsuites>'


def tally(*reports):
    done = subprocess.run([ROOT / "tests/lib/tally.py", *map(str, reports)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("case, status, line", [
    ("", 0, "1 passed, 0 failed"),
    ('<testcase name="y"><failure message="no"/></testcase>', 1, "1 passed, 1 failed"),
    ('<testcase name="y"><error message="no"/></testcase>', 1, "1 passed, 1 failed"),
    ('<testcase name="y" status="fail"/>', 1, "1 passed, 1 failed"),
    ('<testcase name="y"><skipped message="humaneval: absent"/></testcase>', 0, "1 passed, 0 failed, 1 skipped"),
])
def test_one_report(tmp_path, case, status, line):
    report = tmp_path / "part.xml"
    report.write_text(PYTEST.format(case))
    assert tally(report) == (status, tally(report)[1])
    assert tally(report)[1][-1] == line


def test_sums_over_reports_and_names_skips(tmp_path):
    (tmp_path / "a.xml").write_text(PYTEST.format('<testcase name="s"><skipped message="docker: none here"/></testcase>'))
    (tmp_path / "b.xml").write_text(PYTEST.format('<testcase name="f"><failure/></testcase>'))
    status, lines = tally(tmp_path / "a.xml", tmp_path / "b.xml")
    assert status == 1
    assert lines[-1] == "2 passed, 1 failed, 1 skipped"
    assert "SKIPPED a: s (docker: none here)" in lines and "FAILED b: f" in lines


@pytest.mark.parametrize("text", [None, "", "<testsuites>", "<testsuites/>"])
def test_a_part_that_died_counts_as_failed(tmp_path, text):
    report = tmp_path / "dead.xml"
    if text is not None:
        report.write_text(text)
    status, lines = tally(report)
    assert status == 1
    assert lines[-1] == "0 passed, 1 failed"


def test_unknown_part_is_refused():
    done = subprocess.run([ROOT / "tests/run", "frobnicate"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no such part: frobnicate" in done.stderr and "usage:" in done.stderr
