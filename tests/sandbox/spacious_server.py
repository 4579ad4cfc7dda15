"""A warm server (driver.c --server) that holds 80 MB, and 20 MB more with each fork; a fork is a shell."""
import ctypes
import os

HELD = [b"x" * (80 << 20)]
os.register_at_fork(before=lambda: HELD.append(b"x" * (20 << 20)))
LIBRARY = ctypes.PyDLL("/proc/self/fd/5")
if LIBRARY.assay_warm_ready(b"attacks", ctypes.c_int64(0)) != 0 or LIBRARY.assay_warm_serve() != 0:
    os._exit(0)
os.execv("/bin/bash", ["bash", "-c", os.read(4, 65536).decode()])
