"""node:test suites: outcomes as node's own reporter counts them, module kinds, faults, early exits."""
import json
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
    "made as it runs": ("for (const n of [1, 2]) test(`n${n}`, () => assert.ok(n));\nif (add(1, 2) === 4) test('never', () => {});\n"
                        "describe('d', () => { if (false) it('never', () => {}); [1].forEach((n) => it('each', () => {})); it('sure', () => {}); });\n"
                        "test('parent', async (t) => { for (const n of [1]) await t.test('sub', () => {}); });\nfunction later() { test('never', () => {}); }\n",
                        {"n1": "passed", "n2": "passed", "d > each": "passed", "d > sure": "passed", "parent > sub": "passed", "parent": "passed"}),
    "a describe that throws behind its tests": ("describe('d', () => { it('x', () => {}); throw new Error('in the body'); });\ntest('t', () => {});\n",
                                                {"d > x": "failed", "d": "failed", "t": "passed"}),
    "odd values": ("test('text', () => { throw 'a string'; });\ntest('null', () => { throw null; });\ntest('lone \\ud800', () => { throw new Error('\\0 \\udfff'); });\n",
                   {"text": "failed", "null": "failed", "lone \ufffd": "failed"}),
}


@pytest.mark.parametrize("name", SUITES)
def test_outcomes(name, tmp_path):
    body, expected = SUITES[name]
    ran = drive.node(tmp_path, PROGRAM, HEAD + body)
    assert ran.outcomes == expected, ran.stderr
    assert ran.done and ran.fault is None and ran.lines[0]["t"] == "plan"
    assert all(test.get("suite_skip") for test in ran.of("test") if test["outcome"] == "skipped")
    assert all(test.get("message") for test in ran.of("test") if test["outcome"] == "failed")


HOOKS_THAT_FAIL = {
    "before": "describe('d', () => { before(() => { throw new Error('hook'); }); it('x', () => {}); });\ntest('t', () => {});\n",
    "after": "describe('d', () => { after(() => { throw new Error('hook'); }); it('x', () => {}); });\ntest('t', () => {});\n",
    "beforeEach": "describe('d', () => { beforeEach(() => { throw new Error('hook'); }); it('x', () => {}); });\ntest('t', () => {});\n",
    "before all": "before(() => { throw new Error('hook'); });\ntest('t', () => {});\ndescribe('d', () => { it('x', () => {}); });\n",
    "a skipped block": "describe('d', { skip: true }, () => { it('x', () => {}); });\ntest('t', () => { assert.ok(false); });\n",
    "a block that skips by the way": "describe.skip('d', () => { it('x', () => {}); });\ntest('t', () => assert.fail());\n",
}


@pytest.mark.parametrize("name", HOOKS_THAT_FAIL)
def test_a_block_that_fails_is_no_tampering(name, tmp_path):
    ran = drive.node(tmp_path, PROGRAM, HEAD + HOOKS_THAT_FAIL[name])
    assert not ran.of("tampered") and ran.done and "failed" in ran.outcomes.values(), ran.lines
    assert set(ran.names("plan")) <= set(ran.outcomes)


USES = "const test = require('node:test');\nconst { describe, it: spec } = require('node:test');\n"
PLANS = {
    "plain": (USES + "test('a', f);\ntest(\"b\", async (t) => { await t.test('no'); })\ntest(`c`, f)\n", ["a", "b", "c"]),
    "modules": ("import test, { describe, it as spec } from 'node:test';\nawait test('a', f);\ndescribe('g', () => { spec('b', f); describe('h', function () { spec('c', f); }); });\n",
                ["a", "g > b", "g > h > c"]),
    "under conditions": (USES + "if (x) test('no', f);\nelse test('no', f);\nif (y) { test('no', f); }\nfor (;;) test('no', f);\nwhile (1)\n    test('no', f);\nx && test('no', f);\n"
                         "const z = w ? test('no', f) : 0;\n[1].map((n) => test('no', f));\nfunction g() { test('no', f); }\nclass A { static { test('no', f); } }\n", []),
    "behind a return": (USES + "test('a', f);\nif (process.platform === 'x') {\n    return;\n}\ntest('no', f);\n", ["a"]),
    "behind a throw": (USES + "test('a', f);\nif (x) throw new Error();\ntest('no', f);\n", ["a"]),
    "names that are made": (USES + "test('a' + 1, f);\ntest(`b${1}`, f);\ntest(name, f);\ntest('it\\'s', f);\ntest(f);\n", []),
    "another test": ("const test = require('./my_test.js');\nconst { it } = require('mocha');\ntest('no', f);\nit('no', f);\n", []),
    "another value": ("let { test } = require('node:test');\nif (x) test = fake;\ntest('no', f);\n", []),
    "two more values": ("let test = require('node:test');\ntest = wrap(test);\ntest('no', f);\n", []),
    "a parameter of that name": (USES + "describe('d', (test) => { test('no', f); });\ndescribe('e', async () => { spec('no', f); });\n", []),
    "texts, comments and expressions": (USES + "// test('no', f)\n/* test('no', f); */ const r = /['\"(]/g, s = 'test(\\'no\\', f)';\ntest('a', () => { const q = 1 / 2; });\n", ["a"]),
    "what is not understood": (USES + "test('a', f);\nconst x = (1 + 2) / 3;\n", []),
    "what does not parse": (USES + "test('a', () => {\n", []),
    "with a hashbang": ("#!/usr/bin/env node\n" + USES + "test('a', f)\n", ["a"]),
}


@pytest.mark.parametrize("name", PLANS)
def test_plan(name):
    text, names = PLANS[name]
    code = f"import {{ planOf }} from {str(drive.HARNESS / 'node/plan.mjs')!r}; console.log(JSON.stringify(planOf(process.argv[1]).map((one) => one.join(' > '))));"
    ran = subprocess.run([drive.NODE, "--input-type=module", "-e", code, "--", text], capture_output=True, text=True, timeout=drive.DEADLINE, check=False)
    assert json.loads(ran.stdout or "null") == names, ran.stderr


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
    assert counts.count("failed") - name.startswith("a describe that throws") == own["fail"] + own["cancelled"]


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


def test_what_cases_load_first_changes_nothing(tmp_path):
    """Of a Node that tells ES modules by itself; on an older one both print the same by its help."""
    for program in ("console.log(require.main === module, process.argv.slice(2).join());\n",
                    "import path from 'node:path';\nconsole.log(path.basename(process.argv[1]) === 'implementation.js', process.argv.slice(2).join());\n"):
        drive.write(tmp_path, {"implementation.js": program})
        for _ in range(2):
            ran = subprocess.run([drive.NODE, "--require", drive.HARNESS / "node/modules.cjs", "implementation.js", "a", "b"], cwd=tmp_path,
                                 capture_output=True, text=True, timeout=drive.DEADLINE, check=False)
            assert (ran.returncode, ran.stdout, ran.stderr) == (0, "true a,b\n", "")


@pytest.mark.parametrize("program, code", [
    ("console.log(1);\n", 0), ("let x = ;\n", 1), ("import 'node:fs';\nexport const x = await 1;\n", 0), ("import 'node:fs';\nlet x = ;\n", 1),
    ("#!/usr/bin/env node\nreturn;\n", 0), ("throw new Error('not run');\n", 0),
])
def test_the_syntax_check_of_cases(program, code, tmp_path):
    drive.write(tmp_path, {"implementation.js": program})
    ran = subprocess.run([drive.NODE, "--experimental-vm-modules", "--no-warnings", drive.HARNESS / "node/syntax.mjs", "implementation.js"],
                         cwd=tmp_path, capture_output=True, text=True, timeout=drive.DEADLINE, check=False)
    assert ran.returncode == code and bool(ran.stderr) == (code == 1)
