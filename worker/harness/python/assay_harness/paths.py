"""pytest makes a path of the suite's file name for each test, twice, to say where it stands. It is the same one each time."""

import importlib
import os

ASKING = ("_pytest._code.code", "_pytest.nodes")
PATHS_MAX = 1000  # that are kept


def know():
    """In a server, before anything is compared. Nothing where this version of pytest has it otherwise."""
    from _pytest import pathlib

    original = getattr(pathlib, "absolutepath", None)
    if original is None or original("/a/../b") != pathlib.Path("/b"):
        return
    made = _make_keeping(original)
    for module in map(importlib.import_module, ASKING):
        if getattr(module, "absolutepath", None) is original:
            module.absolutepath = made


def _make_keeping(original):
    known, is_absolute = {}, os.path.isabs

    def absolutepath(path):
        """An absolute one does not depend on where the process is."""
        if type(path) is not str or not is_absolute(path):
            return original(path)
        found = known.get(path)
        if found is None:
            found = original(path)
            if len(known) < PATHS_MAX:
                known[path] = found
        return found

    return absolutepath
