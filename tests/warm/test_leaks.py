"""What one task does to its process, the next one on the same server sees nothing of: each dirt shows in the state that its own
task prints (the control), and not in the next task's."""
import json

import pytest
from workers import is_warm

STATE = r'''
import json, os, sys

def check():
    import atexit, builtins, codecs, copyreg, decimal, fcntl, gc, linecache, locale, logging, random, resource, select, signal, socket
    import tempfile, threading, time, warnings
    os.umask(mask := os.umask(0))
    return {
        "builtins": sorted(f"{name} {getattr(value, '__module__', '')}" for name, value in vars(builtins).items() if name != "__spec__"),
        "modules": sorted(name for name in sys.modules if name not in ("implementation", "test_implementation")),
        "len": str(len), "json": str(json.loads.__module__), "environ": dict(os.environ), "cwd": os.getcwd(), "umask": mask,
        "locale": locale.setlocale(locale.LC_ALL), "decimal": decimal.getcontext().prec, "path": sys.path, "meta_path": len(sys.meta_path),
        "path_hooks": len(sys.path_hooks), "recursion": sys.getrecursionlimit(), "switch": sys.getswitchinterval(),
        "argv": sys.argv, "handlers": [str(signal.getsignal(n)) for n in (1, 2, 10, 13, 14, 15, 17)],
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "timer": signal.getitimer(signal.ITIMER_REAL),
        "descriptors": sorted((int(name), kind(name)) for name in os.listdir("/proc/self/fd") if kind(name)),
        "flags": [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (0, 1, 2)], "threads": threading.active_count(),
        "gc": (len(gc.callbacks), gc.isenabled(), gc.get_threshold(), gc.get_debug()), "exit": atexit._ncallbacks(),
        "trace": str(sys.gettrace()) + str(threading.gettrace()), "hooks": [sys.excepthook.__module__, sys.displayhook.__module__],
        "warnings": len(warnings.filters), "logging": [len(logging.root.handlers), logging.root.level, logging.root.manager.disable],
        "tmp": sorted(os.listdir("/tmp")), "work": sorted(os.listdir("/work")), "shm": sorted(os.listdir("/dev/shm")),
        "limits": [resource.getrlimit(n) for n in range(16) if n != resource.RLIMIT_NPROC], "nice": os.nice(0), "affinity": len(os.sched_getaffinity(0)),
        "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()), "pid": [os.getpid(), os.getsid(0), os.getpgid(0)],
        "socket": str(socket.getdefaulttimeout()), "tempdir": str(tempfile.tempdir), "copyreg": len(copyreg.dispatch_table),
        "zone": time.tzname, "linecache": [name for name in linecache.cache if name.startswith("/work")], "hash": hash("assay"),
        "stdin": type(sys.stdin).__name__, "encoding": codecs.lookup("utf-8").name, "marks": getattr(sys, "left_behind", None),
        "oom": open("/proc/self/oom_score_adj").read(), "caps": [line for line in open("/proc/self/status") if "Cap" in line or "NoNew" in line],
        "name": open("/proc/self/comm").read(), "identity": [os.getuid(), os.getgid(), os.getgroups()],
    }

def kind(name):
    try:
        return os.readlink("/proc/self/fd/" + name).split(":")[0]
    except OSError:
        return ""
'''

DIRT = {
    "builtins": "import builtins; builtins.extra = 1",
    "modules": "import sys, types; sys.modules['left'] = types.ModuleType('left')",
    "environ": "import os; os.environ['LEFT'] = '1'",
    "cwd": "import os; os.chdir('/tmp')",
    "umask": "import os; os.umask(0o77)",
    "locale": "import locale; locale.setlocale(locale.LC_ALL, 'C')",
    "decimal": "import decimal; decimal.getcontext().prec = 3",
    "path": "import sys; sys.path.append('/left')",
    "meta_path": "import sys; sys.meta_path.append(object())",
    "path_hooks": "import sys; sys.path_hooks.append(lambda path: None)",
    "recursion": "import sys; sys.setrecursionlimit(3000)",
    "switch": "import sys; sys.setswitchinterval(1.0)",
    "handlers": "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)",
    "mask": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])",
    "timer": "import signal; signal.setitimer(signal.ITIMER_REAL, 1000)",
    "descriptors": "import os; os.dup2(0, 40)",
    "flags": "import fcntl, os; fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_APPEND)",
    "threads": "import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
    "gc": "import gc; gc.callbacks.append(print); gc.callbacks.clear; gc.set_threshold(1000)",
    "exit": "import atexit; atexit.register(int)",
    "warnings": "import warnings; warnings.simplefilter('error', ImportWarning)",
    "logging": "import logging; logging.disable(50)",
    "tmp": "open('/tmp/left', 'w').close()",
    "work": "open('/work/left', 'w').close()",
    "shm": "open('/dev/shm/left', 'w').close()",
    "limits": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))",
    "nice": "import os; os.nice(5)",
    "processes": "import os; _ = os.fork() or __import__('time').sleep(1000)",
    "socket": "import socket; socket.setdefaulttimeout(7)",
    "tempdir": "import tempfile; tempfile.tempdir = '/left'",
    "copyreg": "import copyreg; copyreg.pickle(type('T', (), {}), repr)",
    "zone": "import os, time; os.environ['TZ'] = 'XYZ+7'; time.tzset()",
    "marks": "import sys; sys.left_behind = 1",
    "name": "import ctypes; ctypes.CDLL(None).prctl(15, b'left')",
}


def state(worker, name, dirt="", warm=True):
    result = worker.run(name, STATE + "\n" + dirt, "import json, sys\n\n\ndef test_it():\n    import implementation\n"
                        "    sys.stdout.write(json.dumps(implementation.check()))\n", timeout=20)
    assert is_warm(result) == warm, result["errors"]
    return result


def shown(result):
    assert result["stdout"], result
    return json.loads(result["stdout"])


@pytest.fixture(scope="module")
def clean(worker):
    return shown(state(worker, "clean"))


@pytest.mark.parametrize("name", DIRT)
def test_nothing_is_handed_on(worker, clean, name):
    server = worker.server()
    dirty = shown(state(worker, f"{name}/dirty", DIRT[name]))
    assert dirty[name] != clean[name], "the control: this dirt does not show"
    after = shown(state(worker, f"{name}/after"))
    assert {key: after[key] for key in after if after[key] != clean[key]} == {}
    assert worker.server() == server, "these were not two tasks of one server"


def test_a_fork_has_what_a_cold_start_has(worker, start):
    """But for modules that are loaded already, the numbers of descriptors, and that the server's waiter counts as a process."""
    clean = shown(state(worker, "fork"))
    cold = shown(state(start(ASSAY_WARM_ENABLED="false"), "cold", warm=False))
    assert set(cold["modules"]) <= set(clean["modules"])
    for one in (cold, clean):
        one["descriptors"] = sorted(what for _, what in one["descriptors"])
    differing = {name: (cold[name], clean[name]) for name in cold if cold[name] != clean[name] and name not in ("modules", "copyreg")}
    assert differing == {}


def test_what_is_each_tasks_own(worker):
    program = ("import json, logging, os, random, secrets, tempfile, time, uuid\n\ndef check():\n    print(json.dumps([random.random(), "
               "random.Random().random(), secrets.token_hex(), str(uuid.uuid4()), os.urandom(8).hex(), next(tempfile._get_candidate_names())]))\n"
               "    assert time.process_time() < 2 and logging.LogRecord('', 0, '', 0, '', (), None).relativeCreated < 5000\n    return True\n")
    seen = []
    for number in range(3):
        result = worker.run(f"own/{number}", program)
        assert is_warm(result) and result["status"] == "pass", result["errors"]
        seen.append(json.loads(result["stdout"]))
    for values in zip(*seen):
        assert len(set(values)) == len(seen), values


def test_no_memory_is_shared(worker):
    program = ("import json\n\ndef check():\n    return [line for line in open('/proc/self/maps') if line.split()[1][3] == 's' and 'w' in line.split()[1]] == []\n")
    result = worker.run("maps", program)
    assert is_warm(result) and result["status"] == "pass", result["errors"]
