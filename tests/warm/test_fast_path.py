"""A suite that needs no session of pytest runs without one, and what does not pass is pytest's to explain (docs/harness.md)."""
import pytest
from workers import is_fast

SUITE = "from implementation import square\n\n\ndef test_small():\n    assert square(3) == 9\n\n\ndef test_large():\n    assert square(12) == 144\n"
GOOD = "def square(n):\n    return n * n\n"


def run(worker, name, program, suite=SUITE, **more):
    worker.send({"task_id": name, "runtime": "python", "implementation_code": program, "test_suite_code": suite, **more})
    return worker.answer()


def outcomes(result):
    return {test["name"]: test["outcome"] for test in result["tests"]}


def test_what_passes_is_fast(worker):
    result = run(worker, "good", GOOD)
    assert is_fast(result) and result["status"] == "pass"
    assert outcomes(result) == {"test_small": "passed", "test_large": "passed"}


def test_what_fails_is_explained_by_pytest(worker):
    result = run(worker, "bad", "def square(n):\n    return 9\n")
    assert not is_fast(result)
    assert (result["status"], result["reason"], result["test_pass_rate"]) == ("fail", "assertion", 0.5)
    assert outcomes(result) == {"test_small": "passed", "test_large": "failed"}
    assert "assert 9 == 144" in result["errors"][0] and "where 9 = square(12)" in result["errors"][0]


def test_what_failed_once_stays_failed(worker):
    """The program can tell the runs apart: only the first has no frame of pytest's on its way."""
    program = "import traceback\n\ndef square(n):\n    by_pytest = any('pluggy' in frame.filename for frame in traceback.extract_stack())\n    return n * n if by_pytest or n == 3 else None\n"
    result = run(worker, "flaky", program)
    assert outcomes(result) == {"test_small": "passed", "test_large": "failed"}
    assert (result["status"], result["reason"]) == ("fail", "assertion")
    assert "flaky" in result["errors"][0]


def test_an_import_that_failed_once_stays_failed(worker):
    program = "import traceback\nassert any('pluggy' in frame.filename for frame in traceback.extract_stack())\n" + GOOD
    result = run(worker, "import", program)
    assert outcomes(result) == {"test_small": "failed", "test_large": "failed"} and result["test_pass_rate"] == 0


def test_the_second_run_has_a_workspace_of_its_own(worker):
    program = "import os\n\ndef square(n):\n    assert not os.path.exists('/work/left') and not os.path.exists('/tmp/left')\n    if n == 12:\n" \
              "        open('/work/left', 'w').close()\n        open('/tmp/left', 'w').close()\n    return 9\n"
    result = run(worker, "workspace", program)
    assert outcomes(result) == {"test_small": "passed", "test_large": "failed"}
    assert "assert 9 == 144" in result["errors"][0]


def test_output_is_that_of_the_second_run_alone(worker):
    result = run(worker, "output", "def square(n):\n    print('square', n)\n    return 9\n")
    assert result["stdout"] == "square 3\nsquare 12\n"


@pytest.mark.parametrize("suite, fast", [
    (SUITE + "\n\nimport pytest\n\n\ndef test_raises():\n    with pytest.raises(TypeError):\n        square('a')\n", True),
    (SUITE + "\n\nimport pytest\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n):\n    assert square(n) == n * n\n", True),
    (SUITE + "\n\nclass TestMore:\n    def test_it(self):\n        assert square(2) == 4\n", True),
    (SUITE + "\n\nimport unittest\n\n\nclass More(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(square(2), 4)\n", True),
    (SUITE + "\n\ndef test_tmp(tmp_path):\n    assert tmp_path.is_dir()\n", False),
    (SUITE + "\n\nimport pytest\n\n\n@pytest.mark.skip\ndef test_later():\n    pass\n", False),
], ids=["raises", "parametrize", "class", "unittest", "fixture", "skip"])
def test_which_suites_are_fast(worker, suite, fast):
    result = run(worker, "which", GOOD, suite)
    assert result["status"] == "pass", result["errors"]
    assert is_fast(result) == fast


def test_no_time_for_a_second_run_no_fast_path(worker):
    result = run(worker, "time", GOOD, limits={"wall_s": 10, "task_wall_s": 15})
    assert result["status"] == "pass" and not is_fast(result)


def test_switched_off(start):
    result = run(start(ASSAY_WARM_FAST_PATH="false"), "off", GOOD)
    assert result["status"] == "pass" and "warm_server" in result["sandbox"] and not is_fast(result)
