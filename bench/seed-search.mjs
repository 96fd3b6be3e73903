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
import { batchesOf, ended, PRINCIPAL, silent } from './kit.mjs';

const require = createRequire(import.meta.url);
const { createApplication } = require('../dist/src/composition-root');
const { loadConfig } = require('../dist/src/config/environment');

const [corpus] = process.argv.slice(2);
if (!corpus) throw new Error('Usage: node bench/seed-search.mjs CORPUS');
const { chunks } = await import(pathToFileURL(path.resolve(corpus)));
const files = chunks().map(({ id, text }) => ({
  fileName: `${id}.txt`,
  mimeType: 'text/plain',
  bytes: Buffer.from(text),
}));

const application = await createApplication({
  config: loadConfig({ ...process.env, PORT: '0' }),
  logger: silent,
});
try {
  await application.listen();
  const { ingestion, jobs } = application.services.knowledge;
  let base;
  for (const batch of batchesOf(files)) {
    const made = base ? undefined : await ingestion.createFromFiles(PRINCIPAL, { name: 'kb' }, batch);
    base ??= made.base;
    await ended(
      jobs,
      made ? made.view.job.id : (await ingestion.addDocuments(PRINCIPAL, base.id, batch)).jobId,
    );
  }
  const { statistics } = await application.services.knowledge.bases.get(PRINCIPAL, base.id);
  console.log(`${statistics.files} documents, ${statistics.chunks} chunks`);
} finally {
  await application.close();
}
