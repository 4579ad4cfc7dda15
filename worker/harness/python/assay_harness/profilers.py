"""cProfile may be used: it counts, and shows nobody a frame. Whatever else profiles gets the frames of all that is called, the harness'
too. The interpreter tells its audit hooks only that somebody profiles, so cProfile goes through here."""

import _lsprof
import gc
import threading

# A program may put others in their place for a while.
from builtins import bool, set

_awaited = set()  # threads in which the interpreter is about to tell


def _make_changing(change):
    get_ident, collects, stop, go_on, awaited = threading.get_ident, gc.isenabled, gc.disable, gc.enable, _awaited

    def changing(profiler, *booleans):
        """`change` refuses what is no profiler. Nothing of the program runs in here before the event: booleans are true ones, and no
        garbage is collected."""
        me, collected = get_ident(), collects()
        stop()
        awaited.add(me)
        try:
            change(profiler, *booleans)
        finally:
            awaited.discard(me)
            if collected:
                go_on()

    return changing


_enable, _disable = _make_changing(_lsprof.Profiler.enable), _make_changing(_lsprof.Profiler.disable)


def make_is_known():
    """is_known(frame): whether it is cProfile that profiles there. Once each time: the profiler that is replaced may run code of the
    program."""
    get_ident, code, awaited = threading.get_ident, _enable.__code__, _awaited

    def is_known(frame):
        known = frame is not None and frame.f_code is code and get_ident() in awaited
        awaited.discard(get_ident())
        return known

    return is_known


class Profiler(_lsprof.Profiler):
    """What cProfile.Profile is made of."""

    def enable(self, subcalls=True, builtins=True):
        _enable(self, bool(subcalls), bool(builtins))

    def disable(self):
        _disable(self)


def see():
    """For the process."""
    _lsprof.Profiler = Profiler
