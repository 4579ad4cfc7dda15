// The report: JSON lines with the secret on a private descriptor (docs/harness.md). What a line needs is bound
// here, before the program is loaded.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';

import { uncurry } from './primordials.mjs';

const REPORT_FD = 3;
const NAME_MAX = 500;
const MESSAGE_MAX = 4000;
const STARTS_MAX = 5000;
const EXIT_NO_CHANNEL = 3;
const { assign, create, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
const MESSAGES_TOTAL = 2 * 1024 * 1024;

// The control object, and its secret apart: as bytes combined with random ones, so that neither the heap nor the memory
// shows it. { control, secret: { masked, mask } }.
export function readControl(descriptor) {
    const bytes = fs.readFileSync(descriptor);
    fs.closeSync(descriptor);
    const start = bytes.indexOf('"', bytes.indexOf(':', bytes.indexOf('"secret"'))) + 1;
    const size = bytes.indexOf('"', start) - start;
    const mask = randomBytes(size);
    const masked = Buffer.alloc(size);
    for (let i = 0; i < size; i++) {
        masked[i] = bytes[start + i] ^ mask[i];
        bytes[start + i] = 0x30;
    }
    return { control: JSON.parse(bytes.toString()), secret: { masked, mask } };
}

const cut = (text, size) => (text.length <= size ? text : text.slice(0, size - 3) + '...');
// No NUL and no lone surrogates: JSON readers and PostgreSQL refuse them.
const clean = (text) =>
    text.replace(/\0/g, '\ufffd').replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');

// Returns { plan, start, test, suiteError, tampered, done }.
export function makeReporter(secret) {
    const { stringify } = JSON;
    const { fstatSync, writeSync } = fs;
    const exit = process.reallyExit.bind(process);
    const fromText = Buffer.from;
    const { masked, mask } = secret;
    const blank = '{"k":"' + '0'.repeat(mask.length) + '",';
    const sliceText = uncurry(String.prototype.slice);
    const sizeOf = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'length').get);
    // What fs.Stats inherits, outermost last: a property there would stand in the place of a number that fstat gives.
    const above = [];
    for (let one = fs.Stats.prototype; one !== null; one = getPrototypeOf(one))
        above[above.length] = one;
    const isPlain = () => {
        for (let i = 0; i < above.length; i++)
            if (getPrototypeOf(above[i]) !== (above[i + 1] ?? null) || hasOwn(above[i], 'dev') || hasOwn(above[i], 'ino'))
                return false;
        return true;
    };
    const identity = () => {
        if (!isPlain())
            return null;
        const { dev, ino } = fstatSync(REPORT_FD);
        return `${dev}:${ino}`;
    };
    const channel = identity();
    let messagesLeft = MESSAGES_TOTAL;

    function send(fields) {
        // Not into a pipe that the program put in its place: it would read the secret there.
        if (identity() !== channel)
            exit(EXIT_NO_CHANNEL);
        // Without a prototype: a toJSON of the program's would be asked.
        const line = fromText(blank + sliceText(stringify(assign(create(null), fields)), 1) + '\n');
        // Its own: what it inherits may be the program's, which would be handed the line.
        const size = sizeOf(line);
        defineProperty(line, 'length', { __proto__: null, value: size });
        defineProperty(line, 'byteLength', { __proto__: null, value: size });
        for (let i = 0; i < mask.length; i++)
            line[6 + i] = masked[i] ^ mask[i];
        write(line, size);
        for (let i = 0; i < mask.length; i++)
            line[6 + i] = 0x30;
    }

    function write(line, size) {
        for (let at = 0; at < size;) {
            try {
                at += writeSync(REPORT_FD, line, at, size - at);
            } catch (error) {
                if (error.code !== 'EAGAIN')
                    throw error;
            }
        }
    }

    function bounded(message) {
        const text = clean(cut(String(message), messagesLeft > 0 ? MESSAGE_MAX : 100));
        messagesLeft -= text.length;
        return text;
    }

    let startsLeft = STARTS_MAX;

    return {
        plan(names) {
            for (let at = 0; at === 0 || at < names.length; at += 20)
                send({ t: 'plan', tests: names.slice(at, at + 20).map((name) => clean(cut(name, NAME_MAX))) });
        },
        start(name) {
            if (startsLeft-- > 0)
                send({ t: 'start', name: clean(cut(name, NAME_MAX)) });
        },
        test(name, outcome, ms, message, suiteSkip) {
            const fields = { __proto__: null, t: 'test', name: clean(cut(name, NAME_MAX)), outcome, ms: Math.round(ms * 1000) / 1000 };
            if (message)
                fields.message = bounded(message);
            if (suiteSkip)
                fields.suite_skip = true;
            send(fields);
        },
        suiteError: (fault, message) => send({ t: 'suite_error', fault, message: bounded(message) }),
        tampered: (message) => send({ t: 'tampered', message: bounded(message) }),
        done: () => send({ t: 'done' }),
    };
}
