"""The secret lies in the memory of the process that reports. Whoever is of the same uid could read it there: a child that is another program, by
/proc/<pid>/mem, and where the files of such a process are root's the process itself."""

try:
    import _ctypes  # and not ctypes, which loads far more than a cold start needs

    _PRCTL = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
except ImportError:  # an interpreter that was built without it
    _ctypes = None

PR_SET_DUMPABLE = 4


def hide():
    """From now on, and in what is forked; what is started by exec has memory of its own."""
    if _ctypes is not None:
        _ctypes.call_function(_PRCTL, (PR_SET_DUMPABLE, 0, 0, 0, 0))
