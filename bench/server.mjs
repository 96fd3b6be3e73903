/**
 * Figures of the built server that a load generator does not show, over the embedded database, in one run:
 * cold start, idle memory, memory of idle event streams, latency of a page of messages in a short and a long conversation,
 * and the cost of REST beside the same operation on /graphql. Authentication is on.
 *
 *   node bench/server.mjs [--streams 1000] [--parts 100000] [--requests 2000]
 */
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '1000' },
    parts: { type: 'string', default: '100000' },
    requests: { type: 'string', default: '2000' },
    port: { type: 'string', default: '8199' },
  },
});
const streams = Number(values.streams);
const parts = Number(values.parts);
const requests = Number(values.requests);
const base = `http://127.0.0.1:${values.port}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const signingKey = JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }));
const cli = join(root, 'bin/agentflow.cjs');
const environment = {
  ...process.env,
  NODE_ENV: 'production',
  AGENTFLOW_SIGNING_KEY: signingKey,
  DEV_AUTH_BYPASS: 'false',
  LOG_LEVEL: 'error',
};
const minted = spawnSync(
  process.execPath,
  [cli, 'token', '--tenant', 'bench', '--user', 'bench', '--ttl', '1d'],
  { encoding: 'utf8', env: environment },
);
const headers = { authorization: `Bearer ${minted.stdout.trim()}`, 'content-type': 'application/json' };

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        if (response.statusCode >= 300)
          reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        else resolve(JSON.parse(text));
      });
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

async function start(dataDir) {
  const before = performance.now();
  const child = spawn(process.execPath, [cli, 'serve'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...environment, PORT: values.port, AGENTFLOW_DATA_DIR: dataDir },
  });
  for (;;) {
    const healthy = await fetch(`${base}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return { child, ms: performance.now() - before };
    if (child.exitCode !== null) throw new Error('The server ended.');
    await sleep(5);
  }
}

const stop = (child) => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGTERM'));

function rssMb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** Milliseconds: median and 99th percentile of `count` calls, `width` at a time. */
async function latency(count, width, once) {
  const times = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const from = performance.now();
      await once();
      times.push(performance.now() - from);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  const seconds = (performance.now() - from) / 1000;
  times.sort((a, b) => a - b);
  return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)], rps: count / seconds };
}

function openStream(path) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { headers, agent: false }, (response) => {
      response.once('data', () => resolve(request));
      response.on('data', () => undefined).on('error', () => undefined);
    });
    request.on('error', reject);
    request.end();
  });
}

async function fill(conversation, count) {
  const content =
    'A message with some words in it, so that it has a usual length of about a hundred characters, as people write.';
  await latency(count, 64, () => call('POST', `/api/v1/conversations/${conversation}/messages`, { content }));
}

const print = (what, value) => console.log(`${what.padEnd(64)} ${value}`);
const dataDir = mkdtempSync(join(tmpdir(), 'agentflow-bench-'));
let server;
try {
  const starts = [];
  for (let round = 0; round < 3; round++) {
    if (server) await stop(server.child);
    server = await start(dataDir);
    starts.push(server.ms);
  }
  print('cold start to healthy, ms (median of 3)', starts.sort((a, b) => a - b)[1].toFixed(0));
  await sleep(4000);
  print('resident memory idle, MB', rssMb(server.child.pid).toFixed(0));

  const main = (await call('GET', '/api/v1/agents'))[0].id;
  const make = async () => (await call('POST', '/api/v1/conversations', { agent_id: main })).conversation.id;
  const [short, long, quiet] = [await make(), await make(), await make()];
  await fill(short, 100);
  await fill(long, parts);
  const page = (id) => () => call('GET', `/api/v1/conversations/${id}/messages?limit=50`);
  const graphql = (id) => () =>
    call('POST', '/graphql', {
      query:
        'query($id: ID!) { messages(conversationId: $id, limit: 50) { messages { id conversationId role content timestamp seq runId agentId metadata } total limit offset nextCursor } }',
      variables: { id },
    });
  await latency(requests, 1, page(short));
  const onShort = await latency(requests, 1, page(short));
  const onLong = await latency(requests, 1, page(long));
  print('list50 on 100 parts, ms p50', onShort.p50.toFixed(2));
  print(`list50 on ${parts} parts, ms p50`, onLong.p50.toFixed(2));
  print('ratio (goal: at most 1.3)', (onLong.p50 / onShort.p50).toFixed(2));

  await latency(requests, 16, graphql(long));
  const overGraphql = await latency(requests, 16, graphql(long));
  const overRest = await latency(requests, 16, page(long));
  print('list50 over /graphql, 16 at a time, requests a second', overGraphql.rps.toFixed(0));
  print('list50 over REST, 16 at a time, requests a second', overRest.rps.toFixed(0));
  print(
    'REST slower than /graphql, % (goal: at most 15)',
    (100 * (overGraphql.rps / overRest.rps - 1)).toFixed(0),
  );

  await stop(server.child);
  server = await start(dataDir);
  await openStream(`/api/v1/conversations/${quiet}/stream`);
  await sleep(3000);
  const before = rssMb(server.child.pid);
  for (let opened = 1; opened < streams; opened += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, streams - opened) }, () =>
        openStream(`/api/v1/conversations/${quiet}/stream`),
      ),
    );
  // V8 gives back what the opening took within some seconds.
  await sleep(10_000);
  print(
    `memory of ${streams} idle event streams, MB (goal: under 60)`,
    (rssMb(server.child.pid) - before).toFixed(0),
  );
} finally {
  if (server) {
    server.child.kill('SIGKILL');
  }
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(0);
