"""One task from its control object to `done`."""

import contextlib
import os
import sys
import traceback
import types
import warnings

from . import blame, guard, integrity, kept, snapshot, streams
from . import files as workspace_files
from . import plan as suite_plan
from .files import TRUSTED

EXIT_TESTS_FAILED = 1
EXIT_UNUSABLE = 2

exit_now = os._exit


def flush_output():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:  # closed or replaced by the program
            pass


_loaded = []


def load():
    """What every task needs, loaded by a cold start before it knows its task: it may be waiting for one. What cannot be
    loaded is missed, and said, by the task."""
    try:
        _what_needs_pytest()
    except Exception:
        pass


def _what_needs_pytest():
    """Not at the top: pytest may be missing."""
    if not _loaded:
        from . import canaries, equality, prepared, pytest_session, suite_module

        _loaded.extend((canaries, equality, prepared, pytest_session, suite_module))
    return _loaded


def run(request, reporter, workspace, pytest_arguments):
    """A cold start's one task. Returns the exit code."""
    of_files = workspace_files.Files(workspace, request)
    session = begin(request, reporter, of_files, kept.Suite(request, of_files.suite, None), pytest_arguments, None)
    return EXIT_UNUSABLE if session is None else session.run()


def begin(request, reporter, files, suite, pytest_arguments, prepared):
    """The task up to where its tests run; None when it cannot be, which has been reported. Nothing of the program is
    loaded here but by a trusted conftest.py. suite: kept.Suite; prepared: a warm server's, or None."""
    try:
        session = _Session(request, reporter, files, suite, pytest_arguments, prepared)
        session.prepare()
    except Exception as error:  # pytest or coverage.py is missing, or the stanza's arguments are wrong
        reporter.harness_error("pytest cannot be prepared by %s: %s: %s" % (sys.executable, type(error).__name__, error))
        return None
    try:
        session.read_suite()
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        reporter.plan([])
        reporter.suite_error("suite", "%s: %s: %s" % (request.suite, type(error).__name__, error))
        reporter.done()
        return None
    reporter.plan(suite.plan.names())
    shadowing = files.shadowing()
    if shadowing is not None:
        reporter.tampered("the program's file %s would be loaded in place of the suite's %s" % shadowing)
        reporter.done()
        return None
    session.guard()
    if not session.compile():
        return None
    suite.let_go()
    prepare_process(files.workspace, request, prepared.own_modules if prepared is not None else None)
    return session if session.load() else None


def judge(run_pytest, session):
    """Runs pytest and reports how it ended. run_pytest() -> exit code; session() -> what begin() gave, as it is then."""
    try:
        exit_code = run_pytest()
    except BaseException as error:
        return session().broken_off(error)
    finally:
        session().tell_memory_errors()
    session().conclude()
    return exit_code


def find_own_modules():
    """{name: module}: whoever keeps it keeps them alive."""
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == __package__}


def prepare_process(workspace, request, own_modules=None):
    """The process as a plain `python3 -m pytest` in the workspace has it. own_modules: those of the harness that are in sys.modules,
    where that is known."""
    streams.prepare()
    sys.argv = ["pytest", request.suite]
    sys.path.insert(0, workspace)
    # Not our script: multiprocessing would run it again in each spawned child.
    sys.modules["__main__"] = types.ModuleType("__main__")
    # The program has no use for the harness.
    for name in find_own_modules() if own_modules is None else own_modules:
        sys.modules.pop(name, None)


class _Session:
    """pytest with the program loaded, and what is said about it afterwards."""

    def __init__(self, request, reporter, files, suite, pytest_arguments, prepared):
        canaries, equality, prepared_parts, pytest_session, suite_module = _what_needs_pytest()
        self._request = request
        self._reporter = reporter
        self._files = files
        self._suite = suite
        self._has_warnings = False
        self._pytest = pytest_session
        self._equality = equality
        self._library = suite_module
        self._make_canaries = canaries.Canaries
        self._module = suite_module.SuiteModule(files.suite)
        self._with_conftest = pytest_session.TRUSTED_CONFTEST in request.trusted_files
        self._prepared = prepared or prepared_parts.Prepared(files.workspace, files.suite, pytest_arguments)
        if self._with_conftest:
            self._prepared.drop_config()
        self._snapshot = self._prepared.snapshot
        self._reporting = self._prepared.reporting
        self._reporting.bind(reporter, files, self._module, self._with_conftest)
        self._coverage = None
        if request.coverage:
            from .coverage_run import CoverageRun

            self._coverage = CoverageRun(files)

    def prepare(self):
        """What needs nothing of the program. A trusted conftest.py may import it: then pytest is prepared later."""
        if self._prepared.config is not None:
            self._pytest.stop_on_first_failure(self._prepared.config, self._request.stop_on_first_failure)
        elif not self._with_conftest:
            self._configure()

    def _configure(self):
        self._prepared.configure(self._with_conftest, self._request.stop_on_first_failure)

    @property
    def config(self):
        return self._prepared.config

    def read_suite(self):
        """SyntaxError and the like when it does not parse."""
        if self._suite.known:
            return
        if self._suite.text is None:
            with open(self._files.suite, "rb"):  # says why
                pass
        name = self._request.suite
        with self._telling_warnings():
            compile(self._suite.text, name, "exec", dont_inherit=True)  # also what the parser alone lets through: `return` at top level
            self._suite.plan = suite_plan.build(self._suite.text, name)

    @contextlib.contextmanager
    def _telling_warnings(self):
        """A suite whose text the compiler warns of is compiled each time, so that the warnings are there each time."""
        with warnings.catch_warnings(record=True) as seen:
            yield
        self._has_warnings = self._has_warnings or bool(seen)
        for one in seen:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)

    @property
    def _plan(self):
        return self._suite.plan

    def guard(self):
        """Everything that will be compared, or seen, once the program is loaded."""
        plan = self._plan
        self._reporting.plan = plan
        self._reporting.canaries = self._make_canaries(self._reporter, self._files, self._module, plan.facts.uses_unittest, self._prepared.canaries, self._prepared.plugins)
        tell, busy = self._reporter.tampered, set()
        probe = self._equality.make_prober(self._files, plan.facts.mentions_mocks, tell)
        if plan.facts.uses_unittest:
            import unittest.case

            self._equality.watch_unittest(unittest.case.TestCase, probe)
            self._snapshot.watch(snapshot.WATCHED_UNITTEST)
        if not plan.facts.speaks_of_builtins:
            self._module.builtins = self._prepared.builtins or self._library.own_builtins()
        imports = plan.facts.imports
        self._library.import_library(imports, self._files.trusted_modules())
        for name in snapshot.JUDGING & imports:
            if name in self._prepared.judging:
                self._snapshot.add(self._prepared.judging[name])
        self._snapshot.watch(snapshot.JUDGING & imports)
        made = guard.make_guard(
            self._files, plan, self._snapshot, self._library.drop_the_programs, tell, busy, self._pytest.BASE_CODE, self._prepared.interpreter, self._module.builtins
        )
        self._module.comparisons = self._equality.make_comparisons(probe, self._library.COMPARISONS, made.before_comparison)
        self._module.imported = made.suite_imported
        self._reporting.guard = made
        self._reporter.guard_by(made.before_line, self._reporting.canaries.table)
        self._prepared.install_audit(self._files, self._reporter.seen, busy, self._prepared.interpreter)

    def run(self):
        return judge(lambda: self._pytest.run(self.config), lambda: self)

    def compile(self):
        """The suite's code, unless a trusted conftest.py has to be loaded first. False: it has been reported why not."""
        return self.config is None or self._do(self._compile)

    def _compile(self):
        if self._suite.known and not self._with_conftest:
            self._module.code = self._suite.code
        else:
            with self._telling_warnings():
                self._module.code = self._suite.code = self._library.compile_text(self._suite.text, self._files.suite, self._files.program_modules(), self.config)
        if not (self._with_conftest or self._has_warnings):
            self._suite.keep()

    def load(self):
        """A trusted conftest.py, and what is left to be prepared. False: it cannot be loaded, which has been reported."""
        if self._coverage is not None:
            self._coverage.start()
        return self._do(self._load)

    def _load(self):
        if self.config is None:
            self._configure()
            self._compile()
        self._reporting.guard.pytest_prepared()
        self._reporting.canaries.compile(self.config)
        self._module.install()

    def _do(self, work):
        try:
            work()
        except BaseException as error:
            cause = _conftest_cause(error)
            if isinstance(cause, MemoryError):
                self._reporting.memory_errors.append("conftest.py")
            fault = blame.fault(cause, self._files, self._plan.tree)
            self._reporter.suite_error(fault, blame.text(cause, self._files) or str(error))
            self._reporter.done()
            self.tell_memory_errors()
            return False
        return True

    def broken_off(self, error):
        """pytest itself could not go on: the memory is used up, or the program took away what it stands on."""
        if isinstance(error, MemoryError):
            self._reporting.memory_errors.append("pytest")
            return EXIT_TESTS_FAILED
        self._reporter.tampered("pytest broke down: %s: %s" % (type(error).__name__, error))
        self._reporter.done()
        traceback.print_exception(type(error), error, error.__traceback__)
        return EXIT_TESTS_FAILED

    def tell_memory_errors(self):
        """The worker tells running out of memory by the end of standard error."""
        if self._reporting.memory_errors:
            flush_output()
            text = "MemoryError in %s\n" % ", ".join(self._reporting.memory_errors[:5])
            os.write(2, text.encode("utf-8", "replace"))

    def conclude(self):
        fault = self._reporting.collection_fault()
        if fault is not None:
            self.tell_memory_errors()
            self._reporter.suite_error(*fault)
        elif self._reporting.aborted is not None:
            self._tell_abort(self._reporting.aborted)
        elif self._reporting.reported == 0 and not self._plan.tests:
            self._reporter.suite_error("no_tests", "%s holds no test that pytest finds" % self._files.relative(self._files.suite))
        tampering = list(self._reporting.tampering)
        if fault is None and self._module.error is None:
            replaced = integrity.replaced_tests(self._plan, self._module)
            tampering += ["%s was replaced while the tests ran" % name for name in replaced]
        tampering += ["%s was replaced" % name for name in self._snapshot.changes()]
        if tampering:
            self._reporter.tampered("; ".join(tampering[:10]))
        if self._coverage is not None:
            self._reporter.coverage(self._coverage.finish())
        self._reporter.done()

    def _tell_abort(self, error):
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
