// A reporter of node's test runner (--test-reporter), in the process that runs the suite. Node hands it the
// events in the order of the report: a test's `test:start` comes before those of its subtests.

let run = null;

// Called once, by run_suite.mjs, before the program is loaded:
// { report, canary, plan, suiteSkips, check(), place(error), ended() } (plan: of plan.mjs; suiteSkips: its text speaks of it; check: asked before a
// test is reported; ended: the stream is over).
export function configure(options) {
    if (run !== null)
        throw new Error('the reporter is configured already');
    run = options;
}

function message(error, place) {
    const cause = error?.cause instanceof Object ? error.cause : error;
    const at = place(cause);
    const text = cause?.message ?? error?.message ?? String(error?.cause ?? error);
    return (at ? at + ': ' : '') + text;
}

function reportOne(name, passed, data) {
    const { details } = data;
    const ms = details?.duration_ms ?? 0;
    const isSuite = details?.type === 'suite';
    if (data.skip !== undefined || data.todo !== undefined) {
        const reason = data.skip ?? data.todo;
        run.report.test(name, 'skipped', ms, typeof reason === 'string' ? reason : '', run.suiteSkips);
        return true;
    }
    if (passed) {
        if (isSuite)
            return false;
        run.report.test(name, 'passed', ms);
        return true;
    }
    // A describe block whose tests failed has said so; one that failed by itself (a hook, its body) has not.
    if (isSuite && details.error?.failureType === 'subtestsFailed')
        return false;
    run.report.test(name, 'failed', ms, message(details?.error, run.place));
    return true;
}

// The first planned test within describe blocks that did not report, though each of its blocks is well.
function vanished(plan, reported, broken) {
    const within = (name) => name.slice(0, -1).map((_, i) => name.slice(0, i + 1).join(' > '));
    return plan.find((name) => name.length > 1 && !reported.has(name.join(' > ')) && !within(name).some((block) => broken.has(block)));
}

function enter(names, { nesting, name }) {
    names.length = nesting;
    names[nesting] = name;
}

export default async function* reporter(source) {
    const names = []; // of the tests that the report is in, by nesting
    const started = []; // of those that run
    const reported = new Set(), broken = new Set();
    let count = 0;
    let stray = '';
    for await (const { type, data } of source) {
        if (type === 'test:start') {
            enter(names, data);
        } else if (type === 'test:dequeue') {
            enter(started, data);
            if (started[0] !== run.canary)
                run.report.start(started.join(' > '));
        } else if (type === 'test:pass' || type === 'test:fail') {
            if ((data.nesting === 0 ? data.name : names[0]) === run.canary)
                continue;
            run.check();
            const name = [...names.slice(0, data.nesting), data.name].join(' > ');
            reported.add(name);
            if (reportOne(name, type === 'test:pass', data)) {
                count++;
                if (data.details?.type === 'suite')
                    broken.add(name);
            }
        } else if (type === 'test:diagnostic' && /asynchronous activity/.test(data.message)) {
            stray = data.message;
        }
    }
    const missing = vanished(run.plan, reported, broken);
    if (missing !== undefined && count > 0)
        run.report.tampered(`${missing.join(' > ')}: the test did not report`);
    run.ended(count, stray);
}
