// What a program would have to change to turn its tests green is held fast, or tells when the program reaches for it.
// Code in the same process can in the end do what the process can (docs/integrity.md).

import assert from 'node:assert';
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import inspector from 'node:inspector';
import Module, { createRequire, syncBuiltinESMExports } from 'node:module';
import { Readable } from 'node:stream';
import test from 'node:test';
import v8 from 'node:v8';

import { makeByProgram } from './callers.mjs';

const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, setPrototypeOf } = Object;
const { apply, construct } = Reflect;
// Functions of the language by which node's own streams hand on the events of the tests.
const BUILTINS = [[Array.prototype, ['push', 'shift', 'unshift', 'slice', 'splice']], [Object, ['is', 'keys', 'assign', 'defineProperty']]];
const noted = BUILTINS.map(([owner, names]) => [owner, names.map((name) => [name, owner[name]])]);

// Of node's inner modules, those that old packages ask for; by others (fs) node itself does what the report needs.
const HARMLESS_BINDINGS = { __proto__: null, buffer: 1, config: 1, constants: 1, natives: 1, os: 1, util: 1, uv: 1, zlib: 1 };

// What must throw and what must not, with values that nobody knows. Returns the name of an assertion that does otherwise.
const CANARIES = {
    strictEqual: (a) => [a, a], equal: (a) => [a, a], deepStrictEqual: (a) => [[a], [a]], deepEqual: (a) => [{ a }, { a }], ok: () => [true],
};
const EXCEPTIONS = { ok: () => [false, 'canary'] };
const original = Object.fromEntries(Object.keys(CANARIES).map((name) => [name, assert[name]]));
const { AssertionError } = assert;

export function brokenAssertion() {
    for (const name of Object.keys(CANARIES)) {
        const [good, bad] = [randomInt(2 ** 40), randomInt(2 ** 40)];
        try {
            original[name](...CANARIES[name](good));
        } catch {
            return name;
        }
        const [left] = CANARIES[name](good), [, right] = CANARIES[name](bad);
        try {
            original[name](...(EXCEPTIONS[name]?.() ?? [left, right]));
        } catch (error) {
            if (error instanceof AssertionError)
                continue;
        }
        return name;
    }
    return null;
}

// { suiteImported(), changed() }. `tell(text)` reports; `whose(file)`: of makeByProgram.
export function holdFast({ tell, whose, suitePath }) {
    const byProgram = makeByProgram(whose);

    // The property can be set, by others than the program, and on objects that inherit it by anyone.
    function trap(owner, name, what) {
        const first = owner[name];
        let value = first;
        if (typeof value !== 'function' || getOwnPropertyDescriptor(owner, name)?.configurable === false)
            return;
        const { enumerable } = getOwnPropertyDescriptor(owner, name);
        defineProperty(owner, name, {
            configurable: false,
            enumerable,
            get: () => value,
            set(wanted) {
                if (this !== owner)
                    defineProperty(this, name, { value: wanted, writable: true, enumerable: true, configurable: true });
                else if (wanted !== first && byProgram())
                    tell(`the program replaced ${what}.${name}`);
                else
                    value = wanted;
            },
        });
    }

    // A call by the program is reported and not made, unless allows(its first argument).
    function forbid(owner, name, what, allows = () => false) {
        const original = owner[name];
        if (typeof original !== 'function')
            return;
        const standIn = function (...words) {
            if (byProgram() && !allows(words[0])) {
                tell(`the program called ${what}.${name}`);
                throw new Error(`${what}.${name} is not available here`);
            }
            return new.target ? construct(original, words, new.target) : apply(original, this, words);
        };
        // Nothing leads from it to the original.
        owner[name] = setPrototypeOf(standIn, getPrototypeOf(original));
        if (original.prototype !== undefined) {
            standIn.prototype = original.prototype;
            defineProperty(original.prototype, 'constructor', { value: standIn });
        }
    }

    for (const name of ['_load', '_resolveFilename', '_findPath', 'createRequire', 'wrap'])
        trap(Module, name, 'module');
    for (const name of ['require', 'load', '_compile'])
        trap(Module.prototype, name, 'module.prototype');
    for (const name of Object.keys(Module._extensions))
        trap(Module._extensions, name, 'module._extensions');
    for (const name of ['push', 'read', 'on', 'addListener', 'pipe', 'resume'])
        trap(Readable.prototype, name, 'Readable.prototype');
    for (const name of ['emit', 'on', 'addListener', 'once'])
        trap(EventEmitter.prototype, name, 'EventEmitter.prototype');
    forbid(v8, 'getHeapSnapshot', 'v8');
    forbid(v8, 'writeHeapSnapshot', 'v8');
    forbid(inspector, 'Session', 'inspector');
    forbid(process, 'binding', 'process', (binding) => hasOwn(HARMLESS_BINDINGS, binding));
    forbid(process, '_linkedBinding', 'process');
    for (const name of ['register', 'registerHooks'])
        forbid(Module, name, 'module');
    for (const name of ['before', 'beforeEach', 'after', 'afterEach'])
        forbid(test, name, 'test');
    syncBuiltinESMExports();
    freeze(assert);
    freeze(assert.strict);
    freeze(test);

    const { cache } = createRequire(import.meta.url);
    return {
        suiteImported() {
            if (cache[suitePath] !== undefined && hasOwn(cache[suitePath], 'require'))
                tell("the program replaced the suite's require");
        },
        changed() {
            for (const [owner, functions] of noted)
                for (const [name, original] of functions)
                    if (owner[name] !== original)
                        return name;
            return null;
        },
    };
}
