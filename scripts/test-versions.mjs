/**
 * Runs the suites that depend on the version of Node.js on the other supported versions: `npm run test:versions`, or
 * `npm run test:versions -- 24 test/runs` for one version and other suites. npm installs the versions (of its packages
 * `node-<platform>-<arch>`) into a temporary folder; a version that cannot be had is skipped, and said to be.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { generateIfStale, root } from './steps.mjs';

/** All that are supported; the one that runs this script has `npm test`. */
const VERSIONS = ['20', '22', '24'];

/**
 * Where versions of Node.js differ: flags and globals of the sandbox's processes, processes and signals, worker threads,
 * the native database, streams over HTTP, memory. Each version may take four minutes of CI.
 */
const SUITES = [
  'test/sandbox/',
  'test/cli/process',
  'test/docs/tour',
  'test/documents/parse',
  'test/embedded-mongo/server/crash',
  'test/faults/shutdown',
  'test/faults/waiting',
  'test/graphql/subscriptions',
  'test/mcp/',
  'test/rest-facade/streams',
];

/** The oldest that are supported, and what shows that the server starts there and its tools run. */
const OLDEST = ['20.19.0', '22.13.0'];
const FIRST_SUITES = ['test/faults/waiting', 'test/sandbox/run'];

const INSTALL_LIMIT_MS = 120_000;
const onWindows = process.platform === 'win32';

/** @returns {string | undefined} the program, when this machine can have and run it */
function install(version, folder) {
  const name = `node-${onWindows ? 'win' : process.platform}-${process.arch}`;
  const options = [
    '--prefix',
    folder,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  spawnSync('npm', ['install', ...options, `${name}@${version}`], {
    cwd: folder,
    shell: onWindows,
    stdio: 'ignore',
    timeout: INSTALL_LIMIT_MS,
  });
  const program = join(folder, 'node_modules', name, 'bin', onWindows ? 'node.exe' : 'node');
  return spawnSync(program, ['--version']).status === 0 ? program : undefined;
}

/** @returns {boolean} whether everything passed */
function test(program, args) {
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const { status } = spawnSync(program, [jest, ...args], {
    cwd: root,
    stdio: 'inherit',
    // What the tests start by name is of this version, too.
    env: { ...process.env, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` },
  });
  return status === 0;
}

function testOn(version, args) {
  const folder = mkdtempSync(join(tmpdir(), `agentflow-node${version}-`));
  try {
    const program = install(version, folder);
    if (program === undefined) {
      console.log(`Node.js ${version} cannot be installed here: its tests are skipped.`);
      return true;
    }
    console.log(`Node.js ${spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
    return test(program, args);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
const isVersion = (arg) => /^\d+(\.\d+)*$/.test(arg);
const rest = args.filter((arg) => !isVersion(arg));
const namesSuites = rest.some((arg) => !arg.startsWith('-'));

/** @returns {[string, string[]][]} every version to test on, and the arguments for Jest there */
function plan() {
  const on = (versions, suites) =>
    versions.map((version) => [version, namesSuites ? rest : [...suites, ...rest]]);
  const asked = args.filter(isVersion);
  if (asked.length > 0) return on(asked, SUITES);
  const [running] = process.versions.node.split('.');
  return [
    ...on(OLDEST, FIRST_SUITES),
    ...on(
      VERSIONS.filter((version) => version !== running),
      SUITES,
    ),
  ];
}

generateIfStale();
const passed = plan().map(([version, forJest]) => testOn(version, forJest));
process.exitCode = passed.every(Boolean) ? 0 : 1;
