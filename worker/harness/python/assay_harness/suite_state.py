"""What the suite brought along beside its own module, as it is before the tests run: the functions of its helper files, and
what pytest made of its tests."""

import ast
import operator
import sys
import types

# A suite may put others in their place for a while.
from builtins import all, any, frozenset, getattr, id, len, list, map, type, vars, zip

from .files import TRUSTED

_is, _function_of = operator.is_, operator.attrgetter("func")


class Helpers:
    """Modules from `test_files`: a function that the file defines is the one that its module holds."""

    def __init__(self, files):
        self._files = files
        self._kept = {}  # (module name, function name) -> (namespace, function)
        self._wrong = []

    def watch_loaded(self):
        if not any(path.endswith(".py") and path != self._files.suite for path in self._files.trusted):
            return
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path != self._files.suite and self._files.owner(path) == TRUSTED:
                self._watch(name, vars(module), path)

    def _watch(self, module_name, namespace, path):
        for name, line in _functions_of(path):
            value = namespace.get(name)
            code = getattr(value, "__code__", None)
            if code is None or code.co_filename != path or code.co_firstlineno != line:
                self._wrong.append("%s.%s" % (module_name, name))
            elif isinstance(value, types.FunctionType):
                self._kept[module_name, name] = (namespace, value)

    def changes(self):
        """Names of what was replaced."""
        found = ["%s.%s" % key for key, (namespace, value) in self._kept.items() if namespace.get(key[1]) is not value]
        return (self._wrong + found)[:10]


def _functions_of(path):
    """(name, line) of the undecorated functions that a file defines once at module level and binds to nothing else."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    bound = [name for node in ast.walk(tree) for name in _bindings(node)]
    return [(part.name, part.lineno) for part in tree.body
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) and not part.decorator_list and bound.count(part.name) == 1]


def _bindings(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).split(".")[0]]
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    return node.names if isinstance(node, ast.Global) else []


class Tests:
    """The collected items and the fixtures: what pytest runs them by."""

    def __init__(self, session, may_mark):
        self._may_mark = may_mark
        self._methods = {}  # class of items -> the names of its functions
        self._items = {id(item): (item, self._of(item)) for item in session.items}
        manager = getattr(session, "_fixturemanager", None)
        self._fixtures = [found for named in manager._arg2fixturedefs.values() for found in named] if manager else []
        self._functions = list(map(_function_of, self._fixtures))

    def _of(self, item):
        callspec = getattr(item, "callspec", None)
        parameters = list(callspec.params.values()) if callspec is not None else []
        others = [] if self._may_mark else [self._hides(item), *item.own_markers]
        return [type(item), getattr(item, "_fixtureinfo", None), callspec] + parameters + others

    def _hides(self, item):
        """Whether something of its own stands in the place of a function of its class, as of the one that runs it."""
        class_ = type(item)
        if class_ not in self._methods:
            self._methods[class_] = frozenset(name for base in class_.__mro__ for name, value in vars(base).items() if type(value) is types.FunctionType)
        return not self._methods[class_].isdisjoint(vars(item))

    def changed(self, item):
        known = self._items.get(id(item))
        if known is not None:
            if type(item) is not known[1][0]:
                return True
            now = self._of(item)
            if len(now) != len(known[1]) or any(left is not right for left, right in zip(now, known[1])):
                return True
        return not all(map(_is, map(_function_of, self._fixtures), self._functions))
