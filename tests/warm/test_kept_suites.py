"""What is made of a suite's text is kept from task to task: the outcomes are the same, no program can change what others get or see
what others brought, and a suite that harms the machinery harms its own task alone."""
import pathlib
import secrets

import pytest
from workers import is_fast, is_warm

ADD = "from implementation import add\n\n\ndef test_one():\n    assert add(1, 2) == 3\n\n\ndef test_two():\n    assert add(2, 2) == 4\n"
FIXTURE = ("import pytest\nfrom implementation import add\n\n\n@pytest.fixture\ndef one():\n    return 1\n\n\n"
           "def test_one(one):\n    assert add(one, 2) == 3\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_more(n):\n    assert add(n, n) == 2 * n\n")
UNITTEST = ("import unittest\nfrom implementation import add\n\n\nclass TestAdd(unittest.TestCase):\n    def setUp(self):\n        self.one = 1\n\n"
            "    def test_one(self):\n        self.assertEqual(add(self.one, 2), 3)\n\n    def test_two(self):\n        self.assertEqual(add(2, 2), 4)\n")
PARAMETERS = ("import math\nimport pytest\nfrom implementation import *\n\nCASES = [(1, 2, 3), (2, 2, 4)]\n\n\n@pytest.mark.parametrize('a, b, c', CASES)\n"
              "def test_add(a, b, c):\n    assert add(a, b) == c\n\n\ndef test_raises():\n    with pytest.raises(TypeError):\n        add(1, None)\n\n\n"
              "def test_near():\n    assert add(0.1, 0.2) == pytest.approx(0.3) and math.isfinite(add(1, 1))\n")
SUITES = {"plain": ADD, "fixture": FIXTURE, "unittest": UNITTEST, "parameters": PARAMETERS}
GOOD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return 3\n"
PROGRAMS = [GOOD, BAD, GOOD, "def add(a, b):\n    return a - b\n", "import nowhere\n", "def add(a, b:\n", GOOD,
            "class Equal:\n    def __eq__(self, other):\n        return True\n\n\ndef add(a, b):\n    return Equal()\n", BAD, GOOD]


def is_kept(result):
    return "kept_suite" in result["sandbox"]


def verdict(result):
    return (result["status"], result["reason"], result["test_pass_rate"], result["passed"], result["total"], len(result["errors"]),
            [(test["name"], test["outcome"], test["message"]) for test in result["tests"]])


@pytest.mark.parametrize("name", SUITES)
def test_the_same_suite_with_many_programs(start, name):
    keeping, anew = start(), start(ASSAY_WARM_KEEP_SUITES="false")
    for number, program in enumerate(PROGRAMS):
        kept, made = keeping.run(str(number), program, SUITES[name]), anew.run(str(number), program, SUITES[name])
        assert is_warm(kept) and is_warm(made) and is_fast(kept) == is_fast(made) and not is_kept(made)
        assert verdict(kept) == verdict(made)
    assert is_kept(kept) and kept["status"] == "pass" and is_fast(kept) == (name != "fixture")


def test_one_byte_makes_another_suite(start):
    worker = start()
    for _ in range(3):
        assert worker.run("right", GOOD, ADD)["status"] == "pass"
    for _ in range(2):  # a suite that comes once is not kept
        changed = worker.run("changed", GOOD, ADD.replace("== 4", "== 5"))
        assert not is_kept(changed) and (changed["status"], changed["passed"], changed["total"]) == ("fail", 1, 2)
    again = worker.run("again", GOOD, ADD.replace("== 4", "== 5"))
    assert (again["status"], again["passed"]) == ("fail", 1) and is_kept(again)
    right = worker.run("right", GOOD, ADD)
    assert is_kept(right) and right["status"] == "pass"


def test_the_names_of_files_belong_to_it(start):
    """`from implementation import *` of a module of the program's is something else than of one of the suite's."""
    suite = "from math import floor\nfrom helper import *\n\n\ndef test_it():\n    assert floor(1.5) == 1\n"
    helper = "def floor(number):\n    return 1\n"
    worker = start()
    for trusted in (False, True) * 3:
        files = {"test_files" if trusted else "files": {"helper.py": helper}}
        result = worker.run("one", "", suite, **files)
        assert result["status"] == "pass"
    assert is_kept(result)
    assert not is_kept(worker.run("more", "", suite, files={"other.py": ""}, test_files={"helper.py": helper}))


def test_what_the_compiler_warns_of_is_told_each_time(start):
    worker = start()
    suite = "from implementation import add\n\n\ndef test_it():\n    assert add(1, 2) is 3\n\n\ndef test_fixture(tmp_path):\n    pass\n"
    texts = [worker.run(str(number), GOOD, suite)["stderr"] for number in range(3)]
    assert "SyntaxWarning" in texts[0] and texts[0] == texts[1] == texts[2]


# What a program might do to what is kept, when it is the first that comes with its suite; then one that fails.
WRITE_INTO_DESCRIPTORS = """
import os
for number in range(5, 64):
    for data in (b"x" * 100, b"\\x61\\x79\\x53\\x75\\x69\\x74\\x65\\x01" + (5).to_bytes(8, "little") + b"hello"):
        try:
            os.write(number, data)
        except OSError:
            pass
"""
CALL_THE_LIBRARY = """
import ctypes, marshal
for line in open("/proc/self/maps"):
    if "assay-warm" in line:
        library = ctypes.PyDLL(line.split()[-1])
        break
else:
    library = ctypes.PyDLL(None)
try:
    library.assay_warm_keep(b"x" * 100, ctypes.c_int64(100))
    library.assay_warm_keep(b"", ctypes.c_int64(0))
except Exception:
    pass
"""
SPOIL_WHAT_IS_INHERITED = """
import ctypes, gc
for line in open("/proc/self/maps"):
    first, rights, *rest = line.split()
    if "rw" in rights and "assay-warm" in line:
        start, end = (int(part, 16) for part in first.split("-"))
        ctypes.memset(start, 0, end - start)
"""
REPLACE_MARSHAL = """
import marshal, sys
marshal.dumps = marshal.loads = lambda *_: None
sys.modules.pop("marshal")
"""
LEAVE_A_CHILD = """
import os, time
if os.fork() == 0:
    for number in range(5, 64):
        try:
            os.write(number, b"x" * 10)
        except OSError:
            pass
    time.sleep(1000)
"""
EARLY_MODULES = {name + ".py": "raise SystemExit('loaded')\n" for name in ("stringprep", "tracemalloc", "sndhdr", "this")}


@pytest.mark.parametrize("suite", ["plain", "fixture"])
@pytest.mark.parametrize("attack, files", [(WRITE_INTO_DESCRIPTORS, {}), (CALL_THE_LIBRARY, {}), (SPOIL_WHAT_IS_INHERITED, {}), (REPLACE_MARSHAL, {}),
                                           (LEAVE_A_CHILD, {}), ("", EARLY_MODULES)],
                         ids=["descriptors", "library", "memory", "marshal", "child", "modules"])
def test_poison(start, suite, attack, files):
    worker = start()
    server = worker.server()
    for _ in range(2):
        first = worker.run("first", attack + GOOD, SUITES[suite], files=files)
        assert first["status"] == "pass" or first["reason"] in ("tampered", "crash", "compile"), first
    for program, wanted in ((BAD, "fail"), (GOOD, "pass"), (BAD, "fail"), (BAD, "fail")):
        result = worker.run("second", program, SUITES[suite], files=files)
        assert result["status"] == wanted, result
        assert result["passed"] == (result["total"] if wanted == "pass" else 1)
    assert is_kept(result) and worker.server() == server


def test_suites_that_break_what_reads_them(start):
    """Each ends its own task, at most; the server serves on."""
    worker = start()
    server = worker.server()
    bombs = ["x = " + "(" * 100000 + ")" * 100000 + "\n", "x = " + "-" * 200000 + "1\n", "x = " + "[" * 90 + "]" * 90 + "\n", "if 1:\n" + "".join(
        " " * depth + "if 1:\n" for depth in range(1, 99)) + " " * 99 + "pass\n", "x = " + "+".join(["1"] * 20000) + "\n", "x = " + ".a" * 30000 + "\n",
        "x = '" + "\\N{DIGIT ONE}" * 10000 + "'\n", "# -*- coding: nowhere -*-\n", "# -*- coding: utf-16 -*-\n", "x = 1 << (1 << 40)\n",
        "def test_it():\n" + "".join(f"    assert {n} == {n}, '{n}'\n" for n in range(6000))]
    for number, bomb in enumerate(bombs):
        for _ in range(2):
            worker.run(f"bomb {number}".replace(" ", "-"), GOOD, bomb + "\n\ndef test_more():\n    pass\n")
        result = worker.run("after", GOOD, ADD)
        assert result["status"] == "pass" and is_warm(result)
    assert is_kept(result) and worker.server() == server


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0])


def test_what_is_kept_is_bounded(start):
    worker = start()
    server = worker.server()
    for number in range(3):
        assert is_kept(worker.run("first", GOOD, ADD)) == (number == 2)
    before = resident_kb(server)
    for number in range(30):
        suite = ADD + f"\n\nTEXT{number} = '" + secrets.token_hex(50000) + "'\n"
        for _ in range(2):
            result = worker.run(str(number), GOOD, suite)
            assert result["status"] == "pass" and not is_kept(result)
    assert is_kept(worker.run("again", GOOD, suite)), "the last one is there"
    assert not is_kept(worker.run("again", GOOD, ADD)), "the first one had to go"
    assert is_kept(worker.run("again", GOOD, ADD))
    large = ADD + "\n\nTEXT = '" + "x" * 400000 + "'\n"
    assert not any(is_kept(worker.run("large", GOOD, large)) for _ in range(3))
    assert worker.server() == server and resident_kb(server) < before + 4096


SEARCH = """
import ctypes, re

def marks():
    found = set()
    for line in open("/proc/self/maps"):
        addresses, rights, *_, name = line.split() if len(line.split()) > 5 else line.split() + [""]
        if not rights.startswith("rw") or name.startswith("[v"):
            continue
        start, end = (int(part, 16) for part in addresses.split("-"))
        found.update(re.findall(rb"MARK-[0-9a-f]{16}", ctypes.string_at(start, end - start)))
    return {mark.decode() for mark in found}
"""


def test_no_program_finds_another_suite(start):
    worker = start()
    marks = ["MARK-" + secrets.token_hex(8) for _ in range(3)]
    suites = [f"from implementation import marks\n\n\ndef test_it():\n    assert marks() == {{{mark!r}}}{more}\n"
              for mark, more in zip(marks, ("", "  # a longer one " + "x" * 5000, ""))]
    for _ in range(4):
        for suite in suites:
            result = worker.run("one", SEARCH, suite)
            assert result["status"] == "pass", result
    assert is_kept(result)
