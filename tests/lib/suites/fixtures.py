"""Fixtures, marks, conftest.py: what needs all of pytest."""

HEAD = "import pytest\nfrom implementation import add, Counter\n"

SUITES = {name: HEAD + text for name, text in {
    "plain": "@pytest.fixture\ndef counter(): return Counter()\ndef test_a(counter): assert counter.up() == 1\ndef test_b(counter): assert counter.up() == 2\n",
    "yielding": "LOG = []\n@pytest.fixture\ndef thing():\n    LOG.append('up')\n    yield 1\n    LOG.append('down')\ndef test_a(thing): assert LOG == ['up']\ndef test_b(): assert LOG == ['up', 'down']\n",
    "teardown_fails": "@pytest.fixture\ndef thing():\n    yield 1\n    raise ValueError\ndef test_a(thing): assert thing\ndef test_b(thing): assert not thing\n",
    "autouse": "LOG = []\n@pytest.fixture(autouse=True)\ndef log(): LOG.append(1)\ndef test_a(): assert LOG == [1]\ndef test_b(): assert LOG == [1, 1]\n",
    "scopes": "LOG = []\n@pytest.fixture(scope='module')\ndef m(): LOG.append('m')\n@pytest.fixture(scope='class')\ndef c(): LOG.append('c')\ndef test_a(m, c): assert LOG == ['m', 'c']\n"
              "class TestA:\n    def test_b(self, m, c): assert LOG == ['m', 'c', 'c']\n    def test_c(self, c): assert len(LOG) == 3\n",
    "params": "@pytest.fixture(params=[1, 2], ids=['one', 'two'])\ndef n(request): return request.param\ndef test_n(n): assert n == 1\n",
    "finalizers": "LOG = []\n@pytest.fixture\ndef f(request):\n    request.addfinalizer(lambda: LOG.append('done'))\n    return 1\ndef test_a(f): assert not LOG\ndef test_b(): assert LOG\n",
    "of_fixtures": "@pytest.fixture\ndef a(): return 1\n@pytest.fixture\ndef b(a): return a + 1\ndef test_b(a, b): assert add(a, b) == 3\n",
    "in_a_class": "class TestA:\n    @pytest.fixture\n    def n(self): return 1\n    def test_n(self, n): assert n == 1\ndef test_outside(n): pass\n",
    "usefixtures": "LOG = []\n@pytest.fixture\ndef up(): LOG.append(1)\n@pytest.mark.usefixtures('up')\ndef test_a(): assert LOG\n@pytest.mark.usefixtures('nobody')\ndef test_b(): pass\n",
    "by_name": "@pytest.fixture(name='short')\ndef a_long_name(): return 1\ndef test_a(short): assert short\ndef test_b(a_long_name): pass\n",
    "getfixturevalue": "@pytest.fixture\ndef n(): return 7\ndef test_n(request): assert request.getfixturevalue('n') == 7\n",
    "a_factory": "@pytest.fixture\ndef make():\n    made = []\n    def one(): made.append(Counter()); return made[-1]\n    yield one\n    assert len(made) == 2\ndef test_a(make): make(); make()\ndef test_b(make): make()\n",
    "marks": "@pytest.mark.slow\ndef test_a(): pass\n@pytest.mark.filterwarnings('error')\ndef test_b():\n    import warnings\n    warnings.warn('x')\n",
    "skips": "@pytest.mark.skipif(add(1, 1) == 2, reason='two')\ndef test_a(): assert False\n@pytest.mark.skip('later')\nclass TestA:\n    def test_b(self): assert False\ndef test_c(): pytest.skip('now')\n",
    "xfails": "@pytest.mark.xfail(raises=ValueError)\ndef test_a(): raise ValueError\n@pytest.mark.xfail(strict=True)\ndef test_b(): pass\n@pytest.mark.xfail(add(1, 1) == 3, reason='x')\ndef test_c(): assert False\n",
    "a_cycle": "@pytest.fixture\ndef a(b): pass\n@pytest.fixture\ndef b(a): pass\ndef test_a(a): pass\ndef test_b(): pass\n",
    "called_directly": "@pytest.fixture\ndef a(): return 1\ndef test_a(): assert a() == 1\ndef test_b(): pass\n",
}.items()}
SUITES["conftest_fixture"] = (HEAD + "def test_a(shared): assert shared == 5\ndef test_b(): pass\n", {"conftest.py": "import pytest\n@pytest.fixture\ndef shared(): return 5\n"})
SUITES["conftest_autouse"] = (HEAD + "import os\ndef test_a(): assert os.environ['MODE'] == 'test'\n",
                              {"conftest.py": "import pytest\n@pytest.fixture(autouse=True)\ndef mode(monkeypatch): monkeypatch.setenv('MODE', 'test')\n"})
SUITES["conftest_order"] = (HEAD + "LOG = []\ndef test_a(): assert LOG == ['b']\ndef test_b(): LOG.append('b')\n",
                            {"conftest.py": "def pytest_collection_modifyitems(items): items.reverse()\n"})
SUITES["a_data_file"] = (HEAD + "import json, pathlib\nROWS = json.loads(pathlib.Path('rows.json').read_text())\ndef test_a():\n    for a, b, c in ROWS: assert add(a, b) == c\n", {"rows.json": "[[1, 2, 3], [4, 5, 9]]"})
SUITES["a_helper"] = (HEAD + "from helper import same\ndef test_a(): same(add(1, 1), 2)\ndef test_b(): same(add(1, 1), 3)\n", {"helper.py": "def same(a, b): assert a == b\n"})
