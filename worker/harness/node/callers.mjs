// Whose code is on the stack.

import { uncurry } from './primordials.mjs';

const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object;
const NativeError = Error;
const { isArray } = Array;

// The call sites, innermost first; no array where the program keeps them from being seen.
function sites() {
    const names = ['prepareStackTrace', 'stackTraceLimit'], values = [(_error, found) => found, Infinity];
    const before = [];
    for (let i = 0; i < 2; i++) {
        before[i] = getOwnPropertyDescriptor(NativeError, names[i]);
        defineProperty(NativeError, names[i], { __proto__: null, value: values[i], configurable: true, enumerable: true, writable: true });
    }
    const found = new NativeError().stack;
    for (let i = 0; i < 2; i++)
        if (before[i] === undefined)
            delete NativeError[names[i]];
        else
            defineProperty(NativeError, names[i], before[i]);
    return found;
}

const { getFileName, isEval } = getPrototypeOf(sites()[0]);
const fileOf = uncurry(getFileName), isMade = uncurry(isEval);

// byProgram(): whether code of the program is on the stack, or none that is known to be the suite's: a call that somebody else makes
// later, as a timer does, is nobody's. whose(file): 'suite', 'program' or null.
export function makeByProgram(whose) {
    return () => {
        try {
            const found = sites();
            if (!isArray(found))
                return true;
            let bySuite = false;
            for (let i = 0; i < found.length; i++) {
                const owner = isMade(found[i]) ? 'program' : whose(fileOf(found[i]));
                if (owner === 'program')
                    return true;
                bySuite ||= owner === 'suite';
            }
            return !bySuite;
        } catch {
            return true;
        }
    };
}
