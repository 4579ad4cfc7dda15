// Runs one node:test suite and reports each test (docs/harness.md). Started in the workspace as
//
//   node --test-reporter={harness}/node/reporter.mjs --test-reporter-destination=stdout {harness}/node/run_suite.mjs
//
// In this order: the control object is read and closed; a first test of our own, with a random name, starts node's test
// runner and with it our reporter; what makes verdicts is held fast; only then is the suite imported, and the program by it. `done` is written when the
// runner has come to its end by itself: process.exit leaves it out.

import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { collectTests, keepTestsApart } from './asynchronous.mjs';
import { brokenAssertion, holdFast } from './guard.mjs';
import { declareModules, kindOf, nodeTellsModules } from './modules.cjs';
import { planOf } from './plan.mjs';
import { uncurry } from './primordials.mjs';
import { makeReporter, readControl } from './report.mjs';
import { configure } from './reporter.mjs';

const CONTROL_FD = 4;
const EXIT_UNUSABLE = 2;
const exit = process.exit.bind(process);
const workspace = process.cwd();

const { control, secret } = readControl(CONTROL_FD);
const report = makeReporter(secret);
const suitePath = path.join(workspace, control.suite);
const suiteText = fs.existsSync(suitePath) ? fs.readFileSync(suitePath, 'utf8') : '';
const plan = planOf(suiteText);
// Tests within describe blocks are looked for by the reporter, which knows of blocks that failed.
report.plan(plan.filter((name) => name.length === 1).map(([name]) => name));
const trusted = new Set([suitePath, ...(control.trusted_files ?? []).map((file) => path.join(workspace, file))]);

// The places in the workspace that a stack goes through, innermost first: [path, line].
function frames(error) {
    const found = [];
    for (const [, file, line] of String(error?.stack ?? '').matchAll(/(?:file:\/\/)?(\/[^\n():]+):(\d+)(?::\d+)?/g))
        if (file.startsWith(workspace + '/'))
            found.push([decodeURI(file), Number(line)]);
    return found;
}

// Where in the suite a test failed: "test_implementation.js:5".
function place(error) {
    const at = frames(error).find(([file]) => trusted.has(file));
    return at ? path.basename(at[0]) + ':' + at[1] : '';
}

function suiteSyntaxError() {
    const syntax = fileURLToPath(new URL('./syntax.mjs', import.meta.url));
    const flags = ['--experimental-vm-modules', '--no-warnings', syntax, suitePath];
    const check = spawnSync(process.execPath, flags, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    return check.status === 1 ? check.stderr : null;
}

const MISSING_EXPORT = /does not provide an export named|Named export '.*' not found/;

// 'suite' or 'program': whose fault it is that the suite cannot be imported.
function faultOf(error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
        // A relative path, or something that the program asks for, is the program's to provide.
        const from = error.requireStack?.[0] ?? / imported from (.*)$/m.exec(error.message)?.[1] ?? '';
        const bare = /Cannot find package/.test(error.message) || !/Cannot find module '[./]/.test(error.message);
        return trusted.has(from) && bare ? 'suite' : 'program';
    }
    if (error?.name === 'SyntaxError')
        return !MISSING_EXPORT.test(error.message) && suiteSyntaxError() !== null ? 'suite' : 'program';
    if (frames(error).some(([file]) => !trusted.has(file)))
        return 'program';
    // The suite's own statement failed. With a program imported by it that is what it works on: `foo()` with a foo that
    // is not there is a TypeError or ReferenceError in the suite.
    return error?.name === 'TypeError' || error?.name === 'ReferenceError' || error?.code === 'ERR_ASSERTION' ? 'program' : 'suite';
}

function describeError(error) {
    const lines = String(error?.stack ?? error).split('\n');
    return lines.filter((line) => !/^\s+at .*(node:|\/node\/run_suite\.mjs)/.test(line)).join('\n');
}

function importFailed(error) {
    const text = describeError(error);
    process.stderr.write(text + '\n');
    report.suiteError(faultOf(error), text);
    report.done();
    exit(EXIT_UNUSABLE);
}

// What to import. A Node that does not tell ES modules by their syntax is helped: package.json where suite and program
// are both ES modules, a copy named .mjs where only the suite is.
function entry() {
    if (nodeTellsModules || !suitePath.endsWith('.js'))
        return suitePath;
    const kindOfFile = (file) => (fs.existsSync(file) ? kindOf(fs.readFileSync(file, 'utf8'), file).kind : 'module');
    if (kindOfFile(suitePath) !== 'module')
        return suitePath;
    if (kindOfFile(path.join(workspace, control.program)) === 'module') {
        declareModules(workspace);
        return suitePath;
    }
    const copy = suitePath.replace(/\.js$/, '.mjs');
    fs.copyFileSync(suitePath, copy);
    trusted.add(copy);
    return copy;
}

let imported = false;

function ended(count, stray) {
    check();
    judge();
    if (!imported)
        report.suiteError('program', 'the import of the suite never ended: a promise that nothing settles');
    else if (count === 0)
        report.suiteError('no_tests', control.suite + ' registers no test with node:test');
    if (stray)
        report.test('(after the tests)', 'failed', 0, stray);
    report.done();
}

// Whose code a file is: 'suite', 'program', or null for the machine's. A call site names it as a path or as an URL; what code made from
// text calls itself is nobody's.
const startsWith = uncurry(String.prototype.startsWith), slice = uncurry(String.prototype.slice), isTrusted = uncurry(Set.prototype.has);
const decode = decodeURI, harness = fileURLToPath(new URL('.', import.meta.url));
const writable = [workspace + '/', '/tmp/', '/var/tmp/', '/dev/', '/proc/', '/run/'];

function whose(file) {
    if (typeof file !== 'string' || startsWith(file, 'node:'))
        return null;
    const at = startsWith(file, 'file:///') ? decode(slice(file, 'file://'.length)) : file;
    if (isTrusted(trusted, at))
        return 'suite';
    if (startsWith(at, harness))
        return null;
    for (let i = 0; i < writable.length; i++)
        if (startsWith(at, writable[i]))
            return 'program';
    return startsWith(at, '/') ? null : 'program';
}

let held = null;
let told = false;

let judged = false;

function check() {
    if (!judged)
        judge();
    judged = true;
    const name = held?.changed();
    if (name && !told)
        report.tampered(`the program replaced ${name}`);
    told ||= Boolean(name);
}

// Canaries: at the first test that reports, and at the end.
function judge() {
    const name = brokenAssertion();
    if (name !== null)
        report.tampered(`assert.${name} does not judge any more`);
}

const suiteSkips = /skip|todo/i.test(suiteText);
const canary = randomUUID();
configure({ report, canary, plan, suiteSkips, check, place, ended });
const collected = collectTests();
await test(canary, async (context) => {
    context.beforeEach(() => {});
    await context.test('within', () => {});
});
await describe(canary, () => {
    it('within', () => {});
});
keepTestsApart(collected());
const suite = entry();
held = holdFast({ tell: report.tampered, whose, suitePath: suite });
try {
    await import(pathToFileURL(suite).href);
    imported = true;
    held.suiteImported();
} catch (error) {
    importFailed(error);
}
