"""What kind of function something is, and what arguments it has, pytest is told by the harness as by its own functions, and no audit hook hears of it."""
import pathlib
import subprocess
import sys

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
# In a process of its own: pytest's functions are replaced, and an audit hook stays.
CHECK = """
import ctypes, functools, sys
sys.path.insert(0, sys.argv[1])
import _pytest.fixtures, _pytest.python, _pytest.unittest
from assay_harness import interpreter, kinds
by_pytest = _pytest.python.is_generator, _pytest.python.is_async_function
found = interpreter.find(ctypes.PyDLL(sys.argv[2]))
kinds.know(found.code_of)
by_harness = _pytest.python.is_generator, _pytest.python.is_async_function
assert not set(by_pytest) & set(by_harness) and _pytest.fixtures.is_generator is by_harness[0] and _pytest.unittest.is_async_function is by_harness[1]

def plain(): pass
def generator(): yield
async def coroutine(): pass
async def asynchronous(): yield
def marked(): pass
def unmarked(): pass
marked._is_coroutine, unmarked._is_coroutine = "yes", None

class Callable:
    def __call__(self): yield

class Claims:
    __code__, __name__, __defaults__, __kwdefaults__, __annotations__ = generator.__code__, "x", None, None, {}
    def __call__(self): yield

class Of:
    def plain(self): pass
    def generator(self): yield
    async def coroutine(self): pass
    static, of_class = staticmethod(generator), classmethod(generator)

functions = [plain, generator, coroutine, asynchronous, marked, unmarked, lambda: 1, lambda: (yield)]
functions += [functools.partial(one) for one in functions] + [Of().plain, Of().generator, Of().coroutine, Of.plain, Of.generator, Of.static, Of().of_class, Of.of_class]
functions += [Callable(), Claims(), Callable().__call__, Of, len, [].append, None, 1, vars(Of)["static"], functools.wraps(generator)(lambda: 1), Of().plain.__call__]
for one in functions:
    for known, ours in zip(by_pytest, by_harness):
        assert ours(one) is known(one), (one, known, ours(one), known(one))
told = []
sys.addaudithook(lambda event, args: told.append(event))
by_harness[0](plain), by_harness[1](plain), by_harness[0](generator)
assert told == ["object.__getattr__"] * len(told) and len(told) <= 2, told
before = len(told)
by_harness[0](plain), by_harness[1](plain), by_harness[1](Of().plain)
assert len(told) == before
print("same")
"""
ARGUMENTS = """
import ctypes, functools, inspect, sys
from unittest import mock
sys.path.insert(0, sys.argv[1])
from _pytest import compat
import pytest
from assay_harness import interpreter, kinds

def none(): pass
def some(a, b, c=1, d=None): pass
def wide(a, *rest, b, c=1, **options): pass
def last(a, *, b=2): pass
exec("def first(a, /, b, c=1): pass")
@pytest.mark.parametrize("a", [1])
def marked(a, b=1): pass
@mock.patch("os.getcwd")
def mocked(a, b): pass
@functools.wraps(some)
def wrapped(x): pass
def told(x, y=1): pass
told.__signature__ = inspect.signature(none)
def noted(a, b=1): pass
noted.note = 1
def changed(a, b, c): pass
changed.__defaults__ = (1, 2)
async def coroutine(a): pass
def generator(a, b=1): yield
@pytest.fixture
def fixture(request, tmp_path): pass

class Of:
    def plain(self, a, b=1): pass
    def empty(): pass
    def open(*rest): pass
    @staticmethod
    def static(a): pass
    @classmethod
    def of_class(cls, a): pass
    def __call__(self, a): pass

functions = [none, some, wide, last, first, marked, mocked, wrapped, told, noted, changed, coroutine, generator, fixture, lambda a: 1, functools.partial(some, 1),
             functools.partial(some, c=2), Of.plain, Of().plain, Of().empty, Of().open, Of.static, Of.of_class, Of(), Of, len, print, compat.getfuncargnames, 1, None]

def answer(ask, *arguments, **options):
    try:
        return ask(*arguments, **options)
    except (TypeError, ValueError, AttributeError) as error:
        return type(error)
    except pytest.fail.Exception as error:
        return str(error).partition(": ")[2]

def answers():
    cls = [{}, {"cls": Of, "name": "plain"}, {"cls": Of, "name": "static"}]
    return [[answer(compat.getfuncargnames, one, **options) for options in cls] + [answer(compat.get_default_arg_names, one), answer(lambda: str(compat.signature(one)))]
            for one in functions]

original, before = compat.signature, answers()
kinds.know(interpreter.find(ctypes.PyDLL(sys.argv[2])).code_of)
assert compat.signature is not original
for function, known, ours in zip(functions, before, answers()):
    assert ours == known, (function, known, ours)
heard = []
sys.addaudithook(lambda event, args: heard.append(args[1:]) if event == "object.__getattr__" else None)
for function in (none, some, marked, changed, Of().plain):
    compat.getfuncargnames(function)
assert ("__code__",) not in heard, heard
print("same")
"""


def ask(program, build):
    done = subprocess.run([sys.executable, "-s", "-c", program, HARNESS, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr


def test_pytest_is_told_the_same(build):
    ask(CHECK, build)


def test_pytest_finds_the_same_arguments(build):
    ask(ARGUMENTS, build)
