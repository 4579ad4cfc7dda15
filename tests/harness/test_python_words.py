"""What makes verdicts is compared by versions where the interpreter has them: nothing that changes is missed, as without them."""
import ctypes
import pathlib
import subprocess
import sys
import types

import pytest

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
# In a process of its own, since it changes what this one lives by.
CHECK = """
import builtins, ctypes, sys, types
sys.path.insert(0, sys.argv[1])
import pytest, _pytest.runner, _pytest.python, _pytest.unittest
from assay_harness import interpreter, snapshot
found = interpreter.find(ctypes.PyDLL(sys.argv[2]))
if found.words is None:
    assert sys.version_info >= (3, 12), "this interpreter has versions"
    sys.exit(0)
both = [snapshot.Snapshot(interpreter=found), snapshot.Snapshot()]
runner, Function, Module = _pytest.runner, _pytest.python.Function, _pytest.python.Module

def told():
    first, second = ([sorted(one.changes()) for _ in range(2)] for one in both)
    assert first == second and first[0] == first[1], (first, second)
    return first[0]

unchanged = both[0].make_unchanged([])

def check(change, back, *names):
    assert told() == [] and unchanged()
    change()
    assert not unchanged()
    assert told() == sorted(names), (told(), names)
    back()
    assert told() == [] and unchanged()

def replace(owner, name, where):
    old = vars(owner)[name]
    check(lambda: setattr(owner, name, len), lambda: setattr(owner, name, old), where)

replace(runner, "call_and_report", "_pytest.runner.call_and_report")
replace(Function, "runtest", "_pytest.python.Function.runtest")
old = builtins.len
check(lambda: vars(builtins).__setitem__("len", lambda value: 1), lambda: vars(builtins).__setitem__("len", old), "builtins.len")
check(lambda: vars(runner).pop("runtestprotocol"), lambda protocol=runner.runtestprotocol: vars(runner).update(runtestprotocol=protocol),
      "_pytest.runner.runtestprotocol")
check(lambda: setattr(Function, "__getattr__", lambda self, name: None), lambda: delattr(Function, "__getattr__"), "_pytest.python.Function.__getattr__")
check(lambda: exec("len = 1", vars(runner)), lambda: exec("del len", vars(runner)), "_pytest.runner.len")
code = runner.call_and_report.__code__
check(lambda: setattr(runner.call_and_report, "__code__", (lambda: None).__code__), lambda: setattr(runner.call_and_report, "__code__", code),
      "_pytest.runner.call_and_report")
check(lambda: sys.modules.update({"_pytest.runner": types.ModuleType("other")}), lambda: sys.modules.update({"_pytest.runner": runner}), "_pytest.runner")
others = dict(sys.modules, **{"_pytest.runner": types.ModuleType("other")})
check(lambda modules=sys.modules: setattr(sys, "modules", others), lambda modules=sys.modules: setattr(sys, "modules", modules), "_pytest.runner")
class Other(types.ModuleType):
    pass
check(lambda: setattr(runner, "__class__", Other), lambda: setattr(runner, "__class__", types.ModuleType), "_pytest.runner.__class__")
class Base(Function):
    __slots__ = ()
Definition = _pytest.python.FunctionDefinition
check(lambda: setattr(Definition, "__bases__", (Base,)), lambda: setattr(Definition, "__bases__", (Function,)), "_pytest.python.FunctionDefinition.__bases__")
check(lambda: setattr(Function, "_ALLOW_MARKERS", "other"), lambda old=vars(Function)["_ALLOW_MARKERS"]: setattr(Function, "_ALLOW_MARKERS", old),
      "_pytest.python.Function._ALLOW_MARKERS")
# A name that was accepted makes no room for another when it goes.
Function.accepted = 1
for one in both:
    one.settle(lambda value: value == 1)
check(lambda: (delattr(Function, "accepted"), setattr(Function, "__getattr__", len)),
      lambda: (delattr(Function, "__getattr__"), setattr(Function, "accepted", 1)), "_pytest.python.Function.__getattr__")
# What is nobody's business changes the version, and is looked at and known from then on.
runner.something = 1
assert told() == []
check(lambda: setattr(runner, "something", 2), lambda: setattr(runner, "something", 1))
replace(runner, "call_and_report", "_pytest.runner.call_and_report")
# While one change counts as none, the next one is seen.
old = vars(runner)["call_and_report"]
runner.call_and_report = len
assert both[0].changes(lambda value: False, lambda value: False) == [] and told() == ["_pytest.runner.call_and_report"]
runner.call_runtest_hook, hook = len, runner.call_runtest_hook
assert told() == ["_pytest.runner.call_and_report", "_pytest.runner.call_runtest_hook"]
runner.call_and_report, runner.call_runtest_hook = old, hook
assert told() == []
assert unchanged()
both[0].watch(["json"])
assert not unchanged() and told() == []
print("told")
"""


def test_what_changes_is_told(build):
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "told\n" or sys.version_info >= (3, 12)


@pytest.fixture
def words(build):
    sys.path.insert(0, str(HARNESS))
    from assay_harness import interpreter, words as module  # pylint: disable=import-error,import-outside-toplevel
    sys.path.remove(str(HARNESS))
    found = interpreter.find(ctypes.PyDLL(str(build / "bin/assay-warm.so"))).words
    if found is None:
        pytest.skip("this interpreter's dicts have no version")
    return module, found


def test_a_place_that_no_change_changes_is_no_version(words):
    module, _ = words
    places = [place for place in range(2, 6) if module._holds(place)]  # pylint: disable=protected-access
    assert len(places) == 1


def test_each_is_told_by_its_index(words):
    module, found = words
    spaces = [vars(types.ModuleType(f"m{number}")) for number in range(300)]
    watch = module.Watch(found, [found.of_namespace(space) for space in spaces])
    assert list(watch.differing()) == []
    spaces[7]["a"], spaces[299]["b"] = 1, 2
    differing = list(watch.differing())
    assert [index for index, _ in differing] == [7, 299]
    watch.know(*differing[0])
    assert [index for index, _ in watch.differing()] == [299]
    del spaces[7]["a"]
    assert [index for index, _ in watch.differing()] == [7, 299]


def test_whether_any_differs_is_asked_at_once(words):
    module, found = words
    spaces = [vars(types.ModuleType(f"m{number}")) for number in range(9)]
    watches = [module.Watch(found, map(found.of_namespace, spaces[first:last])) for first, last in ((0, 3), (3, 3), (3, 9))]
    unchanged = module.make_unchanged(found, watches)
    assert unchanged() is True and module.make_unchanged(found, [])() is True
    for number, watch in ((0, watches[0]), (2, watches[0]), (8, watches[2])):
        spaces[number]["a"] = number
        assert unchanged() is False
        watch.know(*list(watch.differing())[0])
        assert unchanged() is True


SUITE = """
class Base:
    def check(self):
        return 1


class TestOne(Base):
    value = (1, 2)

    def test_one(self):
        assert self.check()


class TestTwo(Base):
    def test_two(self):
        pass
"""


def names_of(found, module):
    from assay_harness import integrity, plan  # pylint: disable=import-error,import-outside-toplevel
    return integrity.SuiteNames(module, plan.build(SUITE.encode(), "test_x.py"), lambda name: name == "test_x.py", found, path="test_x.py", stays=True)


def made_suite():
    module = types.ModuleType("test_x")
    exec(compile(SUITE, "test_x.py", "exec"), vars(module))  # pylint: disable=exec-used
    return module


@pytest.fixture
def both(build):
    """SuiteNames by versions and without."""
    sys.path.insert(0, str(HARNESS))
    from assay_harness import interpreter  # pylint: disable=import-error,import-outside-toplevel
    sys.path.remove(str(HARNESS))
    found = interpreter.find(ctypes.PyDLL(str(build / "bin/assay-warm.so")))
    if found.words is None:
        pytest.skip("this interpreter's dicts have no version")
    return found, interpreter.plain()


class Key(str):
    """No plain text."""


CHANGES = {
    "test": (lambda suite: setattr(suite.TestOne, "test_one", None), ["TestOne.test_one"]),
    "constant": (lambda suite: setattr(suite.TestOne, "value", (1, 3)), ["TestOne.value"]),
    "base": (lambda suite: setattr(suite.TestTwo, "__bases__", (suite.TestOne,)), ["TestTwo.__bases__"]),
    "added": (lambda suite: setattr(suite.TestTwo, "check", len), ["TestTwo.check"]),
    "harmless": (lambda suite: setattr(suite.TestTwo, "more", 1), []),
    "of_base": (lambda suite: delattr(suite.Base, "check"), ["Base.check"]),
    "two": (lambda suite: (setattr(suite.TestOne, "test_one", len), setattr(suite.TestTwo, "test_two", len)), ["TestOne.test_one", "TestTwo.test_two"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_the_suites_classes_are_told_alike(both, name):
    change, expected = CHANGES[name]
    suite = made_suite()
    names = [names_of(found, suite) for found in both]
    for _ in range(2):
        assert [one.changes() for one in names] == [[], []]
    from assay_harness import words as module  # pylint: disable=import-error,import-outside-toplevel
    unchanged = module.make_unchanged(both[0].words, names[0].watches())
    assert unchanged() and names[1].watches() is None
    change(suite)
    assert not unchanged()
    for counts in (lambda value: True, lambda value: False, lambda value: True):
        by_versions, without = (one.changes(counts) for one in names)
        assert by_versions == without
    assert names[0].changes() == names[1].changes() == expected


def test_what_is_the_same_again_is_known_and_the_next_change_is_seen(both):
    suite = made_suite()
    names = [names_of(found, suite) for found in both]
    method = vars(suite.TestOne)["test_one"]
    for _ in range(3):
        suite.TestOne.test_one = len
        assert [one.changes() for one in names] == [["TestOne.test_one"]] * 2
        suite.TestOne.test_one = method
        assert [one.changes() for one in names] == [[], []]


def test_a_class_that_brings_a_key_that_is_no_text_is_told(both):
    suite = made_suite()
    suite.TestOne = type("TestOne", (suite.Base,), {Key("x"): 1, "__module__": "test_x"})
    names = [names_of(found, suite) for found in both]
    assert names[0].changes() == names[1].changes() != []
    assert names[0].watches() is None
