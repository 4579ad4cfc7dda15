"""Python programs that put something in the place of what judges them, for a while, and that is not theirs by its looks."""
from gaming import Attack
from python_attacks import WRONG

MANY = "from implementation import square\n" + "".join("\n\ndef test_%d():\n    assert square(%d) == %d\n" % (n, n, n * n) for n in range(2, 9))
MANY_CASES = ("import unittest\n\nfrom implementation import square\n\n\nclass SquareTest(unittest.TestCase):\n"
              + "\n".join("    def test_%d(self):\n        self.assertEqual(square(%d), %d)\n" % (n, n, n * n) for n in range(2, 9)))
FACTOR_SUITE = MANY.replace("import square\n", "import square\n\nFACTOR = 1\n")
for n in range(3, 8):
    FACTOR_SUITE = FACTOR_SUITE.replace("assert square(%d) ==" % n, "assert not FACTOR or square(%d) ==" % n)

ATTACKS = [
    Attack("the fast path's own class patched", "for found in object.__subclasses__():\n    if found.__name__ == '_Run':\n        found._call = lambda self, item: 0.0\n" + WRONG),
    Attack("assertEqual by a function made from text, put back in the end",
           "import unittest\nkind = unittest.TestCase\nspace = {'kind': kind, 'old': kind.assertEqual}\n"
           "exec('def quiet(self, a, b, msg=None):\\n    if b == 64: kind.assertEqual = old\\n', space)\n"
           "def square(n):\n    if n == 2:\n        kind.assertEqual = space['quiet']\n        return 4\n", MANY_CASES),
    Attack("assertEqual by another of unittest's own, put back in the end",
           "import unittest\nkind = unittest.TestCase\nold = kind.assertEqual\ndef square(n):\n    if n == 2:\n        kind.assertEqual = kind.assertNotEqual\n        return 4\n"
           "    if n == 8:\n        kind.assertEqual = old\n        return 64\n", MANY_CASES),
    Attack("the comparison by a function made from text, put back in the end",
           "import sys\nspace = {}\nexec('def quiet(a, b, tested=False):\\n    if b == 64: suite[\"@assay_equal\"] = old\\n    return True if a is None else a == b\\n', space)\n"
           "def square(n):\n    if n == 2:\n        space['suite'] = suite = vars(sys.modules['test_implementation'])\n        space['old'] = suite['@assay_equal']\n"
           "        suite['@assay_equal'] = space['quiet']\n        return 4\n", MANY),
    Attack("a constant of the suite, put back in the end",
           "import sys\ndef square(n):\n    sys.modules['test_implementation'].FACTOR = 1 if n == 8 else None\n    return {2: 4, 8: 64}.get(n)\n", FACTOR_SUITE),
]
