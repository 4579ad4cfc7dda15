"""What a task does on the fast path, done in the server beforehand with a sample suite, again and again: so the interpreter has adapted
to all of it before the fork, and a fork neither does that nor copies the memory where it is written down.

A whole run, but for what would stay in the process: no audit hook is installed, though one is made and asked.
"""

import copy
import gc
import json
import os
import sys

from . import audit, control, fast_path, files, kept, report, snapshot

ROUNDS = 12  # an interpreter adapts to what it has run some times
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample")
CONTROL = {"secret": "0" * 32, "program": "implementation.py", "suite": "test_sample.py", "trusted_files": [], "untrusted_files": [], "fast": True}
# What programs make an audit hook look at without a reason to be seen.
EVENTS = (("open", ("/usr/lib/x.py", "r", 0)), ("import", ("x",)), ("compile", (None, FOLDER + "/x.py")), ("object.__getattr__", (len, "__code__")))


class _Store:
    """kept.Store of one suite."""

    def __init__(self):
        self._data = b""

    def find(self):
        return self._data

    def keep(self, data):
        self._data = data or self._data


def rehearse(prepared):
    """prepared: fast_path.Prepared. Raises ValueError when the sample does not pass."""
    store = _Store()
    for number in range(ROUNDS):
        if number % 4 == 0:
            store = _Store()  # a suite that is not kept yet
        _once(prepared, store)
        gc.collect()  # or each round lies beside the garbage of the one before


def _once(prepared, store):
    prepared = copy.copy(prepared)
    prepared.base = snapshot.Snapshot((), interpreter=prepared.interpreter)
    prepared.install_audit = _ask_hook
    state, channel = _State(), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        request = control.read(_written(json.dumps(CONTROL).encode()))
        reporter = report.Reporter(channel, request.secret)
        of_files = files.Files(FOLDER, request)
        suite = kept.Suite(request, of_files.suite, store)
        run = fast_path.begin(request, reporter, of_files, prepared, suite)
        if run is None or run.run() != 0:
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


def _ask_hook(of_files, tell, busy):
    hook = audit.make_hook(of_files, tell, busy)
    for event, args in EVENTS:
        hook(event, args)


class _State:
    """What a run changes in its process."""

    def __init__(self):
        self._modules, self._path, self._importers = dict(sys.modules), list(sys.path), dict(sys.path_importer_cache)
        self._finders, self._arguments, self._input = list(sys.meta_path), sys.argv, sys.stdin

    def restore(self):
        for name in [name for name in sys.modules if name not in self._modules]:
            del sys.modules[name]
        sys.modules.update(self._modules)
        sys.path[:], sys.meta_path[:] = self._path, self._finders
        sys.path_importer_cache.clear()
        sys.path_importer_cache.update(self._importers)
        sys.argv, sys.stdin = self._arguments, self._input
