"""Sees, at the moment it happens, what only a program does that looks for its judge.

An audit hook (PEP 578) cannot be taken off again. What it sees is reported at once, before the program holds
what it reached for; nothing that the program does afterwards takes the line back.
"""

import functools
import gc
import itertools
import operator
import os
import sys
import threading
import types

# A program may put others in their place for a while.
from builtins import any, bytes, filter, id, int, issubclass, len, map, next, str, type

from . import interpreter, made_again, profilers, provenance, signals
from .files import OUTSIDE, PROGRAM, TRUSTED

HARNESS_FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"
FRAME_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}
FUNCTION_ATTRIBUTES = {"__code__", "__closure__", "__globals__"}
READING = "object.__getattr__"
OWN_READING = "f_code"  # which no check looks at
WORDS = (*FRAME_ATTRIBUTES, *FUNCTION_ATTRIBUTES)  # what counts when it is read
GETTING_FRAMES = "_getframe"
# Of frames and functions, what is told of when it is read or set.
SPOKEN_OF = {word: word for word in (*FRAME_ATTRIBUTES, *FUNCTION_ATTRIBUTES, "__defaults__", "__kwdefaults__")}
ANSWERS_MAX = 2000  # that is_unsaid keeps
DEPTH_MAX = 8  # of handlers of signals that come while one is looked at: no honest program has so many at once
# What leads from one's own objects to those of others.
DOORS = (type, types.ModuleType, types.FunctionType, types.MappingProxyType, types.CellType, types.FrameType, types.TracebackType,
         types.GeneratorType, types.CoroutineType, type(functools.lru_cache(len)))
FRAMEWORK = ("/_pytest/", "/pluggy/", "/unittest/")
COVERAGE = ("/coverage/collector.py", "/coverage/pytracer.py", "/coverage/control.py")
FROZEN = provenance.FROZEN
REWRITING = "/_pytest/assertion/rewrite.py"
COPYING = ("/types.py",)
MEMORY_MODE = 0o100600  # no other file of a process in /proc has it
# They give frames to who calls them, or what these hold.
GIVING = ("/traceback.py", "/logging/__init__.py", "/asyncio/base_tasks.py")
GIVING_FUNCTIONS = {"walk_stack", "walk_tb", "currentframe", "<lambda>", "_task_get_stack"}
PYTESTS_FRAMES = "/_pytest/_code/"
CAPTURING = "capture_locals"
# They set what they are told.
REPLACING = ("/_pytest/monkeypatch.py", "/unittest/mock.py")
# Where a thread begins.
STARTING = ("/threading.py",)
HOOKS_OF_THREADS = {"settrace": "_trace_hook", "setprofile": "_profile_hook"}
# They show source lines of whoever is on the stack.
SHOWING_SOURCE = ("/traceback.py", "/warnings.py", "/logging/__init__.py", "/pdb.py")


def _is_a(value, kinds):
    """isinstance() asks the value, which may be the program's."""
    return issubclass(type(value), kinds)


def _plain(value):
    """The text of what is a str or bytes or derived from them, by their own methods; else None."""
    if _is_a(value, str):
        return str.__str__(value)
    return bytes.decode(value, "utf-8", "replace") if _is_a(value, bytes) else None


def make_hook(files, tell, busy, of_interpreter):
    """(the hook, ...) as for Interpreter.add_audit_hook. tell(text) is called for each thing seen. busy: the threads in which the
    harness itself looks just now; what it looks at may be objects of the program, which do more than to be there. of_interpreter: interpreter.Interpreter."""
    here, code_of, get_ident, function_type = of_interpreter.here, of_interpreter.code_of, threading.get_ident, types.FunctionType
    owner, workspace, suite, suite_name = files.owner, files.workspace, files.suite, os.path.basename(files.suite)
    only_parses, file_names = provenance.only_parses, provenance.file_names
    same, repeat, chained, spoken_of, plain_stack = operator.is_, itertools.repeat, itertools.chain.from_iterable, SPOKEN_OF, interpreter.PLAIN_STACK
    stat, list_folder, of_processes = os.stat, os.listdir, os.stat("/proc/self/status").st_dev
    join, normalized = os.path.join, os.path.normpath
    speaking = {}  # (id of a code, word) -> (the code, whether it speaks of it)

    def owners(frame):
        """Whose frames are on the stack, from this one outwards: (owner, file). Code made from text (exec, namedtuple) is its
        maker's; our own frames do not count."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith("/") and not name.startswith(HARNESS_FOLDER):
                yield owner(name), name
            frame = frame.f_back

    def by_program(frame, through=()):
        """True when the program's own code made the call, at most through these modules of the machine. Code made from text that
        nobody called, as a thread may run it, is its too."""
        text = False
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

    def for_program(frame, but_through=()):
        """True when the call was made for the program, through whatever else than these modules."""
        for whose, name in owners(frame):
            if whose != OUTSIDE or name.endswith(but_through):
                return whose == PROGRAM
        return False

    def is_judges(function, attribute):
        code = code_of(function)
        if code is None:
            return False
        name = code.co_filename
        of_framework = attribute != "__code__" and any(folder in name for folder in FRAMEWORK)
        return of_framework or name.startswith(HARNESS_FOLDER) or owner(name) == TRUSTED

    def is_unsaid(frame, word):
        """Whether the code that runs just now does not speak of it: then it was given something to call, or C code calls what the
        program left there (as when an object dies). A suite may hand it to what puts things in the place of others."""
        if frame is None:
            return True
        code = frame.f_code
        known = speaking.get((id(code), word))
        if known is None:
            tables = [part for part in code.co_consts if type(part) is tuple]
            speaks = any(map(same, chained((code.co_names, code.co_consts, *tables)), repeat(word)))
            known = code, speaks or word is GETTING_FRAMES and code is plain_stack
            if len(speaking) < ANSWERS_MAX:
                speaking[id(code), word] = known
        if known[1]:
            return False
        return not code.co_filename.endswith(REPLACING) or for_program(frame)

    def is_given_away(frame, word):
        """Whether a function of the library that gives frames to its caller looks for one, and the program gets it, or what it holds."""
        code, name = frame.f_code, frame.f_code.co_filename
        if PYTESTS_FRAMES in name:
            return for_program(frame)
        if not name.endswith(GIVING) or code.co_name not in GIVING_FUNCTIONS or not for_program(frame):
            return False
        within = False
        while frame is not None and frame.f_code.co_filename == name:
            within = within or frame.f_code.co_name not in GIVING_FUNCTIONS
            if word is GETTING_FRAMES and frame.f_locals.get(CAPTURING) is True:
                return True
            frame = frame.f_back
        return not within

    def frames(word):
        def check(_args, frame):
            looked = by_program(frame, ("/inspect.py",)) or is_unsaid(frame, word) or is_given_away(frame, word)
            return "the program looked at the frames of its callers" if looked else None

        return check

    def reading(args, frame):
        word = spoken_of.get(args[1])
        if word in FRAME_ATTRIBUTES:
            return "the program looked at the frames of its callers" if by_program(frame) or is_unsaid(frame, word) or is_given_away(frame, word) else None
        if word in FUNCTION_ATTRIBUTES and is_judges(args[0], word) and (by_program(frame, ("/inspect.py",)) or is_unsaid(frame, word)):
            return "the program looked into a function of its judge"
        return None

    def writing(args, frame):
        word = spoken_of.get(args[1])
        if not args[1].startswith("__") or not _is_a(args[0], function_type):
            return None
        name = args[0].__code__.co_filename
        if owner(name) != PROGRAM and (by_program(frame) or word is not None and name.startswith("/") and is_unsaid(frame, word)):
            return "the program changed the function %s" % _plain(args[0].__name__)
        return None

    def objects(word):
        def check(_args, frame):
            return "the program searched the objects of its process" if by_program(frame) or is_unsaid(frame, word) else None

        return check

    def listening(_args, frame):
        """A hook is handed what others look at, frames among it."""
        return "the program listens to its interpreter" if ordered_by_program(frame) or is_unsaid(frame, "addaudithook") else None

    search = objects("get_referents")

    def referents(args, frame):
        through_door = any(_is_a(thing, DOORS) for thing in args[0])
        return search(args, frame) if through_door else None

    def traces(how):
        """how: the name of the function by which. Others than the program may, if they speak of it: C code may call it behind anybody's back."""
        told = "the program traces its callers"

        def check(_args, frame):
            if frame is None or for_program(frame, COVERAGE):
                return told
            name = frame.f_code.co_filename
            if name.endswith(STARTING) and owner(name) == OUTSIDE:
                return told if is_programs(frame.f_globals.get(HOOKS_OF_THREADS[how])) else None
            return None if how in frame.f_code.co_names or name.endswith(COVERAGE) else told

        return check

    def is_programs(function):
        """False where it certainly is not."""
        function = function.__func__ if type(function) is types.MethodType else function
        return type(function) is not function_type or owner(function.__code__.co_filename) == PROGRAM

    is_profiler, tracing, profiles = profilers.make_is_known(), traces("settrace"), traces("setprofile")

    def profiling(args, frame):
        return None if is_profiler(frame) else profiles(args, frame)

    def monitoring(_args, frame):
        return "the program traces its callers" if for_program(frame, COVERAGE) else None

    def is_memory(path, folder=None):
        """Of a process, by whatever way that leads there. folder: None or the descriptor of one."""
        try:
            found = stat(path, dir_fd=folder)
        except (OSError, ValueError):
            return False
        return found.st_dev == of_processes and found.st_mode == MEMORY_MODE

    def is_memory_within(path):
        """From some folder that is open: which one the event does not say."""
        return any(is_memory(path, int(name)) for name in list_folder("/proc/self/fd"))

    def opening(args, frame):
        path = _plain(args[0])
        if path is None:
            return None
        if path.startswith("/proc/") and path.endswith(("/mem", "/fd/3", "/fd/4")) or is_memory(args[0]):
            return "the program opened %s" % path if for_program(frame) else None
        if not path.startswith("/") and for_program(frame) and is_memory_within(args[0]):
            return "the program opened %s" % path
        is_suite = path.endswith(suite_name) and normalized(join(workspace, path)) == suite
        return "the program opened its suite" if is_suite and for_program(frame, SHOWING_SOURCE) else None

    is_import = provenance.make_is_import(lambda path: owner(path) != PROGRAM)

    def anothers(name, frame):
        """Code that says it were another's would be taken for that."""
        if _is_a(name, (str, bytes)) and type(name) not in (str, bytes):
            return "the program made code in the name of what is no plain text"
        name = _plain(name)
        if name is None or not name.startswith(("/", FROZEN)) or owner(name) == PROGRAM:
            return None
        if is_import(frame) or not ordered_by_program(frame):
            return None
        return "the program made code in the name of %s" % name

    def ordered_by_program(frame):
        """True when the program is on the stack, whatever of the machine's lies between, but for pytest, which loads its plugins."""
        for whose, name in owners(frame):
            if whose != OUTSIDE or name.endswith(REWRITING):
                return whose == PROGRAM
        return by_program(frame)

    def compiling(args, frame):
        return None if only_parses(frame) else anothers(args[1], frame)

    def making(args, frame):
        """types.coroutine makes a copy of the code of a generator function, which is no other code; asyncio does it when it
        is imported."""
        name = next((name for _whose, name in owners(frame)), "")
        copies = name.endswith(COPYING) and owner(name) == OUTSIDE
        return None if copies else compiling(args, frame)

    def unmarshalling(args, frame):
        if is_import(frame):
            return None
        return next(filter(None, map(anothers, file_names(args[0]), repeat(frame))), None)

    def unmarshalling_a_file(_args, frame):
        return "the program used marshal.load, of which nobody sees what it loads, as of marshal.loads" if ordered_by_program(frame) else None

    def interpreters(_args, frame):
        """Of another interpreter this hook is told nothing, and it has the same memory."""
        return "the program made another interpreter" if ordered_by_program(frame) or frame is None else None

    def renaming(args, frame):
        return anothers(args[0], frame)

    checks = {
        "compile": compiling,
        "code.__new__": making,
        "sys._getframe": frames(GETTING_FRAMES),
        "sys._current_frames": frames("_current_frames"),
        "sys._current_exceptions": frames("_current_exceptions"),
        READING: reading,
        "object.__setattr__": writing,
        "object.__delattr__": writing,
        "marshal.loads": unmarshalling,
        "marshal.load": unmarshalling_a_file,
        provenance.RENAMED: renaming,
        "gc.get_objects": objects("get_objects"),
        "gc.get_referrers": objects("get_referrers"),
        "gc.get_referents": referents,
        "sys.settrace": tracing,
        "sys.setprofile": profiling,
        "sys.monitoring.register_callback": monitoring,
        "open": opening,
        "cpython.PyInterpreterState_New": interpreters,
        "sys.addaudithook": listening,
    }

    hooking = {}  # thread -> how often this runs in it
    collects, stop_collecting, collect = gc.isenabled, gc.disable, gc.enable

    def hook(event, args):
        """A collection of garbage, in which the program could do something unseen, has to wait. What the handler of a signal does in here is
        looked at as well, but not what this does itself."""
        check = checks.get(event)
        if check is None or event == READING and type(args[1]) is str and args[1] == OWN_READING:
            return
        me = get_ident()
        nested = me in hooking
        collected = collects()  # the last call in front of `try`: the handler of a signal may raise behind each
        hooking[me] = hooking[me] + 1 if nested else 1
        try:
            stop_collecting()
            frame = here(None).f_back
            if nested or me in busy:
                if frame.f_code.co_filename.startswith(HARNESS_FOLDER):
                    return
            text = check(args, frame) if hooking[me] <= DEPTH_MAX else "the program interrupts who looks at it"
            if text is not None:
                tell(text)
        finally:
            if nested:
                hooking[me] -= 1
            else:
                del hooking[me]
            if collected:
                collect()

    return hook, tuple(checks), READING, WORDS


_seeing = []


def see():
    """Of what the interpreter tells no hook: functions of it are replaced, once for the process, by a server before it forks."""
    if not _seeing:
        _seeing.append(True)
        provenance.see_renaming()
        profilers.see()
        signals.see()
        made_again.see()


def install(files, tell, busy, of_interpreter):
    see()
    of_interpreter.add_audit_hook(*make_hook(files, tell, busy, of_interpreter))
