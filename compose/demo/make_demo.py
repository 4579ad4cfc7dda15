#!/usr/bin/python3
"""Writes demo.jsonl: small tasks that end in every way a task can end by itself. Each carries two labels:
`expect`, its documented verdict (status/reason), and `shows`, what it is there for.

    compose/demo/make_demo.py > compose/demo/demo.jsonl
"""

import json
import sys

TASKS = []


def task(task_id, runtime, expect, shows, program, suite=None, **fields):
    text = {"implementation_code": program.lstrip("\n")}
    if suite is not None:
        text["test_suite_code"] = suite.lstrip("\n")
    labels = {"expect": expect, "shows": shows}
    TASKS.append({"task_id": task_id, "runtime": runtime, **text, **fields, "labels": labels})


# ---- pass

task("python-pytest", "python", "pass/ok", "a pytest suite: parametrize, fixtures, expected exceptions", """
def roman(number):
    if not 0 < number < 4000:
        raise ValueError("out of range")
    digits = ""
    for value, symbol in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                          (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        digits += symbol * (number // value)
        number %= value
    return digits
""", """
import pytest
from implementation import roman

@pytest.mark.parametrize("number, digits", [(1, "I"), (4, "IV"), (90, "XC"), (1994, "MCMXCIV")])
def test_digits(number, digits):
    assert roman(number) == digits

@pytest.mark.parametrize("number", [0, 4000])
def test_out_of_range(number):
    with pytest.raises(ValueError):
        roman(number)
""", coverage=True)

task("python-unittest", "python", "pass/ok", "a unittest suite, with a skip that the suite wrote", """
def slug(title):
    return "-".join(title.lower().split())
""", """
import unittest
from implementation import slug

class SlugTest(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slug("Hello  big World"), "hello-big-world")

    @unittest.skip("not decided yet")
    def test_umlauts(self):
        self.assertEqual(slug("Ä"), "ae")
""")

task("python-files", "python", "pass/ok", "further files: a module of the program, a conftest.py and data of the suite", """
from rates import RATES

def convert(amount, currency):
    return amount * RATES[currency]
""", """
from implementation import convert

def test_each_line(expected):
    for currency, amount in expected:
        assert convert(1, currency) == amount
""", files={"rates.py": "RATES = {'CHF': 0.5, 'EUR': 2}\n"},
     test_files={"expected.csv": "CHF,0.5\nEUR,2\n",
                 "conftest.py": "import csv\nimport pytest\n\n@pytest.fixture\ndef expected():\n"
                                "    with open('expected.csv') as lines:\n"
                                "        return [(name, float(amount)) for name, amount in csv.reader(lines)]\n"})

task("node-test", "node", "pass/ok", "a node:test suite with nested tests", """
exports.chunk = (items, size) => {
    const chunks = [];
    for (let at = 0; at < items.length; at += size)
        chunks.push(items.slice(at, at + size));
    return chunks;
};
""", """
const { describe, it } = require('node:test');
const assert = require('node:assert');
const { chunk } = require('./implementation.js');

describe('chunk', () => {
    it('cuts evenly', () => assert.deepStrictEqual(chunk([1, 2, 3, 4], 2), [[1, 2], [3, 4]]));
    it('keeps the rest', () => assert.deepStrictEqual(chunk([1, 2, 3], 2), [[1, 2], [3]]));
});
""")

task("node-modules", "node", "pass/ok", "ES modules, told by their syntax", """
export const titleCase = (text) => text.replace(/\\b[a-z]/g, (letter) => letter.toUpperCase());
""", """
import test from 'node:test';
import assert from 'node:assert';
import { titleCase } from './implementation.js';

test('words', () => assert.strictEqual(titleCase('of mice and men'), 'Of Mice And Men'));
""")

task("c-cases", "c", "pass/ok", "compiled once, then each case: arguments, stdin, an expected exit code", r"""
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long sum = 0, number;
    if (argc > 1 && argv[1][0] == '-') {
        fprintf(stderr, "usage: sum [START]\n");
        return 2;
    }
    if (argc > 1)
        sum = atol(argv[1]);
    while (scanf("%ld", &number) == 1)
        sum += number;
    printf("%ld\n", sum);
    return 0;
}
""", cases=[{"name": "plain", "stdin": "1 2 3\n", "expected_stdout": "6\n"},
            {"name": "start", "args": ["10"], "stdin": "1\n", "expected_stdout": "11\n"},
            {"name": "usage", "args": ["-h"], "expected_stdout": "", "exit_code": 2}])

task("c-suite", "c", "pass/ok", "a C suite with its own main, which must return", """
unsigned gcd(unsigned a, unsigned b)
{
    return b == 0 ? a : gcd(b, a % b);
}
""", """
#include <assert.h>

unsigned gcd(unsigned a, unsigned b);

int main(void)
{
    assert(gcd(12, 18) == 6);
    assert(gcd(7, 0) == 7);
    return 0;
}
""")

task("cpp-float", "cpp", "pass/ok", "numbers compared with a tolerance", r"""
#include <cmath>
#include <iomanip>
#include <iostream>

int main()
{
    double number;
    while (std::cin >> number)
        std::cout << std::setprecision(12) << std::sqrt(number) << "\n";
}
""", cases=[{"stdin": "2 3\n", "expected_stdout": "1.41421\n1.73205\n", "compare": {"float": 1e-4}}])

task("bash-case", "bash", "pass/ok", "a shell script: words counted", """
tr -cs '[:alnum:]' '\\n' | sort | uniq -c | sort -rn | awk '{ print $2, $1 }' | head -n 1
""", cases=[{"stdin": "to be or not to be, to see\n", "expected_stdout": "to 3\n"}])

# ---- fail

task("python-assertion", "python", "fail/assertion", "a failed assertion, as pytest explains it", """
def median(numbers):
    return sorted(numbers)[len(numbers) // 2]
""", """
from implementation import median

def test_odd():
    assert median([3, 1, 2]) == 2

def test_even():
    assert median([1, 2, 3, 4]) == 2.5
""")

task("node-assertion", "node", "fail/assertion", "one of two tests fails: rate 0.5", """
exports.isLeap = (year) => year % 4 === 0;
""", """
const test = require('node:test');
const assert = require('node:assert');
const { isLeap } = require('./implementation.js');

test('2024', () => assert.ok(isLeap(2024)));
test('1900', () => assert.ok(!isLeap(1900)));
""")

task("c-assertion", "c", "fail/assertion", "assert() in a C suite", """
int clamp(int value, int low, int high)
{
    return value < low ? low : value;
}
""", """
#include <assert.h>

int clamp(int value, int low, int high);

int main(void)
{
    assert(clamp(-1, 0, 9) == 0);
    assert(clamp(12, 0, 9) == 9);
    return 0;
}
""")

task("bash-wrong-output", "bash", "fail/wrong_output", "the second of two cases differs", """
read -r word
[ "$word" = "$(echo "$word" | rev)" ] && echo yes
""", cases=[{"stdin": "level\n", "expected_stdout": "yes\n"}, {"stdin": "label\n", "expected_stdout": "no\n"}])

task("python-compile", "python", "fail/compile", "the program does not parse", """
def area(radius)
    return 3.14159 * radius ** 2
""", """
from implementation import area

def test_area():
    assert area(0) == 0
""")

task("cpp-compile", "cpp", "fail/compile", "the compiler's message is in the result", """
#include <iostream>

int main()
{
    std::cout << undeclared << std::endl;
}
""", cases=[{"expected_stdout": "1\n"}])

task("c-crash", "c", "fail/crash", "a null pointer", r"""
#include <stdio.h>

int main(void)
{
    int *volatile nowhere = NULL;
    printf("%d\n", *nowhere);
    return 0;
}
""", cases=[{"expected_stdout": "1\n"}])

task("python-memory", "python", "fail/memory", "256 MB asked for, 128 allowed", """
def squares(count):
    return [bytes(1024 * 1024) for _ in range(count)]
""", """
from implementation import squares

def test_squares():
    assert len(squares(256)) == 256
""", limits={"memory_mb": 128})

task("bash-output", "bash", "fail/output", "a flood of output: the program is stopped, the machine is not", """
yes "to be continued"
""", cases=[{"expected_stdout": "done\n"}], limits={"output_kb": 16})

task("c-processes", "c", "fail/processes", "a fork bomb meets its limit", r"""
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    for (int i = 0; i < 1000; i++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            pause();
            _exit(0);
        }
    }
    puts("a thousand children");
    return 0;
}
""", cases=[{"expected_stdout": "a thousand children\n"}], limits={"processes": 32})

task("python-disk", "python", "fail/disk", "a full workspace", """
with open("log.txt", "wb") as log:
    for _ in range(64):
        log.write(b"x" * 1024 * 1024)
print("written")
""", cases=[{"expected_stdout": "written\n"}], limits={"disk_mb": 8})

task("python-tampered", "python", "fail/tampered", "a program that leaves before its tests can fail", """
import os

def solve(puzzle):
    os._exit(0)
""", """
from implementation import solve

def test_solve():
    assert solve("puzzle") == "solution"
""")

task("c-tampered", "c", "fail/tampered", "exit(0) from a constructor: exit code 0 alone is no pass", """
#include <stdlib.h>

__attribute__((constructor)) static void leave(void)
{
    exit(0);
}

int answer(void)
{
    return 0;
}
""", """
#include <assert.h>

int answer(void);

int main(void)
{
    assert(answer() == 42);
    return 0;
}
""")

# ---- timeout

task("python-wall-time", "python", "timeout/wall_time", "a program that waits for ever; its limit is one second", """
import time

def ready():
    while True:
        time.sleep(60)
""", """
from implementation import ready

def test_ready():
    assert ready()
""", timeout=1)

task("c-cpu-time", "c", "timeout/cpu_time", "an endless loop; one second of CPU", """
int main(void)
{
    for (volatile unsigned long spin = 0;; spin++)
        ;
}
""", cases=[{"expected_stdout": ""}], limits={"cpu_s": 1, "wall_s": 10})

# ---- error: the machinery or the publisher, never a zero reward

task("python-bad-suite", "python", "error/bad_task", "the suite itself does not parse: no reward, not a zero", """
def double(number):
    return 2 * number
""", """
from implementation import double

def test_double(:
    assert double(2) == 4
""")

task("python-no-tests", "python", "error/no_tests", "a suite without a test proves nothing", """
def double(number):
    return 2 * number
""", """
from implementation import double

assert double(2) == 4
""")

task("bash-expired", "bash", "error/expired", "taken up after its time: not run", """
echo late
""", cases=[{"expected_stdout": "late\n"}], expires_at="2024-01-01T00:00:00Z")


def main():
    for line in TASKS:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
