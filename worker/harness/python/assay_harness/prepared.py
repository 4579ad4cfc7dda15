"""What of a run depends on no task: a warm server makes it once, before it forks; a cold start makes it for its one
task."""

import os
import sys

from . import audit, canaries, integrity, interpreter, plugin, pytest_session, rewriting, snapshot, suite_module, task


class Prepared:
    """`config`: pytest's, without a conftest.py, once configure() was called."""

    def __init__(self, workspace, suite_path, further_arguments, its_interpreter=None):
        """its_interpreter: interpreter.find(), of a server."""
        self.interpreter = its_interpreter or interpreter.plain()
        self.snapshot = snapshot.Snapshot(interpreter=self.interpreter)
        self.own_modules = None  # those in sys.modules, where that is known
        self.builtins = None  # suite_module.own_builtins, of a server
        self.judging = {}  # name -> snapshot.States of a module by which suites judge
        self.reporting = plugin.ReportPlugin()
        self.config = None
        self.plugins = ()  # pytest's, of a server: no task's
        self.canaries = None  # compiled, for the forks of a server
        self.install_audit = audit.install  # a rehearsal has another (rehearsal.py)
        self._arguments = (workspace, suite_path, list(further_arguments))

    def configure(self, with_conftest, stop_on_first_failure):
        """A trusted conftest.py is imported here."""
        workspace, suite_path, further = self._arguments
        args = pytest_session.arguments(workspace, suite_path, with_conftest, stop_on_first_failure, further)
        self.config = pytest_session.prepare(args, [self.reporting])
        rewriting.spare(self.config.pluginmanager.rewrite_hook, suite_path)

    def make_ready(self):
        """What a cold start makes as far as its task needs it."""
        self.judging = {name: snapshot.States([name], self.interpreter.words) for name in snapshot.JUDGING}
        self.snapshot.settle(lambda value: integrity.code_of(value) is not None)  # no code is a task's here
        self.snapshot.changes()
        self.canaries = canaries.compile_forms(self.config)
        self.canaries.compile_all()
        self.plugins = tuple(self.config.pluginmanager.get_plugins())
        self.builtins = suite_module.own_builtins()
        self.builtins.know_version(self.interpreter.words)
        audit.see()

    def hide_own_modules(self):
        """From whoever looks for modules: in a server, so that its forks need not do it."""
        self._hidden, self.own_modules = task.find_own_modules(), ()
        for name in self._hidden:
            del sys.modules[name]

    def drop_config(self):
        """A task that needs a configuration of its own gets a plugin of its own with it."""
        if self.config is not None:
            hook = self.config.pluginmanager.rewrite_hook
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not hook]
            self.config = self.canaries = None
            self.reporting = plugin.ReportPlugin()


def suite_path(workspace, name):
    return os.path.join(workspace, name)
