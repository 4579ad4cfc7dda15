"""Where code comes from that is being made: from a file, by the import system, or from what somebody handed over."""

import _imp
import ast
import marshal
import os
import sys
import types
from importlib.machinery import SourceFileLoader, SourcelessFileLoader

# A program may put others in their place for a while.
from builtins import dict, frozenset, isinstance, list, range, set, sorted, tuple, type

FROZEN = "<frozen "
# Our own event: code gets another file name by a function of the interpreter that tells nobody.
RENAMED = "assay.code_renamed"
HARNESS_FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/"
_DEPTH = 6  # frames of the import system between what makes code and the loader


def make_is_import(is_machines):
    """is_import(frame): whether the import system makes code there from a file that is_machines(path)."""
    loaders, read = (SourceFileLoader, SourcelessFileLoader), SourceFileLoader.get_data

    def is_import(frame):
        frame = _of_others(frame)
        for _ in range(_DEPTH):
            if frame is None or not frame.f_code.co_filename.startswith(FROZEN):
                return False
            if frame.f_code.co_name == "get_code":
                loader = frame.f_locals.get("self")
                return type(loader) in loaders and type(loader).get_data is read and type(loader.path) is str and is_machines(loader.path)
            frame = frame.f_back
        return False

    return is_import


def _of_others(frame):
    while frame is not None and frame.f_code.co_filename.startswith(HARNESS_FOLDER):
        frame = frame.f_back
    return frame


def only_parses(frame, parse=ast.parse.__code__, flag=ast.PyCF_ONLY_AST):
    """Whether ast.parse() is what asks there: a tree is no code."""
    frame = _of_others(frame)
    return frame is not None and frame.f_code is parse and frame.f_globals["PyCF_ONLY_AST"] is flag


def file_names(data, loads=marshal.loads):
    """Of all code objects in what marshal has written."""
    try:
        waiting = [loads(data)]
    except Exception:  # marshal tells
        return []
    found = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, types.CodeType):
            found.add(value.co_filename)
            waiting += value.co_consts
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += value
        elif isinstance(value, dict):
            waiting += [part for pair in value.items() for part in pair]
    return sorted(found)


def see_renaming():
    """Once for the process: _imp._fix_co_filename tells the audit hooks."""
    original, tell = _imp._fix_co_filename, sys.audit
    if isinstance(original, types.FunctionType):
        return

    def fix(code, path):
        tell(RENAMED, path)
        original(code, path)

    _imp._fix_co_filename = fix
