"""Attacks in forks of a warm server: as a server by itself (driver.c --server), or as a case (--case-server). An attack runs in the fork
itself, any other command is a shell's."""
import ctypes
import os
import runpy
import shlex
import signal
import sys

if sys.argv[0] == "-c":
    LIBRARY = ctypes.PyDLL("/proc/self/fd/5")
    if LIBRARY.assay_warm_ready(b"attacks", ctypes.c_int64(0)) != 0 or LIBRARY.assay_warm_serve() != 0:
        os._exit(0)
    COMMAND = os.read(4, 65536).decode()
    os.close(4)
else:
    COMMAND = sys.argv[1]
    del os.environ["PYTHONHASHSEED"]
WORDS = shlex.split(COMMAND) if COMMAND.startswith("exec /usr/bin/python3 attack.py ") else []
if WORDS and not set(WORDS) & set("|;&<>"):
    sys.argv = WORDS[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    # What the interpreter made of its own: no part of what a server hands on.
    os.environ.pop("LC_CTYPE", None)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execv("/bin/bash", ["bash", "-c", COMMAND])
