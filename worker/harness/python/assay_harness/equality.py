"""Objects that claim to be equal to whatever they are compared with.

What the suite found equal, or found in something, is compared once more, with objects that nothing can know.
"""

import collections
import itertools
import os
import sys
import types

# A program may put others in their place for a while.
from builtins import (
    all, any, bool, bytes, complex, dict, float, frozenset, getattr, hasattr, int, isinstance, issubclass, list, next, range, set,
    str, tuple, type, vars, zip,
)

from .files import PROGRAM

PLAIN = {int, float, complex, bool, str, bytes, type(None)}
CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque)
VALUES_MAX = 1000
DEPTH_MAX = 5
SAMPLES = 40  # what is equal to so many values of a type that nobody knows is equal to all of them
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
    "assertIn",
)


class _Unknown:
    """Equal to itself alone."""


def _number():
    return int.from_bytes(os.urandom(7), "big") + 1


def _bytes():
    return os.urandom(8 + _number() % 50)


def _list():
    return [_Unknown()] * (1 + _number() % 50)


# Values that nobody knows, of the types that suites compare with, and of any length: some classes compare by that.
UNKNOWN = (
    _number,
    lambda: _number() / 3,
    lambda: _bytes().hex(),
    _bytes,
    _list,
    lambda: tuple(_list()),
    lambda: dict.fromkeys(_bytes(), _Unknown()),
)


def make_prober(files, mocks_allowed, tell):
    """probe(value): tells when the value, or one that it holds, is equal to everything. Mocks are the suite's
    business where its text mentions them."""
    owner, is_absolute, modules = files.owner, os.path.isabs, sys.modules

    def lies(value):
        kind = type(value)
        if kind.__module__ == "unittest.mock" and mocks_allowed:
            return False
        if kind.__module__ != "unittest.mock" and not any(is_doubtful(kind, name) for name in ("__eq__", "__ne__")):
            return False
        return is_equal(value, _Unknown()) or any(all(is_equal(value, make()) for _ in range(SAMPLES)) for make in UNKNOWN)

    def is_equal(value, unknown):
        try:
            result = value == unknown
            return bool(result) and all(elements_of(result)) or not value != unknown
        except Exception:
            return False

    def elements_of(result):
        """A comparison of arrays gives one: not empty, but full of what is not equal."""
        return parts_of(result, type(result)) or ([] if not hasattr(type(result), "__iter__") else list(itertools.islice(result, VALUES_MAX)))

    def is_doubtful(kind, name):
        """Neither of a type of the interpreter or an extension, nor written in a file of the suite or the machine."""
        method = getattr(kind, name, None)
        if type(method) is types.WrapperDescriptorType:
            return method.__name__ != name
        if type(method) is not types.FunctionType or is_programs(kind):
            return True
        filename = method.__code__.co_filename
        return not is_absolute(filename) or owner(filename) == PROGRAM

    def is_programs(kind):
        filename = getattr(modules.get(kind.__module__), "__file__", None)
        return isinstance(filename, str) and owner(filename) == PROGRAM

    def probe(value, depth=0):
        kind = type(value)
        if kind in PLAIN or depth > DEPTH_MAX:
            return
        if kind not in CONTAINERS and lies(value):
            tell("an object of the program's class %s is equal to everything" % kind.__name__)
            return
        for part in parts_of(value, kind):
            probe(part, depth + 1)

    def parts_of(value, kind):
        """At most VALUES_MAX, by the methods of the type itself: one that is derived from it may have its own."""
        base = next((base for base in CONTAINERS if issubclass(kind, base)), None)
        if base is None:
            return []
        found = dict.values(value) if base is dict else base.__iter__(value)
        return [part for part, _ in zip(found, range(VALUES_MAX))]

    return probe


def make_comparisons(probe, names, before=lambda: None):
    """What `==`, `!=` and `in` in the suite's text are compiled to: name -> function. tested: nothing is done with the result
    but to ask whether it is true. before(): called before each, when what the program was asked for has been given, and may have
    been given together with a change."""
    plain = frozenset(PLAIN)

    def look(left, right):
        for value in (left, right):
            if type(value) not in plain:
                probe(value)

    def may_say(result, truth):
        """A plain yes (or no), or an object that says it when it is asked. Others are there to be used: an array, a query."""
        return (type(result) in plain and bool(result) is truth) or hasattr(type(result), "__bool__")

    def is_truth(result, truth):
        try:
            return bool(result) is truth
        except Exception:
            return False

    def equal(left, right, tested=False):
        before()
        result = left == right
        if result is not False and (may_say(result, True) or tested and is_truth(result, True)):
            look(left, right)
        return result

    def unequal(left, right, tested=False):
        before()
        result = left != right
        if result is not True and (may_say(result, False) or tested and is_truth(result, False)):
            look(left, right)
        return result

    def contained(left, right, tested=False):
        before()
        result = left in right
        if result:
            look(left, right)
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
