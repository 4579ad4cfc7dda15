// Which tests must report, from the suite's text alone, before anything of it or of the program runs.
//
// Only what is certain is planned: calls of node:test's test, it and describe with a plain text as name, as statements of the
// module or of the function that a planned describe got. What stands under if, in loops, in functions, behind a return may
// decide against itself, and counts when it runs. A text that this reader does not understand has no plan.

const REGEX_MAY_FOLLOW = /^(?:[({[,;=:?!&|+\-*%<>~^}]|=>|return|typeof|case|in|of|delete|void|throw|new|do|else|await|yield|)$/;
const TOKEN = /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|[A-Za-z_$][\w$]*|\d[\w.]*|=>|\.\.\.|'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"|[^]/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const CLOSING = { '(': ')', '[': ']', '{': '}' };
const CONTROL = new Set(['if', 'for', 'while', 'with', 'switch', 'catch']);
const BLOCK_BEFORE = new Set(['else', 'try', 'finally', 'do']);

// The end of the template that begins at `at`, and whether it holds expressions.
function templateEnd(text, at) {
    let depth = 0, plain = true;
    for (let i = at + 1; i < text.length; i++) {
        if (text[i] === '\\')
            i++;
        else if (depth === 0 && text[i] === '`')
            return { end: i + 1, plain };
        else if (depth === 0 && text[i] === '$' && text[i + 1] === '{')
            [depth, plain] = [1, false], i++;
        else if (depth > 0 && text[i] === '{')
            depth++;
        else if (depth > 0 && text[i] === '}')
            depth--;
        else if (depth > 0 && (text[i] === '`' || text[i] === "'" || text[i] === '"' || text[i] === '/'))
            throw new SyntaxError('an expression in a template that is not read');
    }
    throw new SyntaxError('a template without end');
}

// [{ text, partner }]: partner is the index of the matching bracket.
function tokensOf(text) {
    const tokens = [], open = [];
    let at = text.startsWith('#!') ? text.indexOf('\n') : 0;
    while (at >= 0 && at < text.length) {
        const last = tokens.at(-1)?.text ?? '';
        let found;
        if (text[at] === '`') {
            const { end, plain } = templateEnd(text, at);
            found = text.slice(at, end);
            tokens.push({ text: plain ? found : '`${' });
        } else if (text[at] === '/' && !/^\/[/*]/.test(text.slice(at, at + 2)) && (REGEX_MAY_FOLLOW.test(last) || last === ')')) {
            REGEX.lastIndex = at;
            found = REGEX.exec(text)?.[0];
            // Behind a parenthesis a slash divides, or begins an expression: who knows.
            if (last === ')' || found === undefined)
                throw new SyntaxError('a slash that is not read');
            tokens.push({ text: '/regex/' });
        } else {
            TOKEN.lastIndex = at;
            found = TOKEN.exec(text)[0];
            if (found === "'" || found === '"')
                throw new SyntaxError('a text without end');
            if (!/^(?:\s|\/\/|\/\*)/.test(found)) {
                if (CLOSING[found])
                    open.push(tokens.length);
                const token = { text: found };
                if (found === ')' || found === ']' || found === '}') {
                    const partner = open.pop();
                    if (partner === undefined || CLOSING[tokens[partner].text] !== found)
                        throw new SyntaxError('brackets that do not match');
                    token.partner = partner;
                    tokens[partner].partner = tokens.length;
                }
                tokens.push(token);
            }
        }
        at += found.length;
    }
    if (open.length > 0)
        throw new SyntaxError('brackets that are left open');
    return tokens;
}

const isNodeTest = (token) => /^(['"])(?:node:)?test\1$/.test(token?.text ?? '');
const isName = (token) => /^[A-Za-z_$][\w$]*$/.test(token?.text ?? '');

// Local names of test, it, describe and suite: { local: 'test' | 'describe' }.
function bindingsOf(tokens) {
    const bound = new Map();
    const KINDS = { test: 'test', it: 'test', describe: 'describe', suite: 'describe', default: 'test' };
    const take = (name, local) => KINDS[name] && bound.set(local, KINDS[name]);
    const takeList = (from, to, separator) => {
        for (let i = from + 1; i < to; i++)
            if (isName(tokens[i]) && (tokens[i - 1].text === '{' || tokens[i - 1].text === ','))
                take(tokens[i].text, tokens[i + 1].text === separator ? tokens[i + 2].text : tokens[i].text);
    };
    for (let i = 0; i < tokens.length; i++) {
        const words = tokens.slice(i, i + 6).map((token) => token.text);
        if (words[0] === 'require' && words[1] === '(' && isNodeTest(tokens[i + 2]) && words[3] === ')' && tokens[i - 1]?.text === '=' && words[4] !== '.') {
            if (tokens[i - 2].text === '}')
                takeList(tokens[i - 2].partner, i - 2, ':');
            else if (isName(tokens[i - 2]) && /^(?:const|let|var|,)$/.test(tokens[i - 3]?.text))
                take('default', tokens[i - 2].text);
        } else if (words[0] === 'from' && isNodeTest(tokens[i + 1])) {
            let first = i - 1;
            if (tokens[first].text === '}') {
                takeList(tokens[first].partner, first, 'as');
                first = tokens[first].partner - (tokens[tokens[first].partner - 1]?.text === ',' ? 2 : 1);
            }
            if (isName(tokens[first]) && tokens[first - 1]?.text === 'import')
                take('default', tokens[first].text);
        }
    }
    // A name that gets another value later says nothing.
    const assigned = (name) => (token, i) => token.text === name && tokens[i + 1]?.text === '=' && tokens[i + 2]?.text !== 'require';
    for (const name of [...bound.keys()])
        if (tokens.some(assigned(name)))
            bound.delete(name);
    return bound;
}

// Does a statement begin at token i of a body that begins at `from`?
function beginsStatement(tokens, i, from) {
    if (i === from)
        return true;
    const before = tokens[i - 1];
    if (before.text === 'await')
        return beginsStatement(tokens, i - 1, from);
    if (before.text === ')')
        return !CONTROL.has(tokens[before.partner - 1]?.text) && tokens[before.partner - 1]?.text !== 'await';
    return before.text === ';' || before.text === '}' || /^['"]/.test(before.text);
}

// The body of the function that begins at token i: [first, behind the last]; null for what is none, or waits, or whose
// parameters hide one of the names.
function bodyOf(tokens, i, bound) {
    const arrow = tokens[i]?.text === '(' && tokens[tokens[i].partner + 1]?.text === '=>';
    if (tokens[i]?.text === 'function')
        i += isName(tokens[i + 1]) ? 2 : 1;
    else if (!arrow)
        return null;
    if (tokens[i].partner === undefined || tokens.slice(i, tokens[i].partner).some((token) => bound.has(token.text)))
        return null;
    const open = tokens[i].partner + (arrow ? 2 : 1);
    return tokens[open]?.text === '{' ? [open + 1, tokens[open].partner] : null;
}

function isBlock(tokens, i) {
    const before = tokens[i - 1];
    return BLOCK_BEFORE.has(before?.text) || (before?.text === ')' && CONTROL.has(tokens[before.partner - 1]?.text));
}

function returnsWithin(tokens, from, to) {
    for (let i = from; i < to; i++) {
        if (tokens[i].text === 'return' || tokens[i].text === 'throw' || tokens[i].text === 'break')
            return true;
        if (tokens[i].text === '{' && !isBlock(tokens, i))
            i = tokens[i].partner;
    }
    return false;
}

function collect(tokens, bound, from, to, within, found) {
    for (let i = from; i < to; i++) {
        const token = tokens[i];
        if (token.text === '{' && isBlock(tokens, i) && returnsWithin(tokens, i + 1, token.partner))
            return;
        if (token.text === 'return' || token.text === 'throw')
            return;
        const kind = isName(token) && bound.get(token.text);
        if (kind && tokens[i + 1]?.text === '(' && beginsStatement(tokens, i, from)) {
            const literal = /^(['"`])([^\\]+)\1$/.exec(tokens[i + 2]?.text ?? '');
            if (literal && tokens[i + 3]?.text === ',') {
                const name = [...within, literal[2]];
                const body = kind === 'describe' ? bodyOf(tokens, i + 4, bound) : null;
                if (kind === 'test')
                    found.push(name);
                else if (body)
                    collect(tokens, bound, body[0], body[1], name, found);
            }
        }
        if (CLOSING[token.text])
            i = token.partner;
    }
}

// Names by nesting: [['a'], ['group', 'b']].
export function planOf(text) {
    try {
        const tokens = tokensOf(text);
        const bound = bindingsOf(tokens);
        const found = [];
        collect(tokens, bound, 0, tokens.length, [], found);
        return found;
    } catch (error) {
        if (error instanceof SyntaxError)
            return [];
        throw error;
    }
}
