"""What must be the same after the tests as before the program was loaded.

Not a fence: code in the same process can in the end do what the process can (docs/integrity.md). It makes the
usual ways of turning a test green visible: a test function that is not the suite's, a framework function or a
builtin that was replaced and left so.
"""

import builtins
import itertools
import operator
import sys
import types

# A suite may put others in their place for a while.
from builtins import all, any, callable, dict, getattr, hasattr, isinstance, len, list, map, set, type, vars, zip

from . import words as watching
from .files import PROGRAM
from .snapshot import MEMBERS, Bases, Kept, PutBack

# Hooks by which pytest runs a test and tells of it.
DECIDING = ("pytest_runtest_protocol", "pytest_runtest_call", "pytest_pyfunc_call", "pytest_runtest_makereport",
            "pytest_runtest_logreport", "pytest_runtest_logfinish")
ROWS_MAX = 500
BUILTINS = frozenset(name for name in vars(builtins) if not name.startswith("__"))
_is, _function_that_implements = operator.is_, operator.attrgetter("function")
_deciding_hooks_of, _chained = operator.attrgetter(*DECIDING), itertools.chain.from_iterable
OTHER_KEYS = "a name of the suite by what is no text"
OF_PYTEST = "__pytest_"  # in the names of what it adds to classes of the suite


def _no_code(_value):
    return None


def _function_of(value, code_of=_no_code):
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    value = getattr(value, "__func__", value)
    code = code_of(value)
    return getattr(value, "__code__", None) if code is None else code


def _plain_function_of(value):
    """The function behind a member of a class, or None."""
    if type(value) in (staticmethod, classmethod):
        value = value.__func__
    elif type(value) is property:
        value = value.fget
    return value if type(value) is types.FunctionType else None


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


def is_the_suites(value, test, suite_module, code_of=_no_code):
    """A decorated test is what the suite's decorators made of it: nothing to compare with. code_of: interpreter.Interpreter's."""
    if test.decorated:
        return True
    return _function_of(value, code_of) is suite_module.code_at(test.defined_at, test.first_line)


class Plugins:
    """pytest's plugins and hooks, as they are before the program is loaded."""

    def __init__(self, manager):
        self._manager = manager
        self._state = self._now()

    def _now(self):
        """Objects that must be the same ones, and how many of them each hook has, and plugins there are."""
        manager = self._manager
        implementations = [hook.get_hookimpls() for hook in _deciding_hooks_of(manager.hook)]
        functions = list(map(_function_that_implements, _chained(implementations)))
        functions += manager._inner_hookexec, vars(manager).get("_hookexec")
        return functions, list(map(len, implementations)), len(manager.get_plugins())

    def changed(self):
        (functions, *counts), (known, *known_counts) = self._now(), self._state
        return counts != known_counts or not all(map(_is, functions, known))


class SuiteNames:
    """What the suite's module holds when it has been imported: its own functions and classes stay what they are, and
    none of its names hides a builtin that the suite itself does not hide."""

    def __init__(self, module, plan, is_trusted, interpreter, own_builtins=None, path=None, stays=False):
        """interpreter: interpreter.Interpreter. stays: nothing in the suite binds a name of it again. own_builtins: snapshot.Kept of those that the suite was given, None where it has those of all. path: the suite's file."""
        facts, words, self._code_of = plan.facts, interpreter.words, interpreter.code_of
        self._names = vars(module)
        self._wrong = [] if interpreter.holds_text(self._names) else [OTHER_KEYS]  # what the program did while the suite was imported
        kept = {name: self._names[name] for name in facts.written_once if name in self._names}
        for name, value in self._names.items():
            function = getattr(value, "__func__", value)
            code = self._code_of(function)
            of_suite = code is not None and is_trusted(code.co_filename)
            if of_suite or isinstance(value, type) and value.__module__ == module.__name__ or name.startswith("@"):
                kept[name] = value
        self._hiding = {name for name in self._names if name in BUILTINS} | (BUILTINS & facts.global_names)  # these it may hide
        for name in facts.global_names:
            kept.pop(name, None)
        if own_builtins is not None:
            kept["__builtins__"] = own_builtins.namespace
            self._wrong += [name for name, _ in own_builtins.changed()]
        elif type(self._names.get("__builtins__")) is dict:
            own_builtins = Kept("builtins", self._names["__builtins__"], dict(self._names["__builtins__"]))
        self._own_builtins = own_builtins
        if own_builtins is not None and self._names.get("__builtins__") is not own_builtins.namespace:
            self._wrong.append("__builtins__")
        self._kept = Kept("", self._names, kept)
        self._members = []  # (functions and constants of a class of the suite, names of the class, its bases)
        for name, value in kept.items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                set_again = facts.attributes_set if stays else vars(value)
                members = {key: member for key, member in vars(value).items() if isinstance(member, MEMBERS) or not (key in set_again or key.startswith("__"))}
                self._members.append((Kept(name, vars(value), members), set(vars(value)), Bases(name, value)))
        spaces = [self._names, own_builtins.namespace] if own_builtins is not None else [self._names]
        self._wrong += [OTHER_KEYS for kept, _, _ in self._members if kept.other_keys()]
        self._watch = self._watch_classes = None
        if words is not None:
            self._watch = watching.Watch(words, [words.of_namespace(space) for space in spaces])
            of_classes = [address for kept, _, bases in self._members for address in (words.of_namespace(kept.namespace), bases.address(words))]
            self._watch_classes = watching.Watch(words, of_classes) if of_classes else None  # the words of each class one behind the other
        self._put_back = [PutBack(space) for space in spaces] if stays and not facts.global_names else []
        self._wrong += self._with_others_builtins(path)
        self._tables = {name: _elements(self._names[name]) for name in facts.iterated_tables if name in self._names}

    def _with_others_builtins(self, path):
        """Names of functions of the suite that were made while others stood in the place of its builtins: they keep those."""
        namespaces = [(self._kept.where, self._kept.values)] + [(kept.where + ".", kept.values) for kept, _, _ in self._members]
        given = self._own_builtins.namespace if self._own_builtins is not None else vars(builtins)
        found = []
        for where, values in namespaces:
            for name, value in values.items():
                function = _plain_function_of(value)
                if function is not None and self._code_of(function).co_filename == path and getattr(function, "__builtins__", given) is not given:
                    found.append(where + name)
        return found

    def watches(self):
        """[words.Watch]: as long as nothing differs of these, nothing changes. None where there is more to look at."""
        if self._watch is None or self._wrong or self._tables:
            return None
        return [watch for watch in (self._watch, self._watch_classes) if watch is not None]

    def _changes_of_classes(self, counts):
        if self._watch is None:
            return [name for number in range(len(self._members)) for name in self._changes_of_class(number, counts)]
        found, differing = [], self._watch_classes.differing()
        for number in dict.fromkeys(index // 2 for index, _ in differing):
            found += self._changes_of_class(number, counts)
            kept, known, bases = self._members[number]
            if kept.same() and kept.namespace.keys() == known and bases.same():
                for index, word in differing:
                    if index // 2 == number:
                        self._watch_classes.know(index, word)
        return found

    def _changes_of_class(self, number, counts):
        kept, known, bases = self._members[number]
        if kept.other_keys():
            return [OTHER_KEYS]
        found = [name for name, value in kept.changed() if counts(value)] + bases.changes(counts, counts)
        members = kept.namespace
        if members.keys() != known:
            found += [kept.where + "." + key for key in members if key not in known and _hides(key, members[key], bases.mro[1:]) and counts(members[key])]
        return found

    def changes(self, counts=lambda value: True):
        """Names of what was replaced, at most ten. counts(value): whether the new value does."""
        found = list(self._wrong)
        differing = self._watch.differing() if self._watch is not None else None
        if differing is None or differing:
            if self._kept.other_keys() or self._own_builtins is not None and self._own_builtins.other_keys():
                return [*found, OTHER_KEYS]
            found += [name[1:] for name, value in self._kept.changed() if counts(value) or name.startswith(".@")]
            found += [name for name, value in self._own_builtins.changed() if counts(value)] if self._own_builtins is not None else []
            hides = [name for name in list(self._names) if type(name) is str and name in BUILTINS and name not in self._hiding]
            found += [name for name in hides if counts(self._names[name])]
            if differing and not hides and self._kept.same() and (self._own_builtins is None or self._own_builtins.same()):
                for index, word in differing:
                    self._watch.know(index, word)
                    if self._put_back and self._put_back[index].happened():
                        found.append("something of the suite")
        if self._members:
            found += self._changes_of_classes(counts)
        for name, elements in self._tables.items():
            now = _elements(self._names.get(name, ()))
            if len(now) != len(elements) or any(left is not right for left, right in zip(now, elements)):
                found.append(name)
        return list(dict.fromkeys(found))[:10] if found else found


def _hides(key, value, bases):
    """A name that was added to a class: it takes the place of a function of a base, or of the exception by which unittest tells."""
    return hasattr(object, key) or (callable(value) and OF_PYTEST not in key and any(key in vars(base) for base in bases))


def _elements(table):
    """Of a table the rows (of a dict the keys and values), and of rows that are tuples the fields: what cannot change but by another taking its
    place."""
    if type(table) not in (list, tuple, set, dict):
        return [table]
    found = []
    rows = itertools.chain.from_iterable(table.items()) if type(table) is dict else table
    for row in itertools.islice(rows, ROWS_MAX):
        found.append(row)
        if type(row) is tuple:
            found += row
    return found


def code_of(value):
    """The code object that a function, method or the like runs, or None."""
    if isinstance(value, property):
        value = value.fget
    return _function_of(value)


def make_stands_below_program(files, base_code, stack):
    """stands_below_program(): whether code of the program is on this stack. stack: interpreter.Interpreter's. base_code: of the function that runs as long as the
    tests do; what lies below its frame stays what it is, and is looked through once."""
    owner, found_clean = files.owner, None

    def stands_below_program():
        nonlocal found_clean
        base, found = None, stack(found_clean)
        for frame, code in zip(found[::2], found[1::2]):
            if owner(code.co_filename) == PROGRAM:
                return True
            if code is base_code:
                base = frame
        found_clean = base or found_clean
        return False

    return stands_below_program


def replaced_tests(plan, suite_module, code_of=_no_code):
    module = sys.modules.get(suite_module.name)
    found = []
    for test in plan.tests.values():
        try:
            value = _lookup(module, test.path)
        except Exception:
            value = None
        if not is_the_suites(value, test, suite_module, code_of):
            found.append(test.name)
    return found[:10]
