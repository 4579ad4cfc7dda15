"""The suite as it was read, and what is kept of that from task to task (docs/harness.md, "Suites that are kept").

A warm server keeps bytes for its forks and never looks into them (worker/sandbox/warm.h). What they are made of is the suite's text and the
names in the control object, nothing else; both stand in them and are compared before they are used. They are made before
anything of the program is loaded, and with them goes the right to make any.
"""

import marshal
import os

from . import plan as suite_plan

BYTES_MAX = 200 * 1024  # of what is kept of one suite; its text is in it
READ_BYTES = 64 * 1024  # at once: for more malloc would map memory each time


class Suite:
    """text: bytes, or None where it cannot be read. What was kept is there from the start, else what has been made until now: `plan`;
    `fit`, fast_fit's values, None where the suite needs pytest; `code`, compiled for the way that `fit` tells."""

    def __init__(self, request, path, store):
        self.text = _read(path)
        self.plan = self.fit = self.code = None
        self.known = False
        self._made_of = (self.text, request.fast, request.suite, request.program, tuple(request.trusted_files), tuple(request.untrusted_files))
        self._store = store
        if self.text is not None and store is not None:
            self._restore(store.find(), request.suite)

    def _restore(self, data, filename):
        if not data:
            return
        made_of, plan, fit, code = marshal.loads(data)
        if made_of == self._made_of:
            self.known, self.fit, self.code = True, fit, code
            self.plan = suite_plan.restore(plan, self.text, filename)

    def keep(self):
        """For the tasks to come. Once, and before anything of the program is loaded."""
        if self._store is None or self.known or self.text is None or len(self.text) > BYTES_MAX:
            self.let_go()
            return
        try:
            data = marshal.dumps((self._made_of, self.plan.values(), self.fit, self.code))
        except (ValueError, MemoryError):  # nested too deeply for it
            data = b""
        self._store.keep(data)

    def let_go(self):
        """Nothing is kept of this one. Whoever loads the program calls keep() or this before."""
        if self._store is not None:
            self._store.keep(b"")


def _read(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while True:
            part = os.read(descriptor, READ_BYTES)
            if not part:
                return b"".join(parts)
            parts.append(part)
    except OSError:
        return None
    finally:
        os.close(descriptor)


class Store:
    """The server's, as its forks see it."""

    def __init__(self, library):
        import ctypes  # a cold start does not load it: a task may have a module of that name

        self._find, self._keep = library.assay_warm_kept, library.assay_warm_keep
        self._find.restype, self._find.argtypes = ctypes.c_int64, [ctypes.POINTER(ctypes.c_void_p)]
        self._keep.restype, self._keep.argtypes = None, [ctypes.c_char_p, ctypes.c_int64]
        self._data, self._string_at = ctypes.c_void_p(), ctypes.string_at
        self._by_reference = ctypes.byref(self._data)

    def find(self):
        size = self._find(self._by_reference)
        return self._string_at(self._data, size) if size > 0 else b""

    def keep(self, data):
        self._keep(data, len(data))
