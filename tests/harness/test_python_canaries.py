"""The canaries' hooks are pytest's, but for those of plugins that hear nothing of them, as pluggy itself makes them."""
import pathlib
import subprocess
import sys

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
import pytest
from _pytest import config as pytest_config
from assay_harness import canaries

class Plugin:
    def __init__(self):
        self.heard = []
    def pytest_runtest_logreport(self, report):
        self.heard.append(report)
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        self.heard.append(item)
        yield

class Same(Plugin):
    def __eq__(self, other):
        return True
    __hash__ = object.__hash__

config = pytest_config.get_config()
manager, out, stays = config.pluginmanager, Plugin(), Same()
for plugin in (out, stays):
    manager.register(plugin)
hooks = canaries._Hooks(manager, [out])

def implementations(hook):
    return [(id(one.plugin), one.function) for one in hook.get_hookimpls()]

changed = 0
for name in [name for name in vars(manager.hook) if name.startswith("pytest_")]:
    original, ours = getattr(manager.hook, name), getattr(hooks, name)
    assert getattr(hooks, name) is ours
    assert implementations(ours) == [one for one in implementations(original) if one[0] != id(out)], name
    assert ours.spec is original.spec or ours.spec.argnames == original.spec.argnames
    if ours is not original:
        changed += 1
        assert type(ours) is type(manager.subset_hook_caller(name, remove_plugins=[out]))
assert changed == 2
hooks.pytest_runtest_logreport(report=1)
assert (out.heard, stays.heard) == ([], [1])
manager.hook.pytest_runtest_logreport(report=2)
assert (out.heard, stays.heard) == ([2], [1, 2])
print("so")
"""


def test_hooks_without_a_plugin():
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "so\n"), done.stderr
