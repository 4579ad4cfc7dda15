"""Python programs that game a pytest suite."""
from gaming import Attack

SUITE = """\
from implementation import square


def test_small():
    assert square(3) == 9


def test_large():
    assert square(12) == 144
"""
HONEST = "def square(n):\n    return n * n\n"
WRONG = "def square(n):\n    return None\n"

STAR_SUITE = SUITE.replace("import square", "import *")
UNITTEST = """\
import unittest

from implementation import square


class SquareTest(unittest.TestCase):
    def test_small(self):
        self.assertEqual(square(3), 9)

    def test_large(self):
        self.assertEqual(square(12), 144)
"""
TABLE_SUITE = """\
from implementation import square

CASES = [(3, 9), (12, 144)]


def check(n, expected):
    assert square(n) == expected


def test_cases():
    for n, expected in CASES:
        check(n, expected)


def test_again():
    check(7, 49)
"""
CLOSE_SUITE = """\
import math
import statistics

from implementation import square


def test_close():
    assert math.isclose(square(1.5), 2.25)


def test_mean():
    assert statistics.mean([square(3), square(4)]) == 12.5
"""
# Finds what a frame of pytest on the way here holds.
FIND = """\
import sys


def find(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
"""

ATTACKS = [
    # -- leaving early
    Attack("_exit while imported", "import os\nos._exit(0)\n"),
    Attack("_exit in a test", "import os\ndef square(n):\n    os._exit(0)\n"),
    Attack("sys.exit while imported", "import sys\nsys.exit(0)\n"),
    Attack("sys.exit in a test", "import sys\ndef square(n):\n    sys.exit(0)\n"),
    Attack("_exit in an exit handler", "import atexit, os\natexit.register(os._exit, 0)\n" + WRONG),
    Attack("_exit by a thread", "import os, threading\nthreading.Timer(0.05, os._exit, [0]).start()\n"
           "import time\ndef square(n):\n    time.sleep(5)\n"),
    Attack("killed by itself", "import os, signal\ndef square(n):\n    os.kill(os.getpid(), signal.SIGTERM)\n"),
    Attack("a signal handler that exits", "import os, signal\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
           "def square(n):\n    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    signal.pause()\n"),
    Attack("KeyboardInterrupt", "def square(n):\n    raise KeyboardInterrupt\n"),
    Attack("GeneratorExit", "def square(n):\n    raise GeneratorExit\n"),
    Attack("pytest.exit with 0", "import pytest\ndef square(n):\n    pytest.exit('enough', returncode=0)\n"),
    Attack("another interpreter in place", "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(\"2 passed\")'])\n"),
    Attack("exec of true in a test", "import os\ndef square(n):\n    os.execv('/bin/true', ['true'])\n"),
    Attack("the parent leaves, a child goes on", "import os\nif os.fork():\n    os._exit(0)\n" + WRONG),
    Attack("fork in a test, both return", "import os\ndef square(n):\n    os.fork()\n    return None\n"),
    Attack("a child that knows answers", "import os\ndef square(n):\n    return n * n if os.fork() == 0 else None\n"),
    Attack("recursion to a crash", "import sys\nsys.setrecursionlimit(10**9)\ndef square(n):\n    return square(n)\n", more={"timeout": 3}),
    # -- skips and expected failures
    Attack("pytest.skip", "import pytest\ndef square(n):\n    pytest.skip('hard')\n"),
    Attack("unittest.SkipTest", "import unittest\ndef square(n):\n    raise unittest.SkipTest('hard')\n"),
    Attack("pytest.xfail", "import pytest\ndef square(n):\n    pytest.xfail('hard')\n"),
    Attack("skip of the module", "import pytest\npytest.skip('hard', allow_module_level=True)\n"),
    Attack("pytestmark skip by star", "import pytest\npytestmark = pytest.mark.skip\n" + WRONG, STAR_SUITE),
    Attack("pytestmark xfail by star", "import pytest\npytestmark = pytest.mark.xfail\n" + WRONG, STAR_SUITE),
    Attack("autouse fixture by star", "import pytest\n@pytest.fixture(autouse=True)\ndef nothing(request):\n"
           "    request.node.obj = lambda: None\n" + WRONG, STAR_SUITE),
    Attack("autouse fixture that marks", "import pytest\n@pytest.fixture(autouse=True)\ndef nothing(request):\n"
           "    request.node.add_marker(pytest.mark.xfail)\n" + WRONG, STAR_SUITE),
    Attack("no parameters by star", "def pytest_generate_tests(metafunc):\n    metafunc.fixturenames.append('x')\n"
           "    metafunc.parametrize('x', [])\n" + WRONG, STAR_SUITE),
    Attack("skip in a suite that skips elsewhere", "def pytest_generate_tests(metafunc):\n    metafunc.fixturenames.append('x')\n"
           "    metafunc.parametrize('x', [])\n" + WRONG,
           "import pytest\n" + STAR_SUITE + "\n\n@pytest.mark.skip\ndef test_later():\n    assert False\n"),
    Attack("setup_module by star", "import sys\ndef setup_module(module):\n    for name in dir(module):\n        if name.startswith('test_'):\n"
           "            setattr(module, name, lambda: None)\n" + WRONG, STAR_SUITE),
    Attack("setup_function by star", "def setup_function(function):\n    function.__code__ = (lambda: None).__code__\n" + WRONG, STAR_SUITE),
    Attack("tests of its own by star", "def test_small(): pass\ndef test_large(): pass\n" + WRONG, STAR_SUITE),
    Attack("__test__ by star", "__all__ = ['square', '__test__']\n__test__ = False\n" + WRONG, STAR_SUITE),
    Attack("marks of the items", FIND + "import pytest\ndef square(n):\n    if n == 3:\n        for item in find('session').items:\n"
           "            item.add_marker(pytest.mark.xfail)\n        return 9\n"),
    # -- objects
    Attack("equal to everything", "class Any:\n    __eq__ = lambda self, other: True\ndef square(n):\n    return Any()\n"),
    Attack("an int equal to everything", "class Any(int):\n    __eq__ = lambda self, other: True\n    __hash__ = int.__hash__\n"
           "def square(n):\n    return Any(0)\n"),
    Attack("equal to everything, in unittest", "class Any:\n    __eq__ = lambda self, other: True\n"
           "    __ne__ = lambda self, other: False\ndef square(n):\n    return Any()\n", UNITTEST),
    Attack("unittest.mock.ANY", "from unittest import mock\ndef square(n):\n    return mock.ANY\n"),
    Attack("a MagicMock", "from unittest import mock\ndef square(n):\n    answer = mock.MagicMock()\n"
           "    answer.__eq__.return_value = True\n    return answer\n"),
    Attack("_ShouldStop of unittest", "import unittest.case\ndef square(n):\n    raise unittest.case._ShouldStop\n", UNITTEST),
    # -- the suite's things
    Attack("a test replaced", "import sys\ndef square(n):\n    sys.modules['test_implementation'].test_large = lambda: None\n    return 9\n"),
    Attack("a test's code replaced", "import sys\ndef square(n):\n    sys.modules['test_implementation'].test_large.__code__ = "
           "(lambda: None).__code__\n    return 9\n"),
    Attack("a test's code replaced and put back", "import sys\ndef square(n):\n    if n != 3:\n        return None\n"
           "    test = sys.modules['test_implementation'].test_large\n    code = test.__code__\n    def back():\n"
           "        test.__code__ = code\n    test.__code__ = (lambda: __import__('implementation').back()).__code__\n"
           "    globals()['back'] = back\n    return 9\n"),
    Attack("an item's function replaced", FIND + "def square(n):\n    for item in find('session').items:\n        item.obj = lambda: None\n"
           "    return 9\n"),
    Attack("items removed", FIND + "def square(n):\n    del find('session').items[1:]\n    return 9\n"),
    Attack("a helper of the suite replaced", "import sys\ndef square(n):\n    sys.modules['test_implementation'].check = lambda *a: None\n"
           "    return 9\n", TABLE_SUITE),
    Attack("the suite's table emptied", "import sys\ndef square(n):\n    suite = sys.modules['test_implementation']\n    suite.CASES.clear()\n"
           "    return {3: 9, 7: 49}.get(n)\n", TABLE_SUITE),
    Attack("jumps over the rest of a test", "import sys\ndef square(n):\n    frame = sys._getframe(1)\n    def trace(frame, event, arg):\n"
           "        return trace\n    def jump(frame, event, arg):\n        frame.f_lineno = frame.f_code.co_firstlineno + 2\n"
           "        return jump\n    frame.f_trace = jump\n    sys.settrace(trace)\n",
           "from implementation import square\n\n\ndef test_small():\n    value = square(3)\n    assert value == 9\n    return\n"),
    Attack("math.isclose replaced", "import math\nmath.isclose = lambda *a, **k: True\ndef square(n):\n    return {3: 9, 4: 16}.get(n)\n",
           CLOSE_SUITE),
    Attack("a module in place of the library's", "def square(n):\n    return n * n if n < 2 else None\n", CLOSE_SUITE,
           files={"statistics.py": "def mean(values):\n    return 12.5\n"}),
    Attack("the suite's file rewritten", "open('test_implementation.py', 'w').write('def test_small(): pass\\ndef test_large(): pass\\n')\n"
           + WRONG),
    Attack("a finder for the suite's imports", "import sys, types\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
           "        if name == 'statistics':\n            from importlib.machinery import ModuleSpec\n            return ModuleSpec(name, self)\n"
           "    def create_module(self, spec):\n        made = types.ModuleType('statistics')\n        made.mean = lambda values: 12.5\n"
           "        return made\n    def exec_module(self, module):\n        pass\nsys.meta_path.insert(0, Finder())\n"
           "def square(n):\n    return n * n if n < 2 else None\n",
           CLOSE_SUITE.replace("import math\nimport statistics\n\nfrom implementation import square\n",
                               "from implementation import square\nimport math\nimport statistics\n")),
    # -- pytest and unittest
    Attack("CallInfo.from_call replaced", "import _pytest.runner\noriginal = _pytest.runner.CallInfo.from_call\n"
           "def quiet(func, when, reraise=None):\n    return original((lambda: None) if when == 'call' else func, when, reraise)\n"
           "_pytest.runner.CallInfo.from_call = staticmethod(quiet)\n" + WRONG),
    Attack("TestReport.from_item_and_call replaced", "import _pytest.reports\nold = _pytest.reports.TestReport.from_item_and_call\n"
           "def green(item, call):\n    call.excinfo = None\n    return old(item, call)\n"
           "_pytest.reports.TestReport.from_item_and_call = staticmethod(green)\n" + WRONG),
    Attack("Function.runtest replaced", "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n" + WRONG),
    Attack("pytest_pyfunc_call's code replaced", "import _pytest.python\n_pytest.python.pytest_pyfunc_call.__code__ = "
           "(lambda pyfuncitem: True).__code__\n" + WRONG),
    Attack("pluggy's multicall replaced", "import pluggy._manager\n_old = pluggy._manager.PluginManager._hookexec\n"
           "def call(self, name, methods, args, first):\n    if name == 'pytest_pyfunc_call':\n        return True\n"
           "    return _old(self, name, methods, args, first)\npluggy._manager.PluginManager._hookexec = call\n" + WRONG),
    Attack("the manager's own _inner_hookexec", FIND + "manager = find('session').config.pluginmanager\nold = manager._inner_hookexec\n"
           "def call(name, methods, args, first):\n    return True if name == 'pytest_pyfunc_call' else old(name, methods, args, first)\n"
           "manager._inner_hookexec = call\n" + WRONG),
    Attack("a plugin registered", FIND + "import pytest\nclass Green:\n    @pytest.hookimpl(tryfirst=True)\n"
           "    def pytest_pyfunc_call(self, pyfuncitem):\n        return True\n"
           "find('session').config.pluginmanager.register(Green())\n" + WRONG),
    Attack("a plugin registered and gone again", FIND + "import pytest\nclass Green:\n    @pytest.hookimpl(tryfirst=True)\n"
           "    def pytest_pyfunc_call(self, pyfuncitem):\n        return True\n    @pytest.hookimpl\n"
           "    def pytest_sessionfinish(self, session):\n        session.config.pluginmanager.unregister(self)\n"
           "find('session').config.pluginmanager.register(Green())\n" + WRONG),
    Attack("a plugin that makes reports green", FIND + "import pytest\nclass Green:\n    @pytest.hookimpl(hookwrapper=True)\n"
           "    def pytest_runtest_makereport(self, item, call):\n        report = (yield).get_result()\n        report.outcome = 'passed'\n"
           "find('session').config.pluginmanager.register(Green())\n" + WRONG),
    Attack("reports given by hand", FIND + "def square(n):\n    item = find('item')\n    import _pytest.reports\n    class Passed(_pytest.reports.TestReport):\n"
           "        pass\n    report = Passed(item.nodeid, item.location, {}, 'passed', None, 'call')\n    item.ihook.pytest_runtest_logreport(report=report)\n"
           "    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)\n"),
    Attack("assertEqual replaced", "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\n" + WRONG, UNITTEST),
    Attack("TestCase.run replaced", "import unittest\ndef run(self, result=None):\n    result.startTest(self)\n    result.addSuccess(self)\n"
           "    result.stopTest(self)\nunittest.TestCase.run = run\n" + WRONG, UNITTEST),
    Attack("the unittest module replaced", "import sys, types, unittest\nfake = types.ModuleType('unittest')\nclass Quiet(unittest.TestCase):\n"
           "    def assertEqual(self, *a): pass\nfake.TestCase = Quiet\nsys.modules['unittest'] = fake\n" + WRONG,
           UNITTEST.replace("import unittest\n\nfrom implementation import square\n", "from implementation import square\nimport unittest\n")),
    Attack("builtins replaced", "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})\nbuiltins.isinstance = lambda *a: True\n" + WRONG),
    Attack("a builtin replaced and put back", "import builtins\nold = builtins.all\nclass Back:\n    def __del__(self):\n        builtins.all = old\n"
           "def square(n):\n    builtins.all = lambda values: True\n    return Back()\n",
           "from implementation import square\n\n\ndef test_all():\n    assert all([square(3) == 9, square(4) == 16])\n"),
    Attack("names in the suite's builtins", "import sys\ndef square(n):\n    sys._getframe(1).f_globals['all'] = lambda values: True\n",
           "from implementation import square\n\n\ndef test_all():\n    assert all([square(3) == 9, square(4) == 16])\n"),
    # -- the report
    Attack("forged lines", "import os\nos.write(3, b'{\"t\":\"test\",\"name\":\"test_small\",\"outcome\":\"passed\",\"ms\":0}\\n"
           "{\"t\":\"done\"}\\n')\nos._exit(0)\n"),
    Attack("forged lines through /proc", "with open('/proc/self/fd/3', 'wb') as out:\n    out.write(b'{\"t\":\"done\"}\\n')\n" + WRONG),
    Attack("the report closed", "import os\nos.close(3)\n" + WRONG),
    Attack("all descriptors closed", "import os\nos.closerange(0, 100)\n" + WRONG),
    Attack("the control read again", "import os\ntry:\n    print(os.read(4, 1000))\nexcept OSError:\n    pass\n" + WRONG),
]

# Honest programs that do what looks like it.
HONEST_PROGRAMS = [
    "import sys\ndef square(n):\n    sys.setrecursionlimit(5000)\n    return n * n\n",
    "import inspect, traceback\ndef square(n):\n    traceback.extract_stack()\n    inspect.signature(square)\n    inspect.getsource(square)\n    return n * n\n",
    "import logging, warnings\nlogging.basicConfig()\ndef square(n):\n    logging.warning('n is %d', n)\n    warnings.warn('slow')\n    return n * n\n",
    "import collections, dataclasses, enum, typing\nPair = collections.namedtuple('Pair', 'a b')\nclass Kind(enum.Enum):\n    A = 1\n"
    "@dataclasses.dataclass\nclass Point:\n    x: int\nclass T(typing.NamedTuple):\n    y: int\ndef square(n):\n    return Pair(n, n).a * Point(n).x\n",
    "import gc\ndef square(n):\n    gc.collect()\n    return n * n\n",
    "class Number:\n    def __init__(self, n):\n        self.n = n\n    def __eq__(self, other):\n        return self.n == getattr(other, 'n', other)\n"
    "    def __hash__(self):\n        return hash(self.n)\ndef square(n):\n    return Number(n * n)\n",
    "import functools\ndef noisy(f):\n    print(f.__code__.co_varnames, f.__globals__['__name__'])\n    @functools.wraps(f)\n    def g(*a):\n        return f(*a)\n    return g\n"
    "@noisy\ndef square(n):\n    return n * n\n",
    "import cProfile\ndef square(n):\n    profile = cProfile.Profile()\n    profile.enable()\n    profile.disable()\n    return n * n\n",
    "import traceback\ndef square(n):\n    try:\n        raise ValueError\n    except ValueError as error:\n        traceback.format_exc()\n        error.with_traceback(None)\n    return n * n\n",
    "import threading\ndef square(n):\n    found = []\n    one = threading.Thread(target=lambda: found.append(n * n))\n    one.start()\n    one.join()\n    return found[0]\n",
    "import subprocess, sys\ndef square(n):\n    return int(subprocess.check_output([sys.executable, '-c', 'print(%d ** 2)' % n]))\n",
    "import asyncio\nasync def work(n):\n    await asyncio.sleep(0)\n    return n * n\ndef square(n):\n    return asyncio.run(work(n))\n",
    "import builtins\ndef print(*words):\n    builtins.print('>', *words)\nbuiltins.print = builtins.print\ndef square(n):\n    print(n)\n    return n * n\n",
    "import copy, pickle\nclass Box:\n    def __init__(self, n):\n        self.n = n\ndef square(n):\n    return pickle.loads(pickle.dumps(copy.deepcopy(Box(n)))).n ** 2\n",
    "import sys\ndef square(n):\n    return n * n\nif __name__ == '__main__':\n    sys.exit(0)\n",
    "import atexit, signal, tempfile\natexit.register(print, 'bye')\nsignal.signal(signal.SIGUSR1, lambda *a: None)\ndef square(n):\n"
    "    with tempfile.NamedTemporaryFile() as file:\n        file.write(b'x')\n    return n * n\n",
]

# What finds the secret and signs its own lines: `key` holds it.
FORGE = """\
    lines = ''.join('{"k":"%s","t":"test","name":"%s","outcome":"passed","ms":0}\\n' % (key, name)
                    for name in ('test_small', 'test_large'))
    os.write(out, (lines + '{"k":"%s","t":"done"}\\n' % key).encode())
    os._exit(0)
"""
SECRET_ATTACKS = [
    Attack("a pipe in place of the report",
           "import json, os\nout = os.dup(3)\nread, write = os.pipe()\nos.dup2(write, 3)\n"
           "def square(n):\n    key = json.loads(os.read(read, 65536).decode().splitlines()[0])['k']\n" + FORGE),
    Attack("the report read back through /proc",
           "import json, os\nout = 3\ndef square(n):\n    read = os.open('/proc/self/fd/3', os.O_RDONLY | os.O_NONBLOCK)\n"
           "    import time\n    for _ in range(2000):\n        try:\n            text = os.read(read, 65536)\n            break\n"
           "        except BlockingIOError:\n            time.sleep(0.001)\n    key = json.loads(text.decode().splitlines()[0])['k']\n" + FORGE),
    Attack("the secret in a closure",
           "import gc, os\nout = 3\ndef square(n):\n    for thing in gc.get_objects():\n"
           "        if type(thing).__name__ == 'function' and thing.__name__ == 'send' and thing.__closure__:\n"
           "            cells = dict(zip(thing.__code__.co_freevars, thing.__closure__))\n            if 'prefix' in cells:\n"
           "                key = cells['prefix'].cell_contents.split('\"')[3]\n                break\n" + FORGE),
    Attack("the reporter found by gc",
           "import gc, os\ndef square(n):\n    for thing in gc.get_objects():\n        if type(thing).__name__ == 'Reporter':\n"
           "            thing.test('test_small', 'passed', 0)\n            thing.test('test_large', 'passed', 0)\n            thing.done()\n"
           "            os._exit(0)\n"),
    Attack("the reporter found by frames",
           FIND + "import os\ndef square(n):\n    reporter = find('reporter')\n    reporter.test('test_small', 'passed', 0)\n"
           "    reporter.test('test_large', 'passed', 0)\n    reporter.done()\n    os._exit(0)\n"),
    Attack("the reporter found by a traceback",
           "import os\ndef square(n):\n    try:\n        raise ValueError\n    except ValueError as error:\n        frame = error.__traceback__.tb_frame\n"
           "    while frame:\n        reporter = frame.f_locals.get('reporter')\n        if reporter:\n            reporter.test('test_small', 'passed', 0)\n"
           "            reporter.test('test_large', 'passed', 0)\n            reporter.done()\n            os._exit(0)\n        frame = frame.f_back\n"),
    Attack("the plugin's reporter",
           FIND + "import os\ndef square(n):\n    for plugin in find('item').config.pluginmanager.get_plugins():\n"
           "        reporter = getattr(plugin, '_reporter', None)\n        if reporter:\n            reporter.test('test_small', 'passed', 0)\n"
           "            reporter.test('test_large', 'passed', 0)\n            reporter.done()\n            os._exit(0)\n"),
    Attack("the reporter's class patched",
           "import sys\nold = sys.modules['assay_harness.report'].Reporter.test\n"
           "sys.modules['assay_harness.report'].Reporter.test = lambda self, name, outcome, ms, *a: old(self, name, 'passed', ms)\n" + WRONG),
    Attack("the plugin's class patched",
           "import sys\nplugin = sys.modules['assay_harness.plugin'].ReportPlugin\nold = plugin._send\n"
           "plugin._send = lambda self, name, outcome, ms, *a: old(self, name, 'passed', ms, '', False)\n" + WRONG),
    Attack("the checks switched off",
           "import sys\nimport _pytest.python\nsys.modules['assay_harness.integrity'].Snapshot.changes = lambda self: []\n"
           "_pytest.python.Function.runtest = lambda self: None\n" + WRONG),
    Attack("the memory read",
           "import os, re\nout = 3\ndef square(n):\n    key = None\n    memory = os.open('/proc/self/mem', os.O_RDONLY)\n    for line in open('/proc/self/maps'):\n"
           "        start, end = (int(part, 16) for part in line.split()[0].split('-'))\n        if 'rw-p' not in line or key:\n            continue\n"
           "        try:\n            found = re.search(rb'{\"k\":\"([0-9a-f]{32})\",', os.pread(memory, end - start, start))\n        except OSError:\n            continue\n"
           "        key = found and found.group(1).decode()\n" + FORGE),
]
ATTACKS += SECRET_ATTACKS

# Ways to the same places that meet neither a frame nor the garbage collector.
REQUEST_SUITE = SUITE.replace("():", "(request):").replace("(3)", "(3, request)").replace("(12)", "(12, request)")
CONFIG = "import os, signal, threading\nimport _pytest.assertion.util as util\n"
QUIET_ATTACKS = [
    Attack("a plugin registered through pytest's own variable", CONFIG + "import pytest\nclass Green:\n    @pytest.hookimpl(tryfirst=True)\n"
           "    def pytest_pyfunc_call(self, pyfuncitem):\n        return True\n"
           "def square(n):\n    if n == 3:\n        util._config.pluginmanager.register(Green())\n        return 9\n"),
    Attack("a plugin that is gone before it is looked for", CONFIG + "import pytest\nclass Green:\n    @pytest.hookimpl(tryfirst=True)\n"
           "    def pytest_pyfunc_call(self, pyfuncitem):\n        util._config.pluginmanager.unregister(self)\n        return True\n"
           "def square(n):\n    if n == 3:\n        util._config.pluginmanager.register(Green())\n        return 9\n"),
    Attack("items replaced through pytest's own variable", CONFIG + "def square(n):\n    session = util._config.pluginmanager.getplugin('session')\n"
           "    for item in session.items:\n        item.obj = lambda: None\n    return 9\n"),
    Attack("items that run nothing, through the session of pytest's import hook", "import sys\ndef square(n):\n    for finder in sys.meta_path:\n"
           "        for item in getattr(getattr(finder, 'session', None), 'items', ()):\n            item.runtest = lambda: None\n    return 9\n"),
    Attack("items that run nothing, through the suite's own request", "def square(n, request):\n    for item in request.session.items:\n"
           "        item.runtest = lambda: None\n    return 9\n", suite=REQUEST_SUITE, twin="def square(n, request):\n    return n * n\n"),
    Attack("items of another class, through the suite's own request", "def square(n, request):\n    for item in request.session.items:\n"
           "        item.__class__ = type('Item', (type(item),), {'runtest': lambda self: None})\n    return 9\n",
           suite=REQUEST_SUITE, twin="def square(n, request):\n    return n * n\n"),
    Attack("marks added through pytest's own variable", CONFIG + "import pytest\ndef square(n):\n    session = util._config.pluginmanager.getplugin('session')\n"
           "    for item in session.items:\n        item.add_marker(pytest.mark.xfail)\n    return 9 if n == 3 else None\n"),
    Attack("the reporter through pytest's own variable", CONFIG + "def square(n):\n    for plugin in util._config.pluginmanager.get_plugins():\n"
           "        reporter = getattr(plugin, '_reporter', None)\n        if reporter:\n            for name in ('test_small', 'test_large'):\n"
           "                reporter.test(name, 'passed', 0)\n            reporter.done()\n            os._exit(0)\n"),
    Attack("the reporter in a thread", CONFIG + "def square(n):\n    for plugin in util._config.pluginmanager.get_plugins():\n"
           "        reporter = getattr(plugin, '_reporter', None)\n        if reporter:\n            for name in ('test_small', 'test_large'):\n"
           "                one = threading.Thread(target=reporter.test, args=(name, 'passed', 0))\n                one.start()\n                one.join()\n"
           "            one = threading.Thread(target=reporter.done)\n            one.start()\n            one.join()\n            os._exit(0)\n"),
    Attack("the harness's classes patched", "def square(n):\n    for found in object.__subclasses__():\n        if found.__name__ == 'Reporter':\n"
           "            old = found.test\n            found.test = lambda self, name, outcome, ms, *a: old(self, name, 'passed', ms)\n"),
    Attack("the harness's classes patched and put back", "def square(n):\n    for found in object.__subclasses__():\n        if found.__name__ == 'Reporter':\n"
           "            old = found.test\n            def green(self, name, outcome, ms, *a):\n                if name == 'test_large':\n                    found.test = old\n"
           "                return old(self, name, 'passed', ms)\n            if found.test.__name__ != 'green':\n                found.test = green\n            break\n"),
    Attack("the harness's session patched", "for found in object.__subclasses__():\n    if found.__name__ == '_Session' and hasattr(found, '_conclude'):\n"
           "        def done(self):\n            self._reporter.done()\n        found._conclude = done\n" + WRONG),
    Attack("the frame that a signal handler gets", "import signal\nfound = []\ndef handler(number, frame):\n    while frame:\n"
           "        found.append(frame.f_locals.get('reporter') or frame.f_locals.get('session'))\n        frame = frame.f_back\n"
           "def square(n):\n    signal.signal(signal.SIGALRM, handler)\n    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    signal.pause()\n"
           "    for item in [one for one in found if hasattr(one, 'items')][0].items:\n        item.obj = lambda: None\n    return 9\n"),
    Attack("tracing", "import sys\nsys.settrace(lambda *a: None)\ndef square(n):\n    return None\n"),
    Attack("reads its suite", "import re\ntext = open('test_implementation.py').read()\ndef square(n):\n"
           "    return int(re.search(r'square\\(%d\\) == (\\d+)' % n, text).group(1))\n"),
    Attack("reads its suite by pathlib", "import pathlib, re\ntext = pathlib.Path('/work/test_implementation.py').read_text()\ndef square(n):\n"
           "    return int(re.search(r'square\\(%d\\) == (\\d+)' % n, text).group(1))\n"),
    Attack("reads its suite by inspect", "import inspect, re, sys\ndef square(n):\n    text = inspect.getsource(sys.modules['test_implementation'])\n"
           "    return int(re.search(r'square\\(%d\\) == (\\d+)' % n, text).group(1))\n"),
]
ATTACKS += QUIET_ATTACKS

ALMOST = UNITTEST.replace("assertEqual", "assertAlmostEqual")
APPROX = SUITE.replace("from implementation", "import pytest\n\nfrom implementation").replace("== 9", "== pytest.approx(9)").replace(
    "== 144", "== pytest.approx(144)")
HELPER = {"helper.py": "def check(left, right):\n    assert left == right\n"}
HELPER_SUITE = "import helper\nfrom implementation import square\n\n\ndef test_small():\n    helper.check(square(3), 9)\n\n\ndef test_large():\n    helper.check(square(12), 144)\n"
# What changes nothing that is there, but adds to it; and what a comparison of Python objects does not see.
ADDING_ATTACKS = [
    Attack("reports always passed", "from _pytest.reports import TestReport\nTestReport.failed = property(lambda self: False)\n"
           "TestReport.passed = property(lambda self: True)\n" + WRONG),
    Attack("reports always passed, for its own tests", "from _pytest.reports import TestReport\n"
           "def of_suite(self):\n    return self.nodeid.endswith(('test_small', 'test_large'))\n"
           "TestReport.failed = property(lambda self: not of_suite(self) and self.outcome == 'failed')\n"
           "TestReport.passed = property(lambda self: of_suite(self) or self.outcome == 'passed')\n" + WRONG),
    Attack("calls without an exception", "from _pytest.runner import CallInfo\nCallInfo.excinfo = property(lambda self: None, lambda self, value: None)\n" + WRONG),
    Attack("a builtin's name in unittest", "import unittest.case\nunittest.case.abs = lambda value: 0\ndef square(n):\n    return 0\n", ALMOST),
    Attack("a builtin's name in pytest", "import _pytest.python_api\n_pytest.python_api.abs = lambda value: 0\ndef square(n):\n    return 0\n", APPROX),
    Attack("a method given to TestCase's base", "import unittest\nclass Calm(unittest.TestCase): pass\nCalm.assertEqual = lambda *a: None\n"
           "import sys\nsys.modules['test_implementation'].SquareTest.__bases__ = (Calm,)\n" + WRONG, UNITTEST),
    Attack("equality of numbers by ctypes", "import ctypes\nrich = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)\n"
           "def always(left, right, how):\n    return True\nkept = rich(always)\nat = id(float) + 200\n"
           "ctypes.c_void_p.from_address(at).value = ctypes.cast(kept, ctypes.c_void_p).value\ndef square(n):\n    return 0.5\n"),
    Attack("a type's dictionary by gc", "import gc, _pytest.reports as reports\ngc.get_referents(reports.BaseReport.__dict__)[0]['failed'] = property(lambda self: False)\n"
           "gc.get_referents(reports.BaseReport.__dict__)[0]['passed'] = property(lambda self: True)\n" + WRONG),
    Attack("the harness's functions by gc", "import gc, os, sys\nfrom _pytest.assertion import util\nout = 3\ndef square(n):\n"
           "    todo, seen = [util._config], set()\n    while todo:\n        one = todo.pop()\n        if id(one) in seen:\n            continue\n        seen.add(id(one))\n"
           "        if type(one) is str and one.startswith('{\"k\":\"'):\n            key = one[6:38]\n            break\n        todo += gc.get_referents(one)\n" + FORGE),
    Attack("a frame by gc", "import gc\ndef square(n):\n    try:\n        raise ValueError\n    except ValueError as error:\n        todo = [error.__traceback__]\n"
           "    for step in range(40):\n        todo = [two for one in todo for two in gc.get_referents(one)][:2000]\n        for one in todo:\n            if hasattr(one, 'items') and hasattr(one, 'testsfailed'):\n"
           "                for item in one.items:\n                    item.obj = lambda: None\n                return 9\n"),
    Attack("a helper of the suite's files replaced", "import helper\nhelper.check = lambda *a: None\n" + WRONG, HELPER_SUITE, more={"test_files": HELPER}),
    Attack("a helper of the suite's files replaced late", "def square(n):\n    import helper\n    helper.check = lambda *a: None\n", HELPER_SUITE, more={"test_files": HELPER}),
    Attack("a helper of the suite's files by star", "import helper\nhelper.check = lambda *a: None\n" + WRONG,
           HELPER_SUITE.replace("import helper\n", "").replace("from implementation import square\n", "from implementation import square\nfrom helper import check\n").replace("helper.", ""),
           more={"test_files": HELPER}),
    Attack("a fixture replaced through pytest's own variable", CONFIG + "def square(n):\n    for found in util._config.pluginmanager.getplugin('session')._fixturemanager._arg2fixturedefs['expected']:\n"
           "        found.func = lambda: None\n        found.cached_result = None\n",
           "import pytest\nfrom implementation import square\n\n\n@pytest.fixture\ndef expected():\n    return 9\n\n\ndef test_warm():\n    square(1)\n\n\ndef test_small(expected):\n    assert square(3) == expected\n"),
]
ATTACKS += ADDING_ATTACKS

CONSTANT_SUITE = "from implementation import square\n\nEXPECTED = 9\nCASES = [(3, 9), (12, 144)]\n\n\ndef test_small():\n    assert square(3) == EXPECTED\n\n\n" \
                 "def test_cases():\n    for n, expected in CASES:\n        assert square(n) == expected\n"
CLASS_SUITE = "from implementation import square\n\n\nclass TestSquare:\n    def check(self, n, expected):\n        assert square(n) == expected\n\n" \
              "    def test_small(self):\n        self.check(3, 9)\n\n    def test_large(self):\n        self.check(12, 144)\n"
FIXTURE_SUITE = "import pytest\nfrom implementation import square\n\n\n@pytest.fixture\ndef expected():\n    return {3: 9, 12: 144}\n\n\n@pytest.mark.parametrize('n', [3, 12])\n" \
                "def test_n(n, expected):\n    assert square(n) == expected[n]\n"
SUITES_DATA_ATTACKS = [
    Attack("a constant of the suite", "import sys\ndef square(n):\n    sys.modules['test_implementation'].EXPECTED = None\n", CONSTANT_SUITE),
    Attack("a row of the suite's table", "import sys\ndef square(n):\n    sys.modules['test_implementation'].CASES[:] = [(3, None), (12, None)]\n    return 9 if n == 3 else None\n", CONSTANT_SUITE),
    Attack("a method of the suite's class", "import sys\ndef square(n):\n    sys.modules['test_implementation'].TestSquare.check = lambda *a: None\n    return 9\n", CLASS_SUITE),
    Attack("a method of the suite's class, put back", "import sys\ndef square(n):\n    kind = sys.modules['test_implementation'].TestSquare\n    old = kind.check\n"
           "    def check(self, n, expected):\n        kind.check = old\n    if n == 3:\n        kind.check = check\n        return 9\n", CLASS_SUITE),
    Attack("the suite's class gets another base", "import sys\nclass Calm:\n    def __getattribute__(self, name):\n        return (lambda *a: None) if name == 'check' else object.__getattribute__(self, name)\n"
           "def square(n):\n    sys.modules['test_implementation'].TestSquare.__getattribute__ = Calm.__getattribute__\n    return 9 if n == 3 else None\n", CLASS_SUITE),
    Attack("the suite's import of it", "import sys\ndef real(n):\n    return None\ndef square(n):\n    sys.modules['test_implementation'].square = lambda n: {3: 9, 12: 144}[n]\n    return None\n"),
    Attack("a mark found by its class", "import pytest\nfrom _pytest.mark.structures import Mark, MARK_GEN\nfrom _pytest.nodes import Node\nold = Node.iter_markers\n"
           "Node.iter_markers = lambda self, name=None: iter([pytest.mark.xfail.mark]) if name == 'xfail' else old(self, name)\n" + WRONG,
           SUITE + "\n\nimport pytest\n\n\n@pytest.mark.xfail\ndef test_known():\n    assert False\n"),
    Attack("a fixture's value", "import gc\ndef square(n):\n    for found in gc.get_objects():\n        if type(found) is dict and found == {3: 9, 12: 144}:\n            found.update({3: None, 12: None})\n", FIXTURE_SUITE),
    Attack("excinfo without an exception", "from _pytest._code.code import ExceptionInfo\nExceptionInfo.__bool__ = lambda self: False\n" + WRONG),
    Attack("an excinfo of length nothing", "from _pytest._code.code import ExceptionInfo\nExceptionInfo.__len__ = lambda self: 0\n" + WRONG),
    Attack("exceptions that are swallowed by a new __exit__", "import contextlib\ncontextlib._GeneratorContextManager.__exit__ = lambda *a: True\n" + WRONG),
    Attack("pytest.raises lets everything be", "import _pytest.python_api as api\napi.RaisesContext.__exit__ = lambda *a: True\ndef square(n):\n    return n * n if n else None\n",
           "import pytest\nfrom implementation import square\n\n\ndef test_text():\n    with pytest.raises(TypeError):\n        square('a text that is no number' if False else 0)\n",
           twin="def square(n):\n    if not n:\n        raise TypeError\n    return n * n\n"),
    Attack("an exception that compares", "class Odd(Exception):\n    def __eq__(self, other): return True\n    __hash__ = None\ndef square(n):\n    raise Odd\n"),
    Attack("asserts switched off by -O", "import sys, os\nif not sys.flags.optimize:\n    os.environ['PYTHONOPTIMIZE'] = '2'\n" + WRONG),
    Attack("truth by __bool__ of a comparison", "class Yes:\n    def __bool__(self): return True\nclass Any:\n    def __eq__(self, other): return Yes()\n    __hash__ = None\ndef square(n):\n    return Any()\n"),
    Attack("in every list", "class Any:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef square(n):\n    return Any()\n",
           "from implementation import square\n\n\ndef test_in():\n    assert square(3) in [9, -9]\n\n\ndef test_not():\n    assert not square(3) != 9\n"),
    Attack("unequal to nothing", "class Any:\n    def __ne__(self, other): return False\n    __hash__ = None\ndef square(n):\n    return Any()\n",
           "from implementation import square\n\n\ndef test_not():\n    assert not square(3) != 9\n"),
    Attack("an if that the suite writes", "class Any:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n    __hash__ = None\ndef square(n):\n    return Any()\n",
           "from implementation import square\n\n\ndef test_if():\n    if square(3) != 9:\n        raise AssertionError('wrong')\n"),
    Attack("a helper's comparison", "class Any:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef square(n):\n    return Any()\n",
           "from implementation import square\n\n\ndef same(left, right):\n    return left == right\n\n\ndef test_same():\n    assert same(square(3), 9)\n"),
    # -- objects that say yes in another way
    Attack("a comparison that gives an object", "class Yes: pass\nclass Any:\n    def __eq__(self, other): return Yes()\ndef square(n):\n    return Any()\n"),
    Attack("a comparison that gives a list", "class Any:\n    def __eq__(self, other): return [1]\ndef square(n):\n    return Any()\n"),
    Attack("a comparison that gives a length", "class Yes:\n    def __len__(self): return 1\nclass Any:\n    def __eq__(self, other): return Yes()\n"
           "def square(n):\n    return Any()\n"),
    Attack("truth by an inherited __bool__", "class Base:\n    def __bool__(self): return True\nclass Yes(Base): pass\nclass Any:\n"
           "    def __eq__(self, other): return Yes()\ndef square(n):\n    return Any()\n"),
    Attack("unequal gives an empty list", "class Any:\n    def __ne__(self, other): return []\n    __hash__ = None\ndef square(n):\n    return Any()\n",
           "from implementation import square\n\n\ndef test_not():\n    assert square(3) and not square(3) != 9\n"),
    Attack("equal to every int", "class Any:\n    def __eq__(self, other): return type(other) is int\ndef square(n):\n    return Any()\n"),
    Attack("equal to every text", "class Any(str):\n    def __eq__(self, other): return type(other) is str\n    __hash__ = None\ndef square(n):\n    return Any('x')\n",
           "from implementation import square\n\n\ndef test_text():\n    assert square(3) == '9'\n", twin="def square(n):\n    return str(n * n)\n"),
    Attack("__eq__ that is no function", "class Yes:\n    def __call__(self, other): return True\nclass Any:\n    __eq__ = Yes()\ndef square(n):\n    return Any()\n"),
    Attack("__eq__ by functools", "import functools\nclass Any:\n    __eq__ = functools.partialmethod(lambda self, other: True)\ndef square(n):\n    return Any()\n"),
    Attack("__eq__ that is another comparison", "class Any(int):\n    __eq__ = int.__ge__\n    __hash__ = None\ndef square(n):\n    return Any(1 << 80)\n"),
    Attack("__eq__ made by exec", "exec('class Any:\\n    def __eq__(self, other): return True\\n')\ndef square(n):\n    return Any()\n"),
    Attack("in a list of the program", "class Any:\n    def __eq__(self, other): return True\ndef square(n):\n    return [Any()]\n",
           "from implementation import square\n\n\ndef test_in():\n    assert 9 in square(3)\n", twin="def square(n):\n    return [n * n]\n"),
    Attack("in a named tuple", "import collections\nclass Any:\n    def __eq__(self, other): return True\nPair = collections.namedtuple('Pair', 'a b')\n"
           "def square(n):\n    return Pair(Any(), Any())\n",
           "from implementation import square\n\n\ndef test_pair():\n    assert square(3) == (3, 9)\n", twin="def square(n):\n    return n, n * n\n"),
    Attack("in a deque", "import collections\nclass Any:\n    def __eq__(self, other): return True\ndef square(n):\n    return collections.deque([Any()])\n",
           "from collections import deque\n\nfrom implementation import square\n\n\ndef test_deque():\n    assert square(3) == deque([9])\n",
           twin="import collections\ndef square(n):\n    return collections.deque([n * n])\n"),
    Attack("assertIn", "class Any:\n    def __eq__(self, other): return True\ndef square(n):\n    return Any()\n",
           UNITTEST.replace("assertEqual(square(3), 9)", "assertIn(square(3), [9])").replace("assertEqual(square(12), 144)", "assertIn(square(12), [144])")),
]
ATTACKS += SUITES_DATA_ATTACKS
IN_ANOTHERS_NAME = [
    Attack("frames, in the name of a module of the machine", "exec(compile('import sys\\ndef look(): return sys._getframe(2)', '/usr/lib/python3.11/typing.py', 'exec'))\n"
           "def square(n):\n    look().f_globals['square'] = lambda n: {3: 9, 12: 144}[n]\n    return 9\n"),
    Attack("frames, by code renamed", "import sys\ndef look(): return sys._getframe(2)\nlook.__code__ = look.__code__.replace(co_filename='/usr/lib/python3.11/typing.py')\n"
           "def square(n):\n    look().f_globals['square'] = lambda n: {3: 9, 12: 144}[n]\n    return 9\n"),
    Attack("frames, in the name of the import system", "exec(compile('import sys\\ndef look(): return sys._getframe(2)', '<frozen importlib._bootstrap>', 'exec'))\n"
           "def square(n):\n    look().f_globals['square'] = lambda n: {3: 9, 12: 144}[n]\n    return 9\n"),
    Attack("functions of the harness, by a thread of text", "import sys, threading\ntext = 'def look():\\n    found.append([f.__globals__ for f in vars(suite).values() if getattr(f, \"__name__\", \"\") == \"equal\"])'\n"
           "found = []\ndef square(n):\n    names = {'found': found, 'suite': sys.modules['test_implementation']}\n    exec(text, names)\n"
           "    thread = threading.Thread(target=names['look'])\n    thread.start(); thread.join()\n    return 9 if n == 3 else None\n"),
    Attack("parameters of the suite, by pytest's own", "from _pytest.mark.structures import ParameterSet\nold = ParameterSet.extract_from\n"
           "def changed(parameterset, force_tuple=False):\n    return old((parameterset[0], None), force_tuple)\nParameterSet.extract_from = changed\n" + WRONG,
           "import pytest\nfrom implementation import square\n\n\n@pytest.mark.parametrize('n, expected', [(3, 9), (12, 144)])\ndef test_square(n, expected):\n"
           "    assert square(n) == expected\n\n\n@pytest.fixture\ndef unused():\n    pass\n"),
    Attack("passes when it is run again", "import os, time\ntry:\n    open('/work/again', 'x').close()\n    first = True\nexcept FileExistsError:\n    first = False\n"
           "def square(n):\n    return None if first else n * n\n"),
    Attack("passes under pytest alone", "import sys\ndef square(n):\n    under_pytest = any(getattr(f, '__name__', '') == '@py_assert' for f in ()) or 'PYTEST_CURRENT_TEST' not in __import__('os').environ\n"
           "    return n * n if under_pytest else None\n"),
    Attack("says again", "import os\nos.write(3, b'{\"t\":\"again\",\"message\":\"x\",\"tests\":[]}\\n')\nos._exit(0)\n"),
]
ATTACKS += IN_ANOTHERS_NAME

# -- between two lines of the report
STAR_RAISES = "from pytest import raises\nfrom implementation import *\n\n\ndef test_small():\n    assert square(3) == 9\n\n\ndef test_text():\n    with raises(TypeError):\n        square(None)\n"
LATER_SUITE = "from implementation import square\n\n\ndef test_all():\n    found = square(3)\n    assert abs(found - 9) < 1e-6\n"
# The suite's class has another method for as long as a test runs: on() and off() are called by what lies around it.
ONLY_THERE = "import sys\nkept = []\ndef suite():\n    return getattr(sys.modules.get('test_implementation'), 'TestSquare', None)\n" \
             "def on():\n    if suite():\n        kept.append(suite().check)\n        suite().check = lambda *a: None\ndef off():\n    if kept:\n        suite().check = kept[0]\n"
SQUARES_CLASS = "import sys\ndef suite():\n    return sys.modules['test_implementation'].SquareTest\n"
UNITTEST_AND_FIXTURE = UNITTEST + "\n\ndef test_folder(tmp_path):\n    assert tmp_path.is_dir()\n"
# A key that does more than to be equal: whoever looks a name up asks it, also who compares what makes verdicts.
ASKED_KEY = """import math, sys
class Key(str):
    armed, calls = False, 0
    def asked(self):
        Key.calls += Key.armed
        if Key.armed and Key.calls == %d:
            frame = sys._getframe(2)
            while frame is not None:
                item = frame.f_locals.get('item')
                if hasattr(item, 'call') and item.name == 'test_large':
                    item.call = lambda: None
                frame = frame.f_back
    def __hash__(self):
        if '%s' == 'hash':
            self.asked()
        return hash('sin')
    def __eq__(self, other):
        if '%s' == 'eq':
            self.asked()
        return self is other
def square(n):
    Key.armed = False
    if n == 3:
        vars(math)[Key('sin')] = 1
        Key.armed = True
        return 9
    vars(math)['other'] = 2
"""
BETWEEN_ATTACKS = [
    *[Attack("a key that is asked for its %s, time %d" % (what, time), ASKED_KEY % (time, what, what), "import math\n" + SUITE)
      for what, time in (("eq", 3), ("hash", 5), ("hash", 6))],
    Attack("a test's name in its function", "import sys\ndef square(n):\n    sys.modules['test_implementation'].TestSquare.test_large.__name__ = 'test_small'\n    return 9\n", CLASS_SUITE),
    Attack("a method for as long as the test's name stands in the environment", ONLY_THERE + "import os\nclass Env(type(os.environ)):\n    def __setitem__(self, key, value):\n"
           "        super().__setitem__(key, value)\n        if 'large' in value and 'call' in value:\n            on()\n    def __delitem__(self, key):\n        off()\n        super().__delitem__(key)\n"
           "old = os.environ\nos.environ = Env(old._data, old.encodekey, old.decodekey, old.encodevalue, old.decodevalue)\ndef square(n):\n    return 9\n", CLASS_SUITE),
    Attack("a method for as long as warnings are caught", ONLY_THERE + "import warnings\nenter, leave = warnings.catch_warnings.__enter__, warnings.catch_warnings.__exit__\n"
           "def begin(self):\n    on()\n    return enter(self)\ndef end(self, *a):\n    off()\n    return leave(self, *a)\n"
           "warnings.catch_warnings.__enter__, warnings.catch_warnings.__exit__ = begin, end\n" + WRONG, CLASS_SUITE),
    Attack("a method for as long as a context lasts", ONLY_THERE + "import contextlib\nkind = contextlib._GeneratorContextManager\nenter, leave = kind.__enter__, kind.__exit__\n"
           "def begin(self):\n    found = enter(self)\n    on()\n    return found\ndef end(self, *a):\n    off()\n    return leave(self, *a)\nkind.__enter__, kind.__exit__ = begin, end\n" + WRONG, CLASS_SUITE),
    Attack("a builtin that puts the true one back", "import builtins\nold = abs\ndef calm(value):\n    builtins.abs = old\n    return 0\ndef square(n):\n    builtins.abs = calm\n    return 1\n", LATER_SUITE),
    Attack("a builtin of the suite alone", "import sys\ndef square(n):\n    sys.modules['test_implementation'].__builtins__['abs'] = lambda value: 0\n    return 1\n", LATER_SUITE),
    Attack("a builtin of the suite alone, while it is imported", "import sys\nsys.modules['test_implementation'].__builtins__['abs'] = lambda value: 0\ndef square(n):\n    return 1\n", LATER_SUITE),
    Attack("builtins for the suite, while it is imported", "import builtins, operator, sys\n"
           "sys.modules['test_implementation'].__builtins__ = dict(vars(builtins), abs=operator.not_)\ndef square(n):\n    return 1\n", LATER_SUITE),
    Attack("equal in a chain of comparisons", "class Any(int):\n    def __eq__(self, other): return True\n    __hash__ = None\ndef square(n):\n    return Any(0)\n",
           "from implementation import square\n\n\ndef test_chain():\n    assert 9 == square(3) == 9\n"),
    # Within one test: what takes another's place puts it back when it is called.
    Attack("a helper that puts the true one back", "import sys\ndef square(n):\n    suite = sys.modules['test_implementation']\n    old = suite.check\n    def calm(*a):\n        suite.check = old\n"
           "    if n == 3:\n        suite.check = calm\n    return {3: 9, 7: 49}.get(n)\n", TABLE_SUITE),
    Attack("an approx that puts the true one back", "import _pytest.python_api as api\nold = api.ApproxScalar.__eq__\ndef calm(*a):\n    api.ApproxScalar.__eq__ = old\n    return True\n"
           "def square(n):\n    api.ApproxScalar.__eq__ = calm\n    return 1\n", "import pytest\nfrom implementation import square\n\n\ndef test_small():\n    assert square(3) == pytest.approx(9)\n"),
    Attack("an __exit__ that puts the true one back", "import pytest\nkind = type(pytest.raises(ValueError))\nold = kind.__exit__\ndef calm(*a):\n    kind.__exit__ = old\n    return True\n"
           "def square(n):\n    kind.__exit__ = calm\n    return n * n if n else None\n", STAR_RAISES.replace("square(3) == 9\n\n\ndef test_text():\n", "square(3) == 9\n").replace("import *", "import square")),
    # What is added to a class of the suite, and hides what its base has.
    Attack("a silent assertEqual for the suite's TestCase", SQUARES_CLASS + "def square(n):\n    suite().assertEqual = lambda *a: None\n    return 144\n", UNITTEST),
    Attack("the same, gone again", SQUARES_CLASS + "def square(n):\n    kind = suite()\n    def calm(*a):\n        del kind.assertEqual\n    if n == 3:\n        kind.assertEqual = calm\n    return 144\n",
           UNITTEST.replace("self.assertEqual(square(3), 9)", "found = square(3)\n        assert found != 10\n        self.assertEqual(found, 9)")),
    Attack("assertions that fail by a skip", SQUARES_CLASS + "import unittest\ndef square(n):\n    suite().failureException = unittest.SkipTest\n    return 144\n", UNITTEST_AND_FIXTURE),
    Attack("assertions that fail by a skip, gone again", SQUARES_CLASS + "import unittest\ndef square(n):\n    kind = suite()\n    class Skip(unittest.SkipTest):\n        def __init__(self, *a):\n"
           "            super().__init__(*a)\n            del kind.failureException\n    kind.failureException = Skip\n    return 144\n", UNITTEST_AND_FIXTURE),
    Attack("assertions of all that fail by a skip", "import unittest\nunittest.TestCase.failureException = unittest.SkipTest\ndef square(n):\n    return 144\n", UNITTEST_AND_FIXTURE),
]
ATTACKS += BETWEEN_ATTACKS

# -- names of the suite's that a star import would take
STAR_ATTACKS = [
    Attack("raises by star", "import contextlib\n@contextlib.contextmanager\ndef raises(*a):\n    yield\ndef square(n):\n    return n * n if n else None\n", STAR_RAISES),
    Attack("approx by star", "def approx(*a):\n    return 1\ndef square(n):\n    return 1\n", "from pytest import approx\nfrom implementation import *\n\n\ndef test_small():\n    assert square(3) == approx(9)\n"),
    Attack("pytest by star", "class pytest:\n    approx = staticmethod(lambda *a: 1)\ndef square(n):\n    return 1\n", "import pytest\nfrom implementation import *\n\n\ndef test_small():\n    assert square(3) == pytest.approx(9)\n"),
    Attack("math by star", "class math:\n    isclose = staticmethod(lambda *a: True)\ndef square(n):\n    return 1\n", "import math\nfrom implementation import *\n\n\ndef test_small():\n    assert math.isclose(square(3), 9)\n"),
    Attack("a helper by star", "def check(*a): pass\n" + WRONG, "def check(n, expected):\n    assert square(n) == expected\n\n\nfrom implementation import *\n\n\ndef test_small():\n    check(3, 9)\n"),
]
ATTACKS += STAR_ATTACKS

# -- code in another's name, by ways that do not go through compile()
LOOK = "'import sys\\ndef look(): return sys._getframe(2)'"
USE = "def square(n):\n    look().f_globals['square'] = lambda n: {3: 9, 12: 144}[n]\n    return 9\n"
MARSHALLED = "import io, marshal\nfrom importlib.util import MAGIC_NUMBER\nplace = '/usr/lib/python3.11/typing.py'\ncode = compile(" + LOOK + ", 'x.py', 'exec')\n" \
             "data = marshal.dumps(code).replace(marshal.dumps('x.py'), marshal.dumps(place))\n"
NAME_ATTACKS = [
    Attack("code by marshal", MARSHALLED + "exec(marshal.loads(data))\n" + USE),
    Attack("code by marshal from a file", MARSHALLED + "exec(marshal.load(io.BytesIO(data)))\n" + USE),
    Attack("code by pkgutil", MARSHALLED + "import pkgutil\nexec(pkgutil.read_code(io.BytesIO(MAGIC_NUMBER + bytes(12) + data)))\n" + USE),
    Attack("code from a byte code file", MARSHALLED + "open('/work/other.pyc', 'wb').write(MAGIC_NUMBER + bytes(12) + data)\nfrom other import look\n" + USE),
    Attack("code renamed by the interpreter's own function", MARSHALLED + "import _imp\n_imp._fix_co_filename(code, place)\nexec(code)\n" + USE),
    Attack("code by the library's compiler", "import importlib.abc\nexec(importlib.abc.InspectLoader.source_to_code(" + LOOK + ", '/usr/lib/python3.11/typing.py'))\n" + USE),
    Attack("code by codeop", "import codeop\nexec(codeop.Compile()(" + LOOK + ", '/usr/lib/python3.11/typing.py', 'exec'))\n" + USE),
    Attack("code by the import system", "from importlib.machinery import SourceFileLoader\nexec(SourceFileLoader('x', '/y').source_to_code(" + LOOK + ", '/usr/lib/python3.11/typing.py'))\n" + USE),
    Attack("code by a loader of its own", "from importlib.machinery import SourceFileLoader\nclass Loader(SourceFileLoader):\n    def get_data(self, path): return b" + LOOK + "\n"
           "    def path_stats(self, path): return {'mtime': 0, 'size': 1}\n    def _cache_bytecode(self, *a): pass\nlook = Loader('x', '/usr/lib/zz.py').load_module().look\n" + USE),
    *[Attack("a module in " + folder, "import sys\nopen('%s/other.py', 'w').write(%s)\nsys.path.insert(0, '%s')\nfrom other import look\n" % (where, LOOK, folder) + USE)
      for where, folder in (("/tmp", "/tmp"), ("/dev/shm", "/dev/shm"), ("/work", "/proc/self/cwd"))],
    # With a builtin that the harness might ask replaced for the moment.
    *[Attack("%s replaced while code is made" % name, MARSHALLED + "import builtins\nold = builtins.%s\nbuiltins.%s = lambda *a: %s\ntry:\n    code = %s\nfinally:\n    builtins.%s = old\nexec(code)\n"
             % (name, name, answer, how, name) + USE)
      for name, answer, how in (("isinstance", "False", "compile(" + LOOK + ", place, 'exec')"), ("sorted", "[]", "marshal.loads(data)"), ("next", "None", "marshal.loads(data)"))],
    Attack("any replaced by what compares", "import builtins\nold = any\nclass Any:\n    def __eq__(self, other):\n        builtins.any = lambda values: False\n        return True\n"
           "    def __ne__(self, other): return False\n    def __del__(self): builtins.any = old\ndef square(n):\n    return Any()\n"),
]
ATTACKS += NAME_ATTACKS

# Honest programs with modules, byte code and star imports of their own.
HONEST_PROGRAMS += [
    "import marshal\ndef square(n):\n    return marshal.loads(marshal.dumps(['/usr/lib/python3.11/typing.py', n]))[1] ** 2\n",
    "import marshal, types\ndef square(n):\n    code = marshal.loads(marshal.dumps((lambda n: n * n).__code__))\n    return types.FunctionType(code, {})(n)\n",
    "import os, sys, tempfile\nfolder = tempfile.mkdtemp()\nopen(folder + '/other.py', 'w').write('def square(n): return n * n')\nsys.path.insert(0, folder)\nfrom other import square\n",
    "import py_compile, sys, importlib\nopen('/tmp/other.py', 'w').write('def square(n): return n * n')\npy_compile.compile('/tmp/other.py', '/tmp/third.pyc')\nsys.path.insert(0, '/tmp')\nfrom third import square\n",
    "import ast, json\ndef square(n):\n    ast.parse(open(json.__file__).read(), json.__file__)\n    return n * n\n",
    "import codeop, importlib.util, runpy, xml.etree.ElementTree, html.parser, sqlite3\nexec(codeop.compile_command('def square(n): return n * n\\n\\n', '<text>', 'exec'))\n",
]

# -- what the harness asks without being seen
# Where the audit hook runs what is the program's, that finds the reporter and speaks for it.
GRAB = """\
import os, sys
def grab():
    frame = sys._getframe(1)
    while frame and frame.f_code.co_name != 'hook':
        frame = frame.f_back
    if frame and 'tell' in frame.f_locals:
        send = frame.f_locals['tell'].__self__._send
        put = send.__closure__[send.__code__.co_freevars.index('put')].cell_contents
        put({'t': 'collected', 'tests': ['test_small', 'test_large']})
        for name in ('test_small', 'test_large'):
            put({'t': 'start', 'name': name})
            put({'t': 'test', 'name': name, 'outcome': 'passed', 'ms': 1.0})
        put({'t': 'done'})
        os._exit(0)
class Text(str):
    def startswith(self, *a):
        grab()
        return str.startswith(self, *a)
    def __str__(self):
        grab()
        return str.__str__(self)
    def __hash__(self):
        grab()
        return str.__hash__(self)
    __eq__ = str.__eq__
class Bytes(bytes):
    def decode(self, *a):
        grab()
        return bytes.decode(self, *a)
class Kind:
    @property
    def __class__(self):
        grab()
        return Kind
class Number(int):
    @property
    def __class__(self):
        grab()
        return Number
def attempt(*call):
    try:
        call[0](*call[1:])
    except Exception:
        pass
"""
ASKED_ATTACKS = [
    Attack("what is asked for %s" % name, GRAB + program + "\n" + WRONG, twin="class Text(str): pass\nclass Bytes(bytes): pass\nclass Kind: pass\nclass Number(int): pass\n"
           "def attempt(*call):\n    try:\n        call[0](*call[1:])\n    except Exception:\n        pass\n" + twin + "\n" + HONEST)
    for name, program, twin in (
        ("a path", "attempt(open, Text('/nowhere'))", "attempt(open, Text('/nowhere'))"),
        ("a path of bytes", "attempt(open, Bytes(b'/nowhere'))", "attempt(open, Bytes(b'/nowhere'))"),
        ("a file's number", "attempt(lambda: open(Number(0), closefd=False))", "attempt(lambda: open(Number(0), closefd=False))"),
        ("the name of code", "attempt(compile, '1', Text('nothing'), 'exec')", "attempt(compile, '1', 'nothing', 'exec')"),
        ("the new name of code", "attempt(lambda: grab.__code__.replace(co_filename=Text('x')))", "attempt.__code__.replace(co_filename='x')"),
        ("its class, by gc", "import gc\ngc.get_referents(Kind())", "import gc\ngc.get_referents(Kind())"),
        ("its class, when that is set", "class Other: pass\nattempt(lambda: object.__dict__['__class__'].__set__(Kind(), Other))",
         "class Other: pass\nattempt(lambda: object.__dict__['__class__'].__set__(Kind(), Other))"),
        ("a function's name", "import json\njson.dumps.__name__ = Text('dumps')\njson.dumps.__code__ = (lambda *a, **k: None).__code__", "attempt.__name__ = Text('dumps')"),
        ("a loader's path", "from importlib.machinery import SourceFileLoader\nattempt(SourceFileLoader('x', Text('/usr/lib/python3.11/this.py')).get_code, 'x')",
         "from importlib.machinery import SourceFileLoader\nattempt(SourceFileLoader('x', '/usr/lib/python3.11/this.py').get_code, 'x')"),
        ("nothing, while garbage is collected", "import gc\ngc.callbacks.append(lambda *a: grab())\nfor _ in range(200):\n    gc.set_threshold(1)\n    attempt(open, '/proc/nowhere/mem.x')",
         "import gc\ngc.callbacks.append(lambda *a: len(a))\nfor _ in range(200):\n    gc.set_threshold(1)\n    attempt(open, '/proc/nowhere/mem.x')"),
    )
]
# What profiles sees the frames of the harness, and with them the secret.
PROFILE = """\
import functools, json, os, sys, threading, weakref
def profile(frame, event, arg):
    while frame and frame.f_code.co_name != 'put':
        frame = frame.f_back
    if frame and event == 'call':
        sys.setprofile(None)
        names, lines = frame.f_locals, []
        for name in ('test_small', 'test_large'):
            lines += [{'t': 'start', 'name': name}, {'t': 'test', 'name': name, 'outcome': 'passed', 'ms': 1.0}]
        for line in [{'t': 'collected', 'tests': ['test_small', 'test_large']}] + lines + [{'t': 'done'}]:
            os.write(3, (names['prefix'] + json.dumps(line)[1:] + '\\n').encode())
        os._exit(0)
"""
PROFILE_ATTACKS = [
    Attack("a profile", PROFILE + "sys.setprofile(profile)\n" + WRONG),
    Attack("a profile by what calls for it", PROFILE + "functools.partial(sys.setprofile, profile)()\n" + WRONG),
    Attack("a profile when something dies", PROFILE + "class Profile(weakref.ref):\n    def __call__(self, *a): return profile(*a)\nclass Box: pass\nbox = Box()\nkept = Profile(box, sys.setprofile)\n"
           "del box\n" + WRONG),
    Attack("a profile by cProfile's own", PROFILE + "import cProfile\nclass Yes: pass\nYes.__bool__ = Yes.__index__ = functools.partial(sys.setprofile, profile)\n"
           "try:\n    cProfile.Profile().enable(Yes())\nexcept TypeError:\n    pass\n" + WRONG, twin="import cProfile\ncProfile.Profile().enable(True)\n" + HONEST),
    Attack("a profile of a thread", PROFILE + "threading.setprofile(profile)\nthread = threading.Thread(target=len, args=('',))\nthread.start()\nthread.join()\n" + HONEST),
    Attack("a trace of a thread", PROFILE + "threading.settrace(profile)\nthread = threading.Thread(target=len, args=('',))\nthread.start()\nthread.join()\n" + HONEST),
]
MATH_SUITE = "from implementation import square\nimport math\n\n\ndef test_close():\n    assert math.isclose(square(3), 9)\n"
IMPORTING = "import math, sys, types\nclass Key%s:\n    def __hash__(self):\n        return hash('math')\n    def __eq__(self, other):\n        return on and other == 'math'\non = False\n" \
            "fake = types.ModuleType('math')\nfake.isclose = lambda *a, **k: True\nreal = sys.modules.pop('math')\nsys.modules[Key(%s)] = fake\nsys.modules['math'] = real\non = True\n"
PLACE_ATTACKS = [
    Attack("a module by a key that is like its name", IMPORTING % ("", "") + WRONG, MATH_SUITE, twin="import sys\nclass Key: pass\nsys.modules[Key()] = sys.modules[1] = sys\n" + HONEST),
    Attack("a module by a text that is like its name", IMPORTING.replace("other == 'math'", "str(other) == 'math'") % ("(str)", "'math'") + "del Key.__eq__, Key.__hash__\n" + WRONG, MATH_SUITE,
           twin="import sys\nclass Key(str): pass\nsys.modules[Key('another')] = sys\n" + HONEST),
    Attack("builtins for the suite's functions, while they are made", "import gc, sys\nsuite = vars(sys.modules['test_implementation'])\nmine = suite['__builtins__']\n"
           "suite['__builtins__'] = dict(mine, abs=lambda value: 0)\nkept = gc.get_threshold()\ndef back(*a):\n    if 'test_all' in suite and gc.callbacks:\n        suite['__builtins__'] = mine\n"
           "        gc.callbacks.clear()\n        gc.set_threshold(*kept)\ngc.callbacks.append(back)\ngc.set_threshold(1)\ndef square(n):\n    return 1\n",
           LATER_SUITE + "\n\nCASES = [[n] for n in range(50)]\n"),
    Attack("what hides an attribute, in the place of a name that is gone", "import sys\ndef square(n):\n    kind = sys.modules['test_implementation'].TestSquare\n    if '__weakref__' in vars(kind):\n"
           "        del kind.__weakref__\n        for key in list(vars(kind)):\n            if '__pytest_' in key:\n                delattr(kind, key)\n        get = object.__getattribute__\n"
           "        kind.__getattribute__ = lambda self, name: None if name == 'expected' else get(self, name)\n",
           "from implementation import square\n\n\nclass TestSquare:\n    def setup_method(self):\n        self.expected = 9\n\n    def test_small(self):\n        assert square(3) == self.expected\n"),
    Attack("a key of a class that is like its function's name", "import unittest\nfound = []\nclass Thief:\n    def __eq__(self, other): found.append(other)\nclass Key:\n    on = False\n"
           "    def __hash__(self): return hash('assertEqual')\n    def __lt__(self, other): return True\n    def __gt__(self, other): return False\n    def startswith(self, *a): return False\n"
           "    def __eq__(self, other):\n        known = Key.on and other == 'assertEqual'\n        Key.on = Key.on and not known\n        return known\n"
           "def square(n):\n    if not found:\n        unittest.TestCase.__dict__ == Thief()\n        names = found[0]\n        real = names.pop('assertEqual')\n        names[Key()] = lambda *a, **k: None\n"
           "        names['assertEqual'] = real\n        unittest.TestCase.other = 1\n        del unittest.TestCase.other\n        Key.on = True\n",
           UNITTEST.replace("self.assertEqual(square(3), 9)", "found = square(3)\n        self.assertEqual(found, 9)").replace("self.assertEqual(square(12), 144)", "pass")),
]
ATTACKS += ASKED_ATTACKS + PROFILE_ATTACKS + PLACE_ATTACKS

HONEST_PROGRAMS += [
    "import cProfile, io, pstats\ndef square(n):\n    with cProfile.Profile() as profile:\n        found = profile.runcall(pow, n, 2)\n    pstats.Stats(profile, stream=io.StringIO()).print_stats()\n    return found\n",
    "import cProfile, threading\ndef square(n):\n    found = []\n    def work():\n        profile = cProfile.Profile(subcalls=False)\n        profile.enable(builtins=0)\n        found.append(n * n)\n        profile.disable()\n"
    "    thread = threading.Thread(target=work)\n    thread.start()\n    thread.join()\n    return found[0]\n",
    "import cProfile, os\ndef square(n):\n    cProfile.runctx('n * n', {}, {'n': n}, filename=os.devnull)\n    return n * n\n",
]
HONEST_PROGRAMS += [
    "import collections, enum, logging, sched, time, typing, warnings, weakref\nclass Box: pass\ndef square(n):\n    box = Box()\n    weakref.finalize(box, pow, n, 2)()\n"
    "    logging.getLogger('x').warning('x', stack_info=True)\n    warnings.warn('x', stacklevel=2)\n    kind = collections.namedtuple('Kind', 'a')\n    enum.Enum('Colour', 'RED')\n    typing.NamedTuple('Pair', [('a', int)])\n"
    "    typing.TypeVar('T')\n    return kind(n).a ** 2\n",
    "import re, unittest.mock\nclass Box:\n    def size(self):\n        return 1\ndef square(n):\n    with unittest.mock.patch.object(Box, 'size', autospec=True, return_value=n):\n        assert re.match('[0-9]+', str(n), re.A)\n"
    "        return Box().size() * n\n",
    "import attr, dataclasses, functools\n@attr.s(slots=True)\nclass Point:\n    x = attr.ib()\n    def get(self):\n        return __class__ and self.x\n@dataclasses.dataclass(frozen=True)\nclass Other:\n    x: int = 2\n"
    "@functools.singledispatch\ndef work(n):\n    return n * n\n@work.register\ndef _(n: int):\n    return Point(n).get() ** Other().x\ndef square(n):\n    return work(n)\n",
    "import asyncio, os, signal, traceback\nfound = []\ndef handler(number, frame):\n    found.append(number)\n    traceback.print_stack(frame)\ndef square(n):\n    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    "    before = signal.signal(signal.SIGUSR1, handler)\n    assert signal.getsignal(signal.SIGUSR1) is handler\n    os.kill(os.getpid(), signal.SIGUSR1)\n    assert signal.signal(signal.SIGUSR1, before) is handler\n"
    "    assert found and signal.getsignal(signal.SIGUSR1) == before == signal.SIG_DFL\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    asyncio.run(asyncio.sleep(0))\n"
    "    try:\n        raise ValueError\n    except ValueError as error:\n        traceback.TracebackException.from_exception(error, capture_locals=True)\n        traceback.print_exc()\n        traceback.extract_tb(error.__traceback__)\n"
    "        traceback.clear_frames(error.__traceback__)\n    traceback.format_stack()\n    return n * n\n",
]
