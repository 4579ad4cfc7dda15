"""pytest, prepared: everything that does not depend on the program.

Configuration files and plugins among the program's files have no say: the configuration is /dev/null, plugins
are not loaded by entry point, and conftest.py is read only when it is the suite's.
"""

import io
import os

import pytest
from _pytest import config as pytest_config
from _pytest import main as pytest_main
from _pytest import skipping, unittest  # noqa: F401  loaded before snapshot.Snapshot looks
from _pytest._io import TerminalWriter

# Parts that this harness replaces, or that write where nobody reads. (junitxml and doctest stay: they bring fixtures.)
DISABLED = ("terminal", "cacheprovider", "stepwise", "pastebin", "nose", "setuponly", "setupplan")
TRUSTED_CONFTEST = "conftest.py"
# What runs as long as the tests do (integrity.make_stands_below_program).
BASE_CODE = pytest_main.pytest_runtestloop.__code__


class QuietTerminal:
    """What other parts of pytest ask of the terminal reporter: a writer that knows no colours."""

    def __init__(self):
        self._tw = TerminalWriter(io.StringIO())


class TerminalStandIn:
    """pytest without its terminal reporter: the options and the writer that other parts of it read."""

    @pytest.hookimpl
    def pytest_addoption(self, parser):
        group = parser.getgroup("terminal reporting")
        group._addoption("-v", "--verbose", action="count", default=0, dest="verbose")
        group._addoption("--tb", default="short", dest="tbstyle")
        group._addoption("--showlocals", action="store_true", default=False, dest="showlocals")
        group._addoption("--full-trace", "--fulltrace", action="store_true", default=False, dest="fulltrace")
        group._addoption("--color", default="no", dest="color")
        group._addoption("--code-highlight", default="no", dest="code_highlight")
        group._addoption("--show-capture", default="no", dest="showcapture")
        group._addoption("--xfail-tb", action="store_true", default=False, dest="xfail_tb")

    @pytest.hookimpl
    def pytest_configure(self, config):
        config.pluginmanager.register(QuietTerminal(), "terminalreporter")


def arguments(workspace, suite_path, with_conftest, stop_on_first_failure, further):
    args = ["-c", os.devnull, "--rootdir", workspace, "--confcutdir", workspace, "-s"]
    for name in DISABLED:
        args += ["-p", "no:" + name]
    if not with_conftest:
        args.append("--noconftest")
    if stop_on_first_failure:
        args.append("-x")
    return args + list(further) + [suite_path]


def plugin_modules():
    """Of pytest's own plugins, those that are loaded with each configuration."""
    return ["_pytest." + name for name in (*pytest_config.default_plugins, "config.compat", "_argcomplete") if name not in DISABLED]


def prepare(args, plugins):
    """A pytest Config, ready to run. A trusted conftest.py is imported here."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    return pytest_config._prepareconfig(args, [TerminalStandIn()] + plugins)


def stop_on_first_failure(config, stop):
    """As -x does, in a configuration that was prepared without knowing the task."""
    if stop:
        config.option.maxfail = 1


def know_hooks(session):
    """Of a configuration without a conftest.py: then the hooks are the same for each file, and pytest need not find that out for each hook of each
    test."""
    hooks = session.gethookproxy(session.path)
    session.gethookproxy = lambda fspath: hooks


def run(config):
    """pytest's exit code, as pytest.main gives it."""
    try:
        return int(config.hook.pytest_cmdline_main(config=config))
    finally:
        config._ensure_unconfigure()
