"""Sees, at the moment it happens, what only a program does that looks for its judge.

An audit hook (PEP 578) cannot be taken off again. What it sees is reported at once, before the program holds
what it reached for; nothing that the program does afterwards takes the line back.
"""

import functools
import os
import sys
import threading
import types

# A program may put others in their place for a while.
from builtins import any, bytes, filter, isinstance, len, map, next, str, type

from . import provenance
from .files import OUTSIDE, PROGRAM, TRUSTED

HARNESS_FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"
FRAME_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}
FUNCTION_ATTRIBUTES = {"__code__", "__closure__", "__globals__"}
# What leads from one's own objects to those of others.
DOORS = (type, types.ModuleType, types.FunctionType, types.MappingProxyType, types.CellType, types.FrameType, types.TracebackType,
         types.GeneratorType, types.CoroutineType, type(functools.lru_cache(len)))
FRAMEWORK = ("/_pytest/", "/pluggy/", "/unittest/")
COVERAGE = ("/coverage/collector.py", "/coverage/pytracer.py", "/coverage/control.py")
FROZEN = provenance.FROZEN
REWRITING = "/_pytest/assertion/rewrite.py"
COPYING = ("/types.py",)
# Where a thread begins.
STARTING = ("/threading.py",)
# They show source lines of whoever is on the stack.
SHOWING_SOURCE = ("/traceback.py", "/warnings.py", "/logging/__init__.py", "/pdb.py")


def make_hook(files, tell, busy):
    """tell(text) is called for each thing seen. busy: the threads in which the harness itself looks just now; what it looks at may be
    objects of the program, which do more than to be there."""
    frame_at, get_ident, function_type = sys._getframe, threading.get_ident, types.FunctionType
    owner, workspace, suite, suite_name = files.owner, files.workspace, files.suite, os.path.basename(files.suite)
    only_parses, file_names = provenance.only_parses, provenance.file_names
    join, normalized = os.path.join, os.path.normpath

    def owners():
        """Whose frames are on the stack, innermost first: (owner, file). Code made from text (exec, namedtuple) is its
        maker's; our own frames do not count."""
        frame = frame_at(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith("/") and not name.startswith(HARNESS_FOLDER):
                yield owner(name), name
            frame = frame.f_back

    def by_program(through=()):
        """True when the program's own code made the call, at most through these modules of the machine. Code made from text that
        nobody called, as a thread may run it, is its too."""
        frame, text = frame_at(1), False
        while frame is not None:
            name = frame.f_code.co_filename
            if not name.startswith("/"):
                text = text or not name.startswith(FROZEN)
            elif not name.startswith(HARNESS_FOLDER):
                whose = owner(name)
                if whose != OUTSIDE or not name.endswith(through):
                    return whose == PROGRAM or text and name.endswith(STARTING)
            frame = frame.f_back
        return text

    def for_program(but_through=()):
        """True when the call was made for the program, through whatever else than these modules."""
        for whose, name in owners():
            if whose != OUTSIDE or name.endswith(but_through):
                return whose == PROGRAM
        return False

    def is_judges(function, attribute):
        if not isinstance(function, function_type):
            return False
        name = function.__code__.co_filename
        of_framework = attribute != "__code__" and any(folder in name for folder in FRAMEWORK)
        return of_framework or name.startswith(HARNESS_FOLDER) or owner(name) == TRUSTED

    def frames(_args):
        return "the program looked at the frames of its callers" if by_program(("/inspect.py",)) else None

    def reading(args):
        if args[1] in FRAME_ATTRIBUTES:
            return "the program looked at the frames of its callers" if by_program() else None
        if args[1] in FUNCTION_ATTRIBUTES and is_judges(*args[:2]) and by_program(("/inspect.py",)):
            return "the program looked into a function of its judge"
        return None

    def writing(args):
        if not args[1].startswith("__") or not isinstance(args[0], function_type):
            return None
        if owner(args[0].__code__.co_filename) != PROGRAM and by_program():
            return "the program changed the function %s" % args[0].__name__
        return None

    def objects(_args):
        return "the program searched the objects of its process" if by_program() else None

    def referents(args):
        through_door = any(isinstance(thing, DOORS) for thing in args[0])
        return objects(args) if through_door else None

    def tracing(_args):
        return "the program traces its callers" if for_program(COVERAGE) else None

    def opening(args):
        path = args[0]
        if isinstance(path, bytes):
            path = path.decode("utf-8", "replace")
        if not isinstance(path, str):
            return None
        if path.startswith("/proc/") and path.endswith(("/mem", "/fd/3", "/fd/4")):
            return "the program opened %s" % path if for_program() else None
        is_suite = path.endswith(suite_name) and normalized(join(workspace, path)) == suite
        return "the program opened its suite" if is_suite and for_program(SHOWING_SOURCE) else None

    is_import = provenance.make_is_import(lambda path: owner(path) != PROGRAM)

    def anothers(name):
        """Code that says it were another's would be taken for that."""
        name = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
        if not isinstance(name, str) or not name.startswith(("/", FROZEN)) or owner(name) == PROGRAM:
            return None
        if is_import(frame_at(1)) or not ordered_by_program():
            return None
        return "the program made code in the name of %s" % name

    def ordered_by_program():
        """True when the program is on the stack, whatever of the machine's lies between, but for pytest, which loads its plugins."""
        for whose, name in owners():
            if whose != OUTSIDE or name.endswith(REWRITING):
                return whose == PROGRAM
        return by_program()

    def compiling(args):
        return None if only_parses(frame_at(1)) else anothers(args[1])

    def making(args):
        """types.coroutine makes a copy of the code of a generator function, which is no other code; asyncio does it when it
        is imported."""
        name = next((name for _whose, name in owners()), "")
        copies = name.endswith(COPYING) and owner(name) == OUTSIDE
        return None if copies else compiling(args)

    def unmarshalling(args):
        if is_import(frame_at(1)):
            return None
        return next(filter(None, map(anothers, file_names(args[0]))), None)

    def unmarshalling_a_file(_args):
        return "the program used marshal.load, of which nobody sees what it loads, as of marshal.loads" if ordered_by_program() else None

    def renaming(args):
        return anothers(args[0])

    checks = {
        "compile": compiling,
        "code.__new__": making,
        "sys._getframe": frames,
        "sys._current_frames": frames,
        "sys._current_exceptions": frames,
        "object.__getattr__": reading,
        "object.__setattr__": writing,
        "object.__delattr__": writing,
        "marshal.loads": unmarshalling,
        "marshal.load": unmarshalling_a_file,
        provenance.RENAMED: renaming,
        "gc.get_objects": objects,
        "gc.get_referrers": objects,
        "gc.get_referents": referents,
        "sys.settrace": tracing,
        "sys.monitoring.register_callback": tracing,
        "open": opening,
    }

    hooking = set()  # threads in which this runs itself

    def hook(event, args):
        check = checks.get(event)
        if check is None:
            return
        me = get_ident()
        if me in hooking:
            return
        hooking.add(me)
        try:
            if me in busy and frame_at(1).f_code.co_filename.startswith(HARNESS_FOLDER):
                return
            text = check(args)
            if text is not None:
                tell(text)
        finally:
            hooking.discard(me)

    return hook


def install(files, tell, busy):
    provenance.see_renaming()
    sys.addaudithook(make_hook(files, tell, busy))
