"""What a task does is done in the server beforehand with a sample suite, again and again: so the interpreter has adapted to all of it
before the fork, and a fork neither does that nor copies the memory where it is written down.

Whole runs, but for what would stay in the process: no audit hook is installed, though one is made and asked.
"""

import gc
import json
import os
import sys

from . import audit, control, files, kept, report

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample")
CONTROL = {"secret": "0" * 32, "program": "implementation.py", "trusted_files": [], "untrusted_files": []}
# What programs make an audit hook look at without a reason to be seen.
EVENTS = (("open", ("/usr/lib/x.py", "r", 0)), ("import", ("x",)), ("compile", (None, FOLDER + "/x.py")), ("object.__getattr__", (len, "__code__")))
# Where pytest keeps the exception of a test that failed, as a canary does.
LAST_ERROR = ("last_type", "last_value", "last_traceback", "last_exc")


class Store:
    """kept.Store of one suite."""

    def __init__(self):
        self._data = b""

    def find(self):
        return self._data

    def keep(self, data):
        self._data = data or self._data


def run(suite, fast, rounds, kept_from, one):
    """one(request, reporter, of_files, kept_suite): whether the sample passes; `rounds` times. `suite`: its file's name. From each round of kept_from on
    it is kept from a round to the next. Raises ValueError when it does not pass."""
    gc.freeze()  # each collection looks at what a round made, and at nothing else
    try:
        store = Store()
        for number in range(rounds):
            if number % kept_from == 0:
                store = Store()
            _once({**CONTROL, "suite": suite, "fast": fast}, store, one)
            gc.collect()  # or each round lies beside the garbage of the one before
    finally:
        gc.unfreeze()


def _once(values, store, one):
    state, channel = _State(), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        request = control.read(_written(json.dumps(values).encode()))
        reporter = report.Reporter(channel, request.secret)
        of_files = files.Files(FOLDER, request)
        if not one(request, reporter, of_files, kept.Suite(request, of_files.suite, store)):
            raise ValueError("the sample does not pass")
    finally:
        os.close(channel)
        state.restore()


def _written(data):
    """A descriptor from which it can be read."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


def ask_hook(of_files, tell, busy, interpreter):
    """In place of audit.install."""
    hook, *_ = audit.make_hook(of_files, tell, busy, interpreter)
    for event, args in EVENTS:
        hook(event, args)


class _State:
    """What a run changes in its process."""

    def __init__(self):
        self._modules, self._path, self._importers = dict(sys.modules), list(sys.path), dict(sys.path_importer_cache)
        self._finders, self._arguments, self._input = list(sys.meta_path), sys.argv, sys.stdin

    def restore(self):
        for name in LAST_ERROR:
            vars(sys).pop(name, None)
        for name in [name for name in sys.modules if name not in self._modules]:
            del sys.modules[name]
        sys.modules.update(self._modules)
        sys.path[:], sys.meta_path[:] = self._path, self._finders
        sys.path_importer_cache.clear()
        sys.path_importer_cache.update(self._importers)
        sys.argv, sys.stdin = self._arguments, self._input
