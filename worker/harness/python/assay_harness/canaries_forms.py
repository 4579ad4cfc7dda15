"""The texts of the canaries, what chance decides of them, and how they are compiled once for many tasks."""

import os
import types

BEFORE_ALL, BEHIND_ALL = "before all", "behind all"
FAILED, PASSED = ("failed", "error"), ("passed",)
# {0} and {1} are the same number in a test that must pass, different ones in a test that must fail.
FUNCTIONS = ("assert {0} == {1}", "assert [{0}] == [{1}]", "assert '{0}' == '{1}'", "value = {0}\n    assert value in ({1}, None)",
             "assert not {0} != {1}", "if {0} != {1}:\n        raise AssertionError('{1}')")
METHODS = ("self.assertEqual({0}, {1})", "self.assertTrue({0} == {1})", "assert {0} == {1}")


# Before a form that must fail: it passes when values of some plain type are equal that are not.
DIFFERENT = ("if {0}.5 == {1}.5 or '{0}' == '{1}' or b'{0}' == b'{1}' or {0}j == {1}j or ({0},) == ({1},):\n        return\n    ")
PLACES = (111111111, 222222222)  # numbers of the compiled forms
_PLACES = tuple(str(place) for place in PLACES)


def pick(forms):
    return forms[os.urandom(1)[0] % len(forms)]


def number():
    return int.from_bytes(os.urandom(4), "big") + 1


class Form:
    """A form, compiled as a module that defines the function `canary`, and which of that function's constants hold PLACES."""

    def __init__(self, module_code):
        self.module_code = module_code
        self.code = next(constant for constant in module_code.co_consts if isinstance(constant, types.CodeType))
        self._places = [(at, value) for at, value in enumerate(self.code.co_consts) if _replaced(value, (0, 0)) != value]

    def with_numbers(self, numbers, name, path):
        constants = list(self.code.co_consts)
        for at, value in self._places:
            constants[at] = _replaced(value, numbers)
        return self.code.replace(co_consts=tuple(constants), co_name=name, co_filename=path)


class Forms:
    """pick(arguments, good): one of them. compile_text(source) -> code."""

    def __init__(self, compile_text):
        self._compile_text = compile_text
        self._made = {}

    def compile_all(self):
        for arguments, good in (("", False), ("", True), ("self", False), ("self", True)):
            for form in _texts(arguments):
                self._form(arguments, good, form)

    def pick(self, arguments, good):
        return self._form(arguments, good, pick(_texts(arguments)))

    def _form(self, arguments, good, form):
        made = self._made.get((arguments, good, form))
        if made is None:
            text = ("" if good else DIFFERENT) + form
            made = self._made[arguments, good, form] = Form(self._compile_text("def canary(%s):\n    %s\n" % (arguments, text.format(*PLACES))))
        return made


def _texts(arguments):
    return METHODS if arguments else FUNCTIONS


class Made:
    """One canary: its name, the outcomes it may have, and, once it is compiled, its code with numbers of its own."""

    def __init__(self, good, arguments):
        self.name = "test_" + os.urandom(6).hex()
        self.outcomes = PASSED if good else FAILED
        self.is_method = bool(arguments)
        self._kind = arguments, good
        self.module_code = self.code = None

    def compile(self, forms, path):
        first = number()
        second = first if self._kind[1] else first + number()
        form = forms.pick(*self._kind)
        self.module_code, self.code = form.module_code, form.with_numbers((first, second), self.name, path)


def make(uses_unittest):
    made = [Made(good, "") for good in (False, False, False, True)]
    return made + [Made(good, "self") for good in (False, True)] if uses_unittest else made


def _replaced(value, numbers):
    """The constant with numbers in place of PLACES: numbers, texts, tuples of them."""
    if type(value) in (int, float):
        whole = int(value)
        return numbers[PLACES.index(whole)] + type(value)(value - whole) if whole in PLACES else value
    if type(value) is complex:
        return complex(0, _replaced(value.imag, numbers))
    if type(value) is bytes:
        return _replaced(value.decode(), numbers).encode()
    if type(value) is str:
        place = 0 if _PLACES[0] in value else 1
        return value.replace(_PLACES[place], str(numbers[place]))
    if type(value) is tuple:
        return tuple(_replaced(part, numbers) for part in value)
    return value
