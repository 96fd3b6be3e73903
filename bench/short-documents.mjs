/** Part of `bench/ingestion.mjs`: short documents over HTTP, embedded by a fast endpoint. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { batchesOf, random } from './kit.mjs';

const DIMENSION = 512;
const ENDED = new Set(['completed', 'failed', 'cancelled']);

/** An OpenAI-compatible endpoint that answers at once; prints its port. */
function serveEmbeddings() {
  const vectors = Array.from({ length: 64 }, () =>
    Buffer.from(Float32Array.from({ length: DIMENSION }, () => random() - 0.5).buffer).toString('base64'),
  );
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { input } = JSON.parse(Buffer.concat(parts));
    const data = input.map((text, index) => ({ index, embedding: vectors[text.length % vectors.length] }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data, usage: { prompt_tokens: input.length } }));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function ask(where, init) {
  const response = await fetch(where, init);
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${body.detail}`);
  return body;
}

async function started(url, server) {
  while (
    !(await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (server.exitCode !== null) throw new Error('the server ended');
    await delay(100);
  }
}

/** CPU time of a process with all its threads, where the system tells it. */
function cpuSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch (error) {
    if (error.code === 'ENOENT') return Number.NaN;
    throw error;
  }
}

/** Loads the documents into one base. @returns seconds until the last is searchable, and until the last was taken */
async function load(url, name, files) {
  const from = performance.now();
  const bases = `${url}/api/v1/knowledge-bases`;
  const jobs = [];
  let id;
  for (const batch of batchesOf(files)) {
    const form = new FormData();
    if (!id) form.append('name', name);
    for (const { fileName, text } of batch) form.append('files', new Blob([text]), fileName);
    const made = await ask(id ? `${bases}/${id}/documents` : bases, { method: 'POST', body: form });
    id ??= made.id;
    if (made.job_id) jobs.push(made.job_id);
  }
  const taken = (performance.now() - from) / 1_000;
  for (const job of jobs)
    for (;;) {
      const { status, completed_files: completed } = await ask(`${url}/api/v1/batches/${job}`);
      if (ENDED.has(status) && (status !== 'completed' || completed === 0))
        throw new Error(`${job}: ${status}`);
      if (ENDED.has(status)) break;
      await delay(50);
    }
  return { seconds: (performance.now() - from) / 1_000, taken };
}

/** @param count of documents of two sentences @param sentence makes one */
export async function measureShortDocuments(count, sentence) {
  const stub = fork(import.meta.filename, ['serve-embeddings'], { execArgv: [] });
  const [embeddings] = await once(stub, 'message');
  const data = mkdtempSync(path.join(os.tmpdir(), 'short-documents-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const bin = path.join(import.meta.dirname, '../bin/agentflow.cjs');
  const server = spawn(process.execPath, [bin, 'serve'], {
    env: {
      ...process.env,
      PORT: String(port),
      AGENTFLOW_DATA_DIR: data,
      LOG_LEVEL: 'warn',
      OPENAI_BASE_URL: `http://127.0.0.1:${embeddings}/v1`,
      OPENAI_EMBEDDING_MODEL: 'bench-embeddings',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await started(url, server);
    const file = (number) => ({
      fileName: `short-${number}.txt`,
      text: `${number}. ${sentence()} ${sentence()}`,
    });
    const files = Array.from({ length: count }, (_, number) => file(number));
    await load(
      url,
      'warm-up',
      files.slice(0, 50).map(({ fileName, text }) => ({ fileName, text: `Warm ${text}` })),
    );
    const cpu = cpuSeconds(server.pid);
    const { seconds, taken } = await load(url, 'short', files);
    console.log(
      `short documents over HTTP, a fast endpoint: ${count} documents in ${seconds.toFixed(1)} s` +
        ` (all taken after ${taken.toFixed(1)} s): ${(count / seconds).toFixed(0)} documents/s,` +
        ` ${(cpuSeconds(server.pid) - cpu).toFixed(1)} s of CPU`,
    );
  } finally {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
    stub.kill();
    rmSync(data, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'serve-embeddings') serveEmbeddings();
