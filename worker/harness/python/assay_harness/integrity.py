"""What must be the same after the tests as before the program was loaded.

Not a fence: code in the same process can in the end do what the process can (docs/integrity.md). It makes the
usual ways of turning a test green visible: a test function that is not the suite's, a framework function or a
builtin that was replaced and left so.
"""

import ast
import builtins
import sys
import types

# A suite may put others in their place for a while.
from builtins import any, getattr, id, len, list, set, zip

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
# By these a suite may bind its own names again.
REBINDING = {"setattr", "globals", "vars", "locals", "patch", "modules", "exec", "reload", "import_module", "__dict__", "setitem"}
ROWS_MAX = 500
TALKING = {"print", "input", "open", "help", "exit", "quit", "breakpoint", "copyright", "credits", "license", "_",
           "__import__"}
INTERNAL = {"_pytest", "pluggy", __name__.split(".")[0]}
# What Python and pytest themselves add to a class.
CACHES = {"__abstractmethods__", "_abc_impl", "__annotations__", "__annotations_cache__", "__doc__", "__static_attributes__", "__slotnames__",
          "_pytest_diamond_inheritance_warning_shown"}
_BUILTINS = frozenset(vars(builtins)) - {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__build_class__", "_"}
MEMBERS = (types.FunctionType, property, staticmethod, classmethod)
CALLABLE = (types.FunctionType, types.BuiltinFunctionType, type)


class Snapshot:
    """Taken before pytest is prepared: what pytest itself patches from then on, it puts back at its end."""

    def __init__(self):
        kept = {name: value for name, value in vars(builtins).items() if name not in TALKING and callable(value)}
        self._namespaces = [("builtins", vars(builtins), kept)]
        self._codes = {}
        self._sizes = []  # (where, namespace, its names, names that must not be added)
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

    def settle(self, accepts):
        """What was added until now stays, where accepts(value): pytest gives its classes some more when it starts."""
        for _, namespace, names, _ in self._sizes:
            names.update(name for name in namespace if name not in names and accepts(namespace[name]))

    def _watch_module(self, name, module):
        kept = {key: value for key, value in vars(module).items() if isinstance(value, CALLABLE)}
        self._namespaces.append((name, vars(module), kept))
        self._sizes.append((name, vars(module), set(vars(module)), _BUILTINS))
        for key, value in kept.items():
            if isinstance(value, type) and value.__module__ == name:
                inner = {k: v for k, v in vars(value).items() if isinstance(v, MEMBERS)}
                self._namespaces.append((name + "." + key, vars(value), inner))
                if not issubclass(value, BaseException):
                    self._sizes.append((name + "." + key, vars(value), set(vars(value)), _Hiding(value)))
        for value in kept.values():
            if isinstance(value, types.FunctionType):
                self._codes[value] = value.__code__

    def changes(self, counts=lambda value: True, added_counts=lambda value: True):
        """Names of what was replaced, at most ten. counts(value): whether the new value does; added_counts(value): whether
        one does that was added and hides another."""
        found = [name for name, module in self._modules.items() if sys.modules.get(name) is not module]
        for where, namespace, kept in self._namespaces:
            for name, value in kept.items():
                if namespace.get(name) is not value and counts(namespace.get(name)):
                    found.append(where + "." + name)
        for function, code in self._codes.items():
            if function.__code__ is not code:
                found.append(function.__module__ + "." + function.__name__)
        for where, namespace, names, hiding in self._sizes:
            if len(namespace) != len(names):
                found += [where + "." + name for name in namespace if name not in names and name in hiding and added_counts(namespace[name])]
        return found[:10]


class _Hiding:
    """Names that hide something when they are added to a class. Of pytest's classes any: what their objects hold is
    not written down in the class."""

    def __init__(self, class_):
        self._class = class_
        self._internal = class_.__module__.split(".")[0] in INTERNAL

    def __contains__(self, name):
        if name in CACHES:
            return False
        return self._internal or any(name in vars(base) for base in self._class.__mro__[1:])


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

    def __init__(self, module, tree, is_trusted):
        self._names = vars(module)
        self._kept = {name: self._names[name] for name in _written_once(tree) if name in self._names}
        for name, value in self._names.items():
            function = getattr(value, "__func__", value)
            of_suite = isinstance(function, types.FunctionType) and is_trusted(function.__code__.co_filename)
            if of_suite or isinstance(value, type) and value.__module__ == module.__name__ or name.startswith("@"):
                self._kept[name] = value
        self._members = []  # (class name, namespace, its functions, its names)
        for name, value in self._kept.items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                functions = {key: member for key, member in vars(value).items() if isinstance(member, MEMBERS)}
                self._members.append((name, vars(value), functions, set(vars(value))))
        self._builtins = {name for name in vars(builtins) if name not in self._names and not name.startswith("__")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    self._kept.pop(name, None)
                    self._builtins.discard(name)
        self._tables = {name: _elements(self._names[name]) for name in _iterated_tables(tree) if name in self._names}

    def changes(self, counts=lambda value: True):
        """Names of what was replaced, at most ten. counts(value): whether the new value does."""
        found = [name for name, value in self._kept.items() if self._names.get(name) is not value and counts(self._names.get(name))]
        found += [name for name in self._builtins if name in self._names and counts(self._names[name])]
        for name, members, functions, known in self._members:
            found += [name + "." + key for key, member in functions.items() if members.get(key) is not member and counts(members.get(key))]
            if len(members) != len(known):
                found += [name + "." + key for key in members if key not in known and hasattr(object, key) and counts(members[key])]
        for name, elements in self._tables.items():
            now = _elements(self._names.get(name, ()))
            if len(now) != len(elements) or any(left is not right for left, right in zip(now, elements)):
                found.append(name)
        return found[:10]


def _elements(table):
    """Of a table the rows, and of rows that are tuples the fields: what cannot change but by another taking its place."""
    if type(table) not in (list, tuple):
        return [table]
    found = []
    for row in table[:ROWS_MAX]:
        found.append(row)
        if type(row) is tuple:
            found += row
    return found


def _written_once(tree):
    """Names that the module binds once, by a plain assignment, and that nothing in its text can bind again."""
    identifiers = {node.id if isinstance(node, ast.Name) else node.attr for node in ast.walk(tree) if isinstance(node, (ast.Name, ast.Attribute))}
    if identifiers & REBINDING:
        return set()
    assigned = [target.id for statement in tree.body if isinstance(statement, ast.Assign) for target in statement.targets if isinstance(target, ast.Name)]
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    globals_ = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    return {name for name in assigned if bound.count(name) == 1 and name not in globals_}


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
