"""Programs as cases run them, each of which shows something of its interpreter: (program, [case, ...]), a case as in a task. None
expects what it prints, so that each result has all of its first case's output; what a cold start gives is what is right."""
import json
import re

FIELDS = ("status", "reason", "test_pass_rate", "passed", "failed", "total", "errors", "exit_code", "signal", "stdout", "stderr")

# All that a program can ask its interpreter for at the start; addresses and process ids apart.
STATE = r'''
import sys
modules = sorted(sys.modules)
names = dict(globals())
frame = sys._getframe()
import builtins, gc, posix
files = {"argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "executable": sys.executable, "base": sys._base_executable}
print("modules", modules)
print("names", {name: type(value).__name__ for name, value in names.items()}, __name__, __file__, __spec__, __loader__.__class__, __loader__.path, __builtins__)
print("frames", frame.f_back, frame.f_code.co_filename, frame.f_code.co_name)
print("files", files)
print("flags", sys.flags, sys._xoptions, sys.warnoptions, sys.dont_write_bytecode)
print("importers", sorted((path, type(finder).__name__) for path, finder in sys.path_importer_cache.items()), sys.meta_path, len(sys.path_hooks))
print("limits", sys.getrecursionlimit(), sys.getswitchinterval(), sys.getdlopenflags(), sys.get_int_max_str_digits())
print("encodings", sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
for name in ("stdin", "stdout", "stderr"):
    stream = getattr(sys, name)
    raw = stream.buffer.raw
    print(name, stream, stream is getattr(sys, "__" + name + "__"), stream.encoding, stream.errors, stream.newlines, stream.line_buffering, stream.write_through,
          stream.mode, stream.name, stream.buffer, raw, raw.closefd, raw.isatty(), stream.seekable(), raw.seekable(), stream.fileno(), stream.readable(), stream.writable())
print("stat", [(oct(posix.fstat(fd).st_mode), posix.get_inheritable(fd)) for fd in (0, 1, 2)])
print("hooks", sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook, sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks())
print("gc", gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks, gc.get_freeze_count(), gc.garbage)
print("classes", sorted(kind.__module__ + "." + kind.__qualname__ for kind in object.__subclasses__()))
print("builtins", sorted(vars(builtins)))
print("environ", sorted(posix.environ.items()))
print("process", posix.getcwd(), posix.getuid(), posix.getgid(), posix.getgroups(), posix.getpriority(posix.PRIO_PROCESS, 0) if hasattr(posix, "PRIO_PROCESS") else "")
print("umask", posix.umask(18))
print("hash", hash("assay"), hash(b"assay"))
'''

MORE_STATE = r'''
import _warnings, atexit, codecs, locale, os, resource, signal, threading, time, warnings
print("signals", [(int(n), str(signal.getsignal(n))) for n in sorted(signal.valid_signals()) if n < 32], signal.pthread_sigmask(signal.SIG_BLOCK, []))
print("limits", [(n, resource.getrlimit(n)) for n in range(16) if n != resource.RLIMIT_NPROC])
print("warnings", warnings.filters, _warnings._onceregistry, warnings.defaultaction)
print("locale", locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), time.tzname)
print("threads", [thread.name for thread in threading.enumerate()], threading.main_thread() is threading.current_thread(), threading.stack_size(), len(os.listdir("/proc/self/task")))
print("atexit", atexit._ncallbacks())
def descriptor(name):
    try:
        return os.readlink("/proc/self/fd/" + name).split(":")[0]
    except OSError:
        return None
print("descriptors", sorted((name, descriptor(name)) for name in os.listdir("/proc/self/fd") if descriptor(name)))
print("files", sorted(os.listdir("/work")), sorted(os.listdir("/tmp")), sorted(os.listdir("/dev/shm")))
print("session", os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid(), os.nice(0), sorted(os.sched_getaffinity(0)))
print("comm", open("/proc/self/comm").read(), open("/proc/self/cmdline").read().split("\0")[:3], open("/proc/self/oom_score_adj").read())
print("status", [line for line in open("/proc/self/status") if line.split(":")[0] in ("Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapInh", "CapPrm",
                                                                                    "CapEff", "CapBnd", "CapAmb", "SigIgn", "SigCgt", "SigBlk", "Threads")])
print("codecs", codecs.lookup_error("surrogateescape").__name__, time.process_time() < 5)
'''

ONE = [{"expected_stdout": "?"}]
READ = [{"stdin": "one\ntwo words\n\nlast", "expected_stdout": "?"}]

PROGRAMS = {
    # What it starts with.
    "state": (STATE, ONE), "state, input": (STATE, READ), "state, arguments": (STATE, [{"args": ["a", "b c", "", "ü€", "-x", "--", "*"], "expected_stdout": "?"}]),
    "more state": (MORE_STATE, ONE), "more state, input": (MORE_STATE, READ),
    "arguments": ("import sys\nfor word in sys.argv:\n    print(ascii(word))\nprint(sys.argv is sys.orig_argv)", [{"args": ["\x7f", "\u2028", "😀", "a\nb", " ", "-s"], "expected_stdout": "?"}]),
    "argparse": ("import argparse\np = argparse.ArgumentParser()\np.add_argument('n', type=int)\nprint(p.parse_args().n)", [{"args": ["x"], "expected_stdout": "?"}]),
    "many arguments": ("import sys\nprint(len(sys.argv), sum(map(len, sys.argv)))", [{"args": ["word" * 20] * 1000, "expected_stdout": "?"}]),
    # Standard input.
    "input": ("print(input(), input('prompt '))\nprint(input(), input())\ninput()", READ), "input at its end": ("input()", ONE),
    "input lines": ("import sys\nprint([line for line in sys.stdin])\nprint(sys.stdin.readline() == '', sys.stdin.read() == '')", READ),
    "input read": ("import sys\nprint(repr(sys.stdin.read(3)), repr(sys.stdin.readline()), repr(sys.stdin.read()))", READ),
    "input bytes": ("import sys\nprint(sys.stdin.buffer.readline(), sys.stdin.buffer.read())", READ),
    "input descriptor": ("import os, sys\nprint(os.read(0, 5))\nprint(repr(sys.stdin.read()))", READ),
    "input reopened": ("print(open(0).read())", READ), "input by path": ("print(repr(open('/dev/stdin').read()))", READ),
    "input newlines": ("import sys\nprint(repr(sys.stdin.read()), sys.stdin.newlines)", [{"stdin": "a\r\nb\rc\n", "expected_stdout": "?"}]),
    "input tell": ("import sys\nsys.stdin.readline()\nprint(sys.stdin.tell())", READ), "input tell of nothing": ("import sys\nprint(sys.stdin.tell(), sys.stdin.seek(0))", ONE),
    "input closed": ("import sys\nsys.stdin.close()\ninput()", READ), "input not of UTF-8": ("import sys\nprint(ascii(sys.stdin.read()))", [{"stdin": "ü" * 3, "expected_stdout": "?"}]),
    "input reconfigured": ("import sys\nsys.stdin.reconfigure(encoding='latin-1', newline=None)\nprint(ascii(sys.stdin.read()))", [{"stdin": "ü\r\n", "expected_stdout": "?"}]),
    "input large": ("import sys\ndata = sys.stdin.read()\nprint(len(data), sum(map(int, data.split())))", [{"stdin": "12345 " * 50000, "expected_stdout": "?"}]),
    "input fileinput": ("import fileinput\nprint(list(fileinput.input()))", READ), "input for a child": ("import os\nos.system('cat; echo $#; env | sort')", READ),
    # Output.
    "output order": ("import sys, os\nprint('one')\nsys.stderr.write('two\\n')\nos.write(1, b'three\\n')\nprint('four', flush=True)\nos.write(1, b'five\\n')", ONE),
    "output unflushed": ("import os\nprint('lost')\nos._exit(3)", ONE), "output closed": ("import sys\nprint('x')\nsys.stdout.close()", ONE),
    "output of descriptor 1 closed": ("import os\nprint('x')\nos.close(1)", ONE), "output detached": ("import sys\nprint('x')\nsys.stdout.detach().write(b'raw')", ONE),
    "output encoding": ("print('ü€😀')\nprint('\\ud800')", ONE), "output replaced": ("import io, sys\nsys.stdout = io.StringIO()\nprint('x')", ONE),
    "output of much": ("for n in range(2000):\n    print(n, 'x' * 50)", ONE),
    "output broken": ("import sys\nclass Bad:\n    def write(self, text):\n        raise OSError('bad')\n    def flush(self):\n        raise OSError('bad flush')\nsys.stdout = Bad()", ONE),
    # How it ends.
    "exit": ("import sys\nprint(1)\nsys.exit(7)", ONE), "exit text": ("import sys\nsys.exit('why')", ONE), "exit none": ("import sys\nsys.exit(None)", ONE),
    "exit large": ("raise SystemExit(300)", ONE), "exit negative": ("raise SystemExit(-1)", ONE), "exit object": ("raise SystemExit((1, 2))", ONE), "exit true": ("exit(True)", ONE), "quit": ("quit(4)", ONE),
    "exit beyond": ("raise SystemExit(1 << 70)", ONE), "os._exit": ("import os\nos._exit(9)", ONE), "exception": ("def f(n):\n    return 1 // n\n\nprint('before')\nf(0)", ONE),
    "exception chained": ("try:\n    {}['k']\nexcept KeyError as error:\n    raise ValueError('v') from error", ONE),
    "exception noted": ("class E(Exception):\n    def __str__(self):\n        raise TypeError\n\nerror = E()\nerror.add_note('a note')\nraise error", ONE),
    "exception group": ("raise ExceptionGroup('g', [ValueError(1), TypeError('two')])", ONE), "interrupt": ("raise KeyboardInterrupt", ONE),
    "interrupted": ("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('not reached')", ONE), "interrupt handled": ("import os, signal\ntry:\n    os.kill(os.getpid(), 2)\n    while True: pass\nexcept KeyboardInterrupt:\n    print('caught')", ONE),
    "excepthook": ("import sys\nsys.excepthook = lambda *words: print('hook', words[:2])\n1 / 0", ONE), "syntax": ("x = 1\neval('1 +')", ONE), "assertion": ("assert 1 == 2, 'one'", ONE),
    "recursion": ("def f(n):\n    return f(n + 1)\nf(0)", ONE), "recursion depth": ("import sys\ndef f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\nprint(f(0))", ONE),
    "recursion deep": ("import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\nsys.setrecursionlimit(1 << 30)\ndef f(n):\n    return 0 if n == 0 else 1 + max([f(n - 1)], key=lambda x: x)\nprint(f(20000))", ONE),
    "recursion in a thread": ("import sys, threading\nthreading.stack_size(64 << 20)\nsys.setrecursionlimit(1 << 20)\ndef f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\nt = threading.Thread(target=lambda: print(f(50000)))\nt.start()\nt.join()", ONE),
    "abort": ("import os\nprint('x', flush=True)\nos.abort()", ONE), "segmentation fault": ("import ctypes\nctypes.string_at(0)", ONE), "faulthandler": ("import faulthandler, ctypes\nfaulthandler.enable()\nctypes.string_at(0)", ONE),
    "killed": ("import os\nos.kill(os.getpid(), 9)", ONE), "terminated": ("import os, time\nos.kill(os.getpid(), 15)\ntime.sleep(10)", ONE), "pipe broken": ("import os\nr, w = os.pipe()\nos.close(r)\nos.write(w, b'x')", ONE),
    "pipe broken, signal": ("import os, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nr, w = os.pipe()\nos.close(r)\nos.write(w, b'x')", ONE),
    # What comes after its end.
    "atexit": ("import atexit\natexit.register(print, 'first')\natexit.register(print, 'second')\natexit.register(lambda: 1 / 0)\nprint('main')", ONE),
    "atexit after failure": ("import atexit\natexit.register(print, 'exit')\n1 / 0", ONE), "atexit exits": ("import atexit, sys\natexit.register(sys.exit, 5)", ONE),
    "del": ("class D:\n    def __init__(self, n):\n        self.n = n\n    def __del__(self):\n        print('del', self.n)\na = D(1)\nb = [D(2), D(3)]\nb.append(b)\nb[0].me = b[0]", ONE),
    "del late": ("import sys, os\nclass D:\n    def __del__(self):\n        os.write(1, repr((sys.modules is None, print, len(sys.path) > 0)).encode()[:60])\nsys.kept = D()\nos.kept = D()\nD.me = D()", ONE),
    "del raises": ("class D:\n    def __del__(self):\n        raise ValueError('in del')\nd = D()", ONE), "generator left": ("def g():\n    try:\n        yield 1\n    finally:\n        print('finally')\nx = g()\nnext(x)", ONE),
    "weakref": ("import weakref\nclass C: pass\nc = C()\nw = weakref.ref(c, lambda _: print('gone'))\nf = weakref.finalize(c, print, 'finalized')", ONE),
    "file left open": ("f = open('left.txt', 'w')\nf.write('written at the end')\nimport atexit\nprint(open('left.txt').read() == '')", [{"expected_stdout": "True"}, {"expected_stdout": "?"}]),
    "threads": ("import threading, time\ndef later():\n    time.sleep(0.2)\n    print('later')\nthreading.Thread(target=later).start()\nprint('main')", ONE),
    "thread fails": ("import threading\nt = threading.Thread(target=lambda: 1 / 0, name='T')\nt.start()\nt.join()\nprint('main')", ONE),
    "daemon": ("import threading, time\nthreading.Thread(target=time.sleep, args=(100,), daemon=True).start()\nprint('main')", ONE), "threads after failure": ("import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n1 / 0", ONE),
    "executor": ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n    print(list(pool.map(lambda n: n * n, range(5))))", ONE),
    "processes": ("import multiprocessing\ndef f(n):\n    return n * n\nif __name__ == '__main__':\n    with multiprocessing.Pool(2) as pool:\n        print(pool.map(f, range(5)))", ONE),
    "processes spawned": ("import multiprocessing, sys\ndef f(queue):\n    queue.put(sys.argv)\nif __name__ == '__main__':\n    c = multiprocessing.get_context('spawn')\n    q = c.SimpleQueue()\n    p = c.Process(target=f, args=(q,))\n    p.start()\n    print(q.get())\n    p.join()", [{"args": ["a"], "expected_stdout": "?"}]),
    "fork": ("import os\nprint('twice')\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nprint(pid == 0)", ONE), "exec": ("import os, sys\nif len(sys.argv) < 2:\n    os.execv(sys.executable, [sys.executable, __file__, 'again'])\nprint(sys.argv, sorted(os.environ))", ONE),
    "subprocess": ("import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import os, sys; print(sys.argv, sorted(os.environ), sys.path)', 'x'], capture_output=True, text=True))", ONE),
    "asyncio": ("import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    print('done')\nasyncio.run(main())\nasync def never(): pass\nnever()", ONE),
    # Imports, warnings, files.
    "imports": ("import re, collections, math, json, random, decimal, heapq, datetime, typing, functools, itertools, string, unittest, dataclasses, enum\nimport sys\nprint(sorted(sys.modules))\nrandom.seed(5)\nprint(random.random(), decimal.getcontext())", ONE),
    "import fails": ("import nowhere", ONE), "import itself": ("import implementation\nprint(__name__, implementation is __import__('sys').modules['__main__'])", ONE),
    "import own": ("import helper, os, random\nprint(helper.X, helper.__file__, os.__file__, random.__file__)", ONE), "main": ("import __main__, sys\nprint(__main__.__dict__ is globals(), sys.modules['__main__'].__file__, __annotations__ if '__annotations__' in globals() else None)\nif __name__ == '__main__':\n    print('main')", ONE),
    "warning": ("import warnings\nwarnings.warn('w')\nwarnings.warn('d', DeprecationWarning)\nwarnings.warn('r', ResourceWarning)\nopen('/dev/null')", ONE), "warning of syntax": ("x = 1\nprint(x is 1, '\\d')", ONE),
    "inspect": ("import inspect, traceback\ndef f():\n    return [(frame.function, frame.lineno) for frame in inspect.stack()]\nprint(f(), traceback.extract_stack(), inspect.getsource(f))", ONE),
    "tracing": ("import sys\nseen = []\nsys.settrace(lambda frame, event, arg: seen.append((event, frame.f_code.co_name)))\ndef f(): pass\nf()\nsys.settrace(None)\nprint(seen)", ONE),
    "source by name": ("print(len(open(__file__).read()), __file__, open('/proc/self/cwd/implementation.py').name)", ONE), "encoding declared": ("# -*- coding: latin-1 -*-\nprint('Ã¼')", ONE),
    "indented": ("if True:\n        print('tabs')\n", ONE), "no newline": ("print('x')", ONE), "empty": ("", ONE), "form feed and BOM": ("\ufeff\x0cprint('x')\n", ONE), "carriage returns": ("print('a')\r\nprint('b')\r\n", ONE),
    "set order": ("print({'a', 'b', 'c', 'dd', 'e1'}, set('hello world'))", ONE), "docstring": ("'''Doc.'''\nprint(__doc__, __debug__)", ONE), "locals": ("print(sorted(vars()), locals() is globals())", ONE),
    "big integer": ("print(2 ** 20000)", ONE), "int digits": ("print(int('1' * 5000))", ONE), "memory": ("x = bytearray(3 << 30)", ONE), "memory caught": ("try:\n    x = [0] * (1 << 40)\nexcept MemoryError:\n    print('caught')", ONE),
    "signals": ("import signal, time\nsignal.signal(signal.SIGALRM, lambda *words: print('alarm'))\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.3)\nsignal.setitimer(signal.ITIMER_REAL, 0)", ONE),
    "many": ("import sys\nprint(sys.argv[1:], sys.stdin.read())", [{"args": [str(n)], "stdin": "x" * n, "expected_stdout": f"['{n}'] " + "x" * n} for n in range(12)]),
    # A program that changes what the next case starts.
    "rewritten": ("open(__file__, 'w').write('print(2)')\nprint(1)", [{"expected_stdout": "1"}, {"expected_stdout": "?"}]),
    "removed": ("import os\nos.unlink(__file__)\nprint(1)", [{"expected_stdout": "1"}, {"expected_stdout": "?"}]),
    "a folder now": ("import os\nos.unlink(__file__)\nos.mkdir(__file__)\nopen(__file__ + '/__main__.py', 'w').write('import sys; print(__file__, sys.path)')", [{"expected_stdout": ""}, {"expected_stdout": "?"}]),
    "a link now": ("import os\nos.mkdir('sub')\nos.rename(__file__, 'sub/other.py')\nos.symlink('sub/other.py', __file__)\nopen('sub/other.py', 'w').write('import sys; print(__file__, sys.path)')", [{"expected_stdout": ""}, {"expected_stdout": "?"}]),
    "an archive now": ("import zipfile\nwith zipfile.ZipFile(__file__, 'w') as z:\n    z.writestr('__main__.py', 'import sys; print(__file__, sys.path[0])')", [{"expected_stdout": ""}, {"expected_stdout": "?"}]),
    "a pipe now": ("import os\nos.unlink(__file__)\nos.mkfifo(__file__)\nif os.fork() == 0:\n    os._exit(0)", [{"expected_stdout": ""}, {"expected_stdout": "?"}]),
    "not to be read": ("import os\nos.chmod(__file__, 0)", [{"expected_stdout": ""}, {"expected_stdout": "?"}]), "null bytes": ("open(__file__, 'ab').write(b'\\0\\n')", [{"expected_stdout": ""}, {"expected_stdout": "?"}]),
    "shadowed": ("for name in ('os', 'site', 'io', 'encodings', 'codecs', 'random', 'sitecustomize', 'usercustomize', 'abc'):\n    open(name + '.py', 'w').write('print(__name__)')\nimport os, random", [{"expected_stdout": "random"}, {"expected_stdout": "?"}]),
    "user site": ("import os, sys\nfor version in ('3.9', '3.11', '3.12', '3.13'):\n    os.makedirs(f'.local/lib/python{version}/site-packages', exist_ok=True)\n    open(f'.local/lib/python{version}/site-packages/usercustomize.py', 'w').write('print(1)')\nprint(sys.path)", [{"expected_stdout": "?"}] * 2),
}
FILES = {"helper.py": "X = 5\n", "random.py": "print('own random')\n"}
WITH_FILES = ("import own",)


def tasks():
    made = []
    for name, (program, cases) in PROGRAMS.items():
        files = FILES if name in WITH_FILES else {}
        limits = {"wall_s": 2, "task_wall_s": 20} if name == "a pipe now" else {"wall_s": 20}
        made.append({"task_id": name.replace(" ", "_").replace(",", ""), "runtime": "python", "files": files, "limits": limits, "cases": cases,
                     "implementation_code": program})
    return made


def shown(result):
    """Of a result all that its program made, without times and addresses."""
    kept = {name: result[name] for name in FIELDS}
    kept["tests"] = [{**test, "ms": None} for test in result["tests"]]
    return re.sub(r"0x[0-9a-f]{6,}|\d+\.\d+ ?m?s", "?", json.dumps(kept, indent=1, sort_keys=True))
