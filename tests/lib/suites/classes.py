"""Classes of tests, set-ups, order."""

HEAD = "import pytest\nfrom implementation import Counter\nSEEN = []\n"

SUITES = {name: HEAD + text for name, text in {
    "an_object_each": "class TestA:\n    def test_set(self): self.x = 1\n    def test_get(self): assert not hasattr(self, 'x')\n",
    "attributes_shared": "class TestA:\n    items = []\n    def test_a(self): self.items.append(1)\n    def test_b(self): assert self.items == [1]\n",
    "setup_method": "class TestA:\n    def setup_method(self): self.c = Counter()\n    def test_a(self): assert self.c.up() == 1\n    def test_b(self): assert self.c.up() == 2\n",
    "setup_method_with_the_method": "class TestA:\n    def setup_method(self, method): self.name = method.__name__\n    def teardown_method(self, method): SEEN.append(self.name)\n"
                                    "    def test_a(self): assert self.name == 'test_a'\n    def test_b(self): assert SEEN == ['test_a']\n",
    "setup_method_fails": "class TestA:\n    def setup_method(self): raise ValueError\n    def test_a(self): pass\ndef test_b(): pass\n",
    "teardown_method_fails": "class TestA:\n    def teardown_method(self): raise ValueError\n    def test_a(self): pass\n    def test_b(self): assert False\n",
    "teardown_method_of_a_failure": "class TestA:\n    def teardown_method(self): SEEN.append(1)\n    def test_a(self): assert False\n    def test_b(self): assert SEEN == [1]\n",
    "setup_class": "class TestA:\n    @classmethod\n    def setup_class(cls): cls.c = Counter()\n    def test_a(self): assert self.c.up() == 1\n    def test_b(self): assert self.c.up() == 2\n",
    "inherited": "class Base:\n    def test_base(self): assert self.n\nclass TestA(Base):\n    n = 1\nclass TestB(Base):\n    n = 0\n    def test_own(self): pass\n",
    "of_object": "class TestA(object):\n    def test_a(self): assert True\n",
    "nested": "class TestOuter:\n    def test_a(self): pass\n    class TestInner:\n        def test_b(self): assert False\n",
    "with_an_init": "class TestA:\n    def __init__(self): pass\n    def test_a(self): assert False\ndef test_b(): pass\n",
    "static_and_class_methods": "class TestA:\n    @staticmethod\n    def test_static(): assert True\n    @classmethod\n    def test_class(cls): assert cls\n    def test_plain(self): pass\n",
    "helpers_beside": "class TestA:\n    def make(self): return Counter()\n    @property\n    def one(self): return 1\n    @staticmethod\n    def two(): return 2\n"
                      "    def test_a(self): assert self.make().up() == self.one\n    def test_b(self): assert self.two() == 1\n",
    "no_test_names": "class Helper:\n    def test_no(self): assert False\nclass testlower:\n    def test_no(self): assert False\ndef test_a(): pass\n",
    "order": "def test_z(): SEEN.append('z')\nclass TestM:\n    def test_y(self): SEEN.append('y')\n    def test_b(self): SEEN.append('b')\ndef test_a(): assert SEEN == ['z', 'y', 'b']\n",
    "test_data_beside": "class TestA:\n    test_data = [1, 2]\n    def test_a(self): assert sum(self.test_data) == 3\n",
    "a_test_bound_twice": "def test_a(): assert False\ndef test_a(): pass\nclass TestA:\n    def test_b(self): assert False\n    def test_b(self): pass\n",
    "a_test_deleted": "def test_a(): assert False\ndel test_a\ndef test_b(): pass\n",
    "a_test_assigned": "def check(): assert True\ntest_a = check\ntest_b = lambda: None\ndef test_c(): pass\n",
    "a_list_called_tests": "tests = [1, 2]\ntest_cases = {'a': 1}\ndef test_a(): assert test_cases['a'] in tests\n",
    "a_callable_called_test": "class Callable:\n    def __call__(self): return 1\ntest_object = Callable()\ndef test_a(): assert test_object() == 1\n",
    "a_generator": "def test_a():\n    yield 1\ndef test_b(): pass\n",
    "generators_inside": "def test_a():\n    def numbers():\n        yield 1\n    assert list(numbers()) == [1]\n",
    "returns_something": "def test_a(): return 1\nclass TestA:\n    def test_b(self): return False\n",
    "a_dataclass_beside": "import dataclasses\n@dataclasses.dataclass\nclass Row:\n    n: int\ndef test_a(): assert Row(1) == Row(1)\ndef test_b(): assert Row(1) == Row(2)\n",
    "an_exception_beside": "class Odd(Exception): pass\ndef test_a():\n    with pytest.raises(Odd): raise Odd\ndef test_b(): raise Odd('x')\n",
    "a_main": "def test_a(): pass\nif __name__ == '__main__':\n    pytest.main([__file__])\n    raise SystemExit(1)\n",
    "a_main_otherwise": "if __name__ != '__main__':\n    LOADED = True\ndef test_a(): assert LOADED\n",
    "set_up_by_module": "def setup_module(): SEEN.append('m')\ndef setup_function(): SEEN.append('f')\ndef test_a(): assert SEEN == ['m', 'f']\nclass TestA:\n    def test_b(self): assert SEEN == ['m', 'f']\n",
}.items()}
