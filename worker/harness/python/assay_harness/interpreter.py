"""What the harness asks of the interpreter while tests run. In a warm server functions of its library answer: no audit hook is told of
each answer, which would take longer than the answer, and nothing that is only looked through is written to (a fork would copy it)."""

import sys
import types

# A program may put others in their place for a while.
from builtins import next

from . import snapshot, words


class Interpreter:
    """stack(until): [frame, its code, ...] from the caller outwards, up to the frame `until` and without it.
    here(None): the frame of the caller. code_of(value): of a function, else None. holds_text(namespace): whether all keys of a dict are plain
    text. words: words.Words, or None. add_audit_hook(hook, events, event, words): for good; events: all that the hook looks at, of others it need
    not be told, nor of that one if its second argument is none of the words."""

    __slots__ = ("stack", "here", "code_of", "holds_text", "words", "add_audit_hook")

    def __init__(self, stack, here, code_of, holds_text, of_words, add_audit_hook):
        self.stack, self.here, self.code_of, self.holds_text, self.words, self.add_audit_hook = stack, here, code_of, holds_text, of_words, add_audit_hook


ASKING = 100  # at once, made ahead: threads, and handlers of signals within each other


def _make_here():
    """Behind the frame of a generator that runs lies that of its caller: who looks there tells no audit hook, as sys._getframe() does."""

    def asking(own):
        while True:
            yield own[0].f_back

    def make():
        own = []
        made = asking(own)
        own.append(made.gi_frame)
        return made

    waiting = [make() for _ in range(ASKING)]

    def here(_):
        one = waiting.pop() if waiting else make()
        frame = next(one)
        waiting.append(one)  # but if the handler of a signal raised in it: then it has ended
        return frame.f_back

    return here


def plain():
    frame_at, function_type = sys._getframe, types.FunctionType

    def stack(until):
        found, frame = [], frame_at(1)
        while frame is not None and frame is not until:
            found += frame, frame.f_code
            frame = frame.f_back
        return found

    return Interpreter(stack, _make_here(), lambda value: value.__code__ if type(value) is function_type else None, snapshot.holds_text, None,
                       lambda hook, *_: sys.addaudithook(hook))


PLAIN_STACK = plain().stack.__code__  # who asks for frames without a word of it


def _adding(install):
    def add_audit_hook(*hook):
        if not install(hook):
            sys.addaudithook(hook[0])

    return add_audit_hook


def find(library):
    """By the library of a server, where it can do what plain() does."""
    try:
        import ctypes  # of a server alone: a task may have a module of that name

        make = library.assay_warm_python_functions
        make.restype, make.argtypes = ctypes.py_object, []
        stack, code_of, holds_text, differ, same, here, install_audit_hook = make()
        known = plain()
        outer = stack(None)[2:]
        if here(None) is not sys._getframe() or stack(sys._getframe()):
            return known
        if outer != known.stack(None)[2:] or code_of(find) is not known.code_of(find) or code_of(find.__code__) is not None:
            return known
        if not holds_text({}) or not holds_text({"a": 1}) or holds_text({"a": 1, 2: 3}) or holds_text({type("Text", (str,), {})("a"): 1}):
            return known
        return Interpreter(stack, here, code_of, holds_text, words.find(differ, same), _adding(install_audit_hook))
    except Exception:
        return plain()
