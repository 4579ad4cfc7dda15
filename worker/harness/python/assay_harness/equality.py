"""Objects that claim to be equal to whatever they are compared with.

What the suite's assertions found equal is compared once more, with an object that nothing can know.
"""

import types

from .files import PROGRAM

PLAIN = {int, float, complex, bool, str, bytes, type(None)}
CONTAINERS = {list, tuple, set, frozenset}
VALUES_MAX = 1000
DEPTH_MAX = 5
UNITTEST_METHODS = (
    "assertEqual",
    "assertAlmostEqual",
    "assertSequenceEqual",
    "assertListEqual",
    "assertTupleEqual",
    "assertSetEqual",
    "assertDictEqual",
    "assertMultiLineEqual",
    "assertCountEqual",
)


class _Unknown:
    """Equal to itself alone."""


def make_prober(files, mocks_allowed, tell):
    """probe(value): tells when the value, or one that it holds, is equal to everything. Mocks are the suite's
    business where its text mentions them."""
    owner = files.owner

    def lies(value):
        equal = getattr(type(value), "__eq__", None)
        code = getattr(equal, "__code__", None)
        if code is not None and owner(code.co_filename) == PROGRAM:
            suspect = True
        else:
            suspect = type(value).__module__ == "unittest.mock" and not mocks_allowed
        if not suspect:
            return False
        try:
            return (value == _Unknown()) is True
        except Exception:
            return False

    def probe(value, depth=0):
        kind = type(value)
        if kind in PLAIN or depth > DEPTH_MAX:
            return
        if kind is dict:
            value = list(value.values())[:VALUES_MAX]
        elif kind not in CONTAINERS:
            if lies(value):
                tell("an object of the program's class %s is equal to everything" % kind.__name__)
            return
        for count, part in enumerate(value):
            if count >= VALUES_MAX:
                return
            probe(part, depth + 1)

    return probe


def make_equal(probe):
    """What `left == right` in the suite's assertions is compiled to."""

    def equal(left, right):
        result = left == right
        if result is True:
            if type(left) not in PLAIN:
                probe(left)
            if type(right) not in PLAIN:
                probe(right)
        return result

    return equal


def watch_unittest(test_case, probe):
    """Lets the methods of TestCase that compare for equality probe what they found equal."""

    def wrap(original):
        def method(self, first, second, *rest, **options):
            original(self, first, second, *rest, **options)
            probe(first)
            probe(second)

        method.__name__, method.__qualname__, method.__doc__ = original.__name__, original.__qualname__, original.__doc__
        return method

    for name in UNITTEST_METHODS:
        original = vars(test_case).get(name)
        if isinstance(original, types.FunctionType):
            setattr(test_case, name, wrap(original))
