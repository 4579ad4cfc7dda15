// The syntax of a JavaScript file, without running it:
//
//   node --experimental-vm-modules --no-warnings syntax.mjs FILE
//
// exits with 1 and the error on standard error when FILE does not parse: the check of node's cases, once one of them failed.

import fs from 'node:fs';
import vm from 'node:vm';

import { kindOf } from './modules.cjs';

function checkFile(file) {
    const source = fs.readFileSync(file, 'utf8');
    const { kind, error } = kindOf(source, file);
    if (kind === 'module' || file.endsWith('.mjs'))
        new vm.SourceTextModule(source, { identifier: file });
    else if (error !== null)
        throw error;
}

try {
    checkFile(process.argv[2]);
} catch (error) {
    process.stderr.write((error.stack ?? String(error)) + '\n');
    process.exitCode = 1;
}
