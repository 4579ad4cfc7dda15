"""pytest asks of each test, and of each fixture that it calls, what kind of function it is, through several functions and up to three times. It is in the
code's flags, which nobody can change; who asks here tells no audit hook that the code is looked at."""

import importlib
import inspect
import types

_SPECIAL = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
ASKING = ("_pytest.python", "_pytest.fixtures", "_pytest.unittest")


def know(code_of):
    """In a server, before anything is compared. code_of: interpreter.Interpreter's. Nothing where this version of pytest has it otherwise."""
    from _pytest import compat

    made = {name: make(getattr(compat, name), code_of) for name, make in (("is_generator", _is_generator), ("is_async_function", _is_async)) if hasattr(compat, name)}
    for module in map(importlib.import_module, ASKING):
        for name, function in made.items():
            if getattr(module, name, None) is getattr(compat, name):
                setattr(module, name, function)


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
