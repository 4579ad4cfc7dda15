"""Whose fault it is when a suite cannot run, what of the program's files is not honoured, and what counts as gamed."""
import json
import subprocess
import textwrap

import drive
import pytest

SUITE = "from implementation import add\n\ndef test_add():\n    assert add(1, 2) == 3\n\ndef test_more():\n    assert add(2, 2) == 4\n"
GOOD = "def add(a, b):\n    return a + b\n"

# name: (program, suite, fault)
FAULTS = {
    "suite does not parse": (GOOD, "def test_a(:\n    pass\n", "suite"),
    "suite with return at module level": (GOOD, "return 5\ndef test_a(): pass\n", "suite"),
    "suite with NUL": (GOOD, "def test_a(): pass\n\0", "suite"),
    "suite nested too deep": (GOOD, "x = " + "(" * 3000 + ")" * 3000 + "\n", "suite"),
    "suite in no known encoding": (GOOD, "# -*- coding: klingon -*-\ndef test_a(): pass\n", "suite"),
    "suite fails by itself": (GOOD, "raise ValueError('mine')\ndef test_a(): pass\n", "suite"),
    "suite wants a module that nobody has": (GOOD, "import no_such_module_at_all\ndef test_a(): pass\n", "suite"),
    "suite misuses pytest": (GOOD, "import pytest\n@pytest.mark.parametrize('a', 5)\ndef test_a(a): pass\n", "suite"),
    "suite names an unknown argument": (GOOD, "import pytest\n@pytest.mark.parametrize('b', [1])\ndef test_a(a): pass\n", "suite"),
    "suite exits": (GOOD, "import sys\nsys.exit(0)\ndef test_a(): pass\n", "suite"),
    "program does not parse": ("def add(a, b)\n", SUITE, "program"),
    "program with NUL": ("x = 1\0\n", SUITE, "program"),
    "program wants a module that nobody has": ("import no_such_module_at_all\n", SUITE, "program"),
    "program raises": ("raise ValueError\n", SUITE, "program"),
    "program raises deeper": ("import json\njson.loads('{')\n", SUITE, "program"),
    "program has not the name": ("x = 1\n", SUITE, "program"),
    "program is not there": (None, SUITE, "program"),
    "program exits": ("import sys\nsys.exit(0)\n", SUITE, "program"),
    "program is interrupted": ("raise KeyboardInterrupt\n", SUITE, "program"),
    "program has not the attribute": ("x = 1\n", "import implementation\nadd = implementation.add\ndef test_a(): pass\n", "program"),
    "a class of it has not the attribute": (
        "class A: pass\n", "from implementation import A\nB = A.b\ndef test_a(): pass\n", "program"),
    "a star import lacks the name": ("x = 1\n", "from implementation import *\nDATA = make()\ndef test_a(): pass\n", "program"),
    "its function is called wrongly": (
        GOOD, "from implementation import add\nDATA = add(1)\ndef test_a(): pass\n", "program"),
    "its function is used by a helper": (
        GOOD, "from implementation import add\ndef data():\n    return add(1)\nDATA = data()\ndef test_a(): pass\n", "program"),
    "its result fails an assertion of the module": (
        GOOD, "from implementation import add\nassert add(1, 1) == 3\ndef test_a(): pass\n", "program"),
    "caught and raised again": (
        "x = 1\n", "try:\n    from implementation import add\nexcept ImportError:\n    raise RuntimeError('no add')\ndef test_a(): pass\n",
        "program"),
    "its decorator is not there": ("x = 1\n", "import implementation\n@implementation.register\ndef test_a(): pass\n", "program"),
    "its data are no parameters": (
        "DATA = 5\n", "import pytest\nfrom implementation import DATA\n@pytest.mark.parametrize('a', list(DATA))\ndef test_a(a): pass\n",
        "program"),
    "no test": (GOOD, "from implementation import add\nassert add(1, 2) == 3\n", "no_tests"),
    "empty suite": (GOOD, "", "no_tests"),
    "only helpers": (GOOD, "def check(): pass\nclass Helper:\n    def test_a(self): pass\n", "no_tests"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, tmp_path):
    program, suite, fault = FAULTS[name]
    ran = drive.python(tmp_path, program, suite)
    assert ran.fault == fault, ran.lines
    assert ran.of("suite_error")[0]["message"]
    assert ran.done and ran.outcomes == {} and not ran.of("tampered")


def test_fault_in_a_further_file(tmp_path):
    ran = drive.python(tmp_path, "from parts.sums import add\n", SUITE, files={"parts/sums.py": "def add(a, b) return a\n"})
    assert ran.fault == "program" and "sums.py" in ran.of("suite_error")[0]["message"]


def test_fault_in_a_trusted_helper_is_the_suites(tmp_path):
    suite = "from helper import check\ndef test_a(): check()\n"
    assert drive.python(tmp_path, GOOD, suite, test_files={"helper.py": "def check(:\n"}).fault == "suite"


@pytest.mark.parametrize("program, fault", [(GOOD, "suite"), ("x = 1\n", "program")])
def test_fault_in_conftest(program, fault, tmp_path):
    conftest = "from implementation import add\n1 / 0\n"
    assert drive.python(tmp_path, program, SUITE, test_files={"conftest.py": conftest}).fault == fault


def test_a_module_that_skips_itself(tmp_path):
    suite = "import pytest\npytest.importorskip('no_such_module_at_all')\ndef test_a(): pass\nclass TestB:\n    def test_b(self): pass\n"
    ran = drive.python(tmp_path, GOOD, suite)
    assert ran.outcomes == {"test_a": "skipped", "TestB::test_b": "skipped"}
    assert all(test["suite_skip"] for test in ran.of("test")) and ran.done and ran.fault is None


def test_messages_name_line_and_assertion(tmp_path):
    ran = drive.python(tmp_path, "def add(a, b):\n    return a - b\n", SUITE)
    assert ran.test("test_add")["message"].startswith("test_implementation.py:4: assert -1 == 3\n")
    assert "add(1, 2)" in ran.test("test_add")["message"]


def test_long_messages_and_names_are_bounded(tmp_path):
    suite = ("import pytest\n@pytest.mark.parametrize('a', ['x' * 3000, 'x' * 3001])\ndef test_a(a): assert a == 'y' * 100000\n"
             "@pytest.mark.parametrize('n', range(1600))\ndef test_many(n): raise ValueError('z' * 20000)\n")
    ran = drive.python(tmp_path, GOOD, suite)
    assert len(ran.of("test")) == 1602 and len(ran.outcomes) == 1602
    assert all(len(test["name"]) <= 500 and len(test["message"]) <= 4000 for test in ran.of("test"))
    assert len(ran.raw) < 6_000_000  # each alone would be some more together
    assert len(ran.names("collected")) == 1602 and ran.done


def test_stop_on_first_failure(tmp_path):
    suite = "def test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pass\n"
    ran = drive.python(tmp_path, GOOD, suite, stop_on_first_failure=True)
    assert ran.outcomes == {"test_a": "passed", "test_b": "failed"}
    assert ran.names("plan") == ["test_a", "test_b", "test_c"] and ran.done


def test_output_arrives_uncaptured(tmp_path):
    suite = "import implementation, os\ndef test_a():\n    print('printed')\n    os.write(2, b'raw')\n    os.system('echo child')\n"
    ran = drive.python(tmp_path, "print('at import')\n", suite)
    assert ran.stdout == "at import\nprinted\nchild\n" and ran.stderr == "raw"


def test_output_before_a_kill(tmp_path):
    suite = "import os\ndef test_a():\n    print('so far')\n    os.kill(os.getpid(), 9)\n"
    ran = drive.python(tmp_path, GOOD, suite)
    assert ran.stdout == "so far\n" and ran.exit_code == -9 and not ran.done
    assert ran.of("start")[-1]["name"] == "test_a"


@pytest.mark.parametrize("program", ["def grow(): raise MemoryError", "raise MemoryError\ndef grow(): pass"])
def test_memory_errors_end_standard_error(program, tmp_path):
    ran = drive.python(tmp_path, program, "from implementation import grow\ndef test_a(): grow()\n")
    assert ran.stderr.splitlines()[-1].startswith("MemoryError in ") and ran.done


# ---- what of the program's files is not honoured

UNTRUSTED = {
    "conftest.py": "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem): return True\n",
    "pytest.ini": "[pytest]\npython_functions = nothing_*\naddopts = --collect-only\n",
    "tox.ini": "[pytest]\naddopts = --collect-only\n",
    "setup.cfg": "[tool:pytest]\naddopts = --collect-only\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--collect-only'\n",
    ".pytest.ini": "[pytest]\naddopts = --collect-only\n",
    "sitecustomize.py": "raise SystemExit(0)\n",
    "usercustomize.py": "raise SystemExit(0)\n",
    "plug.py": "def pytest_pyfunc_call(pyfuncitem): return True\n",
    "plug-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n",
    "plug-1.0.dist-info/entry_points.txt": "[pytest11]\nplug = plug\n",
    "pytest.py": "raise SystemExit(0)\n",
    "_pytest/__init__.py": "raise SystemExit(0)\n",
    "json.py": "raise SystemExit(0)\n",
    "assay_harness/__init__.py": "raise SystemExit(0)\n",
    "test_other.py": "def test_other(): pass\n",
    "__pycache__/implementation.cpython-311.pyc": "not byte code",
}


@pytest.mark.parametrize("path", UNTRUSTED)
def test_not_honoured(path, tmp_path):
    files = {path: UNTRUSTED[path]}
    if path.startswith("plug-"):
        files = {name: text for name, text in UNTRUSTED.items() if name.startswith("plug")}
    ran = drive.python(tmp_path, "def add(a, b):\n    return 4\n", SUITE, files=files)
    assert ran.outcomes == {"test_add": "failed", "test_more": "passed"} and ran.done


def test_nor_the_users_site_directory(tmp_path):
    folder = subprocess.run([drive.PYTHON, "-m", "site", "--user-site"], capture_output=True, text=True,
                            env={"HOME": str(tmp_path)}, check=False).stdout.strip()
    assert folder.startswith(str(tmp_path))
    files = {folder[len(str(tmp_path)) + 1:] + "/evil.pth": "import os; os._exit(0)\n"}
    assert drive.python(tmp_path, GOOD, SUITE, files=files).outcomes == {"test_add": "passed", "test_more": "passed"}


def test_a_trusted_conftest_wins(tmp_path):
    conftest = "import pytest\n@pytest.fixture\ndef value(): return 5\n"
    ran = drive.python(tmp_path, GOOD, "def test_a(value): assert value == 5\n", test_files={"conftest.py": conftest})
    assert ran.outcomes == {"test_a": "passed"}


def test_arguments_of_the_stanza_reach_pytest(tmp_path):
    suite = "def test_a(): pass\ndef test_b(): pass\n"
    ran = drive.python(tmp_path, GOOD, suite, test_files={"conftest.py": ""}, arguments=["-k", "test_a"])
    assert ran.outcomes == {"test_a": "passed", "test_b": "skipped"}


SHADOWS = ["test_implementation/__init__.py", "helper/__init__.py", "helper.cpython-311-x86_64-linux-gnu.so", "helper.so",
           "__pycache__/helper.cpython-311.pyc", "__pycache__/test_implementation.cpython-311-pytest-7.2.1.pyc"]


@pytest.mark.parametrize("path", SHADOWS)
def test_shadowing_a_trusted_file(path, tmp_path):
    ran = drive.python(tmp_path, GOOD, "import helper\n" + SUITE, files={path: "x"}, test_files={"helper.py": ""})
    assert ran.of("tampered") and ran.done and ran.outcomes == {}
    assert path in ran.of("tampered")[0]["message"]


# ---- gaming

GAMES = {
    "replaces a test": "import sys\ndef add(a, b):\n    sys.modules['test_implementation'].test_more = lambda: None\n    return 3\n",
    "replaces a test's code": (
        "import sys\ndef add(a, b):\n    sys.modules['test_implementation'].test_more.__code__ = (lambda: None).__code__\n    return 3\n"),
    "patches the runner": "import _pytest.runner\n_pytest.runner.check_interactive_exception = lambda *a: False\ndef add(a, b): return a + b\n",
    "patches a class": "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\ndef add(a, b): return 9\n",
    "patches a function's code": (
        "import _pytest.python\n_pytest.python.pytest_pyfunc_call.__code__ = (lambda pyfuncitem: True).__code__\ndef add(a, b): return 9\n"),
    "patches what pytest stands on": "import builtins\nbuiltins.abs = lambda a: 0\ndef add(a, b): return a + b\n",
    "takes builtins away": "import builtins\nbuiltins.isinstance = lambda a, b: True\ndef add(a, b): return a + b\n",
    "skips": "import pytest\ndef add(a, b): pytest.skip('hard')\n",
    "skips by unittest": "import unittest\ndef add(a, b): raise unittest.SkipTest('hard')\n",
    "xfails": "import pytest\ndef add(a, b): pytest.xfail('hard')\n",
    "skips the module": "import pytest\npytest.skip('hard', allow_module_level=True)\n",
    "ends pytest": "import pytest\ndef add(a, b): pytest.exit('enough', returncode=0)\n",
    "interrupts": "def add(a, b): raise KeyboardInterrupt\n",
    "exits at once": "import os\ndef add(a, b): os._exit(0)\n",
    "exits while imported": "import os\nos._exit(0)\n",
    "becomes another program": "import os\ndef add(a, b): os.execv('/bin/true', ['true'])\n",
    "closes the report": "import os\nos.close(3)\ndef add(a, b): return 9\n",
    "empties the suite's module": (
        "import sys\ndef add(a, b): return 9\nclass Gone(dict): pass\n"
        "import atexit\ndef clear(frame, event, arg):\n    if frame.f_code.co_name == '<module>' and event == 'return' and 'test_add' in frame.f_globals:\n"
        "        frame.f_globals.pop('test_add'); frame.f_globals.pop('test_more')\n    return clear\n"
        "sys.settrace(clear)\nsys._getframe().f_back\nf = sys._getframe()\nwhile f: f.f_trace = clear; f = f.f_back\n"),
}


def worker_would_pass(ran):
    """The worker's rules in docs/harness.md, for a whole run."""
    tests = ran.of("test")
    met = all(any(t["name"] == name or t["name"].startswith(name + "[") for t in tests) for name in ran.names("plan"))
    good = all(t["outcome"] in ("passed", "xfailed", "xpassed") or t.get("suite_skip") for t in tests)
    return ran.done and met and good and bool(tests) and not ran.of("tampered") and ran.fault is None


@pytest.mark.parametrize("name", GAMES)
def test_gaming_is_no_pass(name, tmp_path):
    assert not worker_would_pass(drive.python(tmp_path, GAMES[name], SUITE))


@pytest.mark.parametrize("name", [name for name in GAMES if name.startswith(("replaces", "patches", "xfails", "ends", "interrupts"))])
def test_gaming_is_named(name, tmp_path):
    ran = drive.python(tmp_path, GAMES[name], SUITE)
    assert ran.of("tampered") and ran.done


def test_an_honest_run_would_pass(tmp_path):
    assert worker_would_pass(drive.python(tmp_path, GOOD, SUITE))


def test_a_forked_child_does_not_report(tmp_path):
    ran = drive.python(tmp_path, "import os\nif os.fork() == 0:\n    pass\ndef add(a, b): return a + b\n", SUITE)
    assert worker_would_pass(ran) and len(ran.of("done")) == 1


def test_threads_left_behind_do_not_hold_the_run(tmp_path):
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n" + GOOD
    assert worker_would_pass(drive.python(tmp_path, program, SUITE))


def test_skips_of_the_program_in_a_unittest_suite(tmp_path):
    suite = ("import unittest\nfrom implementation import add\nclass SumTest(unittest.TestCase):\n"
             "    def test_add(self): self.assertEqual(add(1, 2), 3)\n")
    ran = drive.python(tmp_path, GAMES["skips by unittest"], suite)
    assert ran.outcomes == {"SumTest::test_add": "skipped"} and not worker_would_pass(ran)


# ---- coverage

MAIN = "import parts\n\ndef add(a, b):\n    if a is None:\n        return parts.never()\n    return parts.plus(a, b)\n"
PARTS = "def plus(a, b):\n    return a + b\n\ndef never():\n    x = 1\n    return x\n"
UNUSED = "x = 1\nif x:\n    y = 2\n"


def test_coverage_equals_coverage_py(tmp_path):
    pytest.importorskip("coverage")
    files = {"parts.py": PARTS, "unused.py": UNUSED, "data.txt": "x", ".coveragerc": "[run]\nomit = *\n"}
    ran = drive.python(tmp_path, MAIN, SUITE, files=files, coverage=True)
    report = ran.of("coverage")[0]["report"]
    (tmp_path / ".coveragerc").unlink()
    for command in (["run", "--source=.", "--omit=test_*", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_implementation.py"],
                    ["json", "-o", "by_hand.json"]):
        subprocess.run([drive.PYTHON, "-m", "coverage", *command], cwd=tmp_path, check=True, capture_output=True)
    by_hand = json.loads((tmp_path / "by_hand.json").read_text())
    assert set(report["files"]) == set(by_hand["files"]) == {"implementation.py", "parts.py", "unused.py"}
    for path, numbers in report["files"].items():
        theirs = by_hand["files"][path]
        assert numbers["missing_lines"] == theirs["missing_lines"]
        assert numbers["covered_lines"] == theirs["summary"]["covered_lines"]
        assert numbers["num_statements"] == theirs["summary"]["num_statements"]
        assert numbers["percent"] == pytest.approx(theirs["summary"]["percent_covered"], abs=0.01)
    assert report["covered_lines"] == by_hand["totals"]["covered_lines"]
    assert report["num_statements"] == by_hand["totals"]["num_statements"]
    assert report["percent"] == pytest.approx(by_hand["totals"]["percent_covered"], abs=0.01)
    assert report["missing_lines"] == [5]
    assert worker_would_pass(ran)


def test_coverage_is_not_loaded_unasked(tmp_path):
    ran = drive.python(tmp_path, GOOD, "import sys\ndef test_a(): assert 'coverage' not in sys.modules\n")
    assert ran.outcomes == {"test_a": "passed"} and not ran.of("coverage")


def test_a_machine_without_pytest(tmp_path):
    """harness_error comes first and alone: nothing of the program was loaded."""
    drive.write(tmp_path, {"implementation.py": "open('loaded', 'w')\n", "test_implementation.py": SUITE})
    command = [drive.PYTHON, "-S", drive.HARNESS / "python/run_suite.py"]
    ran = drive.run(tmp_path, command, {"program": "implementation.py", "suite": "test_implementation.py"})
    assert [line["t"] for line in ran.lines] == ["harness_error"] and "pytest" in ran.lines[0]["message"]
    assert not (tmp_path / "loaded").exists()


def test_wrong_arguments_in_the_stanza(tmp_path):
    ran = drive.python(tmp_path, GOOD, SUITE, arguments=["-p", "no_such_plugin_at_all"])
    assert [line["t"] for line in ran.lines] == ["harness_error"] and "no_such_plugin_at_all" in ran.lines[0]["message"]


def test_pytests_configuration_is_not_where_pytest_keeps_it(tmp_path):
    """In a cold start as in a server, where pytest is configured before the fork."""
    program = """
        import sys
        from _pytest import debugging
        from _pytest.assertion import util
        kept = [debugging.pytestPDB._config, debugging.pytestPDB._pluginmanager, util._config]
        kept += [getattr(finder, name, None) for finder in sys.meta_path for name in ("config", "session")]
        print([type(one).__name__ for one in kept])
        def add(a, b):
            print(type(util._config).__name__, type(debugging.pytestPDB._config).__name__)
            return a + b
    """
    ran = drive.python(tmp_path, textwrap.dedent(program), SUITE)
    assert set(ran.outcomes.values()) == {"passed"} and ran.done and not ran.of("tampered"), ran.lines
    assert not any(name in ran.stdout for name in ("Config", "PytestPluginManager", "Session")) and ran.stdout.count("_Answers _Answers") == 2, ran.stdout
