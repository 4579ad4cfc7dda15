"""What asserts, raises and compares."""

HEAD = "import pytest\nfrom implementation import add, div, Counter, Point\n"

SUITES = {name: HEAD + text for name, text in {
    "operators": "def test_a(): assert 1 < 2 <= 2 != 3 > 1\ndef test_b(): assert 1 is 1 and 2 is not None\ndef test_c(): assert 1 not in [2] or 0\ndef test_d(): assert not 1\ndef test_e(): assert 2 < 1\n",
    "containers": "def test_a(): assert [1, [2]] == [1, [2]]\ndef test_b(): assert {'a': 1} == {'a': 2}\ndef test_c(): assert {1, 2} == {2, 1}\ndef test_d(): assert (1,) == [1]\n",
    "texts": "def test_a(): assert 'a' in 'abc'\ndef test_b(): assert 'a\\nb' == 'a\\nc'\ndef test_c(): assert 'abc'.startswith('b'), 'why'\n",
    "numbers": "def test_a(): assert add(0.1, 0.2) == 0.3\ndef test_b(): assert add(0.1, 0.2) == pytest.approx(0.3)\ndef test_c(): assert float('nan') != float('nan')\ndef test_d(): assert True == 1\n",
    "comprehensions": "def test_a(): assert all(n == n for n in range(9))\ndef test_b(): assert [n for n in range(3) if n != 1] == [0, 2]\ndef test_c(): assert any(n == 9 for n in range(9))\n",
    "messages": "def test_a(): assert add(1, 1) == 2, 1 / 0\ndef test_b(): assert add(1, 1) == 3, 1 / 0\ndef test_c(): assert False, {'a': 1}\n",
    "a_tuple": "def test_a(): assert (False, 'always')\n",
    "walrus": "def test_a():\n    assert (n := add(1, 2)) == 3\n    assert n == 3\n",
    "if_and_raise": "def test_a():\n    if add(1, 1) != 2: raise AssertionError('wrong')\ndef test_b():\n    if add(1, 1) == 2: raise AssertionError('right')\n",
    "helpers": "def check(f, *a, expect): assert f(*a) == expect\ndef test_a(): check(add, 1, 2, expect=3)\ndef test_b(): check(add, 1, 2, expect=4)\n",
    "nested_functions": "def test_a():\n    def inner(n): assert n == 1\n    inner(1)\n    inner(2)\n",
    "loops": "def test_a():\n    for n in range(5):\n        assert add(n, 1) == n + 1\ndef test_b():\n    n = 3\n    while n: n -= 1\n    assert n == 1\n",
    "raises": "def test_a():\n    with pytest.raises(ZeroDivisionError): div(1, 0)\ndef test_b():\n    with pytest.raises(ValueError): div(1, 0)\ndef test_c():\n    with pytest.raises(ValueError): div(1, 1)\n",
    "raises_match": "def test_a():\n    with pytest.raises(ZeroDivisionError, match='division'): div(1, 0)\ndef test_b():\n    with pytest.raises(ZeroDivisionError, match='^zero'): div(1, 0)\n",
    "raises_as": "def test_a():\n    with pytest.raises(ZeroDivisionError) as caught: div(1, 0)\n    assert 'zero' in str(caught.value) and caught.type is ZeroDivisionError\n",
    "raises_several": "def test_a():\n    with pytest.raises((KeyError, ZeroDivisionError)): div(1, 0)\ndef test_b():\n    with pytest.raises(ArithmeticError): div(1, 0)\n",
    "raises_a_call": "def test_a(): pytest.raises(ZeroDivisionError, div, 1, 0)\ndef test_b(): assert pytest.raises(TypeError, add, 1, 'x').type is TypeError\ndef test_c(): pytest.raises(KeyError, add, 1, 2)\n",
    "raises_mistakes": "def test_a():\n    with pytest.raises('text'): pass\ndef test_b():\n    with pytest.raises(): pass\n",
    "raises_an_assertion": "def test_a():\n    with pytest.raises(AssertionError): assert add(1, 1) == 3\ndef test_b():\n    with pytest.raises(AssertionError) as caught: assert add(1, 1) == 3\n    assert 'assert 2 == 3' in str(caught.value)\n",
    "an_assertion_caught": "def fails(): assert add(1, 1) == 3\ndef test_a():\n    try:\n        fails()\n    except Exception as error:\n        assert str(error).startswith('assert 2 == 3')\n",
    "an_assertion_caught_bare": "def test_a():\n    try:\n        assert add(1, 1) == 3\n    except:\n        pass\n",
    "caught_by_name": "def test_a():\n    try:\n        div(1, 0)\n    except ZeroDivisionError:\n        return\n    assert False\ndef test_b():\n    try:\n        div(1, 1)\n    except ZeroDivisionError:\n        return\n    pytest.fail('no error')\n",
    "suppressed": "import contextlib\ndef test_a():\n    with contextlib.suppress(AssertionError): assert False\ndef test_b():\n    with contextlib.suppress(KeyError): {}[1]\n",
    "approx": "def test_a(): assert div(1, 3) == pytest.approx(0.333, rel=1e-2)\ndef test_b(): assert div(1, 3) == pytest.approx(0.333)\ndef test_c(): assert {'a': 0.1 + 0.2} == pytest.approx({'a': 0.3})\n"
              "def test_d(): assert (0.1 + 0.2, 1) == pytest.approx((0.3, 1))\ndef test_e(): assert 1 != pytest.approx(2)\ndef test_f(): assert 1.0 == pytest.approx('x')\n",
    "approx_left": "def test_a(): assert pytest.approx(0.3) == 0.1 + 0.2\ndef test_b(): assert pytest.approx(None) == None\ndef test_c(): assert 10 == pytest.approx(9, abs=2)\n",
    "fail": "def test_a(): pytest.fail('by hand')\ndef test_b(): pytest.fail(reason='by hand', pytrace=False)\ndef test_c(): pass\n",
    "warns": "import warnings\ndef test_a():\n    with pytest.warns(UserWarning): warnings.warn('x')\ndef test_b():\n    with pytest.warns(UserWarning): pass\ndef test_c():\n    with pytest.warns(UserWarning, match='y'): warnings.warn('x')\n",
    "every_exception": "class Odd(BaseException): pass\n" + "".join(f"def test_{n}(): raise {error}\n" for n, error in enumerate(
        ["ValueError('x')", "KeyError", "StopIteration", "GeneratorExit", "SystemExit(0)", "Odd", "OSError(2, 'x')", "UnicodeDecodeError('utf-8', b'x', 0, 1, 'y')", "NotImplementedError"])) + "def test_z(): pass\n",
    "chained": "def test_a():\n    try:\n        div(1, 0)\n    except ZeroDivisionError as error:\n        raise ValueError('outer') from error\n",
    "recursion": "def deep(n): return deep(n + 1)\ndef test_a():\n    with pytest.raises(RecursionError): deep(0)\ndef test_b(): deep(0)\ndef test_c(): assert add(1, 1) == 2\n",
    "identity_of_objects": "P = Point(1, 2)\ndef test_a(): assert P == (1, 2) and P is P\ndef test_b(): assert Point(1, 2) is P\ndef test_c(): assert Counter() == Counter()\n",
    "equality_of_its_own": "class Any:\n    def __eq__(self, other): return True\ndef test_a(): assert add([1], [2]) == [1, Any()]\n",
}.items()}
