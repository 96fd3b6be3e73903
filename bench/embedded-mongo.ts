/**
 * Figures of the embedded database through the official driver, client and server sharing the machine:
 *   node --import tsx bench/embedded-mongo.ts        (or compiled: node dist/bench/embedded-mongo.js)
 * Prints one line per measurement; judges nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MongoClient, type Collection, type Document } from 'mongodb';
import { startEmbeddedMongo } from '../src/embedded-mongo/server';

interface Row extends Document {
  _id: number | string;
}

const SECONDS_PER_FIGURE = 3;
const FILLER = 'x'.repeat(350);

/** Runs `operation` from `clients` loops for a few seconds and prints operations per second and latencies. */
async function measure(
  name: string,
  clients: number,
  operation: (n: number) => Promise<unknown>,
): Promise<void> {
  let n = 0;
  const latencies: number[] = [];
  const started = performance.now();
  const until = started + SECONDS_PER_FIGURE * 1_000;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const before = performance.now();
      await operation(n++);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
  const perSecond = latencies.length / ((performance.now() - started) / 1_000);
  latencies.sort((a, b) => a - b);
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  const label = `${name}, ${clients} client${clients === 1 ? '' : 's'}`;
  console.log(
    `${label.padEnd(48)} ${perSecond.toFixed(0).padStart(8)}/s   p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`,
  );
}

const row = (n: number): Row => ({
  _id: `row-${n}`,
  group: n % 200,
  rank: n,
  status: n % 3 === 0 ? 'open' : 'closed',
  createdAt: new Date(1_700_000_000_000 + n * 1_000),
  text: FILLER,
});

async function fill(collection: Collection<Row>, count: number, width: number): Promise<void> {
  const BATCH = 1_000;
  for (let from = 0; from < count; from += BATCH) {
    const docs = Array.from({ length: BATCH }, (_, i) => ({ ...row(from + i), padding: 'y'.repeat(width) }));
    await collection.insertMany(docs);
  }
}

async function run(client: MongoClient): Promise<void> {
  const db = client.db('bench');
  const inserted = db.collection<Row>('inserted');
  await inserted.createIndex({ group: 1, rank: 1 });
  await inserted.createIndex({ status: 1 });
  for (const clients of [1, 32]) {
    await measure('insertOne, 500 B, 2 indexes', clients, (n) =>
      inserted.insertOne({ ...row(n), _id: `${clients}-${n}` }),
    );
  }
  const plain = db.collection<Row>('plain');
  await measure('insertOne, 500 B, no index', 32, (n) => plain.insertOne(row(n)));

  const read = db.collection<Row>('read');
  await read.createIndex({ group: 1, rank: 1 });
  const ROWS = 20_000;
  const started = performance.now();
  await fill(read, ROWS, 500);
  const perSecond = ROWS / ((performance.now() - started) / 1_000);
  console.log(
    `${'insertMany, 1 KB, batches of 1,000, 1 index'.padEnd(48)} ${perSecond.toFixed(0).padStart(8)} documents/s`,
  );
  const small = db.collection<Row>('small');
  const smallStarted = performance.now();
  for (let i = 0; i < 40; i++) {
    await small.insertMany(Array.from({ length: 1_000 }, (_, j) => ({ ...row(i * 1_000 + j) })));
  }
  const smallRate = 40_000 / ((performance.now() - smallStarted) / 1_000);
  console.log(
    `${'insertMany, 500 B, batches of 1,000, no index'.padEnd(48)} ${smallRate.toFixed(0).padStart(8)} documents/s`,
  );

  for (const clients of [1, 32]) {
    await measure('findOne by _id, 1 KB', clients, (n) => read.findOne({ _id: `row-${n % ROWS}` }));
  }
  await measure('find 50 by index, 1 KB each', 16, (n) =>
    read
      .find({ group: n % 200 })
      .limit(50)
      .toArray(),
  );
  await measure('find sorted by index, limit 20', 16, (n) =>
    read
      .find({ group: n % 200, rank: { $gte: 100, $lt: 19_000 } })
      .sort({ rank: -1 })
      .limit(20)
      .toArray(),
  );
  for (const clients of [1, 32]) {
    await measure('updateOne $set by _id', clients, (n) =>
      read.updateOne({ _id: `row-${n % ROWS}` }, { $set: { seen: n } }),
    );
  }
  await measure('findOneAndUpdate $inc by _id, 100 rows', 32, (n) =>
    small.findOneAndUpdate(
      { _id: `row-${n % 100}` },
      { $inc: { counter: 1 } },
      { projection: { counter: 1 } },
    ),
  );
  await measure('countDocuments by filter without index', 4, () => read.countDocuments({ status: 'open' }));
  await measure('aggregate $match + $group', 4, () =>
    read.aggregate([{ $match: { group: 7 } }, { $group: { _id: '$status', n: { $sum: 1 } } }]).toArray(),
  );
}

async function main(): Promise<void> {
  const external = process.env['MONGODB_URL'];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'afb-'));
  const started = performance.now();
  const server = external === undefined ? await startEmbeddedMongo({ dataDir: folder }) : null;
  if (server !== null)
    console.log(`${'start'.padEnd(48)} ${(performance.now() - started).toFixed(0).padStart(8)} ms`);
  const client = await MongoClient.connect(external ?? server!.url, { maxPoolSize: 64 });
  try {
    await run(client);
  } finally {
    await client.db('bench').dropDatabase();
    await client.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
