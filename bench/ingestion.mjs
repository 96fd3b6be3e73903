/**
 * Speed of ingestion.
 *   npm run build && node bench/ingestion.mjs [FILES=1000] [EMBEDDED_FILES=100] [SHORT_DOCUMENTS=2000]
 * FILES Markdown files of 3 KB are parsed, cut and indexed, and nothing else. Then they go through the whole service, whose
 * jobs store, parse, cut, embed, write and index them: with vectors that are made up at once, so that all but the model is
 * measured, and EMBEDDED_FILES of them once more with the embedded model. SHORT_DOCUMENTS of two sentences go over HTTP into a
 * server of their own, embedded by an endpoint that answers at once. Over the embedded database, in a folder that is removed
 * afterwards. Prints figures only, with the CPU time of all threads, which a busy machine changes less; judges nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { batchesOf, ended, PRINCIPAL, random, silent } from './kit.mjs';
import { measureShortDocuments } from './short-documents.mjs';

const require = createRequire(import.meta.url);
const { EMBEDDED_MODEL, ModelEmbeddings } = require('../dist/src/adapters/embeddings');
const { EmbeddedSearchIndex } = require('../dist/src/adapters/embedded-search');
const { createApplication } = require('../dist/src/composition-root');
const { loadConfig } = require('../dist/src/config/environment');
const { createDocumentParser } = require('../dist/src/documents/parse');

const [fileCount = 1_000, embeddedCount = 100, shortCount = 2_000] = process.argv.slice(2).map(Number);
const FILE_BYTES = 3 * 1024;
const VOCABULARY = 20_000;
/** As many as a job of the service has. */
const FILES_AT_ONCE = 4;

const word = () => `word${Math.floor(VOCABULARY ** random())}`;
const sentence = () => `The ${Array.from({ length: 11 }, word).join(' ')}.`;
const paragraph = () => Array.from({ length: 4 }, sentence).join(' ');

function markdown(number) {
  let text = `# Document ${number}\n`;
  for (let section = 1; text.length < FILE_BYTES; section++)
    text += `\n## Section ${section} on ${word()}\n\n${paragraph()}\n\n- ${sentence()}\n- ${sentence()}\n`;
  return {
    fileName: `document-${number}.md`,
    mimeType: 'text/markdown',
    bytes: Buffer.from(text.slice(0, FILE_BYTES)),
  };
}

const vectors = Array.from({ length: 64 }, () =>
  Float32Array.from({ length: EMBEDDED_MODEL.dimension }, () => random() - 0.5),
);

/** Parsing, cutting and indexing alone. */
async function measureParts(files, folder) {
  const parser = createDocumentParser();
  const index = new EmbeddedSearchIndex(folder);
  const base = { id: 'base', embeddingModel: EMBEDDED_MODEL.id, dimension: EMBEDDED_MODEL.dimension };
  const started = performance.now();
  const cpu = process.cpuUsage();
  let chunkCount = 0;
  let next = 0;
  const lane = async () => {
    for (let number = next++; number < files.length; number = next++) {
      const { bytes, fileName, mimeType } = files[number];
      const read = await parser.read({ bytes, fileName, declaredType: mimeType });
      chunkCount += read.chunks.length;
      await index.put('bench', base, read.chunks.map(toIndexed(number, read.document)));
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, lane));
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `parsing, cutting and indexing alone: ${files.length} files, ${chunkCount} chunks in ${seconds.toFixed(1)} s:` +
      ` ${(files.length / seconds).toFixed(0)} files/s, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
  );
  await Promise.all([parser.close(), index.close()]);
}

const toIndexed = (number, document) => (chunk) => ({
  title: document.title ?? '',
  vector: vectors[chunk.text.length % vectors.length],
  record: {
    id: `${number}-1-${chunk.index}`,
    knowledgeBaseId: 'base',
    documentId: `${number}`,
    generation: 1,
    revision: 1,
    position: chunk.index,
    text: chunk.text,
    vectorHash: '',
    start: chunk.start,
    end: chunk.end,
    tokens: chunk.tokens,
    metadata: chunk.metadata,
    createdAt: new Date(0),
  },
});

/** Runs `work` while chunks get vectors that cost nothing. */
async function withoutModel(work) {
  const { embedChunks } = ModelEmbeddings.prototype;
  ModelEmbeddings.prototype.embedChunks = (_model, texts) =>
    Promise.resolve(texts.map((text) => vectors[text.length % vectors.length]));
  try {
    await work();
  } finally {
    ModelEmbeddings.prototype.embedChunks = embedChunks;
  }
}

async function measure({ ingestion, jobs, bases }, name, files) {
  const [first, ...rest] = batchesOf(files);
  const started = performance.now();
  const cpu = process.cpuUsage();
  const made = await ingestion.createFromFiles(PRINCIPAL, { name }, first);
  const queued = [made.view.job.id];
  for (const batch of rest) queued.push((await ingestion.addDocuments(PRINCIPAL, made.base.id, batch)).jobId);
  const taken = performance.now() - started;
  await Promise.all(queued.map((jobId) => ended(jobs, jobId)));
  const seconds = (performance.now() - started) / 1_000;
  const { statistics } = await bases.get(PRINCIPAL, made.base.id);
  const { user, system } = process.cpuUsage(cpu);
  const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(
    `${name}: ${files.length} files, ${statistics.chunks} chunks in ${seconds.toFixed(1)} s` +
      ` (all taken after ${(taken / 1_000).toFixed(1)} s): ${(files.length / seconds).toFixed(0)} files/s,` +
      ` ${(statistics.chunks / seconds).toFixed(0)} chunks/s, ${((user + system) / 1e6).toFixed(1)} s of CPU, ${megabytes} MB RSS`,
  );
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'ingestion-'));
const config = loadConfig({ PORT: '0', AGENTFLOW_DATA_DIR: folder, NODE_ENV: 'test' });
const application = await createApplication({ config, logger: silent });
try {
  await application.listen();
  const { knowledge } = application.services;
  const files = Array.from({ length: fileCount }, (_, number) => markdown(number));
  const warmUp = Array.from({ length: 20 }, (_, number) => markdown(fileCount + number));
  await measureParts(files, path.join(folder, 'alone'));
  await withoutModel(async () => {
    await knowledge.ingestion.createFromFiles(PRINCIPAL, { name: 'warm-up' }, warmUp);
    await measure(knowledge, 'without a model', files);
  });
  await measure(knowledge, 'with the embedded model', files.slice(0, embeddedCount));
} finally {
  await application.close();
  rmSync(folder, { recursive: true, force: true });
}
if (shortCount > 0) await measureShortDocuments(shortCount, sentence);
