// A test of node:test is a resource of node:async_hooks: whoever gets hold of the object says how the test ended. So resources are
// handed to nobody, and what a test inherits is its own.

import asyncHooks, { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

import { uncurry } from './primordials.mjs';

const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
const { apply, ownKeys } = Reflect;
const get = uncurry(WeakMap.prototype.get), has = uncurry(WeakMap.prototype.has), set = uncurry(WeakMap.prototype.set);
const { createHook, executionAsyncResource } = asyncHooks;

// The objects of the tests that run from now on, until end() has been called: () => [object].
export function collectTests() {
    const found = [];
    const hook = createHook({
        init(_id, _type, _trigger, resource) {
            if (resource instanceof AsyncResource && getPrototypeOf(resource) !== AsyncResource.prototype)
                found.push(resource);
        },
    }).enable();
    return () => {
        hook.disable();
        return found;
    };
}

// What a test is assigned, it would else ask its prototypes for, Object's too: a setter there would be handed the test.
function keepToThemselves(tests) {
    for (const one of tests) {
        let top = getPrototypeOf(one);
        while (getPrototypeOf(top) !== AsyncResource.prototype)
            top = getPrototypeOf(top);
        for (const name of ownKeys(one))
            if (!hasOwn(top, name))
                defineProperty(top, name, { value: undefined, writable: true });
        for (const name of ownKeys(AsyncResource.prototype))
            if (!hasOwn(top, name))
                defineProperty(top, name, { value: AsyncResource.prototype[name], writable: true });
    }
}

// One object for each resource, that stands for it.
const standIns = new WeakMap();

function standInOf(resource) {
    if (!has(standIns, resource))
        set(standIns, resource, {});
    return get(standIns, resource);
}

function hideResources() {
    asyncHooks.executionAsyncResource = () => standInOf(executionAsyncResource());
    asyncHooks.createHook = (callbacks) => {
        const init = callbacks?.init;
        const inner = typeof init !== 'function' ? init
            : (id, type, trigger, resource) => apply(init, callbacks, [id, type, trigger, standInOf(resource)]);
        return createHook(init === undefined ? callbacks : { ...callbacks, init: inner });
    };
}

// Stores lie in the resources (until Node 24), under a name that is a storage's property, and are handed on by a method of it.
function keepStoresApart() {
    const names = new WeakMap(), { prototype } = AsyncLocalStorage;
    const handOn = prototype._propagate;
    if (handOn === undefined)
        return;
    defineProperty(prototype, 'kResourceStore', {
        get() {
            return get(names, this);
        },
        set(name) {
            if (typeof name !== 'symbol' || has(names, this))
                return;
            set(names, this, name);
            defineProperty(this, '_propagate', { __proto__: null, value: handOn });
        },
    });
    for (const name of ['_enable', 'enterWith', 'exit', 'getStore', 'run']) {
        const original = prototype[name];
        prototype[name] = function (...words) {
            if (!has(names, this) || hasOwn(this, 'kResourceStore'))
                throw new TypeError('this is no AsyncLocalStorage');
            return apply(original, this, words);
        };
    }
}

// An `await` asks a promise for its constructor, and where that is another calls `then`, which may be the program's.
function keepPromises() {
    const { value } = getOwnPropertyDescriptor(Promise.prototype, 'constructor');
    defineProperty(Promise.prototype, 'constructor', {
        configurable: false,
        get: () => value,
        set(wanted) {
            if (this !== Promise.prototype)
                defineProperty(this, 'constructor', { __proto__: null, value: wanted, writable: true, enumerable: true, configurable: true });
        },
    });
}

// tests: some of each kind.
export function keepTestsApart(tests) {
    keepToThemselves(tests);
    hideResources();
    keepStoresApart();
    keepPromises();
}
