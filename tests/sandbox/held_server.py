"""A warm server (driver.c --server) whose forks wait, as soon as they are made, while there is a file; then each is a shell."""
import ctypes
import os
import time

HOLD = "/run/assay/hold"


@ctypes.PYFUNCTYPE(None)
def wait():
    while os.path.exists(HOLD):
        time.sleep(0.005)


ctypes.CDLL(None)["__register_atfork"](None, None, wait, None)
LIBRARY = ctypes.PyDLL("/proc/self/fd/5")
if LIBRARY.assay_warm_ready(b"attacks", ctypes.c_int64(0)) != 0 or LIBRARY.assay_warm_serve() != 0:
    os._exit(0)
os.execv("/bin/bash", ["bash", "-c", os.read(4, 65536).decode()])
