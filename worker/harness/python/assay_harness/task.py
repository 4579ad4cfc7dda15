"""One task from its control object to `done`."""

import os
import sys

from . import files as workspace_files
from . import plan as suite_plan

EXIT_TESTS_FAILED = 1
EXIT_UNUSABLE = 2

exit_now = os._exit


def flush_output():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:  # closed or replaced by the program
            pass


def _suite_fault(reporter, message):
    reporter.suite_error("suite", message)
    reporter.done()
    return EXIT_UNUSABLE


def run(request, reporter, workspace, pytest_arguments):
    """Returns the exit code. The first thing of the program is loaded by pytest_session."""
    files = workspace_files.Files(workspace, request)
    try:
        from . import blame, integrity, plugin, pytest_session, suite_module

        coverage = None
        if request.coverage:
            from .coverage_run import CoverageRun

            coverage = CoverageRun(files)
    except ImportError as error:
        reporter.harness_error("%s cannot be imported by %s: %s" % (error.name, sys.executable, error))
        return EXIT_UNUSABLE

    try:
        with open(files.suite, "rb") as source:
            text = source.read()
        compile(text, request.suite, "exec", dont_inherit=True)
        plan = suite_plan.build(text, request.suite)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        return _suite_fault(reporter, "%s: %s: %s" % (request.suite, type(error).__name__, error))
    reporter.plan(plan.names())

    shadowing = files.shadowing()
    if shadowing is not None:
        reporter.tampered("the program's file %s would be loaded in place of the suite's %s" % shadowing)
        reporter.done()
        return EXIT_UNUSABLE

    if plan.uses_unittest:
        import unittest.case  # noqa: F401  watched, before the program can touch it
    _prepare_process(workspace, request)
    module = suite_module.SuiteModule(files.suite)
    with_conftest = pytest_session.TRUSTED_CONFTEST in request.trusted_files
    reporting = plugin.ReportPlugin(reporter, files, plan, module, with_conftest)
    args = pytest_session.arguments(
        workspace, files.suite, with_conftest, request.stop_on_first_failure, pytest_arguments
    )
    session = _Session(reporter, files, plan, module, reporting, coverage)
    return session.run(args, integrity.Snapshot(), pytest_session, blame)


def _prepare_process(workspace, request):
    """The process as a plain `python3 -m pytest` in the workspace has it."""
    import types

    from .pytest_session import prepare_streams

    prepare_streams()
    sys.argv = ["pytest", request.suite]
    sys.path.insert(0, workspace)
    # Not our script: multiprocessing would run it again in each spawned child.
    sys.modules["__main__"] = types.ModuleType("__main__")


class _Session:
    """The part that runs with the program loaded, and what is said about it afterwards."""

    def __init__(self, reporter, files, plan, module, reporting, coverage):
        self._reporter = reporter
        self._files = files
        self._plan = plan
        self._module = module
        self._reporting = reporting
        self._coverage = coverage

    def run(self, args, snapshot, pytest_session, blame):
        if self._coverage is not None:
            self._coverage.start()
        try:
            config = self._prepare(args, pytest_session, blame)
            if config is None:
                return EXIT_UNUSABLE
            exit_code = pytest_session.run(config)
        except BaseException as error:
            return self._broken_off(error)
        finally:
            self._tell_memory_errors()
        self._conclude(snapshot, exit_code, blame)
        return exit_code

    def _broken_off(self, error):
        """pytest itself could not go on: the memory is used up, or the program took away what it stands on."""
        import traceback

        if isinstance(error, MemoryError):
            self._reporting.memory_errors.append("pytest")
            return EXIT_TESTS_FAILED
        self._reporter.tampered("pytest broke down: %s: %s" % (type(error).__name__, error))
        self._reporter.done()
        traceback.print_exception(type(error), error, error.__traceback__)
        return EXIT_TESTS_FAILED

    def _prepare(self, args, pytest_session, blame):
        """Also loads a trusted conftest.py, which may import the program."""
        try:
            config = pytest_session.prepare(args, [self._reporting])
            self._module.compile(config)
        except BaseException as error:
            cause = _conftest_cause(error)
            if isinstance(cause, MemoryError):
                self._reporting.memory_errors.append("conftest.py")
            fault = blame.fault(cause, self._files, self._plan.tree)
            self._reporter.suite_error(fault, blame.text(cause, self._files) or str(error))
            self._reporter.done()
            return None
        self._module.install()
        return config

    def _tell_memory_errors(self):
        """The worker tells running out of memory by the end of standard error."""
        if self._reporting.memory_errors:
            flush_output()
            text = "MemoryError in %s\n" % ", ".join(self._reporting.memory_errors[:5])
            os.write(2, text.encode("utf-8", "replace"))

    def _conclude(self, snapshot, exit_code, blame):
        from . import integrity

        fault = self._reporting.collection_fault()
        if fault is not None:
            self._tell_memory_errors()
            self._reporter.suite_error(*fault)
        elif self._reporting.aborted is not None:
            self._tell_abort(self._reporting.aborted, blame)
        elif self._reporting.reported == 0 and not self._plan.tests:
            self._reporter.suite_error("no_tests", "%s holds no test that pytest finds" % self._files.relative(self._files.suite))
        tampering = list(self._reporting.tampering)
        if fault is None and self._module.error is None:
            replaced = integrity.replaced_tests(self._plan, self._module)
            tampering += ["%s was replaced while the tests ran" % name for name in replaced]
        tampering += ["%s was replaced" % name for name in snapshot.changes()]
        if tampering:
            self._reporter.tampered("; ".join(tampering[:10]))
        if self._coverage is not None:
            self._reporter.coverage(self._coverage.finish())
        self._reporter.done()

    def _tell_abort(self, error, blame):
        from .files import TRUSTED

        message = "the run was broken off: " + (blame.text(error, self._files) or repr(error))
        if blame.raised_by(error, self._files) == TRUSTED:
            self._reporter.suite_error("suite", message)
        else:
            self._reporter.tampered(message)


def _conftest_cause(error):
    """What pytest wraps in ConftestImportFailure, in its several versions."""
    excinfo = getattr(error, "excinfo", None)
    if isinstance(excinfo, tuple):
        return excinfo[1]
    return getattr(error, "cause", None) or error.__cause__ or error
