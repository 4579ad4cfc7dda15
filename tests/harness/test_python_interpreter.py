"""What the harness asks of the interpreter: a server's library gives the same answers as Python itself, and tells no audit hook."""
import ctypes
import pathlib
import subprocess
import sys

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
# In a process of its own: an audit hook stays.
CHECK = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from assay_harness import integrity, interpreter, files
found, plain = interpreter.find(ctypes.PyDLL(sys.argv[2])), interpreter.plain()
assert found.stack is not plain.stack, "the library's were not taken"

def inner(until):
    return found.stack(until), plain.stack(until)

def outer():
    here = sys._getframe()
    return here, inner(here), inner(None)

here, until, whole = outer()
assert until[0] == until[1] and until[0][1:] == [inner.__code__]
assert whole[0][1::2][-2:] == whole[1][1::2][-2:] == [outer.__code__, sys._getframe().f_code] and here in whole[0]

class Text(str):
    pass

def generator():
    yield found.stack(None)

assert next(generator())[1] is generator.__code__
assert whole[0][2:] == whole[1][2:]
for one in (found, plain):
    assert one.code_of(outer) is outer.__code__
    assert [one.code_of(value) for value in (len, Text, outer.__code__, Text().upper, None)] == [None] * 5
    assert one.holds_text({}) and one.holds_text({"a": 1, "b": 2}) and one.holds_text(dict.fromkeys(map(str, range(5000))))
    assert not one.holds_text({"a": 1, 2: 3}) and not one.holds_text({Text("a"): 1}) and not one.holds_text({"a": 1, None: 2, "b": 3})
assert not found.holds_text(vars(Text)) and not found.holds_text(["a"])  # of a plain dict alone

class Request:
    suite, program, trusted_files, untrusted_files = "test_x.py", "x.py", [], []

of_files = files.Files("/nowhere", Request)
told = []
sys.addaudithook(lambda event, args: told.append(event))
below = integrity.make_stands_below_program(of_files, None, found.stack)
before = len(told)
assert below() is False
names = {"below": below}
exec(compile("def call():\\n    return below()", "/nowhere/x.py", "exec"), names)
between = len(told)
assert names["call"]() is True
found.code_of(outer), found.holds_text(sys.modules), found.stack(None)
assert before == 0 and len(told) == between, told
plain.stack(None), plain.code_of(outer)
assert len(told) > between
print("same")
"""


def test_the_library_answers_as_python_does(build):
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr
