'use strict';
/**
 * Loads the interpreters from where they really are, as the parent says: a `node_modules` that is a link may not be looked
 * at from here, only what is behind it.
 */
const { createRequire } = require('node:module');

const folder = process.argv[5];

module.exports = createRequire(folder ? require('node:path').join(folder, 'sandbox.cjs') : module.filename);
