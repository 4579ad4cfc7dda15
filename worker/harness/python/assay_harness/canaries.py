"""Tests of our own, with random names, that must fail or pass: what makes every test look green shows itself.

They take the way of the suite's tests through pytest, in the namespace of the suite's module, and end at the sender
(report.py), which compares and writes nothing. The suite does not see them: no fixture of it applies, no hook of its
conftest.py is called, pytest's session does not count them, and they have a set-up stack of their own.
"""

import os
import sys
import types

from _pytest import runner
from _pytest.python import Function
from _pytest.unittest import TestCaseFunction, UnitTestCase

from . import canaries_forms, suite_module
from .canaries_forms import BEFORE_ALL, BEHIND_ALL, number
from .files import TRUSTED


class _Quiet:
    """Nobody reads how a canary failed, and the hooks that it calls are its own."""

    ihook = None

    def repr_failure(self, excinfo, style=None):
        return "failed"


class _Canary(_Quiet, Function):
    pass


class _MethodCanary(_Quiet, TestCaseFunction):
    pass


class _Hooks:
    """pytest's hooks without the implementations of some plugins."""

    def __init__(self, manager, plugins):
        self._manager, self._plugins = manager, plugins
        self._left_out = frozenset(map(id, plugins))

    def __getattr__(self, name):
        made = self.__dict__[name] = self._without(getattr(self._manager.hook, name), name)
        return made

    def _without(self, hook, name):
        if "_wrappers" not in vars(hook):  # other versions of pluggy do no more than this
            return self._manager.subset_hook_caller(name, remove_plugins=self._plugins)
        implementations = hook.get_hookimpls()
        kept = [one for one in implementations if id(one.plugin) not in self._left_out]
        if len(kept) == len(implementations):
            return hook
        made = type(hook)(name, hook._hookexec)
        made.spec = hook.spec  # pluggy reads the function of the specification again
        for one in kept:
            made._add_hookimpl(one)
        return made


def compile_forms(config):
    return canaries_forms.Forms(lambda source: suite_module.compile_text(source, "canary", (), config))


class Canaries:
    """Made and compiled before the program is loaded."""

    def __init__(self, reporter, files, suite_module, uses_unittest, forms, machines_plugins):
        """forms: compiled by the server, or None: then compile() is called when pytest is prepared. machines_plugins: of which is known that no task brought
        them."""
        self._reporter = reporter
        self._files = files
        self._suite_module = suite_module
        self._forms = forms
        self._machines_plugins = frozenset(map(id, machines_plugins))
        self._made = canaries_forms.make(uses_unittest)
        self.table = {made.name: made.outcomes for made in self._made}
        self._turns = {}
        if forms is not None:
            self._compile(forms)

    def compile(self, config):
        """As the suite's own text is compiled."""
        if self._forms is None:
            self._compile(compile_forms(config))

    def _compile(self, forms):
        for made in self._made:
            made.compile(forms, self._suite_module.path)

    def plan(self, session):
        """Before the first test one of each kind that passes and one that fails, one that fails behind a random test, and one
        behind the last."""
        own = dict(self._suite_module.comparisons)
        exec(self._made[0].module_code, own)
        del own["canary"]
        suites = vars(sys.modules.get(self._suite_module.name, sys))
        # A suite may switch pytest's rewriting off, and lacks the names that it needs.
        shared = suites if all(name in suites for name in own if name.startswith("@")) else own
        hooks = _Hooks(session.config.pluginmanager, self._unaware(session))
        items, path = [], self._files.relative(self._files.suite)
        for made in self._made:
            function = types.FunctionType(made.code, shared, made.name)
            item = (self._method if made.is_method else self._function)(session, made.name, function)
            item._nodeid = path + "::" + made.name
            item.ihook = hooks
            item.location = (path, 0, made.name)
            items.append(item)
        behind_random, behind_last, *first = items
        self._turns = {BEFORE_ALL: first, BEHIND_ALL: [behind_last]}
        if len(session.items) > 2:
            self._turns[number() % (len(session.items) - 1)] = [behind_random]

    @staticmethod
    def _function(parent, name, function):
        return _Canary.from_parent(parent, name=name, callobj=function, fixtureinfo=_no_fixtures())

    @staticmethod
    def _method(session, name, function):
        import unittest

        parent = UnitTestCase.from_parent(session, name="Test")
        parent.obj = type("Test", (unittest.TestCase,), {name: function})
        return _MethodCanary.from_parent(parent, name=name, fixtureinfo=_no_fixtures())

    def _unaware(self, session):
        """Plugins that hear nothing of it: the session, which counts, and the suite's own."""
        found, known = [session], self._machines_plugins
        for plugin in session.config.pluginmanager.get_plugins():
            if id(plugin) in known:
                continue
            module = plugin if isinstance(plugin, types.ModuleType) else sys.modules.get(type(plugin).__module__)
            if self._files.owner(getattr(module, "__file__", None) or "") == TRUSTED:
                found.append(plugin)
        return found

    def take_turns(self, session, number):
        """Those behind the test of that number, or BEFORE_ALL, BEHIND_ALL."""
        for item in self._turns.pop(number, ()):
            self._reporter.canary_due(item.name)
            stack = session._setupstate
            session._setupstate = runner.SetupState()
            try:
                runner.runtestprotocol(item, log=True, nextitem=None)
                item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            finally:
                session._setupstate = stack


def _no_fixtures():
    return types.SimpleNamespace(argnames=(), initialnames=(), names_closure=[], name2fixturedefs={})
