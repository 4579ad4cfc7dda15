"""JavaScript programs that reach for what node:test and the report of the harness are made of."""
from gaming import Attack
from node_attacks import FORGE, LATE_SUITE, SUITE, WRONG

ASYNC_SUITE = SUITE.replace("() => assert", "async () => assert")
AWAITING_SUITE = ASYNC_SUITE.replace("square(", "await square(")
SKIPPING_SUITE = SUITE + "test.skip('later', () => {});\n"
TURN = "t.fail = function () { this.pass(); };"
HOOKS = "const { AsyncLocalStorage, AsyncResource, createHook, executionAsyncResource } = require('node:async_hooks');\n"
FORGE_LATER = ("exports.square = async () => {\n    await new Promise((ok) => setTimeout(ok, 200));\n    if (!key) return null;\n" + FORGE + "};\n")
KEY = "const keyOf = (text) => /\"k\":\"((?!0{32})[0-9a-f]{32})/.exec(text)?.[1];\nlet key;\nconst fs = require('node:fs');\n"
BY_INSPECTOR = KEY + """\
async function find(Session) {
    const session = new Session();
    session.connect();
    const post = (method, words) => new Promise((ok, no) => session.post(method, words, (error, result) => (error ? no(error) : ok(result))));
    const prototype = (await post('Runtime.evaluate', { expression: 'Uint8Array.prototype' })).result.objectId;
    const all = (await post('Runtime.queryObjects', { prototypeObjectId: prototype })).objects.objectId;
    await post('Runtime.callFunctionOn', { objectId: all, functionDeclaration: 'function () { globalThis.all = this; }' });
    const masks = globalThis.all.filter((one) => Object.hasOwn(one, 0) && one.length === 32);
    for (const one of masks)
        for (const other of masks)
            key ??= keyOf('"k":"' + Buffer.from(one.map((n, i) => n ^ other[i])).toString('latin1'));
}
"""
REPLACING = ("const Module = require('node:module');\nconst load = Module._load;\nfunction replace() {\n    Module._load = function (name, ...rest) {\n        const real = load.call(this, name, ...rest);\n"
             "        return name === 'node:test' ? (title, body) => real(title, () => {}) : real;\n    };\n}\n")

ATTACKS = [
    # -- the object of a test
    Attack("the resource that runs", HOOKS + "exports.square = () => { const t = executionAsyncResource(); " + TURN + " return null; };\n"),
    Attack("resources as they are made", HOOKS + "createHook({ init(id, type, trigger, t) { if (t?.constructor?.name === 'Test') " + TURN + " } }).enable();\n" + WRONG),
    Attack("what runs a resource", HOOKS + "const run = AsyncResource.prototype.runInAsyncScope;\nAsyncResource.prototype.runInAsyncScope = function (...words) {\n"
           "    const t = this;\n    " + TURN + "\n    return run.apply(this, words);\n};\n" + WRONG),
    Attack("a setter of Object's", "Object.defineProperty(Object.prototype, 'testNumber', { configurable: true, get() {}, set(value) {\n    const t = this;\n    " + TURN + "\n"
           "    Object.defineProperty(this, 'testNumber', { value, writable: true, enumerable: true, configurable: true });\n} });\n" + WRONG),
    Attack("a setter of Object's by a symbol", HOOKS + "for (const name of Object.getOwnPropertySymbols(new AsyncResource('x')))\n    Object.defineProperty(Object.prototype, name, { configurable: true, get() {}, set(value) {\n"
           "        const t = this;\n        " + TURN + "\n        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });\n    } });\n" + WRONG),
    Attack("a store by the name of a method", HOOKS + "const one = new AsyncLocalStorage();\nexports.square = () => { one.kResourceStore = 'fail'; one.enterWith(function () { this.pass(); }); return null; };\n"),
    Attack("a store by the name of a method, defined", HOOKS + "const one = new AsyncLocalStorage();\nexports.square = () => {\n    Object.defineProperty(one, 'kResourceStore', { value: 'fail' });\n"
           "    one.enterWith(function () { this.pass(); });\n    return null;\n};\n"),
    Attack("a store of what is no storage", HOOKS + "exports.square = () => {\n    AsyncLocalStorage.prototype.enterWith.call({ kResourceStore: 'fail', _enable() {} }, function () { this.pass(); });\n    return null;\n};\n"),
    Attack("a storage that hands on", HOOKS + "const one = new AsyncLocalStorage();\none._propagate = (...all) => { for (const t of all) if (t.fail) " + TURN + " };\none.enterWith(1);\n" + WRONG),
    Attack("promises of another constructor", "const then = Promise.prototype.then;\ntry {\n    Object.defineProperty(Promise.prototype, 'constructor', { value: class {} });\n} catch {}\n"
           "Promise.prototype.then = function (good) { return then.call(this, good, good); };\n" + WRONG, ASYNC_SUITE),
    # -- the lines of the report
    Attack("slice", "const slice = String.prototype.slice;\nString.prototype.slice = function (...words) {\n    return slice.apply(this, words).split('\"outcome\":\"failed\"').join('\"outcome\":\"passed\"')"
           ".replace(/,\"message\":\"(.*)\"/, '');\n};\n" + WRONG),
    Attack("a setter of a line's message", "Object.defineProperty(Object.prototype, 'message', { configurable: true, get() {}, set() { if (this.outcome) this.outcome = 'passed'; } });\n" + WRONG),
    *[Attack("a line's " + name, KEY + "const real = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), '%s').get;\nObject.defineProperty(Buffer.prototype, '%s', { get() {\n    const size = real.call(this);\n"
             "    let text = '';\n    for (let i = 0; i < 39 && i < size; i++) text += String.fromCharCode(this[i]);\n    key ??= keyOf(text);\n    return size;\n} });\n" % (name, name) + FORGE_LATER, AWAITING_SUITE)
      for name in ("length", "byteLength")],
    Attack("node's own write", KEY + "const inner = process.binding('fs');\nconst write = inner.writeBuffer;\ninner.writeBuffer = function (fd, bytes, ...rest) {\n    key ??= keyOf(bytes.toString('latin1'));\n"
           "    return write.call(inner, fd, bytes, ...rest);\n};\n" + FORGE_LATER, AWAITING_SUITE),
    Attack("a file in the report's place, by its number", KEY + "const { spawn } = require('node:child_process');\nconst numbers = fs.fstatSync(3);\nfor (const name of ['dev', 'ino'])\n"
           "    Object.defineProperty(fs.Stats.prototype, name, { get: () => numbers[name], set() {} });\nconst real = { dev: numbers.dev, ino: numbers.ino };\n"
           "const child = spawn(process.execPath, ['-e', `const fs = require('node:fs');\nprocess.stdin.on('data', (key) => { key = String(key);\n" + FORGE.replace("\\n", "\\\\n") + "});`], { stdio: ['pipe', 'inherit', 'inherit', 3] });\n"
           "let calls = 0;\nexports.square = async () => {\n    if (calls++ === 0) {\n        fs.closeSync(3);\n        fs.openSync('/tmp/report', 'w+');\n        return 9;\n    }\n"
           "    await new Promise((ok) => setTimeout(ok, 100));\n    key = keyOf(fs.readFileSync('/tmp/report', 'latin1'));\n    child.stdin.end(key ?? 'none');\n"
           "    await new Promise((ok) => setTimeout(ok, 1000));\n    process.reallyExit(0);\n};\n", AWAITING_SUITE),
    # -- what is forbidden, by another way
    Attack("the inspector, by its prototype", BY_INSPECTOR + "find(require('node:inspector').Session.prototype.constructor).catch(() => {});\n" + FORGE_LATER, AWAITING_SUITE),
    Attack("the inspector, by what it was", BY_INSPECTOR + "find(Object.getPrototypeOf(require('node:inspector').Session)).catch(() => {});\n" + FORGE_LATER, AWAITING_SUITE),
    Attack("a root hook, by what it was", "const test = require('node:test');\nObject.getPrototypeOf(test.beforeEach)((t) => { if (t.name === 'large') t.skip(); });\n"
           "exports.square = (n) => (n === 3 ? 9 : null);\n", SKIPPING_SUITE),
    Attack("a root hook, called by nobody", "const test = require('node:test');\nPromise.resolve((t) => { if (t.name === 'large') t.skip(); }).then(test.beforeEach);\n"
           "exports.square = (n) => (n === 3 ? 9 : null);\n", SKIPPING_SUITE),
    Attack("Module._load, and texts begin with nothing", "String.prototype.startsWith = () => false;\n" + REPLACING + "replace();\n" + WRONG, LATE_SUITE),
    Attack("Module._load, and every file is the suite's", "Set.prototype.has = () => true;\n" + REPLACING + "replace();\n" + WRONG, LATE_SUITE),
    Attack("Module._load, by a function of the suite's name", REPLACING + "Object.defineProperty(replace, 'name', { value: 'at (/work/test_implementation.js:1:1)' });\nreplace();\n" + WRONG, LATE_SUITE),
]

# Honest programs that do what looks like it.
HONEST_PROGRAMS = [
    HOOKS + "const one = new AsyncLocalStorage(), two = new AsyncLocalStorage();\nclass Mine extends AsyncResource {\n    constructor() { super('mine'); }\n    go(work) { return this.runInAsyncScope(work); }\n}\n"
    "let made = 0;\nconst hook = createHook({ init(id, type, trigger, resource) { made += resource ? 1 : 0; } }).enable();\nexports.square = (n) => one.run(n, () => {\n    executionAsyncResource().mine = n;\n"
    "    if (executionAsyncResource().mine !== n) throw new Error('not the same');\n    new Mine();\n    hook.disable();\n    if (made === 0) throw new Error('none was made');\n    two.enterWith(n);\n"
    "    const bound = AsyncLocalStorage.bind(() => one.getStore() * two.getStore());\n    return new Mine().go(() => one.exit(() => one.getStore()) === undefined ? bound() : 0);\n});\n",
    "class Later extends Promise {}\nfunction Old() {}\nOld.prototype = Object.create(Promise.prototype);\nOld.prototype.constructor = Old;\nif (new Old().constructor !== Old || !(Later.resolve(1).then() instanceof Later)) throw new Error('not its own');\n"
    "const most = process.binding('buffer').kStringMaxLength;\nexports.square = (n) => Math.min(n * n, most);\n",
]
