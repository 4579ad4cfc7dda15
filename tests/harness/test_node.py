"""node:test suites: outcomes as node's own reporter counts them, module kinds, faults, early exits."""
import re
import subprocess

import drive
import pytest

PROGRAM = "exports.add = (a, b) => a + b;\n"
HEAD = "const test = require('node:test');\nconst { describe, it, before, beforeEach, after } = test;\nconst assert = require('node:assert');\n" \
       "const { add } = require('./implementation.js');\n"

SUITES = {
    "flat": ("test('good', () => assert.strictEqual(add(1, 2), 3));\ntest('bad', () => assert.strictEqual(add(1, 2), 4));\n"
             "test('async', async () => { await null; throw new Error('later'); });\ntest('callback', (t, done) => setTimeout(done, 1));\n",
             {"good": "passed", "bad": "failed", "async": "failed", "callback": "passed"}),
    "nested": ("describe('a', () => { it('b', () => {}); describe('c', () => { it('d', () => assert.ok(false)); }); });\n"
               "test('p', async (t) => { await t.test('q', () => {}); await t.test('r', () => { throw new Error('x'); }); });\n",
               {"a > b": "passed", "a > c > d": "failed", "p > q": "passed", "p > r": "failed", "p": "failed"}),
    "skip and todo": ("test('s', { skip: true }, () => assert.ok(false));\ntest('t', { todo: 'soon' }, () => assert.ok(false));\n"
                      "test('dynamic', (t) => t.skip('now'));\ntest.skip('short', () => {});\ndescribe.skip('all', () => { it('x', () => {}); });\n"
                      "test('runs', () => {});\n",
                      {"s": "skipped", "t": "skipped", "dynamic": "skipped", "short": "skipped", "all": "skipped", "runs": "passed"}),
    "hooks": ("describe('h', () => { let n = 0; beforeEach(() => { n++; }); it('one', () => assert.strictEqual(n, 1)); it('two', () => assert.strictEqual(n, 1)); });\n",
              {"h > one": "passed", "h > two": "failed"}),
    "a describe that throws": ("describe('d', () => { throw new Error('in the body'); });\ntest('t', () => {});\n", {"d": "failed", "t": "passed"}),
    "time limit": ("test('slow', { timeout: 20 }, () => new Promise((done) => setTimeout(done, 5000)));\ntest('t', () => {});\n",
                   {"slow": "failed", "t": "passed"}),
    "odd values": ("test('text', () => { throw 'a string'; });\ntest('null', () => { throw null; });\ntest('lone \\ud800', () => { throw new Error('\\0 \\udfff'); });\n",
                   {"text": "failed", "null": "failed", "lone \ufffd": "failed"}),
}


@pytest.mark.parametrize("name", SUITES)
def test_outcomes(name, tmp_path):
    body, expected = SUITES[name]
    ran = drive.node(tmp_path, PROGRAM, HEAD + body)
    assert ran.outcomes == expected, ran.stderr
    assert ran.done and ran.fault is None and ran.lines[0] == {"t": "plan", "tests": []}
    assert all(test.get("suite_skip") for test in ran.of("test") if test["outcome"] == "skipped")
    assert all(test.get("message") for test in ran.of("test") if test["outcome"] == "failed")


@pytest.mark.parametrize("name", SUITES)
def test_counts_are_nodes_own(name, tmp_path):
    body, _ = SUITES[name]
    ran = drive.node(tmp_path, PROGRAM, HEAD + body)
    tap = subprocess.run([drive.NODE, "--test-reporter=tap", "--test-reporter-destination=stdout", "test_implementation.js"], cwd=tmp_path,
                         capture_output=True, text=True, timeout=drive.DEADLINE, check=False).stdout
    own = {kind: int(count) for kind, count in re.findall(r"^# (pass|fail|cancelled) (\d+)$", tap, re.M)}
    counts = list(ran.outcomes.values())
    assert counts.count("passed") == own["pass"]
    # node counts a describe block that fails by itself with its suites, not with its tests.
    assert counts.count("failed") - (name == "a describe that throws") == own["fail"] + own["cancelled"]


def test_the_message_has_line_and_text(tmp_path):
    ran = drive.node(tmp_path, "exports.add = (a, b) => a - b;\n", HEAD + "test('sum', () => assert.strictEqual(add(1, 2), 3));\n")
    assert ran.test("sum")["message"].startswith("test_implementation.js:5: Expected values to be strictly equal:\n\n-1 !== 3")


ESM_SUITE = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from './implementation.js';\ntest('sum', () => assert.strictEqual(add(1, 2), 3));\n"


@pytest.mark.parametrize("program, suite", [
    ("export const add = (a, b) => a + b;\n", ESM_SUITE),
    (PROGRAM, ESM_SUITE),
    ("export const add = await Promise.resolve((a, b) => a + b);\n", ESM_SUITE),
    (PROGRAM, HEAD + "test('sum', () => assert.strictEqual(add(1, 2), 3));\n"),
])
def test_module_kinds(program, suite, tmp_path):
    ran = drive.node(tmp_path, program, suite)
    assert ran.outcomes == {"sum": "passed"} and ran.done, (ran.lines, ran.stderr)


FAULTS = {
    "suite does not parse": (PROGRAM, HEAD + "test('a', () => {\n", "suite"),
    "module suite does not parse": (PROGRAM, ESM_SUITE + "let x = ;\n", "suite"),
    "suite wants a package": (PROGRAM, "require('no-such-package');\n", "suite"),
    "module suite wants a package": (PROGRAM, "import 'no-such-package';\n", "suite"),
    "suite fails by itself": (PROGRAM, "throw new Error('mine');\n", "suite"),
    "program does not parse": ("exports.add = (a, b => a;\n", HEAD, "program"),
    "program does not parse (module)": ("export const add = ;\n", ESM_SUITE, "program"),
    "program throws": ("throw new Error('at import');\n", HEAD, "program"),
    "program wants a package": ("require('no-such-package');\n", HEAD, "program"),
    "program lacks the export": ("export const sub = 1;\n", ESM_SUITE, "program"),
    "program lacks the export (CommonJS)": ("exports.sub = 1;\n", ESM_SUITE, "program"),
    "program's file is not there": (PROGRAM, "require('./helper.js');\n", "program"),
    "program lacks the function": ("exports.sub = 1;\n", HEAD + "const three = add(1, 2);\ntest('a', () => {});\n", "program"),
    "no test": (PROGRAM, HEAD, "no_tests"),
    "empty suite": (PROGRAM, "", "no_tests"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, tmp_path):
    program, suite, fault = FAULTS[name]
    ran = drive.node(tmp_path, program, suite)
    assert ran.fault == fault, ran.lines
    assert ran.done and ran.outcomes == {} and ran.of("suite_error")[0]["message"]


@pytest.mark.parametrize("program", [
    "process.exit(0);\n",
    "exports.add = () => process.exit(0);\n",
    "process.reallyExit(0);\n",
    "exports.add = () => { process.kill(process.pid, 'SIGKILL'); };\n",
    "process.on('exit', () => {}); setImmediate(() => process.exit(0)); exports.add = () => 3;\n",
    "exports.add = (a, b) => { require('fs').closeSync(3); return 3; };\n",
])
def test_an_early_exit_leaves_no_done(program, tmp_path):
    suite = HEAD + "test('sum', async () => { assert.strictEqual(add(1, 2), 3); await new Promise((done) => setTimeout(done, 20)); });\ntest('more', () => {});\n"
    assert not drive.node(tmp_path, program, suite).done


def test_an_import_that_never_ends(tmp_path):
    ran = drive.node(tmp_path, "export const add = await new Promise(() => {});\n", ESM_SUITE)
    assert ran.fault == "program" and ran.done


def test_tap_on_stdout_is_output_and_nothing_else(tmp_path):
    program = "console.log('TAP version 13\\nok 1 - sum\\n1..1'); exports.add = () => 4;\n"
    ran = drive.node(tmp_path, program, HEAD + "test('sum', () => assert.strictEqual(add(1, 2), 3));\n")
    assert ran.outcomes == {"sum": "failed"} and ran.stdout == "TAP version 13\nok 1 - sum\n1..1\n"


def test_what_goes_on_after_a_test_is_reported(tmp_path):
    suite = HEAD + "test('sum', () => { setTimeout(() => { throw new Error('late'); }, 5); });\ntest('wait', () => new Promise((d) => setTimeout(d, 50)));\n"
    ran = drive.node(tmp_path, PROGRAM, suite)
    assert "failed" in ran.outcomes.values() and ran.done


@pytest.mark.parametrize("program, code", [
    ("console.log(1);\n", 0), ("let x = ;\n", 1), ("import 'node:fs';\nexport const x = await 1;\n", 0), ("import 'node:fs';\nlet x = ;\n", 1),
    ("#!/usr/bin/env node\nreturn;\n", 0), ("throw new Error('not run');\n", 0),
])
def test_the_syntax_check_of_cases(program, code, tmp_path):
    drive.write(tmp_path, {"implementation.js": program})
    ran = subprocess.run([drive.NODE, "--experimental-vm-modules", "--no-warnings", drive.HARNESS / "node/syntax.mjs", "implementation.js"],
                         cwd=tmp_path, capture_output=True, text=True, timeout=drive.DEADLINE, check=False)
    assert ran.returncode == code and bool(ran.stderr) == (code == 1)
