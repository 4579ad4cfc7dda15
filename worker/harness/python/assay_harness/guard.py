"""The comparisons that are made while the tests run: when the suite has been imported, before each line about a test,
and before `done`. All that they need lies in closures, which the program cannot look into unseen (audit.py)."""

import threading

from . import integrity
from . import words as watching
from .files import OUTSIDE, PROGRAM, TRUSTED
from .suite_state import Helpers, Tests

COMPARISONS_MAX = 100  # that are preceded by a look at the suite's names, between two lines of the report


class Guard:
    """The functions of make_guard."""

    __slots__ = ("before_line", "before_comparison", "suite_imported", "pytest_prepared", "collection_begins", "plugins_changed", "tests_collected", "test_changed", "is_the_suites")


def make_guard(files, plan, snapshot, drop_the_programs, tell, busy, base_code, interpreter, own_builtins=None):
    """base_code: integrity.make_stands_below_program; interpreter: interpreter.Interpreter; own_builtins: integrity.SuiteNames."""
    get_ident = threading.get_ident
    main_thread = get_ident()
    (called_changes, watch_called), may_rebind = snapshot.make_called_changes(), plan.facts.rebinds
    make_unchanged = watching.make_unchanged
    may_replace = may_rebind or plan.facts.mentions_mocks or any(path.endswith(".py") and path != files.suite for path in files.trusted)
    below_program = integrity.make_stands_below_program(files, base_code, interpreter.stack)
    names_of, plugins_of, code_of = integrity.SuiteNames, integrity.Plugins, integrity.code_of
    owner, changes_of = files.owner, snapshot.changes
    kept = {"names": None, "plugins": None, "tests": None, "helpers": Helpers(files), "comparisons": 0}
    # Whether there is nothing to look at, asked in one call where that can be told.
    unchanged = called_unchanged = lambda: False

    def of_program(value):
        code = code_of(value)
        return code is not None and owner(code.co_filename) == PROGRAM

    def not_of_suite(value):
        code = code_of(value)
        return code is None or owner(code.co_filename) != TRUSTED

    of_others = of_program if may_replace else not_of_suite
    stays = not (may_replace or plan.facts.speaks_of_settings)

    def compare(counts, put_back=False):
        found = []
        if not unchanged():
            found = found + changes_of(counts, not_of_suite, put_back)
            if kept["names"] is not None:
                found += kept["names"].changes(counts)
        found += kept["helpers"].changes()
        return ["%s was replaced" % ", ".join(found)] if found else []

    def pytest_prepared():
        snapshot.settle(lambda value: code_of(value) is not None and owner(code_of(value).co_filename) == OUTSIDE)

    def is_the_suites(function, test, suite_module):
        return integrity.is_the_suites(function, test, suite_module, interpreter.code_of)

    def before_line(kind):
        """What is wrong, as texts. The suite may have replaced things for a while, with objects of its own; with others' only where its text
        speaks of that, or that of its helpers may: what the program puts in a place need not be the program's (a builtin, code made from
        text, another function of the library)."""
        if get_ident() != main_thread:
            return ["the program reported for the harness"]
        kept["comparisons"] = COMPARISONS_MAX
        busy.add(main_thread)
        try:
            found = ["the program reported for the harness"] if below_program() else []
            return found + compare(of_others if kind == "test" else lambda value: True, stays)
        finally:
            busy.discard(main_thread)

    def before_comparison():
        """Of what a test may call between two comparisons. The first ones between two lines, so that it costs no loop much."""
        if kept["comparisons"] == 0 or may_rebind or kept["names"] is None or get_ident() != main_thread:
            return
        kept["comparisons"] -= 1
        if called_unchanged():
            return
        busy.add(main_thread)
        try:
            found = kept["names"].changes(of_others) + called_changes()
        finally:
            busy.discard(main_thread)
        if found:
            tell("%s was replaced while a test ran" % ", ".join(found))

    def suite_imported(module):
        nonlocal unchanged, called_unchanged
        drop_the_programs(module, plan, files)
        kept["helpers"].watch_loaded()
        for text in compare(not_of_suite):
            tell(text)
        busy.add(main_thread)
        try:
            kept["names"] = names_of(module, plan, lambda name: owner(name) == TRUSTED, interpreter, own_builtins, files.suite, not may_replace)
            watches = kept["names"].watches()
            if watches is not None:
                unchanged = snapshot.make_unchanged(watches)
                called_unchanged = make_unchanged(interpreter.words, watches if watch_called is None else [*watches, watch_called])
        finally:
            busy.discard(main_thread)

    def collection_begins(config):
        kept["plugins"] = plugins_of(config.pluginmanager)

    def plugins_changed():
        return kept["plugins"] is not None and kept["plugins"].changed()

    def tests_collected(session, may_mark):
        kept["tests"] = Tests(session, may_mark)

    def test_changed(item):
        return kept["tests"] is not None and kept["tests"].changed(item)

    made = Guard()
    made.before_line, made.before_comparison, made.suite_imported = before_line, before_comparison, suite_imported
    made.collection_begins, made.plugins_changed = collection_begins, plugins_changed
    made.pytest_prepared, made.is_the_suites = pytest_prepared, is_the_suites
    made.tests_collected, made.test_changed = tests_collected, test_changed
    return made
