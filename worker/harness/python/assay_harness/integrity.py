"""What must be the same after the tests as before the program was loaded.

Not a fence: code in the same process can in the end do what the process can (docs/integrity.md). It makes the
usual ways of turning a test green visible: a test function that is not the suite's, a framework function or a
builtin that was replaced and left so.
"""

import ast
import builtins
import sys
import types

from .files import PROGRAM

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
# Modules by which suites judge, watched where the suite imports them.
JUDGING = {"math", "cmath", "statistics", "operator", "functools", "itertools", "collections", "json", "re", "decimal",
           "fractions", "copy", "difflib", "numbers", "string", "unittest.mock"}
# Hooks by which pytest runs a test and tells of it.
DECIDING = ("pytest_runtest_protocol", "pytest_runtest_call", "pytest_pyfunc_call", "pytest_runtest_makereport",
            "pytest_runtest_logreport", "pytest_runtest_logfinish")
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
        self._modules = {}
        self.watch(WATCHED)
        self.watch([name for name in list(sys.modules) if name.split(".")[0] == __name__.split(".")[0]], in_place=False)

    def watch(self, names, in_place=True):
        """Those of the modules that are loaded. in_place: they must stay in sys.modules too."""
        for name in names:
            module = sys.modules.get(name)
            if module is not None:
                self._watch_module(name, module)
                if in_place:
                    self._modules[name] = module

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

    def changes(self, counts=lambda value: True):
        """Names of what was replaced, at most ten. counts(value): whether the new value does."""
        found = [name for name, module in self._modules.items() if sys.modules.get(name) is not module]
        for where, namespace, kept in self._namespaces:
            for name, value in kept.items():
                if namespace.get(name) is not value and counts(namespace.get(name)):
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


class Plugins:
    """pytest's plugins and hooks, as they are before the program is loaded."""

    def __init__(self, manager):
        self._manager = manager
        self._state = self._now()

    def _now(self):
        manager = self._manager
        hooks = [[id(implementation.function) for implementation in getattr(manager.hook, name).get_hookimpls()] for name in DECIDING]
        return hooks, len(manager.get_plugins()), manager._inner_hookexec, vars(manager).get("_hookexec")

    def changed(self):
        return self._now() != self._state


class SuiteNames:
    """What the suite's module holds when it has been imported: its own functions and classes stay what they are, and
    none of its names hides a builtin that the suite itself does not hide."""

    def __init__(self, module, code, tree):
        self._names = vars(module)
        self._kept = {}
        for name, value in self._names.items():
            function = getattr(value, "__func__", value)
            of_suite = isinstance(function, types.FunctionType) and function.__code__.co_filename == code.co_filename
            if of_suite or isinstance(value, type) and value.__module__ == module.__name__ or name.startswith("@"):
                self._kept[name] = value
        self._builtins = {name for name in vars(builtins) if name not in self._names and not name.startswith("__")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    self._kept.pop(name, None)
                    self._builtins.discard(name)
        self._tables = {name: len(self._names[name]) for name in _iterated_tables(tree) if name in self._names}

    def changes(self, counts=lambda value: True):
        """Names of what was replaced, at most ten. counts(value): whether the new value does."""
        found = [name for name, value in self._kept.items() if self._names.get(name) is not value and counts(self._names.get(name))]
        found += [name for name in self._builtins if name in self._names and counts(self._names[name])]
        for name, size in self._tables.items():
            try:
                same = len(self._names[name]) == size
            except Exception:
                same = False
            if not same:
                found.append(name)
        return found[:10]


def _iterated_tables(tree):
    """Names of module-level lists and tuples that the suite does nothing with but go through them."""
    tables = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, (ast.List, ast.Tuple)):
            tables.update(target.id for target in statement.targets if isinstance(target, ast.Name))
    iterated = {id(node.iter) for node in ast.walk(tree) if isinstance(node, (ast.For, ast.comprehension))}
    stored = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in tables:
            if isinstance(node.ctx, ast.Store):
                stored[node.id] = stored.get(node.id, 0) + 1
            elif id(node) not in iterated:
                tables.discard(node.id)
    return {name for name in tables if stored.get(name) == 1}


def code_of(value):
    """The code object that a function, method or the like runs, or None."""
    if isinstance(value, property):
        value = value.fget
    return _function_of(value)


def stands_below_program(files, frame):
    """True when code of the program is on this stack."""
    while frame is not None:
        if files.owner(frame.f_code.co_filename) == PROGRAM:
            return True
        frame = frame.f_back
    return False


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
