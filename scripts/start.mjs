/**
 * `npm start`: brings generated code and dist/ up to date, then becomes the server, in this same process.
 * Variables come from the environment, and from `.env` for those that the environment does not set.
 */
import '../bin/node-version.cjs';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from './build.mjs';
import { endWithLauncher } from './launcher.mjs';
import { generateIfStale, root, tell } from './steps.mjs';

const dotenv = join(root, '.env');
if (existsSync(dotenv)) process.loadEnvFile(dotenv);

endWithLauncher();
generateIfStale();
const built = await build();
if (built > 0) tell('starting');

const { runCli } = createRequire(import.meta.url)(join(root, 'dist/src/cli'));
const io = { stdout: process.stdout, stderr: process.stderr };
// Not awaited: a module that is still waiting when the event loop runs dry makes Node exit with 13.
void runCli(['serve', ...process.argv.slice(2)], process.env, io).then((code) => {
  process.exitCode = code;
});
