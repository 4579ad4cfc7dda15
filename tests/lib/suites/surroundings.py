"""What a test finds around it: streams, warnings, log records, threads, environment, time."""

HEAD = "import os, sys\nimport pytest\nfrom implementation import add, greet, ask\n"

SUITES = {name: HEAD + text for name, text in {
    "warnings_are_taken": "import warnings\ndef test_a():\n    warnings.warn('x')\ndef test_b():\n    warnings.warn('x', DeprecationWarning)\n",
    "warnings_as_errors": "import warnings\ndef test_a():\n    warnings.simplefilter('error')\n    with pytest.raises(UserWarning): warnings.warn('x')\ndef test_b(): warnings.warn('x')\n",
    "warnings_while_imported": "import warnings\nwarnings.filterwarnings('error', message='odd')\ndef test_a(): warnings.warn('odd')\n",
    "warnings_caught": "import warnings\ndef test_a():\n    with warnings.catch_warnings(record=True) as seen:\n        warnings.simplefilter('always')\n        warnings.warn('x')\n    assert len(seen) == 1\n",
    "log_records": "import logging\ndef test_a(): logging.warning('x')\ndef test_b(): logging.getLogger('y').error('z %s', 1)\ndef test_c(): assert logging.getLogger().level == logging.WARNING\n",
    "a_log_record_that_is_wrong": "import logging\ndef test_a(): logging.warning('%d', 'x')\ndef test_b(): logging.info('%d', 'x')\n",
    "log_handlers": "import logging\ndef test_a():\n    logging.basicConfig(level=logging.DEBUG)\n    assert logging.getLogger().level == logging.WARNING\ndef test_b(): assert len(logging.getLogger().handlers) == 4\n",
    "log_handlers_while_imported": "import logging\nCOUNT = len(logging.getLogger().handlers)\nlogging.warning('early')\ndef test_a(): assert COUNT == 2\n",
    "prints": "def test_a(): greet('you')\ndef test_b(): print('err', file=sys.stderr)\ndef test_c(): sys.stdout.write('no end')\n",
    "input_refuses": "def test_a(): ask()\ndef test_b():\n    with pytest.raises(OSError): input()\ndef test_c(): assert sys.stdin.isatty() is False\ndef test_d(): sys.stdin.fileno()\n",
    "redirected": "import contextlib, io\ndef test_a():\n    with contextlib.redirect_stdout(io.StringIO()) as out: greet('you')\n    assert out.getvalue() == 'hello you\\n'\n",
    "streams_replaced": "import io\ndef test_a():\n    old, sys.stdout = sys.stdout, io.StringIO()\n    try:\n        greet('you')\n        text = sys.stdout.getvalue()\n    finally:\n        sys.stdout = old\n    assert text == 'hello you\\n'\n",
    "input_replaced": "import io\nfrom unittest import mock\ndef test_a():\n    with mock.patch('builtins.input', return_value='me'):\n        answer = ask()\n    assert answer == 'me'\n"
                      "def test_b():\n    with mock.patch('sys.stdin', io.StringIO('you\\n')):\n        answer = ask()\n    assert answer == 'you'\n",
    "threads": "import threading\ndef test_a():\n    found = []\n    thread = threading.Thread(target=lambda: found.append(add(1, 2)))\n    thread.start(); thread.join()\n    assert found == [3]\n",
    "a_thread_that_raises": "import threading\ndef test_a():\n    thread = threading.Thread(target=lambda: 1 / 0)\n    thread.start(); thread.join()\ndef test_b(): pass\n",
    "a_del_that_raises": "class Odd:\n    def __del__(self): raise ValueError\ndef test_a(): Odd()\ndef test_b(): pass\n",
    "environment": "def test_a(): os.environ['X'] = '1'\ndef test_b(): assert os.environ.get('X') == '1'\ndef test_c(): assert 'test_c' in os.environ['PYTEST_CURRENT_TEST']\n",
    "current_test": "NAME = 'PYTEST_' + 'CURRENT_TEST'\ndef test_a(): assert os.environ[NAME] == 'test_implementation.py::test_a (call)'\nBEFORE = os.environ.get(NAME)\ndef test_b(): assert BEFORE is None\n",
    "folder": "def test_a():\n    os.mkdir('sub')\n    os.chdir('sub')\ndef test_b(): assert os.path.basename(os.getcwd()) == 'sub'\n",
    "files": "def test_a(): open('made', 'w').write('x')\ndef test_b(): assert open('made').read() == 'x'\ndef test_c(): open('none')\n",
    "the_module": "def test_a(): assert __name__ == 'test_implementation' and __file__.endswith('test_implementation.py')\ndef test_b(): assert sys.argv and __doc__ is None and __package__ == ''\n",
    "main_is_another": "def test_a(): assert sys.modules['__main__'].__name__ == '__main__' and not hasattr(sys.modules['__main__'], 'add')\n",
    "time": "import time\ndef test_a():\n    before = time.perf_counter()\n    time.sleep(0.01)\n    assert time.perf_counter() > before\n",
    "signals": "import signal\ndef test_a():\n    seen = []\n    old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))\n    os.kill(os.getpid(), signal.SIGUSR1)\n    signal.signal(signal.SIGUSR1, old)\n    assert seen == [1]\n",
    "children": "import subprocess\ndef test_a(): assert subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout == '42\\n'\n",
    "forks": "def test_a():\n    pid = os.fork()\n    if pid == 0:\n        os._exit(3)\n    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3\n",
    "asyncio": "import asyncio\nasync def later(n):\n    await asyncio.sleep(0)\n    return add(n, 1)\ndef test_a(): assert asyncio.run(later(1)) == 2\ndef test_b(): assert asyncio.run(later(1)) == 3\n",
    "random": "import random\ndef test_a():\n    random.seed(1)\n    first = random.random()\n    random.seed(1)\n    assert first == random.random()\n",
    "exits": "def test_a(): sys.exit(0)\ndef test_b():\n    with pytest.raises(SystemExit) as caught: sys.exit(3)\n    assert caught.value.code == 3\ndef test_c(): pass\n",
    "modules_while_running": "def test_a():\n    import colorsys\n    assert colorsys.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)\ndef test_b():\n    import no_such_module\n",
}.items()}
