"""Canaries (canaries.py) for the fast path: the same forms, called as the suite's own tests are.

The server compiles each form once; a fork gives it a name and numbers of its own.
"""

import ast
import os
import types
from unittest import TestCase

from . import suite_module
from .canaries_forms import BEFORE_ALL, BEHIND_ALL, DIFFERENT, FAILED, FUNCTIONS, METHODS, PASSED, number, pick

__all__ = ("BEFORE_ALL", "BEHIND_ALL", "Canaries", "compile_forms")

PLACES = (111111111, 222222222)  # numbers of the compiled forms


def compile_forms():
    """{(arguments, must pass): [code]}"""
    made = {}
    for arguments, forms in (("", FUNCTIONS), ("self", METHODS)):
        for good in (False, True):
            texts = [("" if good else DIFFERENT) + form for form in forms]
            made[arguments, good] = [_compile("def canary(%s):\n    %s\n" % (arguments, text.format(*PLACES))) for text in texts]
    return made


def _compile(source):
    code = suite_module.compile_comparing(ast.parse(source), "canary")
    return next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _replaced(value, numbers):
    """The constant with numbers in place of PLACES: numbers, texts, tuples of them."""
    if type(value) in (int, float):
        return type(value)(numbers.get(int(value), int(value)) + value % 1)
    if type(value) is complex:
        return complex(0, _replaced(value.imag, numbers))
    if type(value) is bytes:
        return _replaced(value.decode(), numbers).encode()
    if type(value) is str:
        for place, number_ in numbers.items():
            value = value.replace(str(place), str(number_))
        return value
    if type(value) is tuple:
        return tuple(_replaced(part, numbers) for part in value)
    return value


class _Made:
    def __init__(self, good, arguments, forms, path):
        first = number()
        second = first if good else first + number()
        self.name = "test_" + os.urandom(6).hex()
        self.outcomes = PASSED if good else FAILED
        self.is_method = bool(arguments)
        code = pick(forms[arguments, good])
        constants = _replaced(code.co_consts, dict(zip(PLACES, (first, second))))
        self.code = code.replace(co_consts=constants, co_name=self.name, co_filename=path)


class Canaries:
    def __init__(self, forms, uses_unittest, path, make_case_call):
        self._make_case_call = make_case_call
        self._made = [_Made(good, "", forms, path) for good in (False, False, False, True)]
        if uses_unittest:
            self._made += [_Made(good, "self", forms, path) for good in (False, True)]
        self.table = {made.name: made.outcomes for made in self._made}
        self._turns = {}

    def settle(self, namespace, count):
        """Who comes when, as under pytest: behind a random one of `count` tests, and behind the last; the others first."""
        behind_random, behind_last, *first = [(made, types.FunctionType(made.code, namespace, made.name)) for made in self._made]
        self._turns = {BEFORE_ALL: first, BEHIND_ALL: [behind_last]}
        if count > 2:
            self._turns[number() % (count - 1)] = [behind_random]

    def run(self, turn, run_one):
        for made, function in self._turns.pop(turn, ()):
            run_one(made.name, self._method_call(made.name, function) if made.is_method else function)

    def _method_call(self, name, function):
        return self._make_case_call(type("Test", (TestCase,), {name: function}), name)
