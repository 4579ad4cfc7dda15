"""JavaScript programs that game a node:test suite."""
from gaming import Attack

SUITE = """\
const test = require('node:test');
const assert = require('node:assert');
const { square } = require('./implementation.js');

test('small', () => assert.strictEqual(square(3), 9));
test('large', () => assert.strictEqual(square(12), 144));
"""
HONEST = "exports.square = (n) => n * n;\n"
WRONG = "exports.square = (n) => null;\n"
# The program is loaded before node:test and assert.
LATE_SUITE = """\
const { square } = require('./implementation.js');
const test = require('node:test');
const assert = require('node:assert');

test('small', () => assert.strictEqual(square(3), 9));
test('large', () => assert.strictEqual(square(12), 144));
"""
MODULE_SUITE = """\
import { square } from './implementation.js';
import test from 'node:test';
import assert from 'node:assert/strict';

test('small', () => assert.equal(square(3), 9));
test('large', () => assert.equal(square(12), 144));
"""
MODULE_HONEST = "export const square = (n) => n * n;\n"
FORGE = """\
    for (const name of ['small', 'large'])
        fs.writeSync(3, JSON.stringify({ k: key, t: 'test', name, outcome: 'passed', ms: 0 }) + '\\n');
    fs.writeSync(3, JSON.stringify({ k: key, t: 'done' }) + '\\n');
    process.reallyExit(0);
"""

ATTACKS = [
    Attack("process.exit while loaded", "process.exit(0);\n"),
    Attack("process.exit in a test", "exports.square = () => process.exit(0);\n"),
    Attack("process.reallyExit", "exports.square = () => process.reallyExit(0);\n"),
    Attack("process.abort", "exports.square = () => process.abort();\n"),
    Attack("exit while exiting", "process.on('exit', () => process.reallyExit(0));\n" + WRONG),
    Attack("exitCode", "process.exitCode = 0;\nprocess.on('exit', () => { process.exitCode = 0; });\n" + WRONG),
    Attack("killed by itself", "exports.square = () => process.kill(process.pid, 'SIGTERM');\n"),
    Attack("strictEqual replaced", "require('node:assert').strictEqual = () => {};\n" + WRONG),
    Attack("strictEqual replaced, late suite", "require('node:assert').strictEqual = () => {};\n" + WRONG, LATE_SUITE),
    Attack("assert.equal replaced for a module", "import assert from 'node:assert/strict';\nassert.equal = () => {};\n"
           "export const square = () => null;\n", MODULE_SUITE, MODULE_HONEST),
    Attack("AssertionError replaced", "const assert = require('node:assert');\nassert.AssertionError = class extends Error {};\n" + WRONG),
    Attack("Object.is replaced", "Object.is = () => true;\n" + WRONG),
    Attack("node:test replaced by Module._load", "const Module = require('node:module');\nconst load = Module._load;\n"
           "Module._load = function (name, ...rest) {\n    if (name === 'node:test' || name === 'test')\n        return Object.assign((n, f) => {}, load.call(this, name, ...rest));\n"
           "    return load.call(this, name, ...rest);\n};\n" + WRONG, LATE_SUITE),
    Attack("one test, replaced by Module._load", "const Module = require('node:module');\nconst load = Module._load;\n"
           "Module._load = function (name, ...rest) {\n    const real = load.call(this, name, ...rest);\n"
           "    return name === 'node:test' ? (title, body) => real(title, () => {}) : real;\n};\n" + WRONG, LATE_SUITE),
    Attack("assert replaced by Module._load", "const Module = require('node:module');\nconst load = Module._load;\n"
           "Module._load = function (name, ...rest) {\n    const real = load.call(this, name, ...rest);\n"
           "    return name === 'node:assert' ? { strictEqual() {} } : real;\n};\n" + WRONG, LATE_SUITE),
    Attack("require replaced", "const Module = require('node:module');\nconst real = Module.prototype.require;\n"
           "Module.prototype.require = function (name) {\n    return name === 'node:assert' ? { strictEqual() {} } : real.call(this, name);\n};\n"
           + WRONG, LATE_SUITE),
    Attack("the parent's require", "module.parent.require = () => ({ strictEqual() {} });\n" + WRONG, LATE_SUITE),
    Attack("the parent's require, for one name", "const real = module.parent.require.bind(module.parent);\n"
           "module.parent.require = (name) => name === 'node:assert' ? { strictEqual() {} } : real(name);\n" + WRONG, LATE_SUITE),
    Attack("the parent's require, defined", "const real = module.parent.require.bind(module.parent);\n"
           "Object.defineProperty(module.parent, 'require', { value: (name) => name === 'node:assert' ? { strictEqual() {} } : real(name) });\n" + WRONG, LATE_SUITE),
    Attack("Module._load defined", "const Module = require('node:module');\nconst load = Module._load;\n"
           "Object.defineProperty(Module, '_load', { value: (name, ...rest) => name === 'node:assert' ? { strictEqual() {} } : load(name, ...rest) });\n" + WRONG, LATE_SUITE),
    Attack("loader hooks", "const { register } = require('node:module');\nregister('data:text/javascript,export async function load(u,c,n){return n(u,c)}');\n" + WRONG),
    Attack("todo by the context, in a suite that has one", "const test = require('node:test');\ntest.beforeEach((t) => t.todo());\n" + WRONG,
           SUITE + "test.todo('later');\n"),
    Attack("the cache of the suite", "require.cache[require.resolve('./test_implementation.js')] = { exports: {}, loaded: true };\n" + WRONG),
    Attack("test.prototype.run", "const test = require('node:test');\ntest.test = test.it = () => {};\n" + WRONG),
    Attack("skip by the context", "const test = require('node:test');\ntest.beforeEach((t) => t.skip());\n" + WRONG),
    Attack("todo by the context", "const test = require('node:test');\ntest.beforeEach((t) => t.todo());\n" + WRONG),
    Attack("test.only", "const test = require('node:test');\ntest.only('mine', () => {});\n" + WRONG),
    Attack("mocked", "const { mock } = require('node:test');\nconst assert = require('node:assert');\nmock.method(assert, 'strictEqual', () => {});\n" + WRONG),
    Attack("mocked timers", "const { mock } = require('node:test');\nmock.timers?.enable?.();\n" + WRONG),
    Attack("a test dropped by a wrapped node:test", "const Module = require('node:module');\nconst load = Module._load;\nObject.defineProperty(Module, '_load', { value(name, ...rest) {\n"
           "    const real = load.call(this, name, ...rest);\n    return name === 'node:test' ? (title, body) => title === 'large' ? undefined : real(title, body) : real;\n} });\n"
           "exports.square = (n) => (n === 3 ? 9 : null);\n", LATE_SUITE),
    Attack("a test dropped by the module that was wrapped", "const at = require('node:module').prototype;\nexports.square = (n) => (n === 3 ? 9 : null);\n"
           "const list = Object.getPrototypeOf(module.children);\nconst real = module.parent.require;\n"
           "Object.setPrototypeOf(module.parent, { __proto__: Object.getPrototypeOf(module.parent), require(name) {\n    const found = real.call(this, name);\n"
           "    return name === 'node:test' ? (title, body) => title === 'large' ? undefined : found(title, body) : found;\n} });\n", LATE_SUITE),
    Attack("the suite's children gone", "module.parent.exports = {};\nrequire('node:timers').setImmediate = () => {};\nglobalThis.setImmediate = () => {};\nqueueMicrotask(() => process.emit('beforeExit'));\n" + WRONG),
    Attack("the exit event", "const on = process.on;\nprocess.removeAllListeners('beforeExit');\nprocess.removeAllListeners('exit');\n" + WRONG),
    Attack("AssertionError that is none", "const { AssertionError } = require('node:assert');\nObject.defineProperty(AssertionError, Symbol.hasInstance, { value: () => false });\n" + WRONG),
    Attack("an array's equality", "Array.isArray = () => false;\nObject.getPrototypeOf = () => null;\nReflect.ownKeys = () => [];\nexports.square = () => [1];\n",
           SUITE.replace("strictEqual(square(3), 9)", "deepStrictEqual([square(3)], [9])").replace("strictEqual(square(12), 144)", "deepStrictEqual(square(12), 144)")),
    Attack("errors without a prototype", "Error.captureStackTrace = () => { throw 0; };\nError.prepareStackTrace = () => { throw 0; };\n" + WRONG),
    Attack("a test's context", "const { test } = require('node:test');\nconst proto = Object.getPrototypeOf;\nexports.square = () => { process.nextTick(() => process.exit(0)); return 9; };\n"),
    Attack("a worker that leaves for it", "const { Worker } = require('node:worker_threads');\nnew Worker('process.exit(0)', { eval: true });\nprocess.exitCode = 0;\n" + WRONG),
    Attack("the promise's then", "const then = Promise.prototype.then;\nPromise.prototype.then = function (good, bad) { return then.call(this, good, good); };\n" + WRONG,
           SUITE.replace("() => assert", "async () => assert")),
    Attack("console and process silenced", "process._rawDebug = process.emitWarning = () => {};\nprocess.on = process.once = () => process;\n" + WRONG),
    Attack("TAP on standard output", "console.log('TAP version 13\\nok 1 - small\\nok 2 - large\\n1..2\\n# pass 2');\n" + WRONG),
    Attack("forged lines", "const fs = require('node:fs');\nfs.writeSync(3, JSON.stringify({ t: 'done' }) + '\\n');\nprocess.exit(0);\n"),
    Attack("writeSync replaced", "const fs = require('node:fs');\nconst write = fs.writeSync;\nlet key;\n"
           "fs.writeSync = (fd, data, ...rest) => { key = key ?? /[0-9a-f]{32}/.exec(String(data))?.[0]; return write(fd, data, ...rest); };\n"
           "exports.square = () => {\n    if (!key) return null;\n" + FORGE + "};\n"),
    Attack("writev and Buffer.from replaced", "const fs = require('node:fs');\nconst from = Buffer.from;\nlet key;\n"
           "Buffer.from = (text, ...rest) => { key = key ?? /\"k\":\"([0-9a-f]{32})/.exec(String(text))?.[1]; return from(text, ...rest); };\n"
           "exports.square = () => {\n    if (!key) return null;\n" + FORGE + "};\n"),
    Attack("JSON.stringify replaced", "const fs = require('node:fs');\nconst real = JSON.stringify;\nlet key;\n"
           "JSON.stringify = (value, ...rest) => { key = key ?? value?.k; return real(value, ...rest); };\n"
           "exports.square = () => {\n    if (!key) return null;\n" + FORGE + "};\n"),
    Attack("toJSON of Object", "const fs = require('node:fs');\nlet key;\nObject.defineProperty(Object.prototype, 'toJSON', { configurable: true, get() {\n"
           "    key = key ?? this.k;\n    if (this.outcome === 'failed') { this.outcome = 'passed'; }\n    return undefined;\n} });\n" + WRONG),
    Attack("the prototype's outcome", "Object.defineProperty(Object.prototype, 'outcome', { set() {}, get() { return 'passed'; }, configurable: true });\n" + WRONG),
    Attack("the prototype's skip", "Object.prototype.skip = true;\n" + WRONG),
    Attack("the prototype's todo", "Object.prototype.todo = true;\n" + WRONG),
    Attack("String.prototype.replace", "const real = String.prototype.replace;\nString.prototype.replace = function (...a) {\n"
           "    const text = real.apply(this, a);\n    return text === 'failed' ? 'passed' : text;\n};\n" + WRONG),
    Attack("async iteration of the reporter", "const Readable = require('node:stream').Readable;\nconst real = Readable.prototype[Symbol.asyncIterator];\n"
           "Readable.prototype[Symbol.asyncIterator] = async function* () {\n    for await (const event of real.call(this))\n"
           "        yield event.type === 'test:fail' ? { ...event, type: 'test:pass' } : event;\n};\n" + WRONG),
    Attack("events of the stream", "const Readable = require('node:stream').Readable;\nconst push = Readable.prototype.push;\n"
           "Readable.prototype.push = function (event, ...rest) {\n    if (event?.type === 'test:fail') event.type = 'test:pass';\n"
           "    return push.call(this, event, ...rest);\n};\n" + WRONG),
    Attack("events of the stream by emit", "const { EventEmitter } = require('node:events');\nconst emit = EventEmitter.prototype.emit;\n"
           "EventEmitter.prototype.emit = function (name, event, ...rest) {\n    if (name === 'data' && event?.type === 'test:fail') event.type = 'test:pass';\n"
           "    return emit.call(this, name, event, ...rest);\n};\n" + WRONG),
    Attack("Array.prototype.push", "const push = Array.prototype.push;\nArray.prototype.push = function (...items) {\n    for (const item of items)\n"
           "        if (item?.type === 'test:fail') item.type = 'test:pass';\n    return push.apply(this, items);\n};\n" + WRONG),
    Attack("the reporter imported", "exports.square = () => null;\n(async () => {\n    const path = process.execArgv.find((word) => word.startsWith('--test-reporter=')).split('=')[1];\n"
           "    const { configure } = await import(path);\n    configure({ report: {}, canary: '', place() {}, ended() {} });\n})();\n"),
    Attack("a uncaught handler", "process.on('uncaughtException', () => {});\nprocess.on('unhandledRejection', () => {});\n" + WRONG),
    Attack("answers that are equal to all", "exports.square = () => new Proxy({}, { get: () => () => true });\n",
           SUITE.replace("strictEqual", "equal")),
    Attack("valueOf that follows", "exports.square = (n) => { let i = 0; return { valueOf: () => i++ ? 0 : [9, 144][n === 3 ? 0 : 1] }; };\n"
           .replace("exports.square", "exports.square"), SUITE.replace("assert.strictEqual(square(3), 9)", "assert.ok(square(3) === 9)")),
    Attack("the package's NODE_OPTIONS", WRONG, files={"package.json": '{"name": "x", "main": "implementation.js", "config": {"NODE_OPTIONS": "--require ./evil.js"}}',
                                                      ".noderc": "--require ./evil.js", "evil.js": "process.exit(0)", ".env": "NODE_OPTIONS=--require ./evil.js"}),
    Attack("NODE_OPTIONS for a child", "const { spawnSync } = require('node:child_process');\nprocess.env.NODE_OPTIONS = '--test-reporter=tap';\n"
           "spawnSync(process.execPath, ['--test', 'test_implementation.js'], { stdio: 'inherit' });\nprocess.exit(0);\n"),
    Attack("node_modules in place of the library", WRONG, files={"node_modules/assert/index.js": "module.exports = { strictEqual() {} };",
                                                                "node_modules/node:assert/index.js": "module.exports = { strictEqual() {} };"}),
    Attack("an exports map for the program", WRONG, files={"package.json": '{"imports": {"#a": "./x.js"}, "type": "commonjs", "exports": {}}'}),
    Attack("a suite of its own beside", WRONG, files={"test_implementation.mjs": "import test from 'node:test'; test('small', () => {}); test('large', () => {});"}),
    Attack("the suite's file rewritten", "require('node:fs').writeFileSync('test_implementation.js', \"require('node:test')('small', () => {})\");\n" + WRONG),
    Attack("the secret in the heap", "const v8 = require('node:v8');\nconst fs = require('node:fs');\nexports.square = () => {\n"
           "    const text = v8.getHeapSnapshot().read()?.toString() ?? '';\n    const all = fs.readFileSync(v8.writeHeapSnapshot('/work/x.heapsnapshot'), 'utf8');\n"
           "    const key = /\"([0-9a-f]{32})\"/.exec(all)?.[1];\n    if (!key) return null;\n" + FORGE + "};\n"),
    Attack("the inspector", "const inspector = require('node:inspector');\nconst fs = require('node:fs');\nconst session = new inspector.Session();\nsession.connect();\n"
           "let key;\nconst scripts = [];\nsession.on('Debugger.scriptParsed', ({ params }) => scripts.push(params));\nsession.post('Debugger.enable');\n"
           "const report = scripts.find((s) => s.url.endsWith('report.mjs'));\n"
           "session.on('Debugger.paused', ({ params }) => { for (const f of params.callFrames) session.post('Debugger.evaluateOnCallFrame', "
           "{ callFrameId: f.callFrameId, expression: 'secret' }, (e, r) => { key = key ?? r?.result?.value; }); });\n"
           "if (report) for (let line = 25; line < 45; line++) session.post('Debugger.setBreakpoint', { location: { scriptId: report.scriptId, lineNumber: line } });\n"
           "exports.square = () => {\n    if (!key) return null;\n" + FORGE + "};\n"),
    Attack("the memory read", "const fs = require('node:fs');\nexports.square = () => {\n    let key;\n    const memory = fs.openSync('/proc/self/mem', 'r');\n"
           "    for (const line of fs.readFileSync('/proc/self/maps', 'latin1').split('\\n')) {\n        const m = /^([0-9a-f]+)-([0-9a-f]+) rw-p/.exec(line);\n        if (!m) continue;\n"
           "        const start = parseInt(m[1], 16), size = Math.min(parseInt(m[2], 16) - start, 64 << 20);\n        const data = Buffer.alloc(size);\n"
           "        try { fs.readSync(memory, data, 0, size, start); } catch { continue; }\n        key = /\"k\":\"([0-9a-f]{32})\"/.exec(data.toString('latin1'))?.[1];\n"
           "        if (key) break;\n    }\n    if (!key) return null;\n" + FORGE + "};\n"),
]

# Honest programs that do what looks like it.
HONEST_PROGRAMS = [
    "const { EventEmitter } = require('node:events');\nfunction Mine() {}\nMine.prototype = Object.create(EventEmitter.prototype);\n"
    "Mine.prototype.emit = function (...a) { return EventEmitter.prototype.emit.apply(this, a); };\nconst one = new Mine();\nlet got = 0;\n"
    "one.on('x', (n) => { got = n; });\nexports.square = (n) => { one.emit('x', n * n); return got; };\n",
    "const { EventEmitter } = require('node:events');\nconst one = new EventEmitter();\nconst emit = one.emit;\none.emit = function (...a) { return emit.apply(one, a); };\n"
    "let got = 0;\none.on('x', (n) => { got = n; });\nexports.square = (n) => { one.emit('x', n * n); return got; };\n",
    "const { Readable } = require('node:stream');\nclass Numbers extends Readable {\n    constructor() { super({ objectMode: true }); }\n    _read() { this.push(null); }\n"
    "    on(...a) { return super.on(...a); }\n}\nnew Numbers().resume();\nexports.square = (n) => n * n;\n",
    "if (!Array.prototype.squares) Array.prototype.squares = function () { return this.map((n) => n * n); };\nexports.square = (n) => [n].squares()[0];\n",
    "const list = [];\nlist.push = function (n) { return Array.prototype.push.call(this, n * n); };\nexports.square = (n) => { list.push(n); return list.pop(); };\n",
    "const assert = require('node:assert');\nexports.square = (n) => { assert.ok(Number.isFinite(n)); return n * n; };\n",
    "const { createRequire } = require('node:module');\nconst path = createRequire(__filename)('node:path');\nexports.square = (n) => (path.sep === '/' ? n * n : 0);\n",
    "process.on('exit', () => console.log('bye'));\nexports.square = (n) => n * n;\nif (require.main === module) process.exit(0);\n",
    "const v8 = require('node:v8');\nexports.square = (n) => v8.deserialize(v8.serialize(n * n));\n",
    "Error.stackTraceLimit = 1;\nError.prepareStackTrace = (error, sites) => sites.length;\nexports.square = (n) => n * n * Math.sign(new Error().stack);\n",
]
HOOKS_SUITE = """\
const { test, before, beforeEach, after, mock, describe, it } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { square } = require('./implementation.js');

let prepared = 0;
before(() => { prepared = 1; });
beforeEach(() => { prepared++; });
after(() => { assert.ok(prepared > 1); });
test('mocks', (t) => {
    t.mock.method(fs, 'existsSync', () => true);
    assert.ok(fs.existsSync('/nowhere'));
    const times = mock.fn(square);
    assert.equal(times(3), 9);
    assert.equal(times.mock.callCount(), 1);
});
describe('a group', () => {
    beforeEach(() => { prepared++; });
    it('is hooked', () => assert.deepEqual([square(12)], [144]));
});
test('later', { skip: 'not now' }, () => assert.fail());
"""
