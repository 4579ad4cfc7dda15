"""Suites that use pytest in many ways. Each is run by the harness and by plain pytest, and must end alike, test for test.

name: (suite, further test files). All work on PROGRAM.
"""

PROGRAM = '''
import collections

Point = collections.namedtuple("Point", "x y")

def add(a, b):
    return a + b

def div(a, b):
    return a / b

def greet(name):
    print("hello", name)

def ask():
    return input("name? ")

class Counter:
    def __init__(self):
        self.value = 0

    def up(self):
        self.value += 1
        return self.value

def test_of_the_program():
    assert False
'''

CONFTEST = '''
import pytest

@pytest.fixture
def shared():
    return {"n": 1}

@pytest.fixture(autouse=True)
def count(request):
    request.node.user_properties.append(("seen", 1))
    yield
'''

CORPUS = {
    "functions": ("""
from implementation import add
def test_good(): assert add(1, 2) == 3
def test_bad(): assert add(1, 2) == 4
def test_message(): assert add(1, 2) == 4, "sum"
def test_raise(): raise ValueError("x")
def testnounderscore(): pass
def helper(): assert False
""", {}),
    "classes": ("""
from implementation import Counter
class TestCounter:
    def setup_method(self): self.counter = Counter()
    def test_up(self): assert self.counter.up() == 1
    def test_fresh(self): assert self.counter.value == 1
    class TestInner:
        def test_deep(self): pass
    @staticmethod
    def test_static(): pass
class TestInit:
    def __init__(self): pass
    def test_never(self): assert False
class Helper:
    def test_never(self): assert False
class TestDerived(TestCounter):
    def test_more(self): assert self.counter.value == 0
""", {}),
    "parametrize": ("""
import pytest
from implementation import add
@pytest.mark.parametrize("a, b, c", [(1, 2, 3), (2, 2, 5), pytest.param(1, 1, 3, marks=pytest.mark.xfail)])
def test_add(a, b, c): assert add(a, b) == c
@pytest.mark.parametrize("x", ["a b", "ä", "[", "::", ""])
@pytest.mark.parametrize("y", [None, 1.5], ids=["none", "float"])
def test_ids(x, y): assert x or y
@pytest.mark.parametrize("nothing", [])
def test_empty(nothing): assert False
class TestP:
    @pytest.mark.parametrize("n", range(3))
    def test_n(self, n): assert n < 2
""", {}),
    "fixtures": ("""
import pytest
@pytest.fixture
def one(): return 1
@pytest.fixture(params=[1, 2])
def each(request): return request.param
@pytest.fixture
def broken(): raise RuntimeError("setup")
@pytest.fixture
def broken_teardown():
    yield 1
    raise RuntimeError("teardown")
@pytest.fixture(scope="module")
def mod(): return []
def test_one(one): assert one == 1
def test_each(each): assert each == 1
def test_broken(broken): pass
def test_teardown(broken_teardown): pass
def test_both(broken_teardown): assert False
def test_missing(no_such_fixture): pass
def test_mod_a(mod): mod.append(1)
def test_mod_b(mod): assert mod == [1]
""", {}),
    "xunit_style": ("""
state = []
def setup_module(module): state.append("module")
def setup_function(function): state.append("function")
def teardown_function(function): state.pop()
def test_a(): assert state == ["module", "function"]
def test_b(): assert state == ["module", "function"]
class TestC:
    @classmethod
    def setup_class(cls): cls.value = 5
    def teardown_method(self): assert self.value == 5
    def test_c(self): assert self.value == 5
    def test_d(self): self.value = 6
""", {}),
    "skips": ("""
import pytest, sys, unittest
def test_call(): pytest.skip("in the test")
@pytest.mark.skip(reason="mark")
def test_mark(): assert False
@pytest.mark.skipif(True, reason="condition")
def test_if(): assert False
@pytest.mark.skipif(False, reason="no")
def test_if_not(): assert True
def test_import(): pytest.importorskip("no_such_module_at_all")
@pytest.fixture
def skipping(): pytest.skip("in the fixture")
def test_fixture(skipping): assert False
def test_raise(): raise unittest.SkipTest("unittest's")
""", {}),
    "skip_marked_module": ("""
import pytest
pytestmark = pytest.mark.skip(reason="all")
def test_a(): assert False
class TestB:
    def test_b(self): assert False
""", {}),
    "xfails": ("""
import pytest
@pytest.mark.xfail
def test_fails(): assert False
@pytest.mark.xfail
def test_passes(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.xfail(raises=ValueError)
def test_other(): raise TypeError
@pytest.mark.xfail(raises=ValueError)
def test_right(): raise ValueError
@pytest.mark.xfail(run=False)
def test_not_run(): raise SystemError
def test_imperative(): pytest.xfail("known")
""", {}),
    "unittest": ("""
import unittest
from implementation import add, div
class Base(unittest.TestCase):
    def setUp(self): self.n = 2
    def test_inherited(self): self.assertEqual(self.n, 2)
class SumTest(Base):
    @classmethod
    def setUpClass(cls): cls.shared = [1]
    def test_good(self): self.assertEqual(add(1, self.n), 3)
    def test_bad(self): self.assertEqual(add(1, self.n), 4)
    def test_raises(self):
        with self.assertRaises(ZeroDivisionError): div(1, 0)
    def test_error(self): div(1, 0)
    def test_skip(self): self.skipTest("later")
    @unittest.skip("marked")
    def test_marked(self): self.fail()
    @unittest.skipIf(True, "if")
    def test_if(self): self.fail()
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n): self.assertLess(n, 5)
    def test_cleanup(self): self.addCleanup(lambda: None)
    def tearDown(self): del self.n
class BrokenSetUp(unittest.TestCase):
    def setUp(self): raise RuntimeError
    def test_never(self): pass
class BrokenClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError
    def test_never(self): pass
class SkippedClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("class")
    def test_never(self): pass
@unittest.skip("whole class")
class Skipped(unittest.TestCase):
    def test_never(self): self.fail()
class Async(unittest.IsolatedAsyncioTestCase):
    async def test_awaits(self):
        import asyncio
        await asyncio.sleep(0)
class Runs(unittest.TestCase):
    def runTest(self): self.assertTrue(True)
if __name__ == "__main__":
    unittest.main()
""", {}),
    "capture": ("""
import os, sys
from implementation import greet, ask
def test_capsys(capsys):
    greet("you")
    assert capsys.readouterr().out == "hello you\\n"
def test_capsys_disabled(capsys):
    with capsys.disabled(): pass
    assert capsys.readouterr().out == ""
def test_capfd(capfd):
    os.write(1, b"raw")
    assert capfd.readouterr().out == "raw"
def test_input(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "me")
    assert ask() == "me"
def test_real_input(): ask()
def test_caplog(caplog):
    import logging
    logging.getLogger("x").warning("careful")
    assert "careful" in caplog.text
def test_prints(): print("out"); print("err", file=sys.stderr)
""", {}),
    "built_in_fixtures": ("""
import os, sys
def test_tmp_path(tmp_path):
    (tmp_path / "a").write_text("x")
    assert (tmp_path / "a").read_text() == "x"
def test_tmpdir(tmpdir): assert tmpdir.check()
def test_factory(tmp_path_factory): assert tmp_path_factory.mktemp("d").is_dir()
def test_monkeypatch_env(monkeypatch):
    monkeypatch.setenv("X", "1"); assert os.environ["X"] == "1"
def test_after(): assert "X" not in os.environ
def test_monkeypatch_chdir(monkeypatch, tmp_path): monkeypatch.chdir(tmp_path)
def test_request(request): assert request.node.name == "test_request"
def test_recwarn(recwarn):
    import warnings; warnings.warn("w"); assert len(recwarn) == 1
def test_record(record_property): record_property("a", 1)
def test_doctest_namespace(pytestconfig): assert pytestconfig.rootpath
""", {}),
    "raises_approx_warns": ("""
import math, warnings
import pytest
from implementation import div
def test_raises():
    with pytest.raises(ZeroDivisionError, match="division") as info: div(1, 0)
    assert info.type is ZeroDivisionError
def test_raises_not():
    with pytest.raises(ZeroDivisionError): div(1, 1)
def test_match_not():
    with pytest.raises(ZeroDivisionError, match="nothing like it"): div(1, 0)
def test_approx(): assert 0.1 + 0.2 == pytest.approx(0.3)
def test_approx_not(): assert 0.1 == pytest.approx(0.2)
def test_approx_list(): assert [0.1 + 0.2, math.pi] == pytest.approx([0.3, 3.14159265])
def test_warns():
    with pytest.warns(UserWarning): warnings.warn("x", UserWarning)
def test_warns_not():
    with pytest.warns(UserWarning): pass
def test_fail(): pytest.fail("by hand")
def test_deprecated():
    with pytest.deprecated_call(): warnings.warn("x", DeprecationWarning)
""", {}),
    "comparisons": ("""
from dataclasses import dataclass
from implementation import Point
@dataclass
class Item: name: str; price: float
class Any:
    def __eq__(self, other): return True
def test_list(): assert [1, 2, 3] == [1, 2, 4]
def test_dict(): assert {"a": 1, "b": 2} == {"a": 1, "c": 2}
def test_set(): assert {1, 2} == {2, 3}
def test_text(): assert "line\\nother\\n" == "line\\nOther\\n"
def test_long(): assert list(range(1000)) == list(range(999))
def test_data(): assert Item("a", 1.0) == Item("a", 2.0)
def test_tuple(): assert Point(1, 2) == Point(1, 3)
def test_any(): assert Any() == 3
def test_in(): assert 4 in [1, 2]
def test_not(): assert not [1]
def test_chain(): assert 1 < 2 > 3
def test_call(): assert all(x > 1 for x in [1, 2])
def test_bytes(): assert b"\\x00\\xff" == b"\\x00"
def test_nul(): assert "a\\0b" == "\\ud800"
""", {}),
    "conftest": ("""
def test_shared(shared): assert shared == {"n": 1}
def test_changed(shared): shared["n"] = 2; assert shared["n"] == 1
def test_plain(): pass
""", {"conftest.py": CONFTEST}),
    "conftest_hooks": ("""
import pytest
@pytest.mark.slow
def test_slow(): pass
def test_generated(word): assert word != "b"
def test_plain(): pass
""", {"conftest.py": '''
def pytest_configure(config): config.addinivalue_line("markers", "slow: slow")
def pytest_generate_tests(metafunc):
    if "word" in metafunc.fixturenames: metafunc.parametrize("word", ["a", "b"])
def pytest_collection_modifyitems(items): items.reverse()
'''}),
    "helpers": ("""
from helpers.check import is_even
from data_of_suite import NUMBERS
import pytest
@pytest.mark.parametrize("n", NUMBERS)
def test_even(n): assert is_even(n)
""", {"helpers/__init__.py": "", "helpers/check.py": "def is_even(n): return n % 2 == 0\n", "data_of_suite.py": "NUMBERS = [2, 3]\n"}),
    "imported_tests": ("""
from more_tests import *
def test_own(): pass
""", {"more_tests.py": "def test_brought(): pass\ndef test_brought_bad(): assert False\nclass TestBrought:\n    def test_in(self): pass\n"}),
    "conditional_definitions": ("""
import sys
if sys.version_info >= (3,):
    def test_always(): pass
else:
    def test_never(): assert False
try:
    import no_such_module_at_all
    def test_with_module(): assert False
except ImportError:
    def test_without_module(): pass
for n in range(2):
    exec(f"def test_made_{n}(): assert {n} == 0")
test_lambda = lambda: None
def test_deleted(): assert False
del test_deleted
def test_off(): assert False
test_off.__test__ = False
class TestOff:
    __test__ = False
    def test_never(self): assert False
class TestAbstract:
    __test__ = False
    def test_shared(self): assert self.value
class TestConcrete(TestAbstract):
    __test__ = True
    value = 1
def test_twice(): assert False
def test_twice(): pass
""", {}),
    "decorated": ("""
import contextlib, functools
from unittest import mock
import implementation
def twice(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        function(*args, **kwargs)
        return function(*args, **kwargs)
    return wrapper
def plain(function):
    def test_wrapper(): return function()
    return test_wrapper
@twice
def test_twice(): pass
@plain
def test_plain(): assert False
@mock.patch("implementation.add", return_value=7)
def test_mock(add): assert implementation.add(1, 2) == 7
@mock.patch.object(implementation, "div")
def test_mock_object(div): implementation.div(1, 0); div.assert_called_once_with(1, 0)
def test_restored(): assert implementation.add(1, 2) == 3
class TestM:
    @mock.patch.dict("os.environ", {"A": "b"})
    def test_env(self):
        import os
        assert os.environ["A"] == "b"
""", {}),
    "exits": ("""
import sys, pytest
def test_exit(): sys.exit(3)
def test_exit_zero(): sys.exit(0)
def test_expected():
    with pytest.raises(SystemExit): sys.exit(1)
def test_after(): pass
""", {}),
    "concurrency": ("""
import asyncio, subprocess, sys, threading
from concurrent.futures import ThreadPoolExecutor
def test_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(1)); thread.start(); thread.join()
    assert seen == [1]
def test_pool():
    with ThreadPoolExecutor(2) as pool: assert list(pool.map(lambda n: n + 1, [1, 2])) == [2, 3]
def test_asyncio():
    async def main(): return 5
    assert asyncio.run(main()) == 5
def test_subprocess(): assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout == "1\\n"
def test_main(): assert subprocess.run([sys.executable, "implementation.py"]).returncode == 0
def test_fork():
    import os
    child = os.fork()
    if child == 0: os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
""", {}),
    "multiprocessing": ("""
import multiprocessing
from implementation import add
def work(queue): queue.put(add(1, 2))
def test_spawn():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=work, args=(queue,)); process.start()
    assert queue.get(timeout=30) == 3
    process.join()
""", {}),
    "imports": ("""
import implementation as impl
from implementation import *
def test_module(): assert impl.__name__ == "implementation"
def test_file(): assert impl.__file__.endswith("implementation.py")
def test_star(): assert add(1, 1) == 2
def test_self():
    import sys
    assert sys.modules[__name__].__file__.endswith("test_implementation.py")
def test_inspect():
    import inspect
    assert "def add" in inspect.getsource(impl.add)
    assert "def test_inspect" in inspect.getsource(test_inspect)
def test_missing(): impl.no_such_name
def test_late():
    from implementation import no_such_name
def test_pickle():
    import pickle
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)
""", {}),
    "async_without_plugin": ("""
async def test_async(): assert False
def test_plain(): pass
""", {}),
    "generated_names": ("""
import pytest
def pytest_generate_tests(metafunc):
    if "letter" in metafunc.fixturenames: metafunc.parametrize("letter", "ab")
def test_letter(letter): assert letter == "a"
class TestG:
    def test_letter(self, letter): assert letter == "a"
""", {}),
    "classes_marked": ("""
import pytest
@pytest.mark.parametrize("n", [1, 2])
class TestN:
    def test_a(self, n): assert n == 1
    def test_b(self, n): pass
@pytest.mark.skip
class TestS:
    def test_a(self): assert False
@pytest.mark.usefixtures("tmp_path")
class TestU:
    pytestmark = pytest.mark.xfail
    def test_a(self): assert False
class TestX:
    @classmethod
    def test_class(cls): pass
    @property
    def test_property(self): return 1
    @pytest.fixture
    def test_fixture(self): return 1
    test_value = 5
""", {}),
    "doctest_ignored": ('''
"""
>>> 1 + 1
3
"""
def test_plain():
    """
    >>> 1
    2
    """
''', {}),
    "enum_and_dataclass": ("""
import enum
from dataclasses import dataclass
class TestColour(enum.Enum):
    red = 1
@dataclass
class TestItem:
    name: str = "x"
    def test_never(self): assert False
def test_plain(): assert TestColour.red.value == 1
""", {}),
    "memory_error": ("""
import pytest
def test_memory(): raise MemoryError
def test_expected():
    with pytest.raises(MemoryError): raise MemoryError
""", {}),
    "recursion": ("""
def deep(n): return deep(n + 1)
def test_deep(): deep(0)
def test_after(): pass
""", {}),
    "bad_repr": ("""
class Odd:
    def __repr__(self): raise RuntimeError("no repr")
    def __eq__(self, other): return False
def test_repr(): assert Odd() == 1
def test_str():
    class E(Exception):
        def __str__(self): raise RuntimeError
    raise E()
def test_after(): pass
""", {}),
    "encoding": ("# -*- coding: latin-1 -*-\ndef test_text(): assert '\xe4' == '\\xe4'\n".encode("latin-1"), {}),
    "crlf": (b"def test_a():\r\n    assert 1\r\ndef test_b():\r\n    assert 0\r\n", {}),
    "bom": (b"\xef\xbb\xbfdef test_a():\n    assert 1\n", {}),
    "future_and_docstring": ('"""doc"""\nfrom __future__ import annotations\ndef test_a(tmp_path: NoSuch) -> Nothing: assert 1\n', {}),
    "no_rewrite": ('"""PYTEST_DONT_REWRITE"""\ndef test_a(): assert 1 == 2\ndef test_b(): pass\n', {}),
}
