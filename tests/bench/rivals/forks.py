#!/usr/bin/python3
"""Floors: a Python that forks into namespaces and a tmpfs of its own for each task, and does there

    empty     nothing
    loop      the program and the suite compiled and each test function called; no pytest
    session   a run of pytest, whose session was prepared before the fork

usage: forks.py MODE COUNT < task.json      as root; prints tasks a second, one after the other

The child enters pid, mount, ipc and uts namespaces by one clone, mounts its tmpfs, writes the two files, and gives up its user
and all capabilities. The network namespace is the server's, entered once. Nothing is checked, limited or reported: what a
judge that can be trusted does beyond, is not in here.
"""
import ctypes
import gc
import json
import os
import sys
import time

WORK = "/tmp"
NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET, SIGCHLD = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000, 17
MS_REC_PRIVATE = 0x4000 | 0x40000
NOBODY = 65534
CLONE = {"x86_64": 56, "aarch64": 220}[os.uname().machine]

libc = ctypes.PyDLL(None, use_errno=True)
python = ctypes.pythonapi


def call(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def fork():
    python.PyOS_BeforeFork()
    pid = libc.syscall(CLONE, NEWNS | NEWPID | NEWIPC | NEWUTS | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    return call(pid, "clone")


def enter(task):
    call(libc.mount(b"tmpfs", WORK.encode(), b"tmpfs", 0, b"size=64m,mode=0777"), "mount")
    os.chdir(WORK)
    for name, field in (("implementation.py", "implementation_code"), ("test_implementation.py", "test_suite_code")):
        with open(name, "w", encoding="utf-8") as file:
            file.write(task[field])
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def loop():
    sys.path.insert(0, WORK)
    with open("test_implementation.py", encoding="utf-8") as file:
        code = compile(file.read(), "test_implementation.py", "exec")
    suite = {"__name__": "test_implementation"}
    exec(code, suite)  # pylint: disable=exec-used
    for name, test in list(suite.items()):
        if name.startswith("test_") and callable(test):
            test()


def serve(task, count, run):
    gc.collect()
    gc.freeze()
    began = time.monotonic()
    for _ in range(count):
        pid = fork()
        if pid == 0:
            status = 1
            try:
                enter(task)
                status = int(run() or 0)
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit("a fork failed")
    print(count / (time.monotonic() - began))


def session(task, count):
    import _pytest.config
    import _pytest.main
    for name in ("_pytest.assertion.util", "_pytest._code.source", "difflib", "pprint", "unittest.mock", "doctest", "attr"):
        __import__(name)
    off = ("terminal", "junitxml", "doctest", "nose", "pastebin", "faulthandler", "stepwise", "setuponly", "setupplan", "cacheprovider")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(WORK)
    args = ["-s", "-c", "/dev/null", "--rootdir", WORK, "--confcutdir", WORK, *(word for name in off for word in ("-p", "no:" + name)),
            WORK + "/test_implementation.py"]
    config = _pytest.config._prepareconfig(args, [])

    def prepared(config, its_session):
        serve(task, count, lambda: _pytest.main._main(config, its_session))
    _pytest.main.wrap_session(config, prepared)


def main():
    mode, count, task = sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)
    sys.dont_write_bytecode = True
    call(libc.unshare(NEWNS | NEWNET), "unshare")
    call(libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), "mount")
    if mode == "session":
        session(task, count)
    else:
        serve(task, count, loop if mode == "loop" else lambda: 0)


main()
