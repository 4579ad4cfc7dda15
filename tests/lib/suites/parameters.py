"""parametrize: names, orders, values, mistakes."""

HEAD = "import pytest\nfrom implementation import add, Point\n"

SUITES = {name: HEAD + text for name, text in {
    "one_name": "@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n): assert n < 2\n",
    "one_name_in_a_list": "@pytest.mark.parametrize(['n'], [(1,), (2,)])\ndef test_n(n): assert n\n",
    "one_name_of_rows": "@pytest.mark.parametrize('n', [(1,), (2,)])\ndef test_n(n): assert n == (1,)\n",
    "names_with_blanks": "@pytest.mark.parametrize(' a ,b , c', [(1, 2, 3), (4, 5, 6)])\ndef test_sum(a, b, c): assert add(a, b) == c\n",
    "trailing_comma": "@pytest.mark.parametrize('a,', [(1,), (2,)])\ndef test_a(a): assert a in (1, 2)\n",
    "stacked": "@pytest.mark.parametrize('a', [1, 2])\n@pytest.mark.parametrize('b', ['x', 'y', 'z'])\ndef test_ab(a, b): assert (a, b) != (2, 'y')\n",
    "three_times": "@pytest.mark.parametrize('a', [1, 2])\n@pytest.mark.parametrize('b, c', [(1, 2), (3, 4)])\n@pytest.mark.parametrize('d', [None])\n"
                   "def test_it(d, c, b, a): assert a + b + c != 9\n",
    "values_of_all_types": "import enum, re\nclass Colour(enum.Enum): RED = 1\n@pytest.mark.parametrize('v', [1, -1, 1.5, 1e100, float('inf'), True, None, 'text', b'bytes', '', [], {}, (1, 2),"
                           " {3}, int, len, Colour.RED, re.compile('x'), 1j, ..., NotImplemented, Point(1, 2), lambda: 1, range(3)])\ndef test_v(v): assert v is not None\n",
    "texts": "@pytest.mark.parametrize('t', ['a b', 'a\\nb', 'a\\\\b', 'ä', '\\x00', 'a[b]', 'a::b', 'a-b', '\\u4e2d', 'x' * 100, \"'\", '%s'])\ndef test_t(t): assert t\n",
    "the_same_twice": "@pytest.mark.parametrize('n', [1, 1, 2, 1])\ndef test_n(n): assert n == 1\n",
    "the_same_text_twice": "@pytest.mark.parametrize('a, b', [('x', 1), ('x', 1), ('x', 2)])\ndef test_ab(a, b): assert b == 1\n",
    "ids": "@pytest.mark.parametrize('n', [1, 2], ids=['one', 'two words'])\ndef test_n(n): assert n == 1\n",
    "ids_of_a_function": "@pytest.mark.parametrize('n', [1, 2], ids=lambda n: f'n{n}')\ndef test_n(n): assert n\n",
    "ids_with_none": "@pytest.mark.parametrize('n', [1, 2], ids=['one', None])\ndef test_n(n): assert n\n",
    "param_with_id": "@pytest.mark.parametrize('a, b', [pytest.param(1, 2, id='small'), (3, 4), pytest.param(5, 6)])\ndef test_ab(a, b): assert a + 1 == b\n",
    "param_with_marks": "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=pytest.mark.skip), pytest.param(3, marks=pytest.mark.xfail)])\ndef test_n(n): assert n != 3\n",
    "made_values": "CASES = [(n, n * n) for n in range(4)]\n@pytest.mark.parametrize('n, square', CASES)\ndef test_square(n, square): assert n * n == square != 4\n",
    "a_generator": "def cases():\n    yield 1, 2\n    yield 3, 4\n@pytest.mark.parametrize('a, b', cases())\ndef test_ab(a, b): assert add(a, 1) == b\n",
    "of_a_dictionary": "TABLE = {'a': 1, 'b': 2}\n@pytest.mark.parametrize('name', TABLE)\ndef test_name(name): assert TABLE[name] == 1\n"
                       "@pytest.mark.parametrize('name, n', TABLE.items())\ndef test_items(name, n): assert n\n",
    "mutable_values_are_shared": "ROW = []\n@pytest.mark.parametrize('row', [ROW, ROW])\ndef test_row(row):\n    row.append(1)\n    assert len(row) == 1\n",
    "empty": "@pytest.mark.parametrize('n', [])\ndef test_n(n): assert False\ndef test_other(): pass\n",
    "a_default_beside": "@pytest.mark.parametrize('a', [1, 2])\ndef test_a(a, b=2): assert a == b\n",
    "keywords_only": "@pytest.mark.parametrize('a, b', [(1, 2)])\ndef test_ab(*, a, b): assert b - a == 1\n",
    "of_a_class": "@pytest.mark.parametrize('n', [1, 2])\nclass TestN:\n    def test_a(self, n): assert n\n    def test_b(self, n): assert n == 1\n",
    "in_a_class": "class TestN:\n    @pytest.mark.parametrize('n', [1, 2])\n    def test_a(self, n): assert n == 1\n    def test_b(self): pass\n",
    "by_pytestmark": "pytestmark = pytest.mark.parametrize('n', [1, 2])\ndef test_a(n): assert n == 2\n",
    "indirect": "@pytest.fixture\ndef n(request): return request.param * 10\n@pytest.mark.parametrize('n', [1, 2], indirect=True)\ndef test_n(n): assert n == 10\n",
    "by_keyword": "@pytest.mark.parametrize(argnames='n', argvalues=[1, 2])\ndef test_n(n): assert n\n",
    "imported_mark": "from pytest import mark, raises\n@mark.parametrize('n', [0, 1])\ndef test_n(n):\n    with raises(ZeroDivisionError): 1 / n\n",
    "an_alias": "parametrize = pytest.mark.parametrize\n@parametrize('n', [1, 2])\ndef test_n(n): assert n == 2\n",
    "beside_another_mark": "@pytest.mark.slow\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n): assert n == 2\n",
}.items()}
