"""Canaries (canaries.py) for the fast path: the same forms, called as the suite's own tests are.

The server compiles each form once; a fork gives it a name and numbers of its own.
"""

import ast
import types
from unittest import TestCase

from . import canaries_forms, suite_module
from .canaries_forms import BEFORE_ALL, BEHIND_ALL, number

__all__ = ("BEFORE_ALL", "BEHIND_ALL", "Canaries", "compile_forms")


def compile_forms():
    forms = canaries_forms.Forms(lambda source: suite_module.compile_comparing(ast.parse(source), "canary"))
    forms.compile_all()
    return forms


class Canaries:
    def __init__(self, forms, uses_unittest, path, make_case_call):
        self._make_case_call = make_case_call
        self._made = canaries_forms.make(uses_unittest)
        for made in self._made:
            made.compile(forms, path)
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
