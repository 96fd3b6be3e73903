/** Runs TypeScript sources of this repository in a child process, bundled once per script. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';

const ROOT = path.resolve(__dirname, '../../..');
const bundles = new Map<string, string>();
const folders = new Set<string>();

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Bundles next to node_modules, so that packages resolve; `.agentflow/` is ignored by git. */
function bundle(entry: string, contents?: string): string {
  const known = bundles.get(entry);
  if (known !== undefined) return known;
  const cache = path.join(ROOT, '.agentflow');
  mkdirSync(cache, { recursive: true });
  const outdir = mkdtempSync(path.join(cache, 'test-child-'));
  const common = {
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  } as const;
  const worker = path.join(ROOT, 'src/embedded-mongo/worker.ts');
  buildSync({ ...common, entryPoints: [worker], outfile: path.join(outdir, 'worker.js') });
  const outfile = path.join(outdir, 'main.js');
  const input =
    contents === undefined
      ? { entryPoints: [path.join(__dirname, entry)] }
      : { stdin: { contents, resolveDir: __dirname, loader: 'ts' as const } };
  buildSync({ ...common, ...input, outfile });
  bundles.set(entry, outfile);
  folders.add(outdir);
  return outfile;
}

export interface Running {
  process: ChildProcess;
  firstLine: Promise<string>;
  exit: Promise<{ code: number | null; stderr: string; stdout: string }>;
}

export function spawnScript(
  script: { entry: string; contents?: string },
  args: string[],
  options: { shellPrefix?: string } = {},
): Running {
  const file = bundle(script.entry, script.contents);
  const command = [process.execPath, file, ...args];
  const child =
    options.shellPrefix === undefined
      ? spawn(command[0]!, command.slice(1), { cwd: ROOT })
      : spawn('sh', ['-c', `${options.shellPrefix}; exec "$@"`, 'sh', ...command], { cwd: ROOT });
  let stderr = '';
  let stdout = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const exit = new Promise<{ code: number | null; stderr: string; stdout: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stderr, stdout })),
  );
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void exit.then(({ code }) =>
      reject(new Error(`child ended with ${code} before its first line: ${stderr}`)),
    );
  });
  firstLine.catch(() => undefined);
  return { process: child, firstLine, exit };
}

export const spawnServer = (dataDir: string, options?: { shellPrefix?: string }): Running =>
  spawnScript({ entry: 'child.ts' }, [dataDir], options);

/** `agentflow db` as its own process. */
export const spawnDbCli = (args: string[]): Running =>
  spawnScript(
    {
      entry: 'db-cli',
      contents: `import { runDbCli } from '../../../src/embedded-mongo/cli';
void runDbCli(process.argv.slice(2)).then((code) => process.exit(code));`,
    },
    args,
  );
