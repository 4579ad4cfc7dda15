// CommonJS or ES module: what a text is, and how a Node that does not tell by the syntax (before 20.19) is told.
//
// Also loaded before the program of a case (node --require), where it does the latter for the program.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const ONLY_IN_MODULES =
    /Cannot use import statement|Unexpected token 'export'|Cannot use 'import.meta'|await is only valid in async functions and the top level|Cannot use import.meta/;
const COMMONJS_NAMES = ['exports', 'require', 'module', '__filename', '__dirname'];

const nodeTellsModules = process.features.require_module === true;

// { kind: 'commonjs' | 'module', error }: what the text is, and why it does not parse as CommonJS (null when it does).
function kindOf(source, filename) {
    try {
        vm.compileFunction(source.replace(/^#!.*/, ''), COMMONJS_NAMES, { filename });
        return { kind: 'commonjs', error: null };
    } catch (error) {
        return { kind: ONLY_IN_MODULES.test(error.message) ? 'module' : 'commonjs', error };
    }
}

function declareModules(folder) {
    const file = path.join(folder, 'package.json');
    let content = {};
    try {
        content = JSON.parse(fs.readFileSync(file, 'utf8'));
    } catch {
        // none, or none that node could use
    }
    if (content?.type !== 'module')
        fs.writeFileSync(file, JSON.stringify({ ...content, type: 'module' }));
}

function declareProgram(file) {
    if (file?.endsWith('.js') && kindOf(fs.readFileSync(file, 'utf8'), file).kind === 'module')
        declareModules(path.dirname(file));
}

module.exports = { declareModules, kindOf, nodeTellsModules };

if (!nodeTellsModules && module.parent?.id === 'internal/preload')
    declareProgram(process.argv[1]);
