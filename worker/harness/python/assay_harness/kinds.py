"""pytest asks of each test, and of each fixture, what kind of function it is, through several functions and up to three times, and what arguments
it has, by the way that is right for whatever can be called. Both stand in the function's code, which nobody can change; who asks here tells no
audit hook that the code is looked at."""

import importlib
import inspect
import types

_SPECIAL = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_OPEN = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
ASKING = ("_pytest.python", "_pytest.fixtures", "_pytest.unittest")
# What pytest itself writes on a function, and has no part in its arguments.
_OF_PYTEST = frozenset(("pytestmark", "_pytestfixturefunction", "__pytest_wrapped__"))


def know(code_of):
    """In a server, before anything is compared. code_of: interpreter.Interpreter's. Nothing where this version of pytest has it otherwise."""
    from _pytest import compat

    made = {name: make(getattr(compat, name), code_of) for name, make in (("is_generator", _is_generator), ("is_async_function", _is_async)) if hasattr(compat, name)}
    for module in map(importlib.import_module, ASKING):
        for name, function in made.items():
            if getattr(module, name, None) is getattr(compat, name):
                setattr(module, name, function)
    if getattr(compat, "signature", None) is inspect.signature:
        compat.signature = _signature(inspect.signature, code_of)


def _make_is_plain(code_of):
    method_type = types.MethodType

    def is_plain(function):
        code = code_of(function.__func__ if type(function) is method_type else function)
        return code is not None and not code.co_flags & _SPECIAL

    return is_plain


def _is_generator(original, code_of):
    is_plain = _make_is_plain(code_of)

    def is_generator(func):
        return False if is_plain(func) else original(func)

    return is_generator


def _is_async(original, code_of):
    is_plain = _make_is_plain(code_of)

    def is_async_function(func):
        return getattr(func, "_is_coroutine", False) or False if is_plain(func) else original(func)

    return is_async_function


class _Parameter:
    """What pytest looks at of inspect.Parameter."""

    __slots__ = ("name", "kind", "default")

    def __init__(self, name, kind, default):
        self.name, self.kind, self.default = name, kind, default


class _Signature:
    __slots__ = ("parameters", "_whole")

    def __init__(self, parameters, whole):
        self.parameters, self._whole = parameters, whole

    def __str__(self):
        return str(self._whole())


def _signature(original, code_of):
    method_type, empty, kind = types.MethodType, inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD

    def signature(obj, **options):
        function, bound = (obj.__func__, 1) if type(obj) is method_type else (obj, 0)
        code = code_of(function)
        if options or code is None or code.co_flags & _OPEN or code.co_posonlyargcount or code.co_kwonlyargcount or code.co_argcount < bound:
            return original(obj, **options)
        if not _OF_PYTEST.issuperset(vars(function)):  # as __wrapped__, or a signature of its own
            return original(obj)
        names, defaults = code.co_varnames[: code.co_argcount], function.__defaults__ or ()
        values = (empty,) * (len(names) - len(defaults)) + defaults
        found = {name: _Parameter(name, kind, value) for name, value in zip(names[bound:], values[bound:])}
        return _Signature(found, lambda: original(obj))

    return signature
