"""What the harness asks of the interpreter: a server's library gives the same answers as Python itself, and tells no audit hook."""
import ctypes
import pathlib
import subprocess
import sys

import pytest

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
# In a process of its own: an audit hook stays.
CHECK = """
import ctypes, inspect, sys
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

# A handler of a signal that raises while one is asked ends it: there is always another.
del inspect.getclosurevars(plain.here).nonlocals["waiting"][:]
assert plain.here(None) is sys._getframe()

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


# What one of sys.addaudithook sees of the events that the harness' looks at, a hook of the library's sees too, called alike.
HOOK = """
import ctypes, sys, threading
sys.path.insert(0, sys.argv[1])
from assay_harness import audit, files, interpreter
found = interpreter.find(ctypes.PyDLL(sys.argv[2]))

class Request:
    suite, program, trusted_files, untrusted_files = "test_x.py", "x.py", [], []

_, events, reading, words = audit.make_hook(files.Files("/nowhere", Request), None, set(), found)
ours, pythons, refused = [], [], []

def seen(event, args):
    return (event, *map(id, args)) if all(type(one) is str for one in args[1:2]) else (event, type(args[1]))

def refusing(event, args):
    if refused and event == "open":
        raise PermissionError(args[0])

def hook(event, args):
    ours.append(seen(event, args))
    refusing(event, args)

def wanted(event, args):
    if event in events and (event != reading or type(args[1]) is not str or args[1] in words):
        pythons.append(seen(event, args))

found.add_audit_hook(hook, events, reading, words)
sys.addaudithook(wanted)
del ours[:]  # that one was added

class Text(str):
    pass

def work():
    frame = sys._getframe()
    frame.f_code, frame.f_back, work.__code__, work.__defaults__, work.__globals__, work.__closure__
    work.__defaults__ = None
    (one for one in ()).gi_frame
    compile("1", "x", "eval")
    open("/dev/null").close()
    for args in ((reading, 1, "f_code"), (reading, 1, "tb_frame"), (reading, 1, Text("f_code")), (reading, 1, 2), (reading, 1, chr(0xD800)), ("open", 1, 2), ("other",)):
        sys.audit(*args)
    eval("work.__code__.replace(co_name='y')")

for number in range(3):
    work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert ours == pythons and len(ours) > 40, (ours, pythons)
assert (reading, Text) in ours and (reading, int) in ours and not [one for one in ours if one[0] == "other"]

# Nobody traces it.
traced = []
before = len(ours)
sys.setprofile(lambda frame, what, arg: traced.append(frame.f_code))
work()
sys.setprofile(None)
assert hook.__code__ not in traced and work.__code__ in traced and len(ours) > before + 10

# What it raises ends the call, as of any hook.
refused.append(True)
try:
    open("/dev/null")
except PermissionError as error:
    assert error.args == ("/dev/null",)
else:
    raise AssertionError("the call went on")
refused.clear()

# What is told in another interpreter is none of its business.
before = len(ours)
import _xxsubinterpreters
other = _xxsubinterpreters.create()
after = len(ours)
_xxsubinterpreters.run_string(other, "open('/dev/null').close(); compile('1', 'x', 'eval')")
_xxsubinterpreters.destroy(other)
assert len(ours) == after, ours[before:]

# There is one in a process.
second = []
found.add_audit_hook(lambda event, args: second.append(event), (), reading, ())
before = len(ours)
work()
assert "sys._getframe" in second and "other" in second and len(ours) > before, "the second one is Python's"
print("same")
"""


@pytest.mark.skipif(sys.version_info[:2] not in ((3, 11), (3, 12)), reason="the library has its hook there, and _xxsubinterpreters that name")
def test_the_librarys_audit_hook_is_told_as_pythons_is(build):
    done = subprocess.run([sys.executable, "-s", "-c", HOOK, HARNESS, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr
