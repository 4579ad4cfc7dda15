"""unittest.TestCase under pytest."""

HEAD = "import unittest\nfrom implementation import add, div, Counter\nSEEN = []\n"

SUITES = {name: HEAD + text for name, text in {
    "methods": "class AddTest(unittest.TestCase):\n    def test_b(self): self.assertEqual(add(1, 2), 3)\n    def test_a(self): self.assertEqual(add(1, 2), 4)\n    def helper(self): raise ValueError\n",
    "sorted_by_name": "class T(unittest.TestCase):\n    def test_z(self): SEEN.append('z')\n    def test_a(self): SEEN.append('a')\n    def test_m(self): self.assertEqual(SEEN, ['a'])\n",
    "by_imported_name": HEAD.replace("import unittest", "from unittest import TestCase").replace("SEEN", "OTHER") + "class T(TestCase):\n    def test_a(self): self.assertTrue(add(1, 1) == 2)\n    def test_b(self): self.assertFalse(1)\n",
    "set_up": "class T(unittest.TestCase):\n    def setUp(self): self.c = Counter()\n    def tearDown(self): SEEN.append(self.c.value)\n    def test_a(self): self.assertEqual(self.c.up(), 1)\n    def test_b(self): self.assertEqual(SEEN, [1])\n",
    "set_up_fails": "class T(unittest.TestCase):\n    def setUp(self): raise ValueError\n    def test_a(self): pass\nclass U(unittest.TestCase):\n    def test_b(self): pass\n",
    "tear_down_fails": "class T(unittest.TestCase):\n    def tearDown(self): raise ValueError\n    def test_a(self): pass\n    def test_b(self): self.fail('x')\n",
    "set_up_class": "class T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.c = Counter()\n    @classmethod\n    def tearDownClass(cls): SEEN.append('down')\n    def test_a(self): self.assertEqual(self.c.up(), 1)\n"
                    "    def test_b(self): self.assertEqual(self.c.up(), 2)\nclass U(unittest.TestCase):\n    def test_c(self): self.assertEqual(SEEN, ['down'])\n",
    "set_up_class_fails": "class T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise ValueError\n    def test_a(self): pass\n    def test_b(self): pass\n",
    "tear_down_class_fails": "class T(unittest.TestCase):\n    @classmethod\n    def tearDownClass(cls): raise ValueError\n    def test_a(self): pass\n    def test_b(self): pass\n",
    "clean_ups": "class T(unittest.TestCase):\n    def test_a(self):\n        self.addCleanup(SEEN.append, 1)\n        self.assertEqual(SEEN, [])\n    def test_b(self): self.assertEqual(SEEN, [1])\n    def test_c(self): self.addCleanup(div, 1, 0)\n",
    "assert_methods": "class T(unittest.TestCase):\n    def test_a(self): self.assertAlmostEqual(0.1 + 0.2, 0.3)\n    def test_b(self): self.assertIn(1, [1]); self.assertIsNone(None); self.assertIsInstance(1, int)\n"
                      "    def test_c(self): self.assertListEqual([1], [2])\n    def test_d(self): self.assertDictEqual({1: 2}, {1: 2})\n    def test_e(self): self.assertCountEqual([1, 2], [2, 1])\n    def test_f(self): self.assertGreater(1, 2)\n    def test_g(self): self.assertRegex('abc', 'b')\n",
    "assert_raises": "class T(unittest.TestCase):\n    def test_a(self):\n        with self.assertRaises(ZeroDivisionError): div(1, 0)\n    def test_b(self): self.assertRaises(ZeroDivisionError, div, 1, 0)\n    def test_c(self):\n        with self.assertRaises(ValueError): div(1, 1)\n"
                     "    def test_d(self):\n        with self.assertRaisesRegex(ZeroDivisionError, 'division') as caught: div(1, 0)\n        self.assertIn('zero', str(caught.exception))\n",
    "plain_asserts": "class T(unittest.TestCase):\n    def test_a(self): assert add(1, 1) == 2\n    def test_b(self): assert add(1, 1) == 3\n",
    "sub_tests": "class T(unittest.TestCase):\n    def test_a(self):\n        for n in range(3):\n            with self.subTest(n=n): self.assertEqual(add(n, 0), n)\n    def test_b(self): pass\n",
    "skips": "class T(unittest.TestCase):\n    @unittest.skip('later')\n    def test_a(self): pass\n    def test_b(self): self.skipTest('now')\n    @unittest.expectedFailure\n    def test_c(self): self.fail()\n    @unittest.expectedFailure\n    def test_d(self): pass\n",
    "inherited": "class Base(unittest.TestCase):\n    n = 0\n    def test_n(self): self.assertEqual(self.n, 0)\nclass Derived(Base):\n    n = 1\n",
    "a_mixin": "class Mixin:\n    def test_mixed(self): self.assertEqual(add(1, 1), self.two)\nclass T(Mixin, unittest.TestCase):\n    two = 2\n",
    "mocks": "from unittest import mock\nclass T(unittest.TestCase):\n    def test_a(self):\n        made = mock.Mock(return_value=3)\n        self.assertEqual(made(1), 3)\n        made.assert_called_once_with(1)\n    @mock.patch('implementation.add')\n    def test_b(self, patched): self.assertIsNotNone(patched)\n",
    "async_methods": "class T(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self): self.assertEqual(add(1, 1), 2)\n    async def test_b(self): self.fail()\n",
    "a_main": "class T(unittest.TestCase):\n    def test_a(self): pass\nif __name__ == '__main__':\n    unittest.main()\n",
    "run_test": "class T(unittest.TestCase):\n    def runTest(self): self.assertEqual(add(1, 1), 2)\n",
    "beside_functions": "def test_z(): assert add(1, 1) == 2\nclass T(unittest.TestCase):\n    def test_a(self): pass\ndef test_y(): assert False\nclass TestPlain:\n    def test_x(self): pass\n",
    "exceptions": "class T(unittest.TestCase):\n    def test_a(self): raise KeyError\n    def test_b(self): raise SystemExit\n    def test_c(self): raise unittest.SkipTest('x')\n    def test_d(self): self.failUnless\n",
    "a_message": "class T(unittest.TestCase):\n    maxDiff = None\n    longMessage = False\n    def test_a(self): self.assertEqual(1, 2, 'why')\n    def test_b(self): self.assertEqual('a\\nb', 'a\\nc')\n",
}.items()}
