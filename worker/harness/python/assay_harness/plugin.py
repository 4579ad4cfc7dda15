"""The pytest plugin that reports. One object per task; it decides nothing about the program's fate beyond what
pytest says, and says where a skip, an xfail or an abort came from."""

import functools
import inspect
import os
import sys

import pytest
from _pytest import outcomes
from _pytest.unittest import TestCaseFunction

# A program may put others in their place for a while.
from builtins import any, getattr, hasattr, isinstance, len, range, set, sorted, str, tuple

from . import blame, canaries, judges_config
from .files import PROGRAM, TRUSTED


def short_name(nodeid):
    """TestX::test_y[1] of test_implementation.py::TestX::test_y[1]."""
    return nodeid.split("::", 1)[1] if "::" in nodeid else nodeid


def base_name(name):
    return name.split("[", 1)[0]


def _watch_end(item):
    """[True] once the test method has come to its end: unittest takes some exceptions for a success."""
    method, ended = item.obj, []
    if inspect.iscoroutinefunction(method):
        return None

    @functools.wraps(method)
    def run(*arguments, **options):
        result = method(*arguments, **options)
        ended.append(True)
        return result

    item.obj = run
    return ended


class _Running:
    """A test while its three phases pass by."""

    def __init__(self):
        self.outcome = None
        self.message = ""
        self.milliseconds = 0.0
        self.suite_skip = False


class ReportPlugin:
    def __init__(self):
        self._reporter = None
        self._files = None
        self._hide_config = None
        self.plan = None  # set before the session runs, as is:
        self.guard = None
        self.canaries = None
        self._suite_module = None
        self._with_conftest = False
        self._running = {}
        self._current = None
        self._ended = 0
        self._collect_failures = []  # (exception or None, text)
        self._deselected = set()
        self.reported = 0
        self.aborted = None  # the exception that ended the session
        self.memory_errors = []
        self.tampering = []

    def bind(self, reporter, files, suite_module, with_conftest):
        """To the task."""
        self._reporter = reporter
        self._files = files
        self._suite_module = suite_module
        self._with_conftest = with_conftest

    # -- collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session):
        self.guard.collection_begins(session.config)

    @pytest.hookimpl
    def pytest_collectstart(self, collector):
        """The session's collection comes first, behind what pytest itself sets when it begins."""
        if isinstance(collector, pytest.Session):
            self._hide_config = judges_config.hide(collector.config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        """Tests that the program brings in do not count: it would write its own marks."""
        items[:] = [item for item in items if not self._is_the_programs(item)]

    def _is_the_programs(self, item):
        if base_name(short_name(item.nodeid)) in self.plan.tests:
            return False
        function = getattr(item, "function", None) or getattr(item, "obj", None)
        for _ in range(20):
            if getattr(function, "__wrapped__", None) is None:
                break
            function = function.__wrapped__
        code = getattr(function, "__code__", None)
        return code is not None and self._files.owner(code.co_filename) == PROGRAM

    @pytest.hookimpl
    def pytest_deselected(self, items):
        self._deselected.update(short_name(item.nodeid) for item in items)

    @pytest.hookimpl
    def pytest_collection_finish(self, session):
        names = []
        for item in session.items:
            name = short_name(item.nodeid)
            names.append(name)
            test = self.plan.tests.get(base_name(name))
            function = getattr(item, "function", None) or getattr(item, "obj", None)
            if test is not None and not self.guard.is_the_suites(function, test, self._suite_module):
                self.tampering.append("%s is not the function that the suite defines" % name)
        self.guard.tests_collected(session, self._with_conftest or self.plan.facts.marks_itself)
        if names:
            self._reporter.collected(names)
            self.canaries.plan(session)
        if self._with_conftest:
            for name in sorted(self._deselected):
                self._send(name, "skipped", 0.0, "deselected by the suite's conftest.py", True)

    @pytest.hookimpl
    def pytest_exception_interact(self, call, report):
        if report.failed and isinstance(report, pytest.CollectReport):
            self._collect_failures.append((call.excinfo.value, str(report.longrepr)))

    @pytest.hookimpl
    def pytest_collectreport(self, report):
        if report.failed and not self._collect_failures:
            self._collect_failures.append((None, str(report.longrepr)))
        elif report.skipped:
            self._report_skipped_collector(report)

    def _report_skipped_collector(self, report):
        """A module or class that skipped itself while it was collected: its planned tests are skipped."""
        within = short_name(report.nodeid) + "::" if "::" in report.nodeid else ""
        error = self._suite_module.error
        by_suite = not isinstance(error, outcomes.Skipped) or blame.raised_by(error, self._files) != PROGRAM
        reason = _skip_reason(report)
        names = [name for name in self.plan.names() if name.startswith(within)]
        for name in names or [within.rstrip(":") or os.path.basename(self._files.suite)]:
            self._send(name, "skipped", 0.0, reason, by_suite)

    # -- running

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        if self._ended == 0:
            self.canaries.take_turns(item.session, canaries.BEFORE_ALL)
        yield
        self.canaries.take_turns(item.session, self._ended)
        self._ended += 1
        if nextitem is None:
            self.canaries.take_turns(item.session, canaries.BEHIND_ALL)

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid):
        self._current = nodeid
        self._hide_config()
        self._reporter.start(short_name(nodeid))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item):
        function = getattr(item, "obj", None)
        self._check_item(item, function)
        ended = _watch_end(item) if isinstance(item, TestCaseFunction) else None
        started = getattr(item, "obj", None)
        outcome = yield
        self._check_item(item, function if getattr(item, "obj", None) is started else None)
        if ended is not None and outcome.excinfo is None and not item._excinfo and not ended:
            self.tampering.append("%s: the program ended the test in the middle" % short_name(item.nodeid))

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        """Around the call alone: what pytest puts around a test, and what that calls, may have run code of the program. (A suite may
        put something of the program's in another's place for as long.)"""
        self._compare()
        yield
        self._compare()

    def _compare(self):
        if self.plan.facts.rebinds:
            return
        for text in self.guard.before_line("test"):
            self._reporter.tampered(text)

    def _check_item(self, item, function):
        name = short_name(item.nodeid)
        test = self.plan.tests.get(base_name(name))
        if test is not None and not self.guard.is_the_suites(function, test, self._suite_module):
            self.tampering.append("%s was replaced while the tests ran" % name)
        if self.guard.test_changed(item):
            self.tampering.append("marks, parameters or fixtures of %s were changed" % name)
        if self.guard.plugins_changed():
            self.tampering.append("pytest's plugins were changed while %s ran" % name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        report = outcome.get_result()
        if call.excinfo is not None:
            report.assay_error = call.excinfo.value

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        running = self._running.setdefault(report.nodeid, _Running())
        running.milliseconds += report.duration * 1000
        error = report.__dict__.pop("assay_error", None)
        name = short_name(report.nodeid)
        if error is not None and name in self.canaries.table and self._is_excused(name, report, error):
            self._reporter.excuse_canary(name)
            return
        if isinstance(error, MemoryError) and report.failed:
            self.memory_errors.append(name)
        if report.failed:
            self._failed(running, report, error)
        elif report.skipped and hasattr(report, "wasxfail"):
            running.outcome, running.message = "xfailed", str(report.wasxfail)
            if isinstance(error, outcomes.XFailed) and blame.raised_by(error, self._files) == PROGRAM:
                self.tampering.append("%s: the program called pytest.xfail" % name)
            elif not (self.plan.facts.mentions_xfail or self._with_conftest or self._yields(name)):
                self.tampering.append("%s: the suite expects no failure" % name)
        elif report.skipped:
            running.outcome, running.message = "skipped", _skip_reason(report)
            running.suite_skip = self._suite_wrote_skip(error, name)
        elif report.passed and report.when == "call":
            running.outcome = "xpassed" if hasattr(report, "wasxfail") else "passed"

    def _yields(self, name):
        test = self.plan.tests.get(base_name(name))
        return test is not None and test.yields

    def _is_excused(self, name, report, error):
        """A canary's exception that is not from itself: the memory or the stack is used up, or a signal handler of the program raised. (Of one that
        failed as it must nobody need ask who raised.)"""
        if isinstance(error, (MemoryError, RecursionError)):
            return True
        as_it_must = report.failed and "failed" in self.canaries.table[name]
        return not as_it_must and blame.raised_by(error, self._files) == PROGRAM

    def _failed(self, running, report, error):
        if report.when == "call":
            running.outcome = "failed"
        elif running.outcome != "failed":
            running.outcome = "error"
        if short_name(report.nodeid) not in self.canaries.table and (not running.message or running.outcome == "error"):
            running.message = self._failure_text(report, error)

    def _failure_text(self, report, error):
        """The assertion text as pytest writes it, behind the suite's line that failed."""
        crash = getattr(report.longrepr, "reprcrash", None)
        phase = "" if report.when == "call" else report.when + ": "
        if crash is None:
            return phase + str(report.longrepr)
        place = (crash.path, crash.lineno)
        for filename, line in blame.frames(error) if error is not None else ():
            if self._files.owner(filename) == TRUSTED:
                place = (filename, line)
        return "%s%s:%d: %s" % (phase, os.path.basename(place[0]), place[1], crash.message)

    def _suite_wrote_skip(self, error, name):
        origin = blame.raised_by(error, self._files) if error is not None else None
        if origin == PROGRAM:
            return False
        if origin == TRUSTED:
            return self._speaks_of_skips()
        # A mark, or pytest itself (an async test without a plugin): the suite's text must show a reason.
        test = self.plan.tests.get(base_name(name))
        return test is None or test.may_skip or self.plan.facts.mentions_skip or self._with_conftest

    def _speaks_of_skips(self):
        """An assertion that fails by another exception than its own is none of the suite's skips."""
        facts = self.plan.facts
        return (facts.mentions_skip or self._with_conftest or facts.imports_skip
                or any(path.endswith(".py") and path != self._files.suite for path in self._files.trusted))

    @pytest.hookimpl
    def pytest_runtest_logfinish(self, nodeid):
        running = self._running.pop(nodeid, None)
        self._current = None
        if running is not None and running.outcome is not None:
            message = "" if running.outcome == "passed" else running.message
            self._send(short_name(nodeid), running.outcome, running.milliseconds, message, running.suite_skip)

    def _send(self, name, outcome, milliseconds, message, suite_skip):
        self.reported += 1
        self._reporter.test(name, outcome, milliseconds, message, suite_skip)

    # -- the end

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self, excinfo):
        """KeyboardInterrupt or pytest.exit: nothing runs after it."""
        self._abort(excinfo.value)

    @pytest.hookimpl
    def pytest_internalerror(self, excrepr, excinfo):
        sys.stderr.write("%s\n" % excrepr)
        if isinstance(excinfo.value, MemoryError):
            self.memory_errors.append("pytest")
        self._abort(excinfo.value)

    def _abort(self, error):
        self.aborted = error
        if self._current is not None:
            name = short_name(self._current)
            self._send(name, "failed", 0.0, blame.text(error, self._files), False)

    def collection_fault(self):
        """(fault, message) when the suite could not be collected, else None."""
        if not self._collect_failures:
            return None
        error, text = self._collect_failures[0]
        if self._suite_module.error is not None:
            error = self._suite_module.error
        if isinstance(error, MemoryError):
            self.memory_errors.append("the import of the suite")
        if error is None or isinstance(error, pytest.Collector.CollectError):
            return "suite", text
        return blame.fault(error, self._files, self.plan.tree), blame.text(error, self._files) or text


def _skip_reason(report):
    longrepr = report.longrepr
    text = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
    return text[len("Skipped: ") :] if text.startswith("Skipped: ") else text
