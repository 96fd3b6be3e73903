import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MongoClient, type Document } from 'mongodb';
import { startEmbeddedMongo } from '../../../src/embedded-mongo/server';
import { removeFolder, temporaryFolder } from './harness';
import { spawnServer, type Running } from './spawn';

interface Row extends Document {
  _id: string;
}

let folder: string;
const children: Running[] = [];

function start(options?: { shellPrefix?: string }): Running {
  const child = spawnServer(folder, options);
  children.push(child);
  return child;
}

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL');
    await child.exit;
  }
  removeFolder(folder);
});

/** Writes until the server dies; returns the ids whose insert was acknowledged. */
async function insertUntilDeath(
  url: string,
  round: number,
  onProgress: (count: number) => void,
): Promise<string[]> {
  const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: 500, retryWrites: false });
  const rows = client.db('crash').collection<Row>('rows');
  await rows.createIndex({ group: 1, n: 1 });
  await rows.createIndex({ unique: 1 }, { unique: true });
  const acknowledged: string[] = [];
  const loop = async (worker: number): Promise<void> => {
    for (let n = 0; ; n++) {
      const id = `${round}-${worker}-${n}`;
      try {
        await rows.insertOne({ _id: id, group: n % 7, n, unique: id, moved: 0 });
        acknowledged.push(id);
        await rows.updateOne({ _id: id }, { $set: { group: 100 + (n % 7) } });
        onProgress(acknowledged.length);
      } catch {
        // The kill is the end of this loop; what was acknowledged before is what counts.
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, worker) => loop(worker)));
  await client.close(true);
  return acknowledged;
}

it('loses no acknowledged write and keeps indexes whole through SIGKILL, round after round', async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round++) {
    const child = start();
    const url = await child.firstLine;
    const killAt = 60 + round * 45;
    acknowledged.push(
      ...(await insertUntilDeath(url, round, (count) => {
        if (count >= killAt) child.process.kill('SIGKILL');
      })),
    );
    await child.exit;
  }
  const server = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
  const client = await MongoClient.connect(server.url);
  try {
    const db = client.db('crash');
    const stored = new Set(
      (
        await db
          .collection<Row>('rows')
          .find({}, { projection: { _id: 1 } })
          .toArray()
      ).map(({ _id }) => _id),
    );
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(stored.size).toBeGreaterThanOrEqual(acknowledged.length);
    expect(acknowledged.length).toBeGreaterThan(4 * 60);
    expect(await db.command({ validate: 'rows' })).toMatchObject({ valid: true, errors: [] });
    expect(await db.collection('rows').countDocuments({ group: { $gte: 0 } })).toBe(stored.size);
  } finally {
    await client.close();
    await server.close();
  }
}, 120_000);

it('leaves nothing of a transaction that was open when the process was killed', async () => {
  const child = start();
  const client = await MongoClient.connect(await child.firstLine, { serverSelectionTimeoutMS: 500 });
  const rows = client.db('crash').collection<Row>('rows');
  await rows.insertOne({ _id: 'kept', n: 1 });
  await rows.createIndex({ n: 1 });
  const session = client.startSession();
  session.startTransaction();
  await rows.insertOne({ _id: 'uncommitted', n: 2 }, { session });
  await rows.updateOne({ _id: 'kept' }, { $set: { n: 50 } }, { session });
  child.process.kill('SIGKILL');
  await child.exit;
  // The driver would like to abort the transaction on the dead server first; how long it tries is not what this tests.
  const closed = client.close(true).catch((error: unknown) => error);
  const server = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
  const after = await MongoClient.connect(server.url);
  try {
    expect(await after.db('crash').collection('rows').find().toArray()).toEqual([{ _id: 'kept', n: 1 }]);
    expect(await after.db('crash').command({ validate: 'rows' })).toMatchObject({ valid: true });
  } finally {
    await after.close();
    await server.close();
    void closed;
  }
}, 60_000);

describe('the lock of the data folder', () => {
  it('refuses a second process, naming the folder and the holder', async () => {
    const child = start();
    await child.firstLine;
    await expect(startEmbeddedMongo({ dataDir: folder })).rejects.toMatchObject({
      name: 'DataFolderInUse',
      message: `The data folder ${folder} is in use by the process ${child.process.pid}; stop that process first, or choose another folder.`,
    });
  }, 60_000);

  it('refuses a second server in the same process and frees the folder on close', async () => {
    const first = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
    await expect(startEmbeddedMongo({ dataDir: folder, inProcess: true })).rejects.toThrow(
      String(process.pid),
    );
    await first.close();
    const second = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
    await second.close();
    expect(existsSync(path.join(folder, 'agentflow-db.lock'))).toBe(false);
  });

  it('takes over from a process that died, or whose lock was cut short', async () => {
    const file = path.join(folder, 'agentflow-db.lock');
    const child = start();
    await child.firstLine;
    child.process.kill('SIGKILL');
    await child.exit;
    for (const leftover of [readFileSync(file, 'utf8'), '{"pi', '']) {
      writeFileSync(file, leftover);
      const server = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
      await server.close();
    }
  }, 60_000);

  (process.platform === 'linux' ? it : it.skip)(
    'takes over from a killed process whose parent has not reaped it yet',
    async () => {
      const parent = spawn('bash', ['-c', 'sleep 0.5 & echo $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
        const stat = (): string => readFileSync(`/proc/${Number(pid.toString())}/stat`, 'utf8');
        while (!stat().includes(') Z ')) await new Promise((resolve) => setTimeout(resolve, 10));
        const lock = JSON.stringify({ pid: Number(pid.toString()), processStart: null });
        writeFileSync(path.join(folder, 'agentflow-db.lock'), lock);
        const server = await startEmbeddedMongo({ dataDir: folder, inProcess: true });
        await server.close();
      } finally {
        parent.kill();
      }
    },
    60_000,
  );
});

describe('a full disk', () => {
  it('answers OutOfDiskSpace, stores nothing of the command and works on', async () => {
    // Files of this child may not grow past this many 512-byte blocks: writes past it fail as on a full disk.
    const child = start({ shellPrefix: 'trap "" XFSZ; ulimit -f 8192' });
    const client = await MongoClient.connect(await child.firstLine);
    try {
      const rows = client.db('crash').collection<Row>('rows');
      await rows.createIndex({ n: 1 });
      const padding = 'x'.repeat(100_000);
      let stored = 0;
      let failure: unknown = null;
      while (failure === null && stored < 1_000) {
        const batch = Array.from({ length: 5 }, (_, i) => ({
          _id: `r${stored + i}`,
          n: stored + i,
          padding,
        }));
        failure = await rows.insertMany(batch).then(
          () => null,
          (error: unknown) => error,
        );
        if (failure === null) stored += 5;
      }
      expect(failure).toMatchObject({ code: 14031, codeName: 'OutOfDiskSpace' });
      expect(await rows.countDocuments()).toBe(stored);
      expect(await rows.countDocuments({ n: { $gte: 0 } })).toBe(stored);
      expect(await client.db('crash').command({ validate: 'rows' })).toMatchObject({ valid: true });
      await rows.deleteMany({});
      expect(await rows.countDocuments()).toBe(0);
    } finally {
      await client.close();
    }
  }, 120_000);
});
