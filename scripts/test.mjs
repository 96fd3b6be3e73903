/**
 * Runs the tests: `npm test`, `npm test -- test/runs -i`. With `--integration` only the suites that use a database
 * run; set MONGODB_URL (and ELASTICSEARCH_URL) to run them on real servers instead of the embedded ones.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { generateIfStale, root } from './steps.mjs';

const args = process.argv.slice(2);
const integration = args.includes('--integration');

generateIfStale();
const result = spawnSync(
  process.execPath,
  [createRequire(import.meta.url).resolve('jest/bin/jest'), ...args.filter((arg) => arg !== '--integration')],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(integration ? { AGENTFLOW_TEST_SUITE: 'integration' } : {}) },
  },
);
process.exitCode = result.status ?? 1;
