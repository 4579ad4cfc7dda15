"""The texts of the canaries, and what chance decides of them."""

import os

BEFORE_ALL, BEHIND_ALL = "before all", "behind all"
FAILED, PASSED = ("failed", "error"), ("passed",)
# {0} and {1} are the same number in a test that must pass, different ones in a test that must fail.
FUNCTIONS = ("assert {0} == {1}", "assert [{0}] == [{1}]", "assert '{0}' == '{1}'", "value = {0}\n    assert value in ({1}, None)",
             "assert not {0} != {1}", "if {0} != {1}:\n        raise AssertionError('{1}')")
METHODS = ("self.assertEqual({0}, {1})", "self.assertTrue({0} == {1})", "assert {0} == {1}")


# Before a form that must fail: it passes when values of some plain type are equal that are not.
DIFFERENT = ("if {0}.5 == {1}.5 or '{0}' == '{1}' or b'{0}' == b'{1}' or {0}j == {1}j or ({0},) == ({1},):\n        return\n    ")


def pick(forms):
    return forms[os.urandom(1)[0] % len(forms)]


def number():
    return int.from_bytes(os.urandom(4), "big") + 1
