"""What must be the same after the tests as before the program was loaded.

Not a fence: code in the same process can in the end do what the process can (docs/integrity.md). It makes the
usual ways of turning a test green visible: a test function that is not the suite's, a framework function or a
builtin that was replaced and left so.
"""

import builtins
import sys
import types

# Modules whose functions and classes make a verdict.
WATCHED = (
    "_pytest.runner",
    "_pytest.python",
    "_pytest.unittest",
    "_pytest.skipping",
    "_pytest.outcomes",
    "_pytest.reports",
    "_pytest.python_api",
    "_pytest.raises",
    "_pytest.nodes",
    "_pytest.main",
    "_pytest.assertion",
    "_pytest.assertion.rewrite",
    "_pytest._code.code",
    "pluggy._hooks",
    "pluggy._callers",
    "pluggy._manager",
    "pytest",
)
WATCHED_UNITTEST = ("unittest.case", "unittest")
# Builtins that an honest suite or program may replace for good, because they only talk.
TALKING = {"print", "input", "open", "help", "exit", "quit", "breakpoint", "copyright", "credits", "license", "_",
           "__import__"}
MEMBERS = (types.FunctionType, property, staticmethod, classmethod)
CALLABLE = (types.FunctionType, types.BuiltinFunctionType, type)


class Snapshot:
    """Taken before pytest is prepared: what pytest itself patches from then on, it puts back at its end."""

    def __init__(self):
        kept = {name: value for name, value in vars(builtins).items() if name not in TALKING and callable(value)}
        self._namespaces = [("builtins", vars(builtins), kept)]
        self._codes = {}
        self.watch(WATCHED)

    def watch(self, names):
        """Those of the modules that are loaded."""
        for name in names:
            module = sys.modules.get(name)
            if module is not None:
                self._watch_module(name, module)

    def _watch_module(self, name, module):
        kept = {key: value for key, value in vars(module).items() if isinstance(value, CALLABLE)}
        self._namespaces.append((name, vars(module), kept))
        for key, value in kept.items():
            if isinstance(value, type) and value.__module__ == name:
                inner = {k: v for k, v in vars(value).items() if isinstance(v, MEMBERS)}
                self._namespaces.append((name + "." + key, vars(value), inner))
        for value in kept.values():
            if isinstance(value, types.FunctionType):
                self._codes[value] = value.__code__

    def changes(self):
        """Names of what was replaced, at most ten."""
        found = []
        for where, namespace, kept in self._namespaces:
            for name, value in kept.items():
                if namespace.get(name) is not value:
                    found.append(where + "." + name)
        for function, code in self._codes.items():
            if function.__code__ is not code:
                found.append(function.__module__ + "." + function.__name__)
        return found[:10]


def _function_of(value):
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    value = getattr(value, "__func__", value)
    return getattr(value, "__code__", None)


def _lookup(module, path):
    owner = module
    for part in path[:-1]:
        owner = getattr(owner, part)
    if isinstance(owner, type):
        for class_ in owner.__mro__:
            if path[-1] in vars(class_):
                return vars(class_)[path[-1]]
        return None
    return vars(owner).get(path[-1])


def is_the_suites(value, test, suite_module):
    """A decorated test is what the suite's decorators made of it: nothing to compare with."""
    if test.decorated:
        return True
    return _function_of(value) is suite_module.code_at(test.defined_at, test.first_line)


def replaced_tests(plan, suite_module):
    module = sys.modules.get(suite_module.name)
    found = []
    for test in plan.tests.values():
        try:
            value = _lookup(module, test.path)
        except Exception:
            value = None
        if not is_the_suites(value, test, suite_module):
            found.append(test.name)
    return found[:10]
