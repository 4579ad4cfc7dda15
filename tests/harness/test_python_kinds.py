"""What kind of function something is, pytest is told by the harness as by its own functions, and no audit hook hears of it."""
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

def test_pytest_is_told_the_same(build):
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr
