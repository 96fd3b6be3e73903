/**
 * What the Prisma connector costs over the bare driver. Prints one line for each operation: microseconds per operation
 * through the driver, through the connector, and the difference.
 *
 *   npx esbuild bench/prisma-mongodb.ts --bundle --packages=external --platform=node --outfile=dist/bench/prisma-mongodb.cjs
 *   MONGODB_URL=mongodb://... node dist/bench/prisma-mongodb.cjs
 */
import { randomUUID } from 'node:crypto';
import { startTestDatabase } from '../test/prisma-mongodb/harness';
import { oid } from '../test/prisma-mongodb/seed';

const ROWS = 50;
const ROUNDS = 5;

interface Measurement {
  name: string;
  bare: () => Promise<unknown>;
  connector: () => Promise<unknown>;
  /** Calls in one round. */
  calls: number;
  /** Calls under way at once. */
  concurrency: number;
}

/** Best of several rounds, in microseconds per call. */
async function timePerCall(
  work: () => Promise<unknown>,
  calls: number,
  concurrency: number,
): Promise<number> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < calls) {
      started += 1;
      await work();
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  return ((performance.now() - startedAt) * 1000) / calls;
}

async function measure({ name, bare, connector, calls, concurrency }: Measurement): Promise<void> {
  const best = { bare: Infinity, connector: Infinity };
  // Alternating rounds: both meet the same noise.
  for (let round = 0; round < ROUNDS; round += 1) {
    best.bare = Math.min(best.bare, await timePerCall(bare, calls, concurrency));
    best.connector = Math.min(best.connector, await timePerCall(connector, calls, concurrency));
  }
  const difference = best.connector - best.bare;
  const percent = ((difference / best.bare) * 100).toFixed(0);
  console.log(
    `${name.padEnd(44)} driver ${best.bare.toFixed(1).padStart(8)} us  connector ${best.connector.toFixed(1).padStart(8)} us  ` +
      `difference ${difference.toFixed(1).padStart(7)} us (${percent} %)`,
  );
}

async function main(): Promise<void> {
  const t = await startTestDatabase();
  const { prisma, db, connector } = t;
  const data = Array.from({ length: ROWS }, (_, n) => ({
    id: oid(n + 1),
    email: `user${n}@example.com`,
    name: `User ${n}`,
    age: n,
    tags: ['a', 'b'],
  }));
  await prisma.user.createMany({ data });
  await prisma.post.createMany({
    data: data.map(({ id }, n) => ({ title: `T${n}`, slug: `s${n}`, section: 'a', authorId: id })),
  });
  const [users, posts, comments] = [
    db.collection('users'),
    db.collection('Post'),
    db.collection<{ _id: string }>('Comment'),
  ];
  const comment = () => ({ text: 'hello', postId: 'p1' });

  const measurements: Measurement[] = [
    {
      name: `findMany of ${ROWS} rows`,
      bare: () => users.find({}, { batchSize: 1000 }).toArray(),
      connector: () => prisma.user.findMany(),
      calls: 400,
      concurrency: 1,
    },
    {
      name: `findMany of ${ROWS} rows with a relation`,
      bare: async () => {
        const rows = await users.find({}, { batchSize: 1000 }).toArray();
        return posts.find({ authorId: { $in: rows.map((row) => row._id) } }, { batchSize: 1000 }).toArray();
      },
      connector: () => prisma.user.findMany({ include: { posts: true } }),
      calls: 200,
      concurrency: 1,
    },
    {
      name: 'findUnique, one at a time',
      bare: () => users.findOne({ email: 'user7@example.com' }),
      connector: () => prisma.user.findUnique({ where: { email: 'user7@example.com' } }),
      calls: 1500,
      concurrency: 1,
    },
    {
      name: 'findUnique, 50 at once',
      bare: () => users.findOne({ email: 'user7@example.com' }),
      connector: () => prisma.user.findUnique({ where: { email: 'user7@example.com' } }),
      calls: 5000,
      concurrency: 50,
    },
    {
      name: 'create, one at a time',
      bare: () => comments.insertOne({ _id: randomUUID(), ...comment() }),
      connector: () => prisma.comment.create({ data: comment() }),
      calls: 1000,
      concurrency: 1,
    },
    {
      name: 'create, 50 at once',
      bare: () => comments.insertOne({ _id: randomUUID(), ...comment() }),
      connector: () => prisma.comment.create({ data: comment() }),
      calls: 5000,
      concurrency: 50,
    },
    {
      name: 'update',
      bare: () =>
        users.findOneAndUpdate(
          { email: 'user7@example.com' },
          { $inc: { age: 1 } },
          { returnDocument: 'after' },
        ),
      connector: () => prisma.user.update({ where: { email: 'user7@example.com' }, data: { name: 'x' } }),
      calls: 1000,
      concurrency: 1,
    },
    {
      name: 'updateMany',
      bare: () =>
        users.updateMany({ email: 'user7@example.com' }, { $set: { name: 'x', updatedAt: new Date() } }),
      connector: () => prisma.user.updateMany({ where: { email: 'user7@example.com' }, data: { name: 'x' } }),
      calls: 1000,
      concurrency: 1,
    },
  ];
  for (const measurement of measurements) await measure(measurement);

  const before = process.memoryUsage().heapUsed;
  const startedAt = performance.now();
  const clients = Array.from({ length: 500 }, () => connector.forDatabase(db));
  const elapsed = ((performance.now() - startedAt) * 1000) / clients.length;
  const size = (process.memoryUsage().heapUsed - before) / clients.length / 1024;
  console.log(`forDatabase: ${elapsed.toFixed(1)} us and ${size.toFixed(1)} KiB for a client`);
  await t.stop();
}

void main();
