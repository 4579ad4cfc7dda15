// The syntax of a JavaScript file, without running it. As a program:
//
//   node --experimental-vm-modules --no-warnings syntax.mjs FILE
//
// exits with 1 and the error on standard error when FILE does not parse; the compile step of node's cases. On a
// Node that does not tell ES modules by their syntax (before 20.19) it also declares them in package.json.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

const ONLY_IN_MODULES =
    /Cannot use import statement|Unexpected token 'export'|Cannot use 'import.meta'|await is only valid in async functions and the top level|Cannot use import.meta/;
const COMMONJS_NAMES = ['exports', 'require', 'module', '__filename', '__dirname'];

export const nodeTellsModules = process.features.require_module === true;

// { kind: 'commonjs' | 'module', error }: what the text is, and why it does not parse as CommonJS (null when it does).
export function kindOf(source, filename) {
    try {
        vm.compileFunction(source.replace(/^#!.*/, ''), COMMONJS_NAMES, { filename });
        return { kind: 'commonjs', error: null };
    } catch (error) {
        return { kind: ONLY_IN_MODULES.test(error.message) ? 'module' : 'commonjs', error };
    }
}

export function declareModules(folder) {
    const file = path.join(folder, 'package.json');
    let content = {};
    try {
        content = JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch {
        // none, or none that node could use
    }
    fs.writeFileSync(file, JSON.stringify({ ...content, type: 'module' }));
}

function checkFile(file) {
    const source = fs.readFileSync(file, 'utf8');
    const { kind, error } = kindOf(source, file);
    if (kind === 'commonjs' && !file.endsWith('.mjs')) {
        if (error !== null)
            throw error;
        return;
    }
    new vm.SourceTextModule(source, { identifier: file });
    if (!nodeTellsModules && file.endsWith('.js'))
        declareModules(path.dirname(path.resolve(file)));
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
    try {
        checkFile(process.argv[2]);
    } catch (error) {
        process.stderr.write((error.stack ?? String(error)) + '\n');
        process.exitCode = 1;
    }
}
