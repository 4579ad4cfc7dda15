"""The warm server: pytest loaded and prepared, and a fork for each task (worker/sandbox/warm.h).

The fork happens inside of pytest's own session, at the point where its tests would be collected, so that what comes
before is done once and what comes after is pytest's own. The server itself never leaves serve().
"""

import ctypes
import gc
import importlib
import logging
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import time

from . import fork_hooks

LIBRARY = "/proc/self/fd/5"
FIRST_OPEN = 6  # descriptors below are the sandbox's
WORKSPACE = "/work"
# One piece of this size, and malloc puts in order what it has taken back.
TIDYING_BYTES = 100_000
# What a run of pytest loads when it is first needed (where this version has it).
NEEDED_LATER = (
    "_pytest.assertion.util", "_pytest.assertion.truncate", "_pytest._code.source", "_pytest._io.saferepr", "_pytest.raises",
    "attr", "difflib", "pprint", "textwrap", "unittest", "unittest.case", "unittest.mock", "doctest", "pdb", "bdb", "cmd", "code", "codeop",
    "asyncio", "decimal", "fractions", "statistics", "dataclasses", "typing", "json", "math", "cmath", "copy", "heapq", "bisect",
    "string", "itertools", "functools", "collections", "collections.abc", "operator", "re", "datetime", "zipfile", "logging",
    "importlib.metadata", "getpass", "threading", "queue", "contextlib", "enum", "hashlib", "uuid", "urllib.parse",
)
# What tmp_path compiles: where re's patterns are looked at, what came is looked at too.
PATTERNS = (r"[\W]",)


class Unfit(Exception):
    """Why tasks must not be forks of this process."""


def _sizes():
    """Address space and resident memory, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = file.read().split()
    return [int(pages[n]) * os.sysconf("SC_PAGESIZE") for n in (0, 1)]


class _Loading:
    """What is loaded, and what it costs."""

    def __init__(self):
        self.text = []
        self.preload_bytes = 0

    def measure(self, name, load, preload=False):
        started, (address, resident) = time.monotonic(), _sizes()
        load()
        milliseconds, (address_now, resident_now) = (time.monotonic() - started) * 1000, _sizes()
        self.text.append("%s %.0f ms %.1f MB" % (name, milliseconds, (resident_now - resident) / 2**20))
        if preload:
            self.preload_bytes += max(0, address_now - address)


def _load_pytest():
    from . import coverage_run, entrance, equality, fast_path, fast_rehearsal, judges_config, kept, prepared, pytest_session, suite_module, task  # noqa: F401

    task.load()
    for name in (*NEEDED_LATER, *pytest_session.plugin_modules()):
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    for pattern in PATTERNS:
        re.compile(pattern)


def _open_descriptors():
    """{descriptor: what it is, 2 or os.devnull}: what pytest opened, to be opened anew in each fork."""
    found = {}
    null = os.stat(os.devnull)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            status = os.fstat(descriptor)
        except OSError:  # the one that listdir used
            continue
        if descriptor < FIRST_OPEN:
            continue
        if os.path.samestat(status, os.fstat(2)):
            found[descriptor] = 2
        elif os.path.samestat(status, null):
            found[descriptor] = os.devnull
        else:
            raise Unfit("%s stays open" % os.readlink("/proc/self/fd/" + name))
    return found


def _reopen(descriptors):
    for descriptor, source in descriptors.items():
        opened = 2 if source == 2 else os.open(source, os.O_RDWR)
        if opened == descriptor:
            continue
        os.dup2(opened, descriptor, inheritable=False)
        if opened != 2:
            os.close(opened)


def _forget():
    """What a process finds anew when it needs it, and what its forks must not have in common."""
    tempfile._name_sequence = None
    for folder in [folder for folder in sys.path_importer_cache if folder.startswith(WORKSPACE)]:
        del sys.path_importer_cache[folder]
    pkgutil.get_importer(WORKSPACE)  # it has looked into no folder yet


def _tidy():
    """So that not every fork does it, with its own copy of the memory."""
    gc.collect()
    bytes(TIDYING_BYTES)
    gc.freeze()


def _become_own():
    """What a process has for itself alone, and a fork has not. (random was seeded anew by the fork.)"""
    logging._startTime = time.time()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _loaded_names():
    return frozenset(name.split(".")[0] for name in sys.modules)


class Server:
    def __init__(self, suite, pytest_arguments, preloads):
        self._arguments = pytest_arguments
        script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "run_suite.py")
        self._cold_start = [sys.executable] + subprocess._args_from_interpreter_flags() + [script] + pytest_arguments
        self._environment = dict(os.environ)
        self._library = ctypes.PyDLL(LIBRARY)
        self._loading = _Loading()
        self._check()
        os.chdir(WORKSPACE)
        self._loading.measure("pytest", _load_pytest)
        for name in preloads:
            self._loading.measure(name, lambda name=name: importlib.import_module(name), preload=True)
        from . import interpreter, kinds, paths
        from .prepared import Prepared, suite_path

        its_interpreter = interpreter.find(self._library)
        kinds.know(its_interpreter.code_of)
        paths.know()
        self._rehearse(its_interpreter)
        self._prepared = Prepared(WORKSPACE, suite_path(WORKSPACE, suite), pytest_arguments, its_interpreter)
        self._prepared.configure(with_conftest=False, stop_on_first_failure=False)
        self._prepared.make_ready()
        self._loaded = frozenset()

    def _rehearse(self, its_interpreter):
        """Before what is prepared for tasks, which fills the room that this leaves."""
        from . import pytest_rehearsal

        try:
            pytest_rehearsal.rehearse(its_interpreter)
        except Exception as error:  # tasks can do without
            self._loading.text.append("no rehearsal: %s: %s" % (type(error).__name__, error))

    def _has_a_loaded_name(self):
        """The task brings a module, or what may be one, that this process has loaded already under that name."""
        return any(name.split(".")[0] in self._loaded for name in os.listdir(WORKSPACE))

    def _prepare_fast_path(self, config):
        """None when there is none: pytest was given arguments that it does not know, or is of a version that it does not."""
        from . import fast_path, fast_rehearsal

        if self._arguments:
            return None
        try:
            prepared = fast_path.Prepared(config, self._prepared)
            fast_rehearsal.rehearse(prepared)
            return prepared
        except Exception as error:
            self._loading.text.append("no fast path: %s: %s" % (type(error).__name__, error))
            return None

    def _check(self):
        if sys.flags.ignore_environment or os.environ.get("PYTHONHASHSEED", "random") == "random":
            raise Unfit("tasks would share one random hash seed (set PYTHONHASHSEED in the runtime's environment)")

    def _serve(self):
        """Returns in the forks."""
        descriptors = _open_descriptors()
        sys.stdout.flush()
        sys.stderr.flush()
        _forget()
        hooks = fork_hooks.Spared()
        _tidy()
        text = ", ".join(self._loading.text).encode()
        if self._library.assay_warm_ready(text, ctypes.c_int64(self._loading.preload_bytes)) != 0:
            os._exit(1)
        if self._library.assay_warm_serve() != 0:
            os._exit(0)
        hooks.restore()
        _reopen(descriptors)
        _become_own()

    def run(self):
        """Serves; in a fork it ends the process."""
        from _pytest import main as pytest_main

        from . import entrance, fast_path, files, kept, task
        from .pytest_session import know_hooks

        session, store = None, kept.Store(self._library)

        def tests(config, pytest_session):
            nonlocal session
            know_hooks(pytest_session)
            fast = self._prepare_fast_path(config)
            self._loaded = _loaded_names()
            self._prepared.hide_own_modules()
            self._serve()
            if self._has_a_loaded_name():
                os.execve(self._cold_start[0], self._cold_start, self._environment)
            request, reporter = entrance.enter()
            of_files = files.Files(WORKSPACE, request)
            suite = kept.Suite(request, of_files.suite, store)
            reporter.kept = suite.known
            if request.fast and fast is not None:
                run = fast_path.begin(request, reporter, of_files, fast, suite)
                if run is not None:
                    entrance.leave(run.run())
            session = task.begin(request, reporter, of_files, suite, self._arguments, self._prepared)
            if session is None:
                entrance.leave(task.EXIT_UNUSABLE)
            if session.config is not config:
                entrance.leave(session.run())
            return pytest_main._main(config, pytest_session)

        config = self._prepared.config
        entrance.leave(task.judge(lambda: int(pytest_main.wrap_session(config, tests)), lambda: session))
