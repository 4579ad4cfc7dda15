"""What makes verdicts, as it was before the program was loaded: functions, classes and builtins that must be the same
afterwards.

A comparison is made before each line of the report, so it is cheap as long as nothing has changed: one look-up of all names
of a namespace, and one pass over what it found.
"""

import builtins
import itertools
import operator
import re
import sys
import types

# A suite may put others in their place for a while.
from builtins import all, any, callable, dict, getattr, isinstance, issubclass, len, list, map, set, str, tuple, type, vars

from . import words as watching
from .facts import SETTINGS

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
    "_pytest.mark.structures",
    "pluggy._hooks",
    "pluggy._callers",
    "pluggy._manager",
    "pytest",
    "re",
)
# What a suite calls of pytest when no session of pytest runs it.
WATCHED_CALLED = ("_pytest.outcomes", "_pytest.python_api", "_pytest.raises", "_pytest._code.code", "_pytest.recwarn", "pytest", "re")
# Of those: what runs in the middle of a comparison, or behind one.
CALLED_IN_COMPARISONS = ("_pytest.python_api", "_pytest.raises")
WATCHED_UNITTEST = ("unittest.case", "unittest", "re")
# Modules by which suites judge, watched where the suite imports them.
JUDGING = {"math", "cmath", "statistics", "operator", "functools", "itertools", "collections", "json", "re", "decimal",
           "fractions", "copy", "difflib", "numbers", "string", "unittest.mock"}
# Builtins that an honest suite or program may replace for good, because they only talk.
TALKING = {"print", "input", "open", "help", "exit", "quit", "breakpoint", "copyright", "credits", "license", "_",
           "__import__"}
INTERNAL = {"_pytest", "pluggy", __name__.split(".")[0]}
# What Python and pytest themselves add to a class.
CACHES = {"__abstractmethods__", "_abc_impl", "__annotations__", "__annotations_cache__", "__doc__", "__static_attributes__", "__slotnames__",
          "_pytest_diamond_inheritance_warning_shown"}
NAMES_TO_COME = 4
# Nobody else than a suite that says so changes them for a while.
LEFT_ALONE = ("unittest", "unittest.case", "_pytest.outcomes", "_pytest.python_api", "_pytest.raises", *sorted(JUDGING - {"unittest.mock"}))
# Tables of a module by which its functions do their work.
TABLES = {"copy": ("_copy_dispatch", "_deepcopy_dispatch"), "re": ("_cache", "_cache2")}
_BUILTINS = frozenset(vars(builtins)) - {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__build_class__", "_"}
MEMBERS = (types.FunctionType, property, staticmethod, classmethod)
CALLABLE = (types.FunctionType, types.BuiltinFunctionType, type)
_is = operator.is_
# Of a class, whatever its own class makes of these names.
_mro_of, _names_of = type.__dict__["__mro__"].__get__, type.__dict__["__dict__"].__get__
_HARMLESS = frozenset((object, str, bytes, int, float, tuple, type(None)))


def holds_text(namespace):
    """Whether all keys are plain text; without asking them anything."""
    return all(map(_is, map(type, list(namespace)), itertools.repeat(str)))


def is_harmless(key):
    """Whether who looks another name up runs nothing of the program's by this key: it is hashed and compared as Python does it."""
    class_ = type(key)
    for name in ("__eq__", "__hash__"):
        for base in _mro_of(class_):
            names = _names_of(base)
            if not holds_text(names):
                return False
            if name in names:
                if base not in _HARMLESS:
                    return False
                break
    return True


def _any(_value):
    return True


class Kept:
    """Some names of a namespace and what they were bound to."""

    __slots__ = ("where", "namespace", "values", "keys", "_look_up", "_watch")

    def __init__(self, where, namespace, values):
        self.where, self.namespace, self.values, self._watch = where, namespace, values, None
        names = tuple(values)
        # Of one name alone itemgetter gives the value and no tuple.
        self._look_up = operator.itemgetter(*names, names[0]) if names else None
        self.know_keys()

    def know_keys(self):
        """`keys` are those that are there now, if they are text; else None. The list is never changed."""
        keys = list(self.namespace)
        self.keys = keys if holds_text(keys) else None

    def same_keys(self):
        """Whether they are the very objects that they were."""
        keys, known = list(self.namespace), self.keys
        return known is not None and len(keys) == len(known) and all(map(_is, keys, known))

    def other_keys(self):
        """Whether some are no plain text, also of a class. Whoever looks a name up asks them whether they are equal, and they may do what
        they like."""
        return not (self.same_keys() or holds_text(self.namespace))

    def same(self):
        return not self.other_keys() and self.same_values()

    def same_values(self):
        if self._look_up is None:
            return True
        try:
            found = self._look_up(self.namespace)
        except KeyError:
            return False
        return all(map(_is, found, self.values.values()))

    def know_version(self, words):
        """What is in the namespace now is what must be in it. words: words.Words or None."""
        self._watch = watching.Watch(words, [words.of_namespace(self.namespace)]) if words is not None else None

    def changed(self):
        """[(name, its new value or None)]"""
        if self._watch is not None and not self._watch.differing() or self.same():
            return []
        if self.other_keys():
            return [(self.where + " by what is no text", None)]
        now = self.namespace
        return [(self.where + "." + name, now.get(name)) for name, value in self.values.items() if now.get(name) is not value]


class PutBack:
    """Whether something of a namespace that has another version, and holds what it held, was replaced and put back."""

    __slots__ = ("namespace", "keys", "may_come")

    def __init__(self, namespace):
        self.namespace, self.keys, self.may_come = namespace, list(namespace), NAMES_TO_COME

    def happened(self):
        """Or was some name added, of a module that was loaded, a registry of warnings, a fixture? There are few of these."""
        keys, known = list(self.namespace), self.keys
        added = len(keys) - len(known)
        self.keys, self.may_come = keys, self.may_come - max(added, 0)
        return added <= 0 or self.may_come < 0 or not all(map(_is, keys, known))


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


class _Space:
    """A namespace: names that must stay what they are, and those that must not be added. `names` are all that it has: a list, of which there is
    one in memory with Kept's."""

    __slots__ = ("kept", "names", "hiding", "put_back", "of_framework")

    def __init__(self, kept, hiding=None, left_alone=False, of_framework=False):
        self.kept, self.hiding = kept, hiding
        self.of_framework = of_framework
        self.put_back = PutBack(kept.namespace) if left_alone else None
        self.names = (kept.keys or list(kept.namespace)) if hiding is not None else None

    def address(self, words):
        return words.of_namespace(self.kept.namespace)

    def same(self):
        kept = self.kept
        if kept.same_keys():
            return kept.same_values()
        return kept.same() and (self.names is None or kept.namespace.keys() == set(self.names))

    def changes(self, counts, added_counts):
        """No suite puts anything in the place of a part of its framework but what is its own."""
        kept = self.kept
        if kept.other_keys():
            return [name for name, _ in kept.changed()]
        found = [name for name, value in kept.changed() if counts(value) or self.of_framework and added_counts(value)]
        if self.names is not None:
            known = set(self.names)
            found += [kept.where + "." + name for name, value in kept.namespace.items()
                      if name not in known and name in self.hiding and added_counts(value)]
        return found


class _Code:
    """A function's code."""

    __slots__ = ("function", "code")

    def __init__(self, function):
        self.function, self.code = function, function.__code__

    def address(self, words):
        return words.of_function(self.function)

    def same(self):
        return self.function.__code__ is self.code

    def changes(self, _counts, _added_counts):
        return [] if self.same() else [self.function.__module__ + "." + self.function.__name__]


class _Kind:
    """The class of a module or a class: it answers for it when an attribute is asked for, or a call made."""

    __slots__ = ("where", "thing", "kind")

    def __init__(self, where, thing):
        self.where, self.thing, self.kind = where, thing, type(thing)

    def address(self, words):
        return words.of_kind(self.thing)

    def same(self):
        return type(self.thing) is self.kind

    def changes(self, _counts, _added_counts):
        return [] if self.same() else [self.where + ".__class__"]


class Bases:
    """Of a class."""

    __slots__ = ("where", "class_", "mro")

    def __init__(self, where, class_):
        self.where, self.class_, self.mro = where, class_, _mro_of(class_)

    def address(self, words):
        return words.of_bases(self.class_)

    def same(self):
        now = _mro_of(self.class_)
        return now is self.mro or len(now) == len(self.mro) and all(map(_is, now, self.mro))

    def changes(self, _counts, _added_counts):
        return [] if self.same() else [self.where + ".__bases__"]


class _Table:
    """By which a module does its work: what was in it stays the same, and more may come."""

    __slots__ = ("where", "table", "entries")

    def __init__(self, where, table):
        self.where, self.table = where, table
        self.entries = [part for entry in table.items() for part in entry]

    def address(self, words):
        return words.of_namespace(self.table)

    def same(self):
        now = [part for entry in itertools.islice(dict.items(self.table), len(self.entries) // 2) for part in entry]
        return len(now) == len(self.entries) and all(map(_is, now, self.entries))

    def changes(self, _counts, _added_counts):
        return [] if self.same() else [self.where]


class _Patterns:
    """re's, that it has compiled: under each text is what was made of it."""

    __slots__ = ("where", "table")

    def __init__(self, where, table):
        self.where, self.table = where, table

    def address(self, words):
        return words.of_namespace(self.table)

    def same(self):
        return all(map(_is_compiled, *zip(*list(dict.items(self.table))))) if self.table else True

    def changes(self, _counts, _added_counts):
        return [] if self.same() else [self.where]


def _is_compiled(key, pattern):
    if type(key) is not tuple or len(key) != 3 or type(key[0]) is not type or type(key[1]) is not key[0] or type(pattern) is not re.Pattern:
        return False
    text, flags = pattern.pattern, key[2]
    if text is not key[1] and (type(text) not in (str, bytes) or type(text) is not key[0] or text != key[1]) or not issubclass(type(flags), int):
        return False
    within = (b"(?" if issubclass(type(text), bytes) else "(?") in text
    return within or pattern.flags | re.UNICODE == flags | re.UNICODE


class _InPlace:
    """Modules that must stay in sys.modules, which was `places`."""

    __slots__ = ("modules", "places", "_holds_text")

    def __init__(self, modules, holds_text):
        self.modules, self.places, self._holds_text = modules, sys.modules, holds_text

    def _wrong(self):
        places = sys.modules
        if type(places) is dict and self._holds_text(places):
            return [name for name, module in self.modules.items() if places.get(name) is not module]
        if type(places) is not dict:
            return ["sys.modules"]
        others = [key for key in list(places) if type(key) is not str]  # none is asked here, but by whoever imports
        if not all(map(is_harmless, others)) or any(str.__str__(key) in self.modules for key in others if issubclass(type(key), str)):
            return ["a name in sys.modules by what is no text"]
        places = {key: value for key, value in list(places.items()) if type(key) is str}
        return [name for name, module in self.modules.items() if places.get(name) is not module]

    def same(self):
        return not self._wrong()

    def changes(self, _counts, _added_counts):
        return self._wrong()

    def address(self, words):
        return words.of_namespace(self.places)


class _State:
    """Spaces and codes, and where to see whether they changed (words.py): addresses, and what stands there. called: the Kept of what runs
    in comparisons."""

    __slots__ = ("parts", "addresses", "known", "called", "called_addresses")

    def __init__(self, parts, words):
        self.parts = parts
        called = [part for part in parts if isinstance(part, _Space) and part.kept.where.startswith(CALLED_IN_COMPARISONS)]
        self.called = [part.kept for part in called]
        if words is not None:
            self.addresses = words.array("Q", [part.address(words) for part in parts])
            self.known = watching.Watch(words, self.addresses).known
            self.called_addresses = [part.address(words) for part in called]


def _parts_of(name, module):
    """Of a module: its functions and classes, their members, bases and classes, their code, its tables, and names that must not be added."""
    tables = TABLES.get(name, ())
    kept = {key: value for key, value in vars(module).items() if isinstance(value, CALLABLE + (types.ModuleType,)) or key in tables}
    alone, of_framework = name in LEFT_ALONE, name not in JUDGING
    parts = [_Space(Kept(name, vars(module), kept), _BUILTINS, alone, of_framework), _Kind(name, module)]
    for key, value in kept.items():
        if isinstance(value, type) and value.__module__ == name:
            where = name + "." + key
            inner = {k: v for k, v in vars(value).items() if k not in CACHES and k not in SETTINGS}
            hiding = _Hiding(value) if not issubclass(value, BaseException) else None
            parts += _Space(Kept(where, vars(value), inner), hiding, alone, of_framework), _Kind(where, value), Bases(where, value)
    parts += [(_Patterns if name == "re" else _Table)(name + "." + key, kept[key]) for key in tables if key in kept]
    return parts + [_Code(value) for value in kept.values() if isinstance(value, types.FunctionType)]


class States:
    """Some modules as they are, to be added to a snapshot later: with those that are loaded already it costs nothing then."""

    def __init__(self, names, words=None):
        self.states = {name: (sys.modules[name], _State(_parts_of(name, sys.modules[name]), words)) for name in names if name in sys.modules}


class Snapshot:
    """Taken before pytest is prepared: what pytest itself patches from then on, it puts back at its end."""

    def __init__(self, names=WATCHED, interpreter=None):
        """interpreter: interpreter.Interpreter, or None: nothing but Python's own."""
        kept = {name: value for name, value in vars(builtins).items() if name not in TALKING and callable(value)}
        self._words = words = interpreter.words if interpreter is not None else None
        self._modules = {}
        self._in_place = _InPlace(self._modules, interpreter.holds_text if interpreter is not None else holds_text)
        self._states = [_State([self._in_place, _Space(Kept("builtins", vars(builtins), kept))], words)]
        self._watch = None  # of all parts, in their order
        self.watch(names)
        self.watch([name for name in list(sys.modules) if name.split(".")[0] == __name__.split(".")[0]], in_place=False)

    def watch(self, names, in_place=True):
        """Those of the modules that are loaded. in_place: they must stay in sys.modules too."""
        for name in names:
            module = sys.modules.get(name)
            if module is not None and name not in self._modules:
                self._take(name, module, _State(_parts_of(name, module), self._words), in_place)

    def add(self, states):
        for name, (module, state) in states.states.items():
            self._take(name, module, state, True)

    def _take(self, name, module, state, in_place):
        self._states.append(state)
        self._watch = None
        if in_place:
            self._modules[name] = module

    def make_called_changes(self):
        """(changes(): where something was replaced of what runs in the middle of a comparison, its words.Watch or None)"""
        called, words = [kept for state in self._states for kept in state.called], self._words
        watch = watching.Watch(words, [address for state in self._states for address in state.called_addresses]) if words is not None and called else None

        def changes():
            if watch is None:
                return [kept.where for kept in called if not kept.same()]
            found = []
            for index, word in watch.differing():
                if called[index].same():
                    watch.know(index, word)
                else:
                    found.append(called[index].where)
            return found

        return changes, watch

    def make_unchanged(self, others):
        """unchanged(): whether changes() has nothing to look at, and nothing differs of other Watches. For a snapshot of which the words tell."""
        self._changed()
        watch, places = self._watch, self._in_place.places
        unchanged = watching.make_unchanged(self._words, [watch, *others])
        return lambda: self._watch is watch and sys.modules is places and unchanged()

    def settle(self, accepts):
        """What was added until now stays, where accepts(value): pytest gives its classes some more when it starts."""
        for part, _, _ in self._changed():
            if isinstance(part, _Space) and part.names is not None and not part.same():
                known, now = set(part.names), part.kept.namespace
                part.names = part.names + [name for name, value in now.items() if name not in known and accepts(value)]
                if now.keys() == set(part.names):
                    part.kept.know_keys()

    def _changed(self):
        """[(part, its index, its word)] of those that may not be what they were: with words those that have another one."""
        if self._words is None:
            return [(part, None, None) for state in self._states for part in state.parts if not part.same()]
        if self._watch is None:
            addresses, known = self._words.array("Q"), self._words.array("Q")
            for state in self._states:
                addresses.extend(state.addresses)
                known.extend(state.known)
            self._watch = watching.Watch(self._words, addresses, known)
        differing = self._watch.differing()
        return [(self._part(index), index, word) for index, word in differing] if differing else differing

    def _part(self, index):
        for state in self._states:
            if index < len(state.parts):
                return state.parts[index]
            index -= len(state.parts)
        raise IndexError

    def changes(self, counts=lambda value: True, added_counts=lambda value: True, put_back=False):
        """Names of what was replaced, at most ten. counts(value): whether the new value does; added_counts(value): whether
        one does that was added and hides another. put_back: what was replaced since the last time and is there again counts too, where
        versions tell."""
        found = [] if sys.modules is self._in_place.places else self._in_place.changes(counts, added_counts)
        for part, index, word in self._changed():
            if not part.same() and part.changes(_any, _any):
                found += part.changes(counts, added_counts)
            elif index is not None:
                self._watch.know(index, word)
                if isinstance(part, _Space) and part.put_back is not None and part.put_back.happened() and put_back:
                    found.append("something of " + part.kept.where)
        return list(dict.fromkeys(found))[:10] if found else found
