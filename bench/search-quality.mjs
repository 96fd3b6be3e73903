/**
 * Quality of search on a judged collection, by the embedded index and the embedded embeddings:
 *   npm run build && node bench/search-quality.mjs FOLDER [VECTORS]
 * FOLDER holds corpus.jsonl {id, title, text}, queries.jsonl {id, text} and qrels.tsv (query, doc, relevance).
 * VECTORS is a file that keeps the vectors between runs (default: in the folder for temporary files).
 * With ELASTICSEARCH_URL the same on that server, in indices that are removed afterwards.
 * Prints nDCG@10 (gains 2^grade - 1) of keyword, semantic, hybrid, hybrid with feedback; judges nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);
const { ElasticsearchIndex } = require('../dist/src/adapters/elasticsearch');
const { EmbeddedSearchIndex } = require('../dist/src/adapters/embedded-search');
const { ANALYSIS_VERSION, Analyzer } = require('../dist/src/adapters/embedded-search/analysis');
const { ModelEmbeddings, EMBEDDED_MODEL } = require('../dist/src/adapters/embeddings');
const { fuseConvex, fuseReciprocalRanks, rankBy, feedbackOf } = require('../dist/src/knowledge/ranking');

const WINDOW = 100;
const DEPTH = 10;
const TENANT = 'bench';
const BASE = { id: 'collection', embeddingModel: EMBEDDED_MODEL.id, dimension: EMBEDDED_MODEL.dimension };

const [folder, vectorFile] = process.argv.slice(2);
if (!folder) throw new Error('Usage: node bench/search-quality.mjs FOLDER [VECTORS]');

const lines = (name) => readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean);
const corpus = lines('corpus.jsonl').map((line) => JSON.parse(line));
const queries = lines('queries.jsonl').map((line) => JSON.parse(line));
const judgements = new Map();
for (const line of lines('qrels.tsv').slice(1)) {
  const [query, document, grade] = line.split('\t');
  if (!judgements.has(query)) judgements.set(query, new Map());
  judgements.get(query).set(document, Number(grade));
}

/** Vectors of all texts, in order, from the file when it has those of the very same texts. */
async function vectorsOf(texts) {
  const hash = createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 16);
  const file = vectorFile ?? path.join(os.tmpdir(), `search-quality-${hash}.f32`);
  const { dimension } = EMBEDDED_MODEL;
  if (existsSync(file)) {
    const bytes = readFileSync(file);
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    if (all.length === texts.length * dimension)
      return texts.map((_, index) => all.slice(index * dimension, (index + 1) * dimension));
  }
  const embeddings = new ModelEmbeddings({ gateway: {}, defaultModel: undefined });
  const started = performance.now();
  const vectors = await embeddings.embedChunks(EMBEDDED_MODEL.id, texts);
  await embeddings.close();
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `embedded ${texts.length} texts in ${seconds.toFixed(0)} s, ${(texts.length / seconds).toFixed(1)} /s`,
  );
  writeFileSync(
    file,
    Buffer.concat(vectors.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength))),
  );
  return vectors;
}

const gain = (grade) => 2 ** grade - 1;
const discounted = (grades) =>
  grades.reduce((sum, grade, index) => sum + gain(grade) / Math.log2(index + 2), 0);

function ndcg(query, ids) {
  const grades = judgements.get(query);
  const ideal = [...grades.values()].filter((grade) => grade > 0).sort((one, other) => other - one);
  const best = discounted(ideal.slice(0, DEPTH));
  return best === 0
    ? undefined
    : discounted(ids.slice(0, DEPTH).map((id) => Math.max(0, grades.get(id) ?? 0))) / best;
}

const root = mkdtempSync(path.join(os.tmpdir(), 'search-quality-'));
const url = process.env.ELASTICSEARCH_URL;
const prefix = `bench-${process.pid}-${Date.now()}`;
const analyzer = new Analyzer();
const index = url
  ? new ElasticsearchIndex({
      url,
      prefix,
      analyse: (text) => analyzer.terms(text),
      analysisVersion: ANALYSIS_VERSION,
    })
  : new EmbeddedSearchIndex(root);

async function removeIndices() {
  const { Client } = require('@elastic/elasticsearch');
  const client = new Client({ node: url });
  await client.indices.delete({ index: `${prefix}-*`, ignore_unavailable: true });
  await client.close();
}
try {
  const vectors = await vectorsOf([...corpus.map(({ text }) => text), ...queries.map(({ text }) => text)]);
  const chunks = corpus.map(({ id, title, text }, position) => ({
    record: {
      id,
      knowledgeBaseId: BASE.id,
      documentId: id,
      generation: 1,
      revision: 1,
      position: 0,
      text,
      vectorHash: '',
      start: 0,
      end: text.length,
      tokens: 0,
      metadata: {},
      createdAt: new Date(0),
    },
    title: title ?? '',
    vector: vectors[position],
  }));
  for (let from = 0; from < chunks.length; from += 100)
    await index.put(TENANT, BASE, chunks.slice(from, from + 100));

  const scopes = [{ knowledgeBaseId: BASE.id, generation: 1 }];
  const results = new Map();
  const note = (name, query, ranked) => {
    const value = ndcg(
      query,
      ranked.map(({ candidate }) => candidate.id),
    );
    if (value !== undefined) results.set(name, [...(results.get(name) ?? []), value]);
  };
  for (const [position, { id, text }] of queries.entries()) {
    if (!judgements.has(id)) continue;
    const query = { scopes, text, vector: vectors[corpus.length + position], window: WINDOW };
    const { candidates } = await index.search(TENANT, query);
    const hybrid = fuseConvex(candidates, 0.5);
    note('keyword', id, rankBy(candidates, 'keyword'));
    note('semantic', id, rankBy(candidates, 'vector'));
    note('hybrid (convex 0.5)', id, hybrid);
    note('hybrid (rrf)', id, fuseReciprocalRanks(candidates, { alpha: 0.5, k: 60 }));
    const expanded = await index.search(TENANT, { ...query, feedback: feedbackOf(hybrid) });
    note('keyword + feedback', id, rankBy(expanded.candidates, 'keyword'));
    note('hybrid + feedback', id, fuseConvex(expanded.candidates, 0.5));
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const alone = Math.max(mean(results.get('keyword')), mean(results.get('semantic')));
  for (const [name, values] of results)
    console.log(
      `${name.padEnd(22)} nDCG@10 ${mean(values).toFixed(4)}  ${(mean(values) / alone).toFixed(3)} of the better alone`,
    );
} finally {
  await index.close();
  if (url) await removeIndices();
  rmSync(root, { recursive: true, force: true });
}
