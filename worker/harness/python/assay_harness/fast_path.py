"""Runs a suite without a session of pytest, where fast_fit.py says that this is alike.

What passes here passes under pytest. Whatever else happens - a test that fails, an import that does, anything unknown - ends the run
with the line `again`, which names the tests that failed: the worker runs the task once more under pytest, whose words stand,
and lets no test pass that failed here. Everything that is compared and seen under pytest is compared and seen here; pytest's own functions
are not, but for those that the suite calls, since no verdict goes through them.
"""

import ast
import importlib
import os
import sys
import types
import warnings
from time import perf_counter
from unittest import TestCase

from _pytest.mark.structures import ParameterSet
from _pytest.python import IdMaker

# A program may put others in their place for a while.
from builtins import callable, delattr, dict, enumerate, getattr, isinstance, issubclass, len, list, setattr, str, tuple, type, vars, zip

from . import audit, blame, equality, fast_canaries, fast_fit, fast_surroundings, guard, integrity, own_names, snapshot, suite_module, task
from . import plan as suite_plan
from .files import PROGRAM

PARAMETRIZE = "@assay_parametrize"


class Prepared:
    """Made once in the server. None of its parts is a task's."""

    def __init__(self, config, prepared):
        """prepared: prepared.Prepared."""
        self.config, self.interpreter, self.judging = config, prepared.interpreter, prepared.judging
        self.surroundings = fast_surroundings.Surroundings(config)
        self.canaries = fast_canaries.compile_forms()
        self.called = snapshot.States(snapshot.WATCHED_CALLED, self.interpreter.words)
        self.base = snapshot.Snapshot((), interpreter=self.interpreter)
        self.builtins = prepared.builtins
        self.install_audit = audit.install  # a rehearsal has another (fast_rehearsal.py)
        check_ids()


class Again(Exception):
    """The run ends here. failed: names of the tests that did not pass."""

    def __init__(self, reason, failed=()):
        super().__init__(reason)
        self.reason, self.failed = reason, list(failed)


def begin(request, reporter, of_files, prepared, suite):
    """A run, or None: pytest has to do it, and nothing of the task has been touched yet. suite: kept.Suite."""
    if suite.known:
        return _Run(request, reporter, of_files, suite, prepared) if suite.fit is not None else None
    if suite.text is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)  # pytest's rewriting has words of its own for some of them
            read(suite, request, of_files)
    except (fast_fit.Unfit, SyntaxError, ValueError, RecursionError, MemoryError):
        suite.plan = None
        return None
    suite.keep()
    return _Run(request, reporter, of_files, suite, prepared)


def read(suite, request, of_files):
    """Raises fast_fit.Unfit, and what a compiler raises."""
    suite.plan = plan = suite_plan.build(suite.text, request.suite)
    fit = fast_fit.examine(plan, of_files, request)
    suite.code = _compile(plan, fit, of_files)
    suite.fit = fit.values()


def _compile(plan, fit, of_files):
    """Without pytest's rewriting of its assertions. @pytest.mark.parametrize(...) becomes @assay_parametrize(...), which only notes
    what it was given."""
    for found in fit.tests:
        for call in found.calls:
            call.func = ast.copy_location(ast.Name(PARAMETRIZE, ast.Load()), call.func)
    if fit.star:
        own_names.keep(plan.tree, of_files.program_modules())
    return suite_module.compile_comparing_in_place(plan.tree, plan.nodes, of_files.suite)


class _Module(suite_module.SuiteModule):
    def __init__(self, path, code, parametrizes):
        super().__init__(path)
        self.code = code
        self.parametrizes = parametrizes
        self.given = {}  # code of a function -> [(argnames, argvalues, ids)], from the function outwards

    def bind(self, comparisons):
        self.comparisons = dict(comparisons)
        if self.parametrizes:
            self.comparisons[PARAMETRIZE] = _make_noting(self.given)


def _make_noting(given):
    def parametrize(argnames, argvalues, ids=None):
        argvalues = list(argvalues)

        def note(function):
            given.setdefault(function.__code__, []).append((argnames, argvalues, ids))
            return function

        return note

    return parametrize


class _Item:
    """One test to run. `call` gives nothing and raises what the test raises."""

    __slots__ = ("name", "call", "function", "code", "last_of_class")

    def __init__(self, name, call, function, code):
        self.name, self.call, self.function, self.code = name, call, function, code
        self.last_of_class = None


class _Run:
    def __init__(self, request, reporter, of_files, suite, prepared):
        self._request, self._reporter, self._files = request, reporter, of_files
        self._plan, self._fit = suite.plan, fast_fit.restore(suite.fit, suite.plan)
        self._module, self._prepared = _Module(of_files.suite, suite.code, self._fit.parametrizes), prepared
        self._snapshot, self._code_of = prepared.base, prepared.interpreter.code_of
        self._guard = None
        self._canaries = None

    def run(self):
        """The exit code."""
        self._reporter.plan(self._plan.names())
        try:
            self._watch()
            task.prepare_process(self._files.workspace, self._request, own_modules=())
            with self._prepared.surroundings.of_collection():
                items = self._collect()
            self._reporter.collected([item.name for item in items])
            self._canaries.settle(self._module_namespace(), len(items))
            with self._prepared.surroundings.of_tests():
                for number, item in enumerate(items):
                    self._one(number, item, len(items))
            self._conclude()
        except Again as again:
            self._reporter.again(again.reason, again.failed)
            return task.EXIT_TESTS_FAILED
        except BaseException as error:  # the program took away what the harness stands on
            self._reporter.again("the run broke down: " + type(error).__name__, self._plan.names())
            return task.EXIT_TESTS_FAILED
        return 0

    # -- before anything of the program is loaded

    def _watch(self):
        """As under pytest, in its own order (task.py)."""
        plan, fit, tell, busy = self._plan, self._fit, self._reporter.tampered, set()
        probe = equality.make_prober(self._files, plan.facts.mentions_mocks, tell)
        self._module.builtins = None if plan.facts.speaks_of_builtins else self._prepared.builtins
        imports = plan.facts.imports
        suite_module.import_library(imports, self._files.trusted_modules())
        if plan.facts.uses_unittest:
            import unittest.case

            equality.watch_unittest(unittest.case.TestCase, probe)
            self._snapshot.watch(snapshot.WATCHED_UNITTEST)
        if fit.uses_pytest:
            self._snapshot.add(self._prepared.called)
        for name in snapshot.JUDGING & imports:
            self._snapshot.add(self._prepared.judging[name])
            self._snapshot.watch([name])
        self._guard = guard.make_guard(
            self._files, plan, self._snapshot, lambda *_: None, tell, busy, _Run.run.__code__, self._prepared.interpreter, self._module.builtins)
        self._module.bind(equality.make_comparisons(probe, suite_module.COMPARISONS, self._guard.before_comparison))
        self._module.imported = self._guard.suite_imported
        self._canaries = fast_canaries.Canaries(self._prepared.canaries, plan.facts.uses_unittest, self._module.path, make_case_call)
        self._reporter.guard_by(self._guard.before_line, self._canaries.table)
        self._prepared.install_audit(self._files, self._reporter.seen, busy, self._prepared.interpreter)
        self._module.install()

    # -- collection

    def _module_namespace(self):
        return vars(sys.modules[self._module.name])

    def _collect(self):
        names = self._plan.names()
        try:
            module = importlib.import_module(self._module.name)
        except BaseException as error:
            raise Again("the suite cannot be imported: " + type(error).__name__, names) from None
        namespace = vars(module)
        self._look_for_more(namespace)
        items = []
        for found in self._fit.tests:
            items += self._items_of(found, namespace)
        for class_name in self._fit.test_cases:
            of_class = [item for item in items if item.name.startswith(class_name + "::")]
            if of_class:
                of_class[-1].last_of_class = namespace[class_name]
        return items

    def _look_for_more(self, namespace):
        """What pytest would collect beside the tests of the plan, unless it is the program's."""
        planned = {name.split("::")[0] for name in self._plan.tests}
        for name, value in list(namespace.items()):
            if name in planned:
                continue
            if isinstance(value, type):
                if value is not TestCase and (issubclass(value, TestCase) or name.startswith("Test")):
                    raise Again("the class %s may hold tests" % name)
            elif name.startswith("test") and callable(value):
                code = getattr(value, "__code__", None)
                if type(value) is not types.FunctionType or self._files.owner(code.co_filename) != PROGRAM:
                    raise Again("%s may be a test" % name)

    def _items_of(self, found, namespace):
        test = found.test
        owner = namespace.get(found.class_name) if found.class_name else None
        function = vars(owner).get(test.path[-1]) if isinstance(owner, type) else namespace.get(test.path[-1])
        code = self._code_of(function)
        if code is None or code is not self._module.code_at(test.defined_at, test.first_line):
            raise Again("%s is not the function that the suite defines" % test.name, [test.name])
        if found.class_name in self._fit.test_cases:
            return [_Item(test.name, make_case_call(owner, test.path[-1]), function, code)]
        call = _make_method_call(owner, test.path[-1]) if owner is not None else function
        if not found.parametrized:
            return [_Item(test.name, call, function, code)]
        try:
            variants = _variants(test.name, found.parametrized, self._module.given.get(code, []))
        except Exception as error:
            raise Again("parameters of %s: %s" % (test.name, type(error).__name__)) from None
        return [_Item(name, _with(call, values), function, code) for name, values in variants]

    # -- running

    def _one(self, number, item, count):
        if number == 0:
            self._canaries.run(fast_canaries.BEFORE_ALL, self._run_canary)
        self._check(item)
        milliseconds = self._call(item)
        self._check(item)
        self._reporter.test(item.name, "passed", milliseconds)
        self._canaries.run(number, self._run_canary)
        if number == count - 1:
            self._canaries.run(fast_canaries.BEHIND_ALL, self._run_canary)

    def _check(self, item):
        if self._code_of(item.function) is not item.code:
            self._reporter.tampered("%s was replaced while the tests ran" % item.name)

    def _compare(self):
        for text in self._guard.before_line("test"):
            self._reporter.tampered(text)

    def _call(self, item):
        """Milliseconds. Raises Again when it does anything but pass."""
        os.environ["PYTEST_CURRENT_TEST"] = "%s::%s (call)" % (self._request.suite, item.name)
        ended, failure = None, None
        try:
            with self._prepared.surroundings.of_one():
                self._compare()  # what was put around the test may have run code of the program
                started = perf_counter()
                try:
                    item.call()
                    if item.last_of_class is not None:
                        _tear_down_class(item.last_of_class)
                    ended = perf_counter()
                except BaseException as error:
                    failure = error
                self._compare()
            os.environ.pop("PYTEST_CURRENT_TEST", None)
        except BaseException as error:
            failure = failure or error
        if failure is not None or ended is None:
            raise Again("%s: %s" % (item.name, type(failure).__name__), [item.name])
        return (ended - started) * 1000

    def _run_canary(self, name, call):
        self._reporter.canary_due(name)
        outcome = "failed"
        try:
            call()
            outcome = "passed"
        except (MemoryError, RecursionError):
            outcome = None
        except AssertionError:
            pass
        except BaseException as error:
            if blame.raised_by(error, self._files) == PROGRAM:
                outcome = None
        if outcome is None:
            self._reporter.excuse_canary(name)
            raise Again("the memory, the stack or a signal handler of the program broke in")
        self._reporter.test(name, outcome, 0.0)

    # -- the end

    def _conclude(self):
        replaced = integrity.replaced_tests(self._plan, self._module, self._code_of)
        tampering = ["%s was replaced while the tests ran" % name for name in replaced]
        tampering += ["%s was replaced" % name for name in self._snapshot.changes()]
        if tampering:
            self._reporter.tampered("; ".join(tampering[:10]))
        self._reporter.done(fast=True)


# -- calls


def _make_method_call(owner, name):
    """By its name in the suite's text: what a function says that it is called, the program can change unseen. A plain class: each test has an object of its own, with what setup_method and teardown_method do around it."""
    set_up, tear_down = vars(owner).get("setup_method"), vars(owner).get("teardown_method")

    def call(**values):
        made = owner()
        method = getattr(made, name)
        if set_up is not None:
            _call_with_method(made.setup_method, method)
        try:
            method(**values)
        finally:
            if tear_down is not None:
                _call_with_method(made.teardown_method, method)

    return call


def _call_with_method(function, method):
    """pytest hands the method over when the function takes an argument beside self."""
    if function.__code__.co_argcount > 1:
        function(method)
    else:
        function()


class _Result:
    """What unittest tells of one test; without subtests, as pytest's."""

    failfast = False

    def __init__(self):
        self.succeeded = 0
        self.other = None

    def startTest(self, test):
        pass

    def stopTest(self, test):
        pass

    def addSuccess(self, test):
        self.succeeded += 1

    def addError(self, test, error):
        self.other = error[1]

    addFailure = addExpectedFailure = addError

    def addSkip(self, test, reason):
        self.other = AssertionError("skipped")

    def addUnexpectedSuccess(self, test):
        self.other = AssertionError("unexpected success")

    def addDuration(self, test, elapsed):
        pass


class NotPassed(Exception):
    pass


def make_case_call(class_, name):
    state = _case_classes.setdefault(class_, [False])

    def call():
        if not state[0]:
            state[0] = True
            class_.setUpClass()
        case = class_(name)
        method, ended = getattr(case, name), []

        def run():
            method()
            ended.append(True)

        setattr(case, name, run)
        result = _Result()
        try:
            case(result=result)
        finally:
            delattr(case, name)
        if result.other is not None:
            raise result.other
        if result.succeeded != 1 or not ended:
            raise NotPassed

    return call


_case_classes = {}


def _tear_down_class(class_):
    class_.tearDownClass()
    class_.doClassCleanups()
    if getattr(class_, "tearDown_exceptions", None):
        raise NotPassed


def _with(call, values):
    return lambda: call(**values)


# -- parameters


def _variants(test_name, parametrized, given):
    """[(name of the test with its parameters, {argument: value})] in pytest's order."""
    if len(given) != len(parametrized):
        raise ValueError
    found = [([], {})]
    for names, (argnames, argvalues, ids) in zip(parametrized, given):
        rows = [_row(value, len(names), isinstance(argnames, str)) for value in argvalues]
        if not rows:
            raise ValueError
        labels = _ids(names, rows, ids)
        found = [(before + [label], {**values, **dict(zip(names, row[0]))}) for before, values in found for label, row in zip(labels, rows)]
    return [("%s[%s]" % (test_name, "-".join(labels)), values) for labels, values in found]


def _row(value, count, named_by_text):
    """(values, id or None): as ParameterSet.extract_from of pytest."""
    if type(value) is ParameterSet:
        if value.marks:
            raise ValueError
        values, label = tuple(value.values), value.id
    elif count == 1 and named_by_text:
        values, label = (value,), None
    else:
        values, label = tuple(value), None
    if len(values) != count or label is not None and not isinstance(label, str):
        raise ValueError
    return values, label


def _ids(names, rows, ids):
    """By pytest itself, which decides nothing but names here."""
    if ids is not None and len(ids) != len(rows):
        raise ValueError
    sets = [ParameterSet(values=values, marks=[], id=label) for values, label in rows]
    return IdMaker(names, sets, None, ids, None, None, None).make_unique_parameterset_ids()


def check_ids():
    """Raises when this version of pytest names them in a way that is not known here."""
    import enum

    colour = enum.Enum("Colour", "RED")
    rows = [((1, "a b"), None), ((colour.RED, None), None), (([], b"x"), None), ((1, "a b"), None), ((2.5, int), "given")]
    found = _ids(["x", "y"], rows, None)
    if found[1:3] != ["Colour.RED-None", "x2-x"] or found[4] != "given" or len(set(found)) != 5 or not found[0].startswith("1-a b"):
        raise ValueError("ids of parameters: %s" % found)
