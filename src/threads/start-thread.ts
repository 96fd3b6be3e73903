import { createRequire } from 'node:module';
import { Worker, type WorkerOptions } from 'node:worker_threads';

const bundles = new Map<string, string>();

/**
 * Starts a worker thread.
 * @param file the absolute path of its program without extension, `join(__dirname, 'worker')`
 */
export function startThread(file: string, options: WorkerOptions = {}): Worker {
  if (!__filename.endsWith('.ts')) return new Worker(`${file}.js`, options);
  return new Worker(bundleFromSources(file), { ...options, eval: true });
}

/** Tests run from sources, which a thread cannot load: there the thread gets one bundled text. */
function bundleFromSources(file: string): string {
  const known = bundles.get(file);
  if (known !== undefined) return known;
  const entry = `${file}.ts`;
  // A development dependency, needed only here.
  const { buildSync } = createRequire(__filename)('esbuild') as typeof import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    supported: { 'dynamic-import': false },
  });
  // Packages resolve as they would from the program's own file.
  const load = `require('node:module').createRequire(${JSON.stringify(entry)})`;
  const bundle = `(function (require) {\n${outputFiles[0]!.text}\n})(${load});`;
  bundles.set(file, bundle);
  return bundle;
}
