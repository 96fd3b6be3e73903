import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, eventually, type Json, type ServerProcess } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { buildProgram, embeddedServer, seededRandom, temporaryFolder } from './kit';

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
/** Kills, each with this many runs in the middle of their tool calls: 200 interrupted runs. `FAULT_KILLS=200` for real ones. */
const KILLS = Number(process.env.FAULT_KILLS ?? 20);
const KILLS_PER_BATCH = 2;
const RUNS_PER_KILL = 10;
const LONGEST_LIFE_MS = 700;

/** What the world outside saw: requests by idempotency key and tool. */
interface World {
  url: string;
  /** Requests by key, in order. */
  requests: Map<string, number>;
  close(): Promise<void>;
}

async function startWorld(random: () => number): Promise<World> {
  const requests = new Map<string, number>();
  const server = http.createServer((request, response) => {
    const key = String(request.headers['idempotency-key']);
    request.resume();
    request.on('end', () => {
      // The effect happens first; the answer may come too late for a process that is being killed.
      requests.set(key, (requests.get(key) ?? 0) + 1);
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"done":true}');
      }, random() * 60);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

let stub: StubProvider;
let world: World;
let server: ServerProcess;
const folder = temporaryFolder();
const random = seededRandom(SEED);

const start = (): Promise<ServerProcess> =>
  embeddedServer(folder.path, {
    OPENAI_BASE_URL: stub.url,
    OPENAI_API_KEY: 'test',
    AGENTFLOW_ALLOW_PRIVATE_URLS: 'true',
  });

beforeAll(async () => {
  buildProgram();
  stub = await startStubProvider();
  world = await startWorld(random);
  // Three steps: both tools at once, one after the other, the answer.
  stub.decide(({ messages }: { messages: { role: string }[] }) => {
    const calls = messages.filter(({ role }) => role === 'tool').length;
    const call = (name: string) => ({ id: `${name}-${calls}`, name, arguments: '{"n":1}' });
    if (calls === 0) return { toolCalls: [call('effect'), call('repeatable')] };
    if (calls === 2) return { toolCalls: [call('effect')] };
    return { text: 'All is done now.', delayMs: 2 };
  });
  server = await start();
  for (const name of ['effect', 'repeatable']) {
    const { status } = await server.client.rest('POST', '/api/v1/agent/ResearchAgent/tools', {
      name,
      description: 'Changes the world.',
      kind: 'http',
      idempotent: name === 'repeatable',
      retry_delay: 0.01,
      config: { method: 'POST', url: `${world.url}/${name}`, body: 'json' },
      args_schema: { type: 'object', properties: { n: { type: 'integer' } } },
    });
    expect(status).toBe(200);
  }
}, 120_000);

afterAll(async () => {
  await server?.stop('SIGKILL');
  await stub?.close();
  await world?.close();
  folder.remove();
});

const chat = (client: Client, id: string, more: object = {}) =>
  client.rest('POST', '/api/v1/agent/ResearchAgent/chat', {
    message: 'Change the world.',
    conversation_id: id,
    message_id: 'm',
    stream: false,
    ...more,
  });

/** What no human allowed is not repeated: every request to do so is denied. */
async function denyAll(client: Client): Promise<number> {
  const { body } = await client.rest('GET', '/api/v1/approvals/pending?page_size=100');
  const responses = body.approvals.map(({ id }: { id: string }) => ({ id, status: 'denied' }));
  if (responses.length > 0) await client.rest('POST', '/api/v1/approvals/bulk-respond', { responses });
  return responses.length;
}

const CALLS = `query($id: ID!) {
  conversationRuns(conversationId: $id) { runs { id status } }
}`;
const LEDGER = `query($id: ID!) { toolCalls(runId: $id) { id toolName status } }`;

/** Kills the server in the middle of what it does, and starts it again. */
async function killAndRestart(): Promise<void> {
  await pause(random() * LONGEST_LIFE_MS);
  await server.stop('SIGKILL');
  server = await start();
}

it(`repeats no call that may not be repeated, and loses no receipt, over kills (seed ${SEED})`, async () => {
  let unknown = 0;
  for (let batch = 0; batch < KILLS / KILLS_PER_BATCH; batch++) {
    const ids = Array.from({ length: RUNS_PER_KILL }, (_, index) => `b${batch}-${index}`);
    // The answers die with the process; the runs do not.
    const asked = Promise.allSettled(ids.map((id) => chat(server.client, id)));
    await killAndRestart();
    await asked;
    unknown += await denyAll(server.client);
    await killAndRestart();
    const { client } = server;
    for (const id of ids) {
      let last: Json;
      const done = await eventually(
        async () => {
          unknown += await denyAll(client);
          // A message that never arrived before the kill is sent again, as clients do.
          last = (await chat(client, id)).body;
          return last.status === 'completed' && last;
        },
        `the run of ${id} ends`,
        30_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; last: ${JSON.stringify(last).slice(0, 500)}`);
      });
      expect(done.text).toBe('All is done now.');
      await assertLedger(client, id);
      await assertStream(client, id);
    }
  }
  // Kills that interrupt nothing prove nothing.
  expect(unknown).toBeGreaterThan(0);
}, 900_000);

async function assertLedger(client: Client, conversation: string): Promise<void> {
  const { data } = await client.graphql(CALLS, { id: conversation });
  const runs: Json[] = data.conversationRuns.runs;
  expect(runs).toHaveLength(1);
  const answer = await client.graphql(LEDGER, { id: runs[0].id });
  const calls: Json[] = answer.data.toolCalls;
  expect(calls).toHaveLength(3);
  for (const call of calls) {
    const seen = world.requests.get(call.id) ?? 0;
    if (call.toolName === 'repeatable') {
      expect([call.status, seen > 0]).toEqual(['SUCCEEDED', true]);
      continue;
    }
    expect(['SUCCEEDED', 'UNKNOWN']).toContain(call.status);
    // Once when it is said to have happened, at most once when nobody knows.
    expect(seen).toBeLessThanOrEqual(1);
    if (call.status === 'SUCCEEDED') expect(seen).toBe(1);
  }
}

/** The story as a client reads it afterwards: everything once, in order. */
async function assertStream(client: Client, conversation: string): Promise<void> {
  const stream = await client.stream('POST', '/api/v1/agent/ResearchAgent/chat', {
    message: 'Change the world.',
    conversation_id: conversation,
    message_id: 'm',
    verbose: true,
  });
  const events: Json[] = [];
  for await (const { data } of stream) events.push(data);
  const seqs = events.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const root = events[0].call_id;
  const deltas = events.filter(({ type, call_id: call }) => type === 'delta' && call === root);
  expect(deltas.map(({ content }) => content).join('')).toBe(events.at(-1).content.text);
  const calls = [
    ...new Set(events.filter(({ content }) => content?.role === 'tool').map((event) => event.call_id)),
  ];
  expect(calls).toHaveLength(3);
  for (const call of calls) {
    const types = events.filter(({ call_id: id }) => id === call).map(({ type }) => type);
    expect([call, types.filter((type) => type === 'start').length]).toEqual([call, 1]);
    expect([call, types.filter((type) => type === 'end' || type === 'error').length]).toEqual([call, 1]);
  }
}
