/**
 * Quality of search on a judged collection, through the service: its ingestion, embeddings, index and ranking.
 *   npm run build && node bench/search-quality.mjs FOLDER [DATA]
 * FOLDER holds corpus.jsonl {id, title, text}, queries.jsonl {id, text} and qrels.tsv (query, doc, relevance).
 * DATA is a data folder that is kept, so that the next run need not ingest again (default: a temporary one).
 * With ELASTICSEARCH_URL the same on that cluster; embeddings are the embedded ones unless a key is set.
 * Prints nDCG@10 (gains 2^grade - 1, a document counts where its first passage is) and the median time of a search, one at
 * a time; judges nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const DEPTH = 10;
/** Passages: more than documents are wanted, of which one may fill several. */
const PASSAGES = 30;
const FILES_AT_ONCE = 100;
const NAME = 'collection';
const MODES = {
  keyword: { search_type: 'keyword' },
  semantic: { search_type: 'semantic' },
  'hybrid (default)': {},
  'hybrid (rrf)': { fusion: 'rrf' },
  'hybrid + expansion': { enable_query_expansion: true },
};

const [folder, kept] = process.argv.slice(2);
if (!folder) throw new Error('Usage: node bench/search-quality.mjs FOLDER [DATA]');

const lines = (name) => readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean);
const corpus = lines('corpus.jsonl').map((line) => JSON.parse(line));
const queries = lines('queries.jsonl').map((line) => JSON.parse(line));
const judgements = new Map();
for (const line of lines('qrels.tsv').slice(1)) {
  const [query, document, grade] = line.split('\t');
  if (!judgements.has(query)) judgements.set(query, new Map());
  judgements.get(query).set(document, Number(grade));
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

const data = kept ?? mkdtempSync(path.join(os.tmpdir(), 'search-quality-'));
const port = await freePort();
const server = spawn(process.execPath, [path.join(import.meta.dirname, '../bin/agentflow.cjs'), 'serve'], {
  env: { ...process.env, PORT: String(port), AGENTFLOW_DATA_DIR: data, LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'inherit', 'inherit'],
});
const base = `http://127.0.0.1:${port}/api/v1/knowledge-bases`;

async function ask(where, init) {
  const response = await fetch(where, init);
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${body.detail}`);
  return body;
}

async function ready() {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/ready`)).ok) return;
    } catch (error) {
      if (server.exitCode !== null) throw error;
    }
    await delay(100);
  }
  throw new Error('the server does not get ready');
}

/** The text of a document as its file has it: the title stands before it, once. */
const textOf = ({ title = '', text }) => (text.startsWith(title) ? text : `${title}\n\n${text}`);

async function ingest() {
  const started = performance.now();
  let id;
  const jobs = [];
  for (let from = 0; from < corpus.length; from += FILES_AT_ONCE) {
    const form = new FormData();
    if (!id) form.append('name', NAME);
    for (const document of corpus.slice(from, from + FILES_AT_ONCE))
      form.append('files', new Blob([textOf(document)]), `${document.id}.txt`);
    const made = await ask(id ? `${base}/${id}/documents` : base, { method: 'POST', body: form });
    id ??= made.id;
    if (made.job_id) jobs.push(made.job_id);
  }
  for (const job of jobs)
    while (
      !['completed', 'failed'].includes((await ask(`http://127.0.0.1:${port}/api/v1/batches/${job}`)).status)
    )
      await delay(500);
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `ingested ${corpus.length} documents in ${seconds.toFixed(0)} s, ${(corpus.length / seconds).toFixed(1)} /s`,
  );
  return id;
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

async function search(id, query, fields) {
  const started = performance.now();
  const { documents } = await ask(`${base}/${id}/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, limit: PASSAGES, ...fields }),
  });
  const ids = [...new Set(documents.map(({ source_file: file }) => file.replace(/\.txt$/, '')))];
  return { ids, ms: performance.now() - started };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

try {
  await ready();
  const known = (await ask(base)).find(({ name }) => name === NAME);
  const id = known?.id ?? (await ingest());
  const figures = new Map(Object.keys(MODES).map((mode) => [mode, { scores: [], times: [] }]));
  for (const { id: query, text } of queries.filter((one) => judgements.has(one.id)))
    for (const [mode, fields] of Object.entries(MODES)) {
      const { ids, ms } = await search(id, text, fields);
      const score = ndcg(query, ids);
      if (score === undefined) continue;
      figures.get(mode).scores.push(score);
      figures.get(mode).times.push(ms);
    }
  const alone = Math.max(mean(figures.get('keyword').scores), mean(figures.get('semantic').scores));
  for (const [mode, { scores, times }] of figures)
    console.log(
      `${mode.padEnd(20)} nDCG@${DEPTH} ${mean(scores).toFixed(4)}  ${(mean(scores) / alone).toFixed(3)} of the better alone` +
        `  median ${median(times).toFixed(1)} ms`,
    );
} finally {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  if (!kept) rmSync(data, { recursive: true, force: true });
}
