/**
 * Speed and memory of the embedded index, on made-up text (words by Zipf's law) and random vectors:
 *   npm run build && node bench/search-speed.mjs [CHUNKS=100000] [DIMENSION=512] [CLIENTS=1]
 * Prints the time to put the chunks, the time until the first search after a restart, the memory of the process with its
 * thread, and the latencies of hybrid searches with the window of 10 results; judges nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { random } from './kit.mjs';

const require = createRequire(import.meta.url);
const { EmbeddedSearchIndex } = require('../dist/src/adapters/embedded-search');

const [chunkCount = 100_000, dimension = 512, clients = 1] = process.argv.slice(2).map(Number);
const BATCH = 256;
const WORDS_OF_A_CHUNK = 120;
const VOCABULARY = 50_000;
const QUERIES = 400;
const WINDOW = 100;
const TENANT = 'bench';
const BASE = { id: 'base', embeddingModel: 'bench/random', dimension };
const SCOPES = [{ knowledgeBaseId: BASE.id, generation: 1 }];

const word = () => `w${Math.floor(VOCABULARY ** random())}`;
const text = (words) => Array.from({ length: words }, word).join(' ');
const vector = () => Float32Array.from({ length: dimension }, () => random() - 0.5);
const megabytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);

function chunk(number) {
  const content = text(WORDS_OF_A_CHUNK);
  return {
    record: {
      id: `document-${number >> 4}-1-${number & 15}`,
      knowledgeBaseId: BASE.id,
      documentId: `document-${number >> 4}`,
      generation: 1,
      revision: 1,
      position: number & 15,
      text: content,
      vectorHash: '',
      start: 0,
      end: content.length,
      tokens: WORDS_OF_A_CHUNK,
      metadata: { format: 'markdown', year: 2000 + (number % 25) },
      createdAt: new Date(0),
    },
    title: `Document ${number >> 4}`,
    vector: vector(),
  };
}

async function measured(index, name, make) {
  const latencies = [];
  let left = QUERIES;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const query = make();
        const began = performance.now();
        await index.search(TENANT, { scopes: SCOPES, window: WINDOW, ...query });
        latencies.push(performance.now() - began);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  latencies.sort((one, other) => one - other);
  const at = (share) => latencies[Math.floor(share * (latencies.length - 1))].toFixed(1);
  console.log(
    `${name.padEnd(18)} p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  p99 ${at(0.99)} ms  ${(QUERIES / seconds).toFixed(0)} /s`,
  );
}

const root = mkdtempSync(path.join(os.tmpdir(), 'search-speed-'));
try {
  const writer = new EmbeddedSearchIndex(root);
  const began = performance.now();
  for (let from = 0; from < chunkCount; from += BATCH) {
    const size = Math.min(BATCH, chunkCount - from);
    await writer.put(
      TENANT,
      BASE,
      Array.from({ length: size }, (_, place) => chunk(from + place)),
    );
  }
  const seconds = (performance.now() - began) / 1_000;
  console.log(`put ${chunkCount} chunks of ${dimension} in ${seconds.toFixed(1)} s, ${megabytes()} MB`);
  await writer.close();
  globalThis.gc?.();

  const index = new EmbeddedSearchIndex(root);
  const before = megabytes();
  const opened = performance.now();
  await index.search(TENANT, { scopes: SCOPES, window: WINDOW, text: text(6), vector: vector() });
  console.log(
    `first search ${((performance.now() - opened) / 1_000).toFixed(2)} s, ${before} -> ${megabytes()} MB`,
  );
  await measured(index, 'hybrid', () => ({ text: text(6), vector: vector() }));
  await measured(index, 'keyword', () => ({ text: text(6) }));
  await measured(index, 'semantic', () => ({ vector: vector() }));
  const filter = { kind: 'field', field: 'year', operator: 'gte', value: 2020 };
  await measured(index, 'hybrid, filtered', () => ({ text: text(6), vector: vector(), filter }));
  console.log(`${clients} clients, ${megabytes()} MB`);
  await index.close();
} finally {
  rmSync(root, { recursive: true, force: true });
}
