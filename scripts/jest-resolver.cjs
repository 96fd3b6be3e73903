'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** `import('./x.js')` is how TypeScript wants lazy imports written; in the tests that file is still `x.ts`. */
module.exports = (request, options) => {
  if (/^\.{1,2}\/.*\.js$/.test(request)) {
    const source = request.replace(/\.js$/, '.ts');
    if (existsSync(join(options.basedir, source))) return options.defaultResolver(source, options);
  }
  return options.defaultResolver(request, options);
};
