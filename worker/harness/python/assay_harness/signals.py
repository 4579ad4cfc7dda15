"""Handlers of signals are given no frame: it leads to those of the harness, and to what reports. (Python may give them None at any time.)"""

import _signal
import signal

# A program may put others in their place for a while.
from builtins import callable, id

_known = {}  # id of what is called in a handler's place -> (that, the handler)


def _in_place_of(handler):
    def call(number, _frame):
        return handler(number, None)

    _known[id(call)] = call, handler
    return call


def _make(set_handler, get_handler, plain):
    def handler_of(found):
        return _known.get(id(found), (None, found))[1]

    def set_(signalnum, handler, /):
        return handler_of(set_handler(signalnum, handler if handler is plain or not callable(handler) else _in_place_of(handler)))

    def get(signalnum, /):
        return handler_of(get_handler(signalnum))

    return set_, get


def see():
    """Once for the process."""
    for name, function in zip(("signal", "getsignal"), _make(_signal.signal, _signal.getsignal, _signal.default_int_handler)):
        setattr(_signal, name, function)
        getattr(signal, name).__wrapped__ = function
