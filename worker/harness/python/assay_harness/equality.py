"""Objects that claim to be equal to whatever they are compared with.

What the suite found equal, or found in something, is compared once more, with an object that nothing can know.
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
        kind = type(value)
        if not any(of_program(kind, name) for name in ("__eq__", "__ne__")):
            if kind.__module__ != "unittest.mock" or mocks_allowed:
                return False
        try:
            return bool(value == _Unknown()) or not value != _Unknown()
        except Exception:
            return False

    def of_program(kind, name):
        code = getattr(getattr(kind, name, None), "__code__", None)
        return code is not None and owner(code.co_filename) == PROGRAM

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


def make_comparisons(probe, names):
    """What `==`, `!=` and `in` in the suite's text are compiled to: name -> function."""
    plain = frozenset(PLAIN)

    def look(left, right):
        for value in (left, right):
            if type(value) not in plain:
                probe(value)

    def says_yes(result):
        """A plain yes, or an object of the program's that says yes when it is asked."""
        return result is True or (type(result) in plain and bool(result)) or "__bool__" in vars(type(result))

    def says_no(result):
        return result is False or (type(result) in plain and not result) or "__bool__" in vars(type(result))

    def equal(left, right):
        result = left == right
        if result is not False and says_yes(result):
            look(left, right)
        return result

    def unequal(left, right):
        result = left != right
        if result is not True and says_no(result):
            look(left, right)
        return result

    def contained(left, right):
        result = left in right
        if result:
            look(left, None)
        return result

    return dict(zip(names.values(), (equal, unequal, contained)))


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
