"""Honest suites and programs that do what gaming looks like; they must end as under plain pytest, test for test.

name: (program, suite, further test files). Beside those of pytest_suites.py, which use pytest in many ways.
"""

MONEY = '''
import functools, math
@functools.total_ordering
class Money:
    def __init__(self, amount): self.amount = amount
    def __eq__(self, other): return isinstance(other, Money) and math.isclose(self.amount, other.amount)
    def __lt__(self, other): return self.amount < other.amount
    def __hash__(self): return hash(round(self.amount, 6))
    def __repr__(self): return f"Money({self.amount})"
    def __add__(self, other): return Money(self.amount + other.amount)
class Loose:
    """Equal to numbers and texts that say the same."""
    def __init__(self, value): self.value = value
    def __eq__(self, other): return str(self.value) == str(getattr(other, "value", other))
'''
SERVICE = '''
import json, logging, os, random, sys, threading, time, warnings
log = logging.getLogger("service")
calls = []
def fetch(url): raise ConnectionError(url)
def load(url):
    calls.append(url)
    return json.loads(fetch(url))
def now(): return time.time()
def roll(): return random.randint(1, 6)
def home(): return os.environ.get("SERVICE_HOME", "/nowhere")
def warn(): warnings.warn("old", DeprecationWarning); return 1
def shout(text): log.warning("shout %s", text); print(text.upper()); return text.upper()
def leave(code): sys.exit(code)
class Worker(threading.Thread):
    def __init__(self): super().__init__(); self.done = []
    def run(self): self.done.append(now())
if __name__ == "__main__":
    leave(0)
'''
STORE = '''
import contextlib, dataclasses, enum, pathlib, pickle, sqlite3, typing
class Kind(enum.Enum): A = "a"; B = "b"
@dataclasses.dataclass(order=True)
class Item:
    name: str
    price: float = 0.0
    tags: list = dataclasses.field(default_factory=list, compare=False)
@dataclasses.dataclass(frozen=True, eq=False)
class Key:
    value: int
    def __eq__(self, other): return self.value % 10 == getattr(other, "value", other) % 10
    def __hash__(self): return self.value % 10
class Pair(typing.NamedTuple): left: int; right: int
class Store:
    def __init__(self, path):
        self.path = pathlib.Path(path); self.items = {}
    def __enter__(self): return self
    def __exit__(self, *error): self.save(); return False
    def __getattr__(self, name):
        try: return self.__dict__["items"][name]
        except KeyError: raise AttributeError(name) from None
    def __contains__(self, name): return name in self.items
    def __len__(self): return len(self.items)
    def put(self, item): self.items[item.name] = item; return item
    def save(self): self.path.write_bytes(pickle.dumps(self.items))
    @classmethod
    def load(cls, path):
        found = cls(path); found.items = pickle.loads(found.path.read_bytes()); return found
def table():
    base = sqlite3.connect(":memory:")
    with contextlib.closing(base.cursor()) as cursor:
        cursor.execute("create table t (n integer)"); cursor.executemany("insert into t values (?)", [(1,), (2,)])
        return [row[0] for row in cursor.execute("select n from t")]
'''

HONEST = {
    "an __eq__ of the program": (MONEY, """
from implementation import Loose, Money
def test_equal(): assert Money(0.1) + Money(0.2) == Money(0.3)
def test_unequal(): assert Money(1) == Money(2)
def test_other_type(): assert Money(1) != 1
def test_order(): assert sorted([Money(2), Money(1)]) == [Money(1), Money(2)]
def test_in(): assert Money(1.0) in {Money(1): "one"}
def test_loose(): assert Loose(1) == "1" and Loose("2") == 2
def test_not_loose(): assert Loose(1) == "2"
""", {}),
    "an __eq__ that raises": ("class Odd:\n    def __eq__(self, other): raise TypeError('no')\n", """
import pytest
from implementation import Odd
def test_raises():
    with pytest.raises(TypeError): Odd() == 1
def test_fails(): assert Odd() == 1
def test_same(): odd = Odd(); assert odd is odd
""", {}),
    "an __eq__ of arrays": ("class Array(list):\n    def __eq__(self, other): return Array(a == b for a, b in zip(self, other))\n"
                            "    def all(self): return all(list.__iter__(self))\n", """
from implementation import Array
def test_all(): assert (Array([1, 2]) == Array([1, 2])).all()
def test_not_all(): assert (Array([1, 2]) == Array([1, 3])).all()
def test_truth(): assert Array([1]) == Array([1])
""", {}),
    "an __eq__ of arrays and numbers": ("class Array:\n    def __init__(self, *values): self.values = list(values)\n"
                                        "    def _others(self, other): return other.values if isinstance(other, Array) else [other] * len(self.values)\n"
                                        "    def __eq__(self, other): return Array(*map(lambda a, b: a == b, self.values, self._others(other)))\n"
                                        "    def __ne__(self, other): return Array(*map(lambda a, b: a != b, self.values, self._others(other)))\n"
                                        "    def __iter__(self): return iter(self.values)\n    def __len__(self): return len(self.values)\n"
                                        "    def all(self): return all(self.values)\n    __hash__ = None\n", """
from implementation import Array
def test_all(): assert (Array(1, 1) == 1).all() and (Array(1, 2) != 3).all()
def test_not_all(): assert (Array(1, 2) == 1).all()
def test_truth(): assert Array(1) == Array(1)
def test_vacuous(): assert Array(1) == Array(2) and Array(1) == 2
def test_empty(): assert Array() == Array()
""", {}),
    "the suite's own equal to everything": (MONEY, """
from implementation import Money
class Anything:
    def __eq__(self, other): return True
def test_any(): assert {"id": 7, "sum": Money(1)} == {"id": Anything(), "sum": Money(1)}
def test_any_not(): assert {"id": 7, "sum": 2} == {"id": Anything(), "sum": 1}
""", {}),
    "unittest.mock's ANY": (SERVICE, """
from unittest.mock import ANY, Mock, call
def test_any():
    one = Mock(); one(1, at=2)
    one.assert_called_once_with(1, at=ANY)
    assert one.mock_calls == [call(ANY, at=2)]
def test_any_not():
    one = Mock(); one(1)
    one.assert_called_once_with(2)
""", {}),
    "dataclasses": (STORE, """
import dataclasses
import pytest
from implementation import Item, Key, Kind, Pair
def test_equal(): assert Item("a", 1.0, ["x"]) == Item("a", 1.0, ["y"])
def test_unequal(): assert Item("a") == Item("b")
def test_order(): assert sorted([Item("b"), Item("a")])[0].name == "a"
def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError): Key(1).value = 2
def test_key(): assert Key(11) == Key(1) and Key(1) != Key(2)
def test_kind(): assert Kind("a") is Kind.A
def test_replace(): assert dataclasses.replace(Item("a"), price=2.0) == Item("a", 2.0)
def test_pair(): assert Pair(1, 2) == (1, 2) and Pair(1, 2)._replace(left=3) == (3, 2)
""", {}),
    "files": (STORE, """
import pytest
from implementation import Item, Store, table
@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as made: yield made
def test_put(store): assert store.put(Item("a")) == store.a and "a" in store and len(store) == 1
def test_fresh(store): assert len(store) == 0
def test_missing(store):
    with pytest.raises(AttributeError): store.nothing
def test_saved(tmp_path):
    with Store(tmp_path / "s") as made: made.put(Item("x", 2.0))
    assert Store.load(tmp_path / "s").x.price == 2.0
def test_table(): assert table() == [1, 2]
def test_written():
    with open("out.txt", "w") as out: out.write("x")
    assert open("out.txt").read() == "x"
def test_not_written(): open("never.txt")
""", {}),
    "monkeypatch": (SERVICE, """
import json, random, sys
import implementation
def test_fetch(monkeypatch):
    monkeypatch.setattr(implementation, "fetch", lambda url: json.dumps({"url": url}))
    assert implementation.load("u") == {"url": "u"} and implementation.calls == ["u"]
def test_undone():
    import pytest
    with pytest.raises(ConnectionError): implementation.load("v")
def test_time(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 5.0); assert implementation.now() == 5.0
def test_random(monkeypatch):
    monkeypatch.setattr(random, "randint", lambda a, b: b); assert implementation.roll() == 6
def test_home(monkeypatch):
    monkeypatch.setenv("SERVICE_HOME", "/here"); assert implementation.home() == "/here"
def test_home_again(): assert implementation.home() == "/nowhere"
def test_builtin(monkeypatch):
    with monkeypatch.context() as patch: patch.setattr("builtins.len", lambda value: 42); assert len([]) == 42
def test_builtins(monkeypatch):
    for name in ("any", "all", "sum"): monkeypatch.setattr("builtins." + name, lambda values: True)
    assert any([]) and all([0]) and sum([0]) is True
def test_argv(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x", "y"]); assert sys.argv[1] == "y"
def test_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "colours", type(sys)("colours"))
    import colours
    assert colours.__name__ == "colours"
def test_context(monkeypatch):
    with monkeypatch.context() as patch: patch.setattr(json, "dumps", lambda value: "x"); assert json.dumps(1) == "x"
    assert json.dumps(1) == "1"
""", {}),
    "mocks": (SERVICE, """
from unittest import TestCase, mock
import implementation
class TestService(TestCase):
    @mock.patch("implementation.fetch", return_value="[1]")
    def test_load(self, fetch):
        self.assertEqual(implementation.load("x"), [1]); fetch.assert_called_once_with("x")
    @mock.patch.object(implementation, "roll", side_effect=[1, 2])
    def test_roll(self, roll): self.assertEqual([implementation.roll(), implementation.roll()], [1, 2])
    @mock.patch("builtins.print")
    def test_print(self, printed): implementation.shout("a"); printed.assert_called_with("A")
    @mock.patch("builtins.open", mock.mock_open(read_data="text"))
    def test_open(self): self.assertEqual(open("/none").read(), "text")
    @mock.patch("sys.exit")
    def test_exit(self, leave): implementation.leave(3); leave.assert_called_with(3)
    def test_spec(self):
        worker = mock.create_autospec(implementation.Worker)
        with self.assertRaises(AttributeError): worker.nothing
    def test_not_called(self): mock.Mock().assert_called()
    def test_magic(self):
        one = mock.MagicMock(); one.__len__.return_value = 3; one.__eq__.return_value = True
        self.assertEqual(len(one), 3); self.assertEqual(one, 5)
""", {}),
    "mocks for a whole class": (SERVICE, """
import unittest
from unittest import mock
import implementation
class TestPatched(unittest.TestCase):
    def setUp(self):
        patcher = mock.patch.object(implementation, "now", return_value=1.0)
        self.now = patcher.start(); self.addCleanup(patcher.stop)
    @classmethod
    def setUpClass(cls): cls.patcher = mock.patch("implementation.home", lambda: "/patched"); cls.patcher.start()
    @classmethod
    def tearDownClass(cls): cls.patcher.stop()
    def test_now(self): self.assertEqual(implementation.now(), 1.0)
    def test_home(self): self.assertEqual(implementation.home(), "/patched")
    def test_wrong(self): self.assertEqual(implementation.now(), 2.0)
def test_restored(): assert implementation.home() == "/nowhere"
""", {}),
    "output": (SERVICE, """
import logging, sys
import pytest
from implementation import shout, warn
def test_capsys(capsys):
    assert shout("x") == "X"; assert capsys.readouterr() == ("X\\n", "")
def test_capfd(capfd):
    import os; os.write(2, b"raw"); assert capfd.readouterr().err == "raw"
def test_caplog(caplog):
    with caplog.at_level(logging.INFO): shout("y")
    assert caplog.record_tuples == [("service", logging.WARNING, "shout y")]
def test_warns():
    with pytest.warns(DeprecationWarning, match="old"): warn()
def test_error():
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning): warn()
@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_filter(): warn()
def test_stdout(): sys.stdout.write("bare"); sys.stdout.flush()
def test_redirect():
    import contextlib, io
    out = io.StringIO()
    with contextlib.redirect_stdout(out): shout("z")
    assert out.getvalue() == "Z\\n"
""", {}),
    "exits": (SERVICE, """
import subprocess, sys
import pytest
from implementation import leave
@pytest.mark.parametrize("code", [0, 1, "text", None])
def test_code(code):
    with pytest.raises(SystemExit) as info: leave(code)
    assert info.value.code == code
def test_guard(): assert subprocess.run([sys.executable, "implementation.py"]).returncode == 0
def test_exit_fails(): leave(0)
if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
""", {}),
    "threads": (SERVICE, """
import queue, threading
from concurrent.futures import ThreadPoolExecutor, TimeoutError
import pytest
from implementation import Worker
def test_worker():
    workers = [Worker() for _ in range(4)]
    for one in workers: one.start()
    for one in workers: one.join()
    assert all(len(one.done) == 1 for one in workers)
def test_queue():
    q = queue.Queue(); threading.Thread(target=lambda: [q.put(n) for n in range(3)], daemon=True).start()
    assert [q.get(timeout=5) for _ in range(3)] == [0, 1, 2]
def test_future():
    with ThreadPoolExecutor() as pool:
        with pytest.raises(ZeroDivisionError): pool.submit(lambda: 1 / 0).result()
def test_local():
    data = threading.local(); data.x = 1; seen = []
    one = threading.Thread(target=lambda: seen.append(hasattr(data, "x"))); one.start(); one.join()
    assert seen == [False]
def test_left_behind(): threading.Thread(target=threading.Event().wait, daemon=True).start()
def test_in_thread():
    one = threading.Thread(target=lambda: 1 / 0); one.start(); one.join()
""", {}),
    "asyncio": ("import asyncio\nasync def double(n):\n    await asyncio.sleep(0)\n    return 2 * n\nasync def many(n):\n    return await asyncio.gather(*(double(i) for i in range(n)))\n"
                "async def numbers(n):\n    for i in range(n):\n        yield i\n", """
import asyncio, unittest
import pytest
from implementation import double, many, numbers
def test_run(): assert asyncio.run(double(2)) == 4
def test_many(): assert asyncio.run(many(3)) == [0, 2, 4]
def test_wrong(): assert asyncio.run(double(2)) == 5
def test_late():
    with pytest.raises(asyncio.TimeoutError): asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.01))
@pytest.fixture
def loop():
    made = asyncio.new_event_loop(); yield made; made.close()
def test_loop(loop): assert loop.run_until_complete(double(1)) == 2
class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self): self.n = await double(2)
    async def test_n(self): self.assertEqual(self.n, 4)
    async def test_wrong(self): self.assertEqual(self.n, 5)
def test_generator():
    async def all_of(): return [n async for n in numbers(3)]
    assert asyncio.run(all_of()) == [0, 1, 2]
""", {}),
    "processes": ("import os\ndef child(code):\n    pid = os.fork()\n    if pid == 0:\n        os._exit(code)\n    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n", """
import os, signal, subprocess, sys
from implementation import child
def test_child(): assert child(3) == 3
def test_shell(): assert subprocess.check_output("echo $((1 + 1))", shell=True) == b"2\\n"
def test_input(): assert subprocess.run(["cat"], input=b"x", stdout=subprocess.PIPE).stdout == b"x"
def test_killed():
    one = subprocess.Popen(["sleep", "60"]); one.kill(); assert one.wait() == -signal.SIGKILL
def test_python(): assert subprocess.run([sys.executable, "-c", "import implementation"], cwd=os.getcwd()).returncode == 0
def test_wrong(): assert child(0) == 1
def test_pipe():
    r, w = os.pipe(); os.write(w, b"x"); os.close(w); assert os.read(r, 2) == b"x"; os.close(r)
""", {}),
    "signals": ("import signal\nclass Late(Exception): pass\ndef limit(seconds, function):\n    def stop(number, frame): raise Late\n    old = signal.signal(signal.SIGALRM, stop)\n"
                "    signal.setitimer(signal.ITIMER_REAL, seconds)\n    try: return function()\n    finally:\n        signal.setitimer(signal.ITIMER_REAL, 0)\n        signal.signal(signal.SIGALRM, old)\n", """
import time
import pytest
from implementation import Late, limit
def test_fast(): assert limit(5, lambda: 3) == 3
def test_slow():
    with pytest.raises(Late): limit(0.02, lambda: time.sleep(30))
def test_slow_fails(): limit(0.02, lambda: time.sleep(30))
""", {}),
    "skips of every kind": (SERVICE, """
import sys, unittest
import pytest
@pytest.mark.skip
def test_mark(): assert 0
@pytest.mark.skipif(sys.platform == "linux", reason="not here")
def test_platform(): assert 0
@pytest.mark.skipif("sys.version_info > (3,)")
def test_text(): assert 0
def test_dynamic():
    if not hasattr(sys, "no_such_thing"): pytest.skip("dynamic")
@pytest.fixture
def database(): pytest.skip("no database")
def test_fixture(database): pass
def test_import(): pytest.importorskip("nothing_of_that_name")
class TestU(unittest.TestCase):
    @unittest.skip("u")
    def test_u(self): self.fail()
    @unittest.skipUnless(False, "never")
    def test_unless(self): self.fail()
    def test_inside(self): self.skipTest("inside")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.skip), pytest.param(3, marks=pytest.mark.xfail)])
def test_n(n): assert n == 1
def test_runs(): pass
""", {}),
    "xfails of every kind": (MONEY, """
import pytest
from implementation import Money
@pytest.mark.xfail(reason="later")
def test_mark(): assert Money(1) == Money(2)
@pytest.mark.xfail
def test_xpass(): assert Money(1) == Money(1)
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.xfail(raises=ZeroDivisionError)
def test_raises(): 1 / 0
@pytest.mark.xfail(False, reason="no")
def test_not(): pass
@pytest.mark.xfail(run=False)
def test_not_run(): assert 0
def test_call(): pytest.xfail("by hand")
def test_marks_itself(request): request.applymarker(pytest.mark.xfail); assert 0
""", {}),
    "parameters": (MONEY, """
import itertools
import pytest
from implementation import Money
CASES = [(1, 2, 3), (0.1, 0.2, 0.3), (1, 1, 3)]
@pytest.mark.parametrize("a, b, c", CASES, ids=lambda n: f"n{n}")
def test_sum(a, b, c): assert Money(a) + Money(b) == Money(c)
@pytest.mark.parametrize("pair", list(itertools.permutations("ab")))
@pytest.mark.parametrize("flag", [True, False])
def test_product(pair, flag): assert flag or pair == ("a", "b")
@pytest.fixture(params=["x", "y"], ids=str.upper)
def letter(request): return request.param
@pytest.mark.parametrize("letter", ["z"], indirect=True)
def test_indirect(letter): assert letter == "z"
def test_letter(letter): assert letter == "x"
def test_loop():
    for a, b, c in CASES[:2]: assert Money(a) + Money(b) == Money(c)
""", {}),
    "data that the program sorts in place": ("def sort(values):\n    values.sort()\n    return values\n", """
from implementation import sort
CASES = [([3, 1], [1, 3]), ([2], [2])]
SEEN = []
EXPECTED = {"a": [1]}
def test_cases():
    for given, expected in CASES: assert sort(given) == expected
def test_again():
    for given, expected in CASES: assert given == expected
def test_seen(): SEEN.append(1); EXPECTED["b"] = 2; assert len(EXPECTED) == 2
def test_seen_again(): assert SEEN == [1]
""", {}),
    "globals of the suite": (SERVICE, """
import sys
import pytest
counter = 0
LIMIT = 5
def bump():
    global counter
    counter += 1
    return counter
def test_first(): assert bump() == 1
def test_second(): assert bump() == 2
def test_patched(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "LIMIT", 6)
    assert LIMIT == 6
def test_restored(): assert LIMIT == 5
def test_rebinds(): globals()["LIMIT"] = 7; assert LIMIT == 7
def test_rebound(): assert LIMIT == 7
def test_own_helper(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "bump", lambda: 100)
    assert bump() == 100
""", {}),
    "fixtures of every scope": (SERVICE, """
import pytest, time
order = []
@pytest.fixture(scope="session", autouse=True)
def session(): order.append("session"); yield; order.append("end")
@pytest.fixture(scope="module", autouse=True)
def module(session): order.append("module"); yield
@pytest.fixture(scope="class", autouse=True)
def class_(): order.append("class"); yield
@pytest.fixture(autouse=True)
def each(request): order.append(request.node.name); yield; order.append("after")
@pytest.fixture
def factory():
    made = []
    yield lambda: made.append(1) or len(made)
def test_a(): assert order == ["session", "module", "class", "test_a"]
def test_b(factory): assert factory() == 1 and order[3:] == ["test_a", "after", "class", "test_b"]
class TestC:
    def test_c(self): assert order[-2:] == ["class", "test_c"]
    def test_d(self): assert order[-3:] == ["test_c", "after", "test_d"]
def test_count(): assert order.count("session") == 1 and order.count("after") == 4
def test_names(request): assert [item.name for item in request.session.items][0] == "test_a" and len(request.session.items) == 7
def test_failed(request): assert request.session.testsfailed == 0
""", {}),
    "a conftest with hooks": (SERVICE, """
def test_seen(seen): assert seen == ["setup test_seen", "call test_seen"]
def test_two(seen): assert seen[-1] == "call test_two" and len(seen) == 5
def test_fails(): assert 0
def test_reports(reports, request):
    assert reports == [("test_seen", "passed"), ("test_two", "passed"), ("test_fails", "failed")]
    assert request.session.testsfailed == 1
def test_environment(environment): assert environment.startswith("test_implementation.py::test_environment")
""", {"conftest.py": '''
import os
import pytest
_seen, _reports = [], []
@pytest.fixture
def seen(): return _seen
@pytest.fixture
def reports(): return _reports
@pytest.fixture
def environment(): return os.environ["PYTEST_CURRENT_TEST"]
def pytest_runtest_setup(item): _seen.append("setup " + item.name)
def pytest_runtest_call(item): _seen.append("call " + item.name)
def pytest_runtest_teardown(item): _seen.append("teardown " + item.name)
def pytest_runtest_logreport(report):
    if report.when == "call": _reports.append((report.nodeid.split("::")[1], report.outcome))
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    assert outcome.get_result().nodeid.startswith("test_implementation.py::test_")
class Plugin:
    def pytest_runtest_protocol(self, item): assert item.name in ("test_seen", "test_two", "test_fails", "test_reports", "test_environment")
def pytest_configure(config): config.pluginmanager.register(Plugin())
'''}),
    "a conftest that skips, marks and times": (SERVICE, """
import pytest, time
@pytest.mark.slow
def test_slow(): assert 0
def test_flaky(): assert 0
def test_elapsed(elapsed): assert elapsed() < 5
def test_plain(): pass
""", {"conftest.py": '''
import time
import pytest
def pytest_configure(config): config.addinivalue_line("markers", "slow: slow")
def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords: item.add_marker(pytest.mark.skip(reason="slow"))
        if "flaky" in item.name: item.add_marker(pytest.mark.xfail(reason="flaky"))
@pytest.fixture(scope="session")
def elapsed():
    begin = time.monotonic()
    return lambda: time.monotonic() - begin
'''}),
    "helpers of the suite": (MONEY, """
import checks
from checks import same, Base, expect
from implementation import Money
def test_same(): same(Money(1), Money(1))
def test_not_same(): same(Money(1), Money(2))
def test_module(): checks.same(1, 1)
class TestIt(Base):
    value = 3
def test_patched(monkeypatch): monkeypatch.setattr(checks, "same", lambda a, b: None); checks.same(1, 2)
def test_unpatched(): checks.same(1, 2)
def test_expect(): expect(Money(1)).to_be(Money(1))
""", {"checks.py": "import functools\ndef same(a, b):\n    assert a == b, (a, b)\nclass Base:\n    value = 0\n    def test_value(self): assert self.value == 3\n"
                   "class expect:\n    def __init__(self, value): self.value = value\n    def to_be(self, other): assert self.value == other\n"
                   "@functools.lru_cache\ndef cached(): return 1\ndef twice(): return 1\ndef twice(): return 2\n"}),
    "unittest with subtests and clean-ups": (MONEY, """
import unittest
from implementation import Money
def setUpModule(): state.append("module")
state = []
class MoneyTest(unittest.TestCase):
    maxDiff = None
    def setUp(self): self.money = Money(1); self.addCleanup(state.append, "clean")
    def tearDown(self): state.append("down")
    def test_state(self): self.assertEqual(state[0], "module")
    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n): self.assertLess(n, 5)
    def test_sub_fails(self):
        for n in range(3):
            with self.subTest(n=n): self.assertLess(n, 2)
    def test_equal(self): self.assertEqual(self.money, Money(1)); self.assertNotEqual(self.money, Money(2))
    def test_almost(self): self.assertAlmostEqual(0.1 + 0.2, 0.3)
    def test_almost_fails(self): self.assertAlmostEqual(0.1, 0.3)
    def test_raises(self):
        with self.assertRaisesRegex(ValueError, "x"): raise ValueError("xyz")
    def test_raises_not(self):
        with self.assertRaises(ValueError): pass
    def test_logs(self):
        import logging
        with self.assertLogs() as logs: logging.warning("x")
        self.assertEqual(logs.output, ["WARNING:root:x"])
    def test_count(self): self.assertCountEqual([1, 2], [2, 1])
    def test_error(self): raise KeyError
    def assertMoney(self, value): self.assertIsInstance(value, Money)
    def test_own(self): self.assertMoney(self.money)
class Derived(MoneyTest):
    def test_almost_fails(self): pass
class Typed(unittest.TestCase):
    def setUp(self): self.addTypeEqualityFunc(Money, self.same)
    def same(self, a, b, msg=None): self.assertIs(type(a), type(b))
    def test_typed(self): self.assertEqual(Money(1), Money(2))
""", {}),
    "a TestCase that the suite extends": (MONEY, """
import unittest
def assertEven(self, n): self.assertEqual(n % 2, 0)
unittest.TestCase.assertEven = assertEven
class EvenTest(unittest.TestCase):
    def test_even(self): self.assertEven(2)
    def test_odd(self): self.assertEven(3)
""", {}),
    "classes with fixtures and state": (STORE, """
import pytest
from implementation import Item, Store
class TestStore:
    shared = []
    @pytest.fixture(autouse=True)
    def prepare(self, tmp_path): self.store = Store(tmp_path / "s")
    def setup_method(self, method): self.name = method.__name__
    def test_name(self): assert self.name == "test_name"
    def test_shared(self): self.shared.append(1); assert self.shared == [1]
    def test_shared_again(self): assert self.shared == [1]
    @pytest.mark.parametrize("n", [1, 2])
    def test_put(self, n): self.store.put(Item(str(n))); assert len(self.store) == n
    @staticmethod
    def test_static(): assert True
    class TestInner:
        def test_inner(self): assert not hasattr(self, "store")
""", {}),
    "introspection": ("import inspect\ndef described(a: int, b=2, *rest, c, **more) -> str:\n    'About it.'\n    return inspect.currentframe().f_code.co_name if False else 'x'\n"
                      "def arguments(function): return list(inspect.signature(function).parameters)\ndef source(function): return inspect.getsource(function)\n", """
import implementation, inspect, sys, traceback, typing
from implementation import arguments, described, source
def test_arguments(): assert arguments(described) == ["a", "b", "rest", "c", "more"]
def test_doc(): assert described.__doc__ == "About it."
def test_source(): assert "return list" in source(arguments)
def test_hints(): assert typing.get_type_hints(described) == {"a": int, "return": str}
def test_members(): assert [n for n, _ in inspect.getmembers(implementation, inspect.isfunction)] == ["arguments", "described", "source"]
def test_own_frame(): assert sys._getframe().f_code.co_name == "test_own_frame"
def test_traceback():
    try: described()
    except TypeError as error: assert "described" in "".join(traceback.format_exception(error))
def test_name(): assert __name__ == "test_implementation" and __file__.endswith("test_implementation.py")
def test_tests(): assert sum(name.startswith("test_") for name in globals()) == 9
def test_recursion(): assert sys.getrecursionlimit() >= 1000
""", {}),
    "decorators of the program": ("import functools, time\ndef timed(f):\n    @functools.wraps(f)\n    def wrapped(*a, **k):\n        begin = time.perf_counter()\n"
                                  "        try: return f(*a, **k)\n        finally: wrapped.seconds = time.perf_counter() - begin\n    return wrapped\n"
                                  "def memo(f):\n    known = {}\n    def wrapped(n):\n        if n not in known: known[n] = f(n)\n        return known[n]\n    wrapped.known = known\n    return wrapped\n"
                                  "class register:\n    all = {}\n    def __init__(self, name): self.name = name\n    def __call__(self, f): self.all[self.name] = f; return f\n", """
from implementation import memo, register, timed
@timed
def slow(n): return n
@memo
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
@register("plus")
def plus(a, b): return a + b
def test_timed(): assert slow(3) == 3 and slow.seconds >= 0
def test_memo(): assert fib(50) == 12586269025 and len(fib.known) == 51
def test_register(): assert register.all["plus"](1, 2) == 3
@timed
def test_decorated(): assert slow(1) == 2
@timed
def test_decorated_good(): assert slow(1) == 1
""", {}),
    "metaclasses and slots": ("class Singleton(type):\n    made = {}\n    def __call__(cls, *a):\n        if cls not in cls.made: cls.made[cls] = super().__call__(*a)\n        return cls.made[cls]\n"
                              "class Config(metaclass=Singleton):\n    __slots__ = ('value',)\n    def __init__(self, value=0): self.value = value\n"
                              "class Proxy:\n    def __init__(self, target): object.__setattr__(self, 't', target)\n    def __getattr__(self, n): return getattr(self.t, n)\n"
                              "    def __setattr__(self, n, v): setattr(self.t, n, v)\n    def __eq__(self, other): return self.t == other\n    __class__ = property(lambda self: type(self.t))\n", """
import pytest
from implementation import Config, Proxy
def test_same(): assert Config(1) is Config(2) and Config().value == 1
def test_slots():
    with pytest.raises(AttributeError): Config().other = 1
def test_proxy(): assert Proxy([1]) == [1] and isinstance(Proxy([1]), list)
def test_proxy_not(): assert Proxy([1]) == [2]
def test_proxy_set():
    class T: pass
    t = T(); Proxy(t).x = 1; assert t.x == 1
""", {}),
    "numbers": ("import decimal, fractions, math, random, statistics\ndef mean(v): return statistics.mean(v)\ndef half(v): return fractions.Fraction(v, 2)\n"
                "def money(t): return decimal.Decimal(t)\ndef shuffled(v, seed): r = random.Random(seed); w = list(v); r.shuffle(w); return w\ndef near(a, b): return math.isclose(a, b)\n", """
import decimal, math, random
import pytest
from implementation import half, mean, money, near, shuffled
def test_mean(): assert mean([1, 2]) == 1.5
def test_half(): assert half(1) == 0.5
def test_money(): assert money("0.1") + money("0.2") == money("0.3")
def test_near(): assert near(0.1 + 0.2, 0.3)
def test_approx(): assert mean([0.1, 0.2]) == pytest.approx(0.15) and {"a": 0.1 + 0.2} == pytest.approx({"a": 0.3})
def test_approx_not(): assert mean([1, 2]) == pytest.approx(1.6)
def test_nan(): assert math.nan == math.nan
def test_nan_ok(): assert math.nan == pytest.approx(math.nan, nan_ok=True)
def test_shuffled(): assert shuffled(range(5), 1) == shuffled(range(5), 1)
def test_seeded(): random.seed(5); first = random.random(); random.seed(5); assert random.random() == first
def test_bool(): assert True == 1 and 1.0 == 1
def test_context():
    with decimal.localcontext() as context: context.prec = 3; assert money(1) / 3 == money("0.333")
""", {}),
    "generators and iterators": ("def count():\n    n = 0\n    while True:\n        got = yield n\n        n = got if got is not None else n + 1\nclass Once:\n    def __init__(self, v): self.v = iter(v)\n"
                                 "    def __iter__(self): return self\n    def __next__(self): return next(self.v)\n", """
import itertools
import pytest
from implementation import Once, count
def test_count(): assert list(itertools.islice(count(), 3)) == [0, 1, 2]
def test_send(): c = count(); next(c); assert c.send(7) == 7
def test_close():
    c = count(); next(c); c.close()
    with pytest.raises(StopIteration): next(c)
def test_once(): o = Once([1]); assert list(o) == [1] and list(o) == []
def test_leaks(): next(Once([]))
def test_throw():
    c = count(); next(c)
    with pytest.raises(KeyError): c.throw(KeyError)
""", {}),
    "exceptions": ("class Base(Exception):\n    def __str__(self): return 'odd ' + repr(self.args)\nclass Deep(Base): pass\ndef fail(kind=Deep):\n    try: 1 / 0\n    except ZeroDivisionError as e: raise kind('x', 1) from e\n", """
import pytest
from implementation import Base, Deep, fail
def test_base():
    with pytest.raises(Base, match="odd") as info: fail()
    assert info.type is Deep and isinstance(info.value.__cause__, ZeroDivisionError)
def test_other():
    with pytest.raises(KeyError): fail()
def test_unraised(): fail()
def test_keyerror(): fail(KeyError)
def test_assertion(): fail(AssertionError)
def test_assertion_expected():
    with pytest.raises(AssertionError): fail(AssertionError)
def test_pytest_fail():
    with pytest.raises(pytest.fail.Exception): pytest.fail("x")
def test_base_exception():
    with pytest.raises(BaseException): raise GeneratorExit
def test_finally():
    try: fail()
    except Base: return
    finally: pass
""", {}),
    "time that the suite measures": (SERVICE, """
import time
import pytest
@pytest.fixture
def clock(): begin = time.perf_counter(); yield lambda: time.perf_counter() - begin
started = []
@pytest.fixture(autouse=True)
def gap():
    if started: assert time.monotonic() - started[-1] < 2
    yield
    started.append(time.monotonic())
def test_fast(clock): assert clock() < 1
def test_sleep(clock): time.sleep(0.01); assert clock() >= 0.01
def test_gap(): assert len(started) == 2
""", {}),
    "comparisons that build expressions": ("class Test:\n    def __init__(self, text): self.text = text\nclass Column:\n    def __init__(self, name): self.name = name\n"
                                           "    def __eq__(self, other): return Test(f'{self.name} = {other}')\n    def __ne__(self, other): return Test(f'{self.name} <> {other}')\n    __hash__ = None\n"
                                           "class Cache(dict):\n    hits = misses = 0\n    def __contains__(self, key):\n        found = dict.__contains__(self, key)\n"
                                           "        self.hits += found; self.misses += not found\n        return found\n", """
from implementation import Cache, Column
def test_equal(): assert (Column("a") == 1).text == "a = 1"
def test_unequal(): assert (Column("a") != 1).text == "a <> 1"
def test_wrong(): assert (Column("a") != 1).text == "a = 1"
def test_cache():
    cache = Cache(a=1)
    assert "a" in cache and cache.hits == 1 and cache.misses == 0
    assert "b" not in cache
    if "c" in cache: raise AssertionError
    assert (cache.hits, cache.misses) == (1, 2)
""", {}),
    "classes that are equal to much": ("class Modular:\n    def __init__(self, value, modulus): self.value, self.modulus = value % modulus, modulus\n"
                                       "    def __eq__(self, other): return self.value == int(other) % self.modulus\n    def __int__(self): return self.value\n    __hash__ = None\n"
                                       "class Text(str):\n    def __eq__(self, other): return self.casefold() == other.casefold()\n    __hash__ = str.__hash__\n"
                                       "class Row(list): pass\n", """
from implementation import Modular, Row, Text
def test_modular(): assert Modular(3, 2) == 5 and [Modular(8, 7)] == [1] and Modular(9, 2) in (0, 1)
def test_not_modular(): assert Modular(3, 2) == 4
def test_text(): assert Text("A") == "a" and not Text("A") == "b" and "a" in [Text("A")]
def test_row(): assert Row([1]) == [1] and Row([Text("A")]) == ["a"]
""", {}),
}
