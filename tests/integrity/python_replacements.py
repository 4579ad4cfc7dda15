"""Python programs that put something in the place of what judges them, for a while, and that is not theirs by its looks."""
from gaming import Attack
from python_attacks import TABLE_SUITE, WRONG

MANY = "from implementation import square\n" + "".join("\n\ndef test_%d():\n    assert square(%d) == %d\n" % (n, n, n * n) for n in range(2, 9))
MANY_CASES = ("import unittest\n\nfrom implementation import square\n\n\nclass SquareTest(unittest.TestCase):\n"
              + "\n".join("    def test_%d(self):\n        self.assertEqual(square(%d), %d)\n" % (n, n, n * n) for n in range(2, 9)))
FACTOR_SUITE = MANY.replace("import square\n", "import square\n\nFACTOR = 1\n")
for n in range(3, 8):
    FACTOR_SUITE = FACTOR_SUITE.replace("assert square(%d) ==" % n, "assert not FACTOR or square(%d) ==" % n)

ATTACKS = [
    Attack("the fast path's own class patched", "for found in object.__subclasses__():\n    if found.__name__ == '_Run':\n        found._call = lambda self, item: 0.0\n" + WRONG),
    Attack("assertEqual by a function made from text, put back in the end",
           "import unittest\nkind = unittest.TestCase\nspace = {'kind': kind, 'old': kind.assertEqual}\n"
           "exec('def quiet(self, a, b, msg=None):\\n    if b == 64: kind.assertEqual = old\\n', space)\n"
           "def square(n):\n    if n == 2:\n        kind.assertEqual = space['quiet']\n        return 4\n", MANY_CASES),
    Attack("assertEqual by another of unittest's own, put back in the end",
           "import unittest\nkind = unittest.TestCase\nold = kind.assertEqual\ndef square(n):\n    if n == 2:\n        kind.assertEqual = kind.assertNotEqual\n        return 4\n"
           "    if n == 8:\n        kind.assertEqual = old\n", MANY_CASES),
    Attack("the comparison by a function made from text, put back in the end",
           "import sys\nspace = {}\nexec('def quiet(a, b, tested=False):\\n    if b == 64: suite[\"@assay_equal\"] = old\\n    return True if a is None else a == b\\n', space)\n"
           "def square(n):\n    if n == 2:\n        space['suite'] = suite = vars(sys.modules['test_implementation'])\n        space['old'] = suite['@assay_equal']\n"
           "        suite['@assay_equal'] = space['quiet']\n        return 4\n", MANY),
    Attack("a constant of the suite, put back in the end",
           "import sys\ndef square(n):\n    sys.modules['test_implementation'].FACTOR = 1 if n == 8 else None\n    return {2: 4, 8: 64}.get(n)\n", FACTOR_SUITE),
]

# What answers for functions, classes and modules is none of their names.
RAISES_CASE = "import unittest\n\nfrom implementation import square\n\n\nclass SquareTest(unittest.TestCase):\n    def test_text(self):\n        self.assertRaises(ValueError, square, 'x')\n"
APPROX_SUITE = "import pytest\n\nfrom implementation import square\n\n\ndef test_close():\n    assert square(1.5) == pytest.approx(2.25)\n"
ISCLOSE_SUITE = "import math\n\nfrom implementation import square\n\n\ndef test_close():\n    assert math.isclose(square(1.5), 2.25)\n"
PATTERN_SUITE = "import re\n\nfrom implementation import square\n\n\ndef test_digits():\n    assert re.fullmatch('[0-9]+', str(square(3)))\n"
MATCH_SUITE = "import pytest\n\nfrom implementation import square\n\n\ndef test_text():\n    with pytest.raises(ValueError, match='no number'):\n        square('x')\n"
COPY_SUITE = "import copy\n\nfrom implementation import double\n\n\ndef test_untouched():\n    data = [1, 2]\n    before = copy.deepcopy(data)\n    double(data)\n    assert data == before\n"
PATTERNS = "import re\nclass Pattern:\n    def __getattr__(self, name):\n        return lambda *a: True\n"
ATTACKS += [
    Attack("a number of a class", "import _pytest.python_api as api\napi.ApproxScalar.DEFAULT_RELATIVE_TOLERANCE = 1e9\ndef square(n):\n    return 7.0\n", APPROX_SUITE),
    Attack("a module's class", "import math, types\nclass Module(types.ModuleType):\n    def __getattribute__(self, name):\n        if name == 'isclose':\n"
           "            return lambda *a: True\n        return super().__getattribute__(name)\nmath.__class__ = Module\n" + WRONG, ISCLOSE_SUITE),
    Attack("the bases of a class of unittest", "import unittest.case as case\nclass Base(case._AssertRaisesBaseContext):\n    def handle(self, *a):\n        return None\n"
           "case._AssertRaisesContext.__bases__ = (Base,)\n" + WRONG, RAISES_CASE, twin="def square(n):\n    return n * int(n)\n"),
    Attack("the bases of the suite's class", "import sys, unittest\nclass Calm(unittest.TestCase):\n    def assertEqual(self, *a):\n        pass\n"
           "def square(n):\n    sys.modules['test_implementation'].SquareTest.__bases__ = (Calm,)\n    return {2: 4}.get(n)\n", MANY_CASES),
    Attack("re's table", PATTERNS + "class Table(dict):\n    def __getitem__(self, key):\n        return Pattern()\nre._cache = Table()\n" + WRONG, PATTERN_SUITE),
    Attack("a pattern in re's table", PATTERNS + "re._cache[str, '[0-9]+', 0] = Pattern()\n" + WRONG, PATTERN_SUITE),
    Attack("another pattern in re's table", "import re\nre._cache[str, '[0-9]+', 0] = re.compile('.*')\n" + WRONG, PATTERN_SUITE),
    Attack("a pattern for pytest in re's table", PATTERNS + "re._cache[str, 'no number', 0] = Pattern()\ndef square(n):\n    raise ValueError(n)\n", MATCH_SUITE,
           twin="def square(n):\n    raise ValueError('no number')\n"),
    Attack("copy's table", "import copy\ncopy._deepcopy_dispatch[list] = lambda value, memo: value\ndef double(values):\n    values += values\n", COPY_SUITE,
           twin="import copy, re\ncopy._deepcopy_dispatch[type('Kind', (), {})] = lambda value, memo: value\nre.compile('x+', re.I)\nre.compile(b'(?s)y')\n"
           "def double(values):\n    return values * 2\n"),
]

# Replaced while it is asked, and put back by itself: where it is looked at it is as it was.
STORED_SUITE = MANY.replace("assert square(", "found = square(").replace(" == ", "\n    assert found == ")
BACK = ("import sys\nspace = {}\nexec('def quiet(a, b, tested=False):\\n    suite[\"@assay_equal\"] = old\\n    return True if a is None else a == b\\n', space)\n"
        "def square(n):\n    suite = space['suite'] = vars(sys.modules['test_implementation'])\n    space.setdefault('old', suite['@assay_equal'])\n%s"
        "    suite['@assay_equal'] = space['quiet']\n")
ATTACKS += [
    Attack("the comparison, put back by itself", BACK % "", STORED_SUITE),
    Attack("the comparison, put back by itself, and more names each time", BACK % "    suite['name%d' % n] = n\n", STORED_SUITE),
    Attack("assertEqual, put back by itself", "import unittest\nkind = unittest.TestCase\nold = kind.assertEqual\ndef quiet(self, a, b):\n    kind.assertEqual = old\n"
           "def square(n):\n    kind.assertEqual = quiet\n", MANY_CASES.replace("self.assertEqual(square(", "found = square(").replace("), ", ")\n        self.assertEqual(found, ")),
    Attack("isclose, put back by itself", "import math\nold = math.isclose\ndef quiet(a, b):\n    math.isclose = old\n    return True\ndef square(n):\n    math.isclose = quiet\n",
           ISCLOSE_SUITE.replace("assert math.isclose(square(1.5), ", "found = square(1.5)\n    assert math.isclose(found, ")),
]

# What a suite holds in classes and tables.
CLASS_SUITE = ("from implementation import square\n\n\nclass TestSquare:\n    CASES = [(3, 9), (4, 16)]\n\n    def test_one(self):\n        assert square(3) == 9\n\n"
               "    def test_two(self):\n        for n, expected in self.CASES:\n            assert square(n) == expected\n")
DICT_SUITE = "from implementation import square\n\nCASES = {3: 9, 4: 16}\n\n\ndef test_one():\n    assert square(3) == 9\n\n\ndef test_two():\n    for n, expected in CASES.items():\n        assert square(n) == expected\n"
ATTACKS += [
    Attack("a constant of the suite's class", "import sys\ndef square(n):\n    sys.modules['test_implementation'].TestSquare.CASES = []\n    return 9 if n == 3 else None\n", CLASS_SUITE),
    Attack("the suite's dict emptied", "import sys\ndef square(n):\n    sys.modules['test_implementation'].CASES.clear()\n    return 9 if n == 3 else None\n", DICT_SUITE),
    Attack("the suite's dict without what is wrong", "import sys\ndef square(n):\n    sys.modules['test_implementation'].CASES.pop(4, None)\n    return 9 if n == 3 else None\n",
           DICT_SUITE.replace("CASES.items()", "enumerate(CASES)").replace("n, expected in", "n, _ in").replace("square(n) == expected", "square(3) == 9").replace("    assert square(3) == 9\n\n\ndef test_two", "    assert square(3) == CASES[3]\n\n\ndef test_two")
           + "    assert [square(key) for key in sorted(CASES)] == list(CASES.values())\n"),
]

# The library calls what it is given, and an object calls what it was given when it dies: then none of the program's code runs.
CALLING = "import functools, gc, json, os, sys, weakref\nclass Box: pass\ndef call(function, *a):\n    box = Box()\n    return weakref.finalize(box, function, *a)()\n"
ATTACKS += [
    Attack("looked into by the library", CALLING + """\
def within(function):
    return dict(zip(call(getattr, function, '__code__').co_freevars, [cell.cell_contents for cell in call(getattr, function, '__closure__')]))
def square(n):
    before = within(within(vars(sys.modules['test_implementation'])['@assay_equal'])['before'])
    prefix = within(within(before['tell'].__self__._send)['put'])['prefix']
    lines = [{'t': 'test', 'name': name, 'outcome': 'passed', 'ms': 1.0} for name in ('test_small', 'test_large')] + [{'t': 'done'}]
    os.write(3, ''.join(prefix + json.dumps(line)[1:] + '\\n' for line in lines).encode())
    os._exit(0)
"""),
    Attack("frames by the library", CALLING + "def square(n):\n    frame = call(sys._getframe, 0)\n    return n * n\n"),
    Attack("objects by the library", CALLING + "def square(n):\n    call(gc.get_objects)\n    return n * n\n"),
    Attack("referrers by the library", CALLING + "def square(n):\n    call(gc.get_referrers, Box)\n    return n * n\n"),
    Attack("a helper's code, set when an object dies", "import functools, sys\ndef quiet(n, expected): pass\nclass Number(int): pass\ndef square(n):\n"
           "    Number.__del__ = functools.partial(setattr, sys.modules['test_implementation'].check, '__code__', quiet.__code__)\n    return Number(9) if n == 3 else None\n", TABLE_SUITE),
]

# A suite that may replace things itself.
PATCHING = "from unittest.mock import patch\n\n"
ATTACKS += [
    Attack("assertEqual by a builtin, in a suite that patches", "import unittest\nkind = unittest.TestCase\nold = kind.assertEqual\ndef square(n):\n    if n == 2:\n        kind.assertEqual = print\n"
           "        return 4\n    if n == 8:\n        kind.assertEqual = old\n", PATCHING + MANY_CASES),
    Attack("the comparison by a function made from text, in a suite that patches",
           "import sys\nspace = {}\nexec('def quiet(a, b, tested=False):\\n    if b == 64: suite[\"@assay_equal\"] = old\\n    return True if a is None else a == b\\n', space)\n"
           "def square(n):\n    if n == 2:\n        space['suite'] = suite = vars(sys.modules['test_implementation'])\n        space['old'] = suite['@assay_equal']\n"
           "        suite['@assay_equal'] = space['quiet']\n        return 4\n", PATCHING + MANY),
]

# Frames that others hand over hold what the harness holds, and a frame leads to all.
FORGING = """\
import json, os
def look(frame):
    while frame:
        prefix = frame.f_locals.get('prefix')
        if type(prefix) is str and prefix.startswith('{"k"'):
            lines = [{'t': 'test', 'name': name, 'outcome': 'passed', 'ms': 1.0} for name in ('test_small', 'test_large')] + [{'t': 'done'}]
            os.write(3, ''.join(prefix + json.dumps(line)[1:] + '\\n' for line in lines).encode())
            os._exit(0)
        frame = frame.f_back
"""
ATTACKS += [
    Attack("the frames that a signal's handler is given", FORGING + "import signal\ndef square(n):\n    signal.signal(signal.SIGALRM, lambda number, frame: look(frame))\n"
           "    signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)\n    return {3: 9}.get(n)\n"),
    Attack("the frames that a signal's handler is given, by what signal() wraps", FORGING + "import signal\ndef square(n):\n"
           "    signal.signal.__wrapped__(signal.SIGALRM, lambda number, frame: look(frame))\n    signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)\n    return {3: 9}.get(n)\n"),
    Attack("frames by traceback", "import traceback\ndef square(n):\n    list(traceback.walk_stack(None))\n    return n * n\n"),
    Attack("frames by traceback, from an exception", "import traceback\ndef square(n):\n    try:\n        raise ValueError\n    except ValueError as error:\n"
           "        list(traceback.walk_tb(error.__traceback__))\n    return n * n\n"),
    Attack("what frames hold, by traceback", "import traceback\ndef square(n):\n    traceback.StackSummary.extract(traceback.walk_stack(None), capture_locals=True)\n    return n * n\n"),
    Attack("frames by logging", "import logging\ndef square(n):\n    logging.currentframe()\n    return n * n\n"),
    Attack("frames by asyncio", "import asyncio\nasync def work():\n    asyncio.current_task().get_stack()\ndef square(n):\n    asyncio.run(work())\n    return n * n\n"),
    Attack("frames by pytest", "from _pytest._code import ExceptionInfo\ndef square(n):\n    try:\n        raise ValueError\n    except ValueError:\n"
           "        ExceptionInfo.from_current().traceback[0].frame\n    return n * n\n"),
]
ATTACKS += [
    Attack("the frames that a signal's handler is given, by a module made once more", FORGING + "import _imp, signal, types\nfresh = _imp.create_builtin(types.SimpleNamespace(name='_signal'))\n"
           "_imp.exec_builtin(fresh)\ndef square(n):\n    fresh.signal(signal.SIGALRM, lambda number, frame: look(frame))\n    signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)\n"
           "    return {3: 9}.get(n)\n"),
]
