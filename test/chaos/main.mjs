/**
 * Kills a server under mixed load at seeded moments, again and again, and holds it in the end to everything that it
 * acknowledged. `npm run chaos -- --seed 7 --minutes 10`; `--kills N` ends after so many; `MONGODB_URL` names a database
 * to run on, else it is the embedded one. Exits with 1 when anything is missing, there twice, or stuck.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MongoClient } from 'mongodb';
import { check } from './checks.mjs';
import { Actor, AGENT, decideApprovals, Ledger } from './load.mjs';
import { Supervisor } from './supervisor.mjs';
import { seeded, startWorld } from './world.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '5' },
    kills: { type: 'string', default: 'Infinity' },
    actors: { type: 'string', default: '6' },
    keep: { type: 'boolean', default: false },
  },
});
const [seed, minutes, mostKills, actors] = [values.seed, values.minutes, values.kills, values.actors].map(
  Number,
);
/** Lives of the server under load, from its first answer. Milliseconds. */
const SHORTEST_LIFE_MS = 50;
const LONGEST_LIFE_MS = 2_000;
/** On a machine so slow that starts take long, lives are longer too, or nothing would ever be done in one. */
const LIFE_OF_START = 0.4;
/** Share of the kills that come while the server starts. */
const KILLED_AT_START = 0.25;
const LONGEST_START_MS = 2_500;

const random = seeded(seed);
const folder = mkdtempSync(join(tmpdir(), 'agentflow-chaos-'));
const log = join(folder, 'server.log');
const world = await startWorld(seeded(seed + 1));
const server = new Supervisor(
  {
    AGENTFLOW_DATA_DIR: join(folder, 'data'),
    AGENTFLOW_DB_PREFIX: `chaos${seed}`,
    AGENTFLOW_ALLOW_PRIVATE_URLS: 'true',
    OPENAI_BASE_URL: `${world.url}/v1`,
    OPENAI_API_KEY: 'chaos',
    ...(process.env.MONGODB_URL
      ? { MONGODB_URL: process.env.MONGODB_URL, AGENTFLOW_RUN_LEASE_MS: '3000' }
      : {}),
  },
  log,
);
/** What an earlier run left on a real server, or this one. */
async function dropDatabases() {
  if (!process.env.MONGODB_URL) return;
  const client = new MongoClient(process.env.MONGODB_URL);
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
  for (const { name } of databases)
    if (name.startsWith(`chaos${seed}_`)) await client.db(name).dropDatabase();
  await client.close();
}

process.on('exit', () => server.abandon());
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const ledger = new Ledger();
const decisions = {};
const begun = Date.now();

await dropDatabases();
await server.start();
await server.ready();
for (const name of ['effect', 'repeatable', 'gated']) {
  const { status, body } = await server.surely('POST', `${AGENT}/tools`, {
    json: {
      name,
      description: 'Changes the world.',
      kind: 'http',
      idempotent: name === 'repeatable',
      require_approval: name === 'gated',
      retry_delay: 0.01,
      config: { method: 'POST', url: `${world.url}/effect/${name}`, body: 'json' },
      args_schema: { type: 'object', properties: { token: { type: 'string' } }, required: ['token'] },
    },
  });
  if (status !== 200) throw new Error(`${name} was not registered: ${JSON.stringify(body)}`);
}

const stopping = new AbortController();
const deciding = new AbortController();
const human = decideApprovals(server, decisions, deciding.signal);
const working = Array.from({ length: actors }, (_, index) =>
  new Actor(`a${index}`, {
    server,
    ledger,
    random: seeded(seed + 10 + index),
    stopping: stopping.signal,
  }).run(),
);
while (server.kills < mostKills && Date.now() - begun < minutes * 60_000) {
  if (random() < KILLED_AT_START) await pause(random() * LONGEST_START_MS);
  else {
    await server.ready();
    const longest = Math.max(LONGEST_LIFE_MS, LIFE_OF_START * server.starts.at(-1));
    await pause(SHORTEST_LIFE_MS + random() * longest);
  }
  await server.kill();
  await server.start();
}
stopping.abort();
await Promise.all(working);
await check(server, world, ledger);
deciding.abort();
await human;
await server.stop();
world.close();

const effects = [...world.effects.values()];
const starts = [...server.starts].sort((a, b) => a - b);
const at = (share) => Math.round(starts[Math.floor(share * (starts.length - 1))]);
console.log(
  JSON.stringify(
    {
      seed,
      database: process.env.MONGODB_URL ? 'mongodb' : 'embedded',
      minutes: Math.round((Date.now() - begun) / 6_000) / 10,
      kills: server.kills,
      acknowledged: ledger.acknowledged,
      events: { received: ledger.events, resumed: ledger.resumed },
      effects: { calls: effects.length, requests: effects.reduce((sum, { count }) => sum + count, 0) },
      decisions,
      refusals: Object.fromEntries(server.refusals),
      firstAnswerMs: { median: at(0.5), p90: at(0.9), most: at(1) },
      misses: ledger.misses,
    },
    null,
    2,
  ),
);
const failed = ledger.misses.length > 0;
if (!failed) await dropDatabases();
if (failed || values.keep) console.log(`The server's log and data are in ${folder}.`);
else rmSync(folder, { recursive: true, force: true });
console.log(failed ? `FAILED with seed ${seed}: ${ledger.misses.length} misses` : `OK with seed ${seed}`);
process.exit(failed ? 1 : 0);
