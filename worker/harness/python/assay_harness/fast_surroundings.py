"""What pytest puts around the collection and each test, by pytest's own means: warnings and log records are taken, exceptions of
threads and of __del__ too."""

import contextlib
import logging
import warnings

from _pytest import warnings as pytest_warnings
from _pytest.logging import catching_logs

try:  # later versions have hooks for the whole session instead, which the server has set up already
    from _pytest.threadexception import catch_threading_exception
    from _pytest.unraisableexception import catch_unraisable_exception
except ImportError:
    catch_threading_exception = catch_unraisable_exception = contextlib.nullcontext


class Surroundings:
    """Raises when this version of pytest is not as it must be."""

    def __init__(self, config):
        self._config = config
        self._hook = config.hook
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        self._session_handlers = [plugin.log_cli_handler, plugin.log_file_handler]
        self._test_handlers = [plugin.caplog_handler, plugin.report_handler]
        if any(getattr(plugin, name) is not None for name in ("log_level", "log_cli_level", "log_file_level")):
            raise ValueError("pytest has a log level")
        self._tell_filters = getattr(warnings, "_filters_mutated", None)
        self._filters = {when: self._filters_of(when) for when in ("collect", "runtest")}
        for surroundings in (self.of_collection, self.of_tests, self.of_one):
            with surroundings():
                pass

    def _warnings_of_pytest(self, when):
        return pytest_warnings.catch_warnings_for_item(config=self._config, ihook=self._hook, when=when, item=None)

    def _filters_of(self, when):
        """What pytest makes of the warnings' filters: (before, within)."""
        before = list(warnings.filters)
        with self._warnings_of_pytest(when):
            return before, list(warnings.filters)

    @contextlib.contextmanager
    def _warnings(self, when):
        """As pytest's own, which makes the same of the same filters each time, at some length."""
        before, within = self._filters[when]
        if warnings.filters != before or self._tell_filters is None:
            with self._warnings_of_pytest(when):
                yield
            return
        with warnings.catch_warnings(record=True) as seen:
            warnings.filters[:] = within
            self._tell_filters()
            yield
            for one in seen:
                self._hook.pytest_warning_recorded.call_historic(kwargs=dict(warning_message=one, nodeid="", when=when, location=None))

    @contextlib.contextmanager
    def of_collection(self):
        with self._warnings("collect"), catching_logs(self._session_handlers[0]), catching_logs(self._session_handlers[1]):
            yield

    @contextlib.contextmanager
    def of_tests(self):
        with catching_logs(self._session_handlers[0]), catching_logs(self._session_handlers[1]):
            yield

    @contextlib.contextmanager
    def of_one(self):
        first, second = self._test_handlers
        with self._warnings("runtest"), catch_threading_exception(), catch_unraisable_exception():
            with catching_logs(first), catching_logs(second):
                first.reset()
                second.reset()
                yield
