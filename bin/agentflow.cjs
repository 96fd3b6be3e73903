#!/usr/bin/env node
'use strict';
require('./node-version.cjs');
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');

const root = join(__dirname, '..');
const entry = join(root, 'dist/src/cli/index.js');

if (!existsSync(entry)) {
  // stdout belongs to the command: `TOKEN=$(agentflow token ...)` must hold nothing else.
  const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], {
    stdio: ['ignore', 'ignore', 2],
  });
  if (built.status !== 0) process.exit(built.status ?? 1);
}

// Compiled code is kept between starts where Node.js can (22.1 and later): a fifth off the time to start.
enableCompileCache?.(join(root, 'node_modules/.cache/agentflow/compiled'));

const dotenv = join(root, '.env');
if (existsSync(dotenv)) process.loadEnvFile(dotenv);

require(entry)
  .runCli(process.argv.slice(2), process.env, { stdout: process.stdout, stderr: process.stderr })
  .then((code) => {
    process.exitCode = code;
  });
