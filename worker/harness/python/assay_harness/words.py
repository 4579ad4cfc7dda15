"""Whether namespaces have changed, asked of all of them at once.

CPython gives a dict another version each time that it is changed in any way (PEP 509; until Python 3.12 or so), one that no dict had before. Where
this interpreter does so, which is tried and not believed, a comparison of many namespaces is one pass over their versions, made by
the warm server's library; only what has another version is looked at. A function's code is looked after the same way, and so are a class' bases, and the class of a
module or a class.
"""

import gc
import types

_WORD = 8


def _words_of(value, kind):
    import ctypes  # of a server alone: a task may have a module of that name
    from array import array

    return array("Q", ctypes.string_at(id(value), kind.__basicsize__ // _WORD * _WORD))


def _place_of_version():
    """Index of the word; None when there is none that every change changes."""
    table = {"a": 0, "b": 0}
    before = _words_of(table, dict)
    table["a"] = 1
    changed = [place for place, (old, new) in enumerate(zip(before, _words_of(table, dict))) if old != new and place >= 2]
    return changed[0] if len(changed) == 1 and _holds(changed[0]) else None


def _holds(place):
    table, module, seen = {"a": 0}, types.ModuleType("tried"), set()
    exec("def store(value):\n    global a\n    a = value\n", vars(module))

    class Tried:
        a = 0

    class_table = dict_of(Tried)
    subjects = (
        (table, [lambda n: table.__setitem__("a", n), lambda n: table.update(a=n), lambda n: table.setdefault("b", n), lambda n: table.pop("b"),
                 lambda n: table.update({"c": n}), lambda n: table.__delitem__("c"), lambda n: table.__ior__({"a": n}), lambda n: table.clear(), _storing(table)]),
        (vars(module), [module.store, lambda n: setattr(module, "a", n), lambda n: setattr(module, "b", n), lambda n: delattr(module, "b"), _setting(module)]),
        (dict_of(Tried), [lambda n: setattr(Tried, "a", n), lambda n: setattr(Tried, "b", n), lambda n: delattr(Tried, "b"), _setting(Tried)]),
    )
    number = 1000
    for _ in range(60):  # the interpreter has several ways to do the same, which it learns
        for subject, changes in subjects:
            for change in changes:
                number += 1  # to put in what is there already changes nothing
                change(number)
                version = _words_of(subject, dict)[place]
                if version in seen:
                    return False
                seen.add(version)
    return True


def _storing(table):
    def store(number):
        table["a"] = number

    return store


def _setting(owner):
    def store(number):
        owner.a = number

    return store


def _place_of_code():
    def first():
        return 1

    def second():
        return 2

    places = [place for place, word in enumerate(_words_of(first, types.FunctionType)) if word == id(first.__code__)]
    first.__code__ = second.__code__
    now = _words_of(first, types.FunctionType)
    return places[0] if len(places) == 1 and now[places[0]] == id(second.__code__) else None


def _places_of_kinds():
    """Of what anything is made of, and of a class' bases: (class, mro); None where they are not found."""
    other_module = type("other_module", (types.ModuleType,), {})
    module, class_, other = types.ModuleType("tried"), type("tried", (ValueError,), {}), type("other", (ValueError,), {"__slots__": ()})
    before, mro_before = _words_of(module, types.ModuleType), _words_of(class_, type)
    classes = [place for place, word in enumerate(before) if word == id(types.ModuleType)]
    orders = [place for place, word in enumerate(mro_before) if word == id(class_.__mro__)]
    module.__class__ = other_module
    class_.__bases__ = (other,)
    if len(classes) != 1 or len(orders) != 1 or _words_of(module, types.ModuleType)[classes[0]] != id(other_module):
        return None
    return (classes[0], orders[0]) if _words_of(class_, type)[orders[0]] == id(class_.__mro__) else None


def dict_of(namespace):
    """The dict behind the view that a class gives of its own."""
    namespace = namespace if isinstance(namespace, (dict, types.MappingProxyType)) else vars(namespace)
    return namespace if type(namespace) is dict else gc.get_referents(namespace)[0]


class Words:
    def __init__(self, differ, same, version, code, class_, mro, array):
        self.differ, self.same, self.array = differ, same, array
        self._version, self._code, self._class, self._mro = version * _WORD, code * _WORD, class_ * _WORD, mro * _WORD

    def of_namespace(self, namespace):
        """The address of its version."""
        return id(dict_of(namespace)) + self._version

    def of_function(self, function):
        return id(function) + self._code

    def of_kind(self, thing):
        return id(thing) + self._class

    def of_bases(self, class_):
        return id(class_) + self._mro


def find(differ, same):
    """Words, or None where this interpreter has none. differ, same: the library's (worker/warm/warm_server.h)."""
    try:
        from array import array

        version, code, kinds = _place_of_version(), _place_of_code(), _places_of_kinds()
        if version is None or code is None or kinds is None:
            return None
        return Words(differ, same, version, code, *kinds, array)
    except Exception:
        return None


class Watch:
    """Some of them, as they are."""

    __slots__ = ("_differ", "_addresses", "_known", "_found", "_now", "_arguments")

    def __init__(self, words, addresses, known=None):
        """known: what the words were, else what they are."""
        self._differ, array = words.differ, words.array
        self._addresses = array("Q", addresses)
        self._known = array("Q", known if known is not None else [0] * len(self._addresses))
        self._found, self._now = array("I", [0] * len(self._addresses)), array("Q", [0] * len(self._addresses))
        places = [part.buffer_info()[0] for part in (self._addresses, self._known)]
        self._arguments = (*places, len(self._addresses), *(part.buffer_info()[0] for part in (self._found, self._now)))
        if known is None:
            for place, word in self.differing():
                self._known[place] = word

    def differing(self):
        """[(index, its word now)] of those that have changed since they were known."""
        different = self._differ(self._arguments)
        return list(zip(self._found[:different], self._now[:different])) if different else ()

    def know(self, index, word):
        """It was looked at after the word was read, and was as it must be."""
        self._known[index] = word

    @property
    def known(self):
        return self._known


def make_unchanged(words, watches):
    """unchanged(): whether nothing differs of any of them, in one call."""
    same, arguments = words.same, tuple(one._arguments for one in watches)
    return lambda: same(arguments) if watches else True  # it keeps what lies at the addresses
