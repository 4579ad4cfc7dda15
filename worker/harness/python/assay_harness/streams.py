"""Standard streams of a process that runs a suite, as pytest has them."""

import sys


class RefusingInput:
    """Standard input as it is under pytest's capture: reading is an error that says so."""

    encoding = None

    def _refuse(self, *_args):
        raise OSError("pytest: reading from stdin while output is captured! Consider using `-s`.")

    read = readline = readlines = __next__ = _refuse

    def __iter__(self):
        return self

    def fileno(self):
        raise ValueError("redirected stdin is pseudofile, has no fileno()")

    def flush(self):
        raise ValueError("redirected stdin is pseudofile, has no flush()")

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return False

    def seekable(self):
        return False

    def close(self):
        pass

    @property
    def buffer(self):
        return self


def prepare():
    """Lines leave at once, so that a killed program's output is there; input refuses."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    sys.stdin = RefusingInput()
