/**
 * Fills a knowledge base named `kb` of the tenant `bench` in the data folder that the environment names, for the `search`
 * scenario of a side-by-side benchmark (`bench/side-by-side.mjs --corpus`):
 *   npm run build && AGENTFLOW_DATA_DIR=… node bench/seed-search.mjs CORPUS
 * CORPUS is a module whose `chunks()` gives `{id, text}`; each text becomes a document of one chunk, embedded by the
 * configured model.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const { createApplication } = require('../dist/src/composition-root');
const { loadConfig } = require('../dist/src/config/environment');

const FILES_OF_A_REQUEST = 100;
const PRINCIPAL = { type: 'human', tenant: 'bench', userId: 'bench', scopes: [], isAdmin: false };

const [corpus] = process.argv.slice(2);
if (!corpus) throw new Error('Usage: node bench/seed-search.mjs CORPUS');
const { chunks } = await import(pathToFileURL(path.resolve(corpus)));
const files = chunks().map(({ id, text }) => ({
  fileName: `${id}.txt`,
  mimeType: 'text/plain',
  bytes: Buffer.from(text),
}));

const silent = { debug() {}, info() {}, warn: console.warn, error: console.error, child: () => silent };
const application = await createApplication({
  config: loadConfig({ ...process.env, PORT: '0' }),
  logger: silent,
});
try {
  await application.listen();
  const { ingestion, jobs } = application.services.knowledge;
  let base;
  for (let from = 0; from < files.length; from += FILES_OF_A_REQUEST) {
    const batch = files.slice(from, from + FILES_OF_A_REQUEST);
    const made = base ? undefined : await ingestion.createFromFiles(PRINCIPAL, { name: 'kb' }, batch);
    base ??= made.base;
    const jobId = made ? made.view.job.id : (await ingestion.addDocuments(PRINCIPAL, base.id, batch)).jobId;
    let last;
    for await (const view of await jobs.progress(PRINCIPAL, jobId)) last = view;
    if (last.job.completed !== last.job.total)
      throw new Error(`${jobId}: ${last.job.error ?? 'files failed'}`);
  }
  const { statistics } = await application.services.knowledge.bases.get(PRINCIPAL, base.id);
  console.log(`${statistics.files} documents, ${statistics.chunks} chunks`);
} finally {
  await application.close();
}
