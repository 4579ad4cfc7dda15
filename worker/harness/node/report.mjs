// The report: JSON lines with the secret on a private descriptor (docs/harness.md). What a line needs is bound
// here, before the program is loaded.

import fs from 'node:fs';

const REPORT_FD = 3;
const NAME_MAX = 500;
const MESSAGE_MAX = 4000;
const STARTS_MAX = 5000;
const MESSAGES_TOTAL = 2 * 1024 * 1024;

export function readControl(descriptor) {
    const text = fs.readFileSync(descriptor, 'utf8');
    fs.closeSync(descriptor);
    return JSON.parse(text);
}

const cut = (text, size) => (text.length <= size ? text : text.slice(0, size - 3) + '...');
// No NUL and no lone surrogates: JSON readers and PostgreSQL refuse them.
const clean = (text) =>
    text.replace(/\0/g, '\ufffd').replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');

// Returns { emptyPlan, start, test, suiteError, tampered, done }.
export function makeReporter(secret) {
    const { stringify } = JSON;
    const { writeSync } = fs;
    const fromText = Buffer.from;
    let messagesLeft = MESSAGES_TOTAL;

    function send(fields) {
        const line = fromText(stringify({ k: secret, ...fields }) + '\n');
        for (let at = 0; at < line.length;) {
            try {
                at += writeSync(REPORT_FD, line, at, line.length - at);
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
        // Names are not known before the suite runs.
        emptyPlan: () => send({ t: 'plan', tests: [] }),
        start(name) {
            if (startsLeft-- > 0)
                send({ t: 'start', name: clean(cut(name, NAME_MAX)) });
        },
        test(name, outcome, ms, message, suiteSkip) {
            const fields = { t: 'test', name: clean(cut(name, NAME_MAX)), outcome, ms: Math.round(ms * 1000) / 1000 };
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
