"""pytest keeps its configuration, and with it all that it runs by, in variables of its modules, where the program would
find it. They get one that answers what those modules ask, and nothing else."""

import sys

from _pytest import debugging
from _pytest.assertion import util
from _pytest.assertion.rewrite import AssertionRewritingHook, assertstate_key


class _Answers:
    __slots__ = ("getini", "getoption", "get_terminal_writer", "get_verbosity", "issue_config_time_warning", "stash")


def make_answers(config):
    """Functions, not methods: one of those would lead to its object."""
    made = _Answers()
    for name in _Answers.__slots__[:-1]:
        original = getattr(config, name, None)
        if original is not None:
            setattr(made, name, _function(original))
    made.stash = {assertstate_key: config.stash[assertstate_key]}
    return made


def _function(method):
    return lambda *arguments, **options: method(*arguments, **options)


def hide(config):
    """Before the program is loaded, when the collection has begun: then pytest has set them. Returns what must be called for each test, because pytest sets one of them anew."""
    answers = make_answers(config)
    debugging.pytestPDB._config = answers
    debugging.pytestPDB._pluginmanager = None
    for hook in sys.meta_path:
        if isinstance(hook, AssertionRewritingHook):
            hook.config, hook.session = answers, None

    def hide_again():
        util._config = answers

    return hide_again
