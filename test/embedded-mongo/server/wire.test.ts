import net from 'node:net';
import { deserialize, serialize, type Document } from 'bson';
import { Double } from 'mongodb';
import { useServer } from './harness';

const rig = useServer({ listen: { port: 0 } });

function opMsg(
  requestId: number,
  body: Document,
  options: { flags?: number; checksum?: boolean } = {},
): Buffer {
  const bson = serialize(body);
  const tail = options.checksum ? 4 : 0;
  const message = Buffer.alloc(21 + bson.length + tail);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(requestId, 4);
  message.writeInt32LE(2013, 12);
  message.writeUInt32LE((options.flags ?? 0) | (options.checksum ? 1 : 0), 16);
  message.set(bson, 21);
  return message;
}

/** Sends bytes and collects replies until `count` came or the server hung up. */
async function exchange(chunks: Buffer[], count: number): Promise<{ responseTo: number; body: Document }[]> {
  const { hostname, port } = new URL(rig.server.url);
  const socket = net.connect(Number(port), hostname);
  const replies: { responseTo: number; body: Document }[] = [];
  let buffered = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      socket.destroy();
      resolve(replies);
    };
    socket.on('error', reject);
    socket.on('close', finish);
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 4 && buffered.length >= buffered.readInt32LE(0)) {
        const message = buffered.subarray(0, buffered.readInt32LE(0));
        const start = message.readInt32LE(12) === 1 ? 36 : 21;
        replies.push({ responseTo: message.readInt32LE(8), body: deserialize(message.subarray(start)) });
        buffered = buffered.subarray(message.length);
      }
      if (replies.length >= count) finish();
    });
    for (const chunk of chunks) socket.write(chunk);
  });
}

it('answers pipelined requests in their order', async () => {
  const requests = [1, 2, 3, 4].map((id) =>
    id % 2 === 0
      ? opMsg(id, { ping: 1, $db: 'admin' })
      : opMsg(id, { insert: 'w', documents: [{ id }], $db: 'wire' }),
  );
  const replies = await exchange([Buffer.concat(requests)], 4);
  expect(replies.map(({ responseTo }) => responseTo)).toEqual([1, 2, 3, 4]);
  expect(replies.every(({ body }) => body['ok'] === 1)).toBe(true);
});

it('puts a message together from single bytes', async () => {
  const message = opMsg(9, { ping: 1, $db: 'admin' });
  const [reply] = await exchange(
    [...message].map((byte) => Buffer.from([byte])),
    1,
  );
  expect(reply).toMatchObject({ responseTo: 9, body: { ok: 1 } });
});

it('accepts a checksum and answers nothing to moreToCome', async () => {
  const MORE_TO_COME = 2;
  const silent = opMsg(1, { insert: 'w', documents: [{ a: 1 }], $db: 'wire' }, { flags: MORE_TO_COME });
  const replies = await exchange([silent, opMsg(2, { ping: 1, $db: 'admin' }, { checksum: true })], 1);
  expect(replies.map(({ responseTo }) => responseTo)).toEqual([2]);
});

it('answers the legacy handshake with OP_REPLY', async () => {
  const bson = serialize({ ismaster: 1 });
  const head = Buffer.alloc(16);
  const body = Buffer.concat([Buffer.alloc(4), Buffer.from('admin.$cmd\0'), Buffer.alloc(8), bson]);
  head.writeInt32LE(16 + body.length, 0);
  head.writeInt32LE(5, 4);
  head.writeInt32LE(2004, 12);
  const [reply] = await exchange([Buffer.concat([head, body])], 1);
  expect(reply?.body).toMatchObject({ ismaster: true, maxWireVersion: 21, ok: 1 });
  expect(reply?.body).not.toHaveProperty('topologyVersion');
});

it('hangs up on a message longer than the limit', async () => {
  const huge = Buffer.alloc(16);
  huge.writeInt32LE(48_000_001, 0);
  expect(await exchange([huge], 1)).toEqual([]);
});

it('refuses unknown required flags and broken sections with an error reply', async () => {
  const [flags] = await exchange([opMsg(1, { ping: 1, $db: 'admin' }, { flags: 4 })], 1);
  expect(flags?.body).toMatchObject({ ok: 0, code: 17 });
  const broken = opMsg(2, { ping: 1, $db: 'admin' });
  broken.writeInt32LE(5_000, 17 + 4);
  const [section] = await exchange([broken], 1);
  expect(section?.body).toMatchObject({ ok: 0, code: 17 });
});

it('refuses an unknown command with 59 and an unknown option by name', async () => {
  await expect(rig.db.command({ frobnicate: 1 })).rejects.toMatchObject({
    code: 59,
    message: "no such command: 'frobnicate'",
  });
  await expect(rig.db.command({ find: 'c', fliter: {} })).rejects.toMatchObject({
    code: 40415,
    message: "BSON field 'find.fliter' is an unknown field.",
  });
});

it.each([
  ['a change stream', { aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} }, 40573],
  ['a tailable cursor', { find: 'c', tailable: true }, 115],
  ['a language collation', { find: 'c', collation: { locale: 'de' } }, 115],
  ['a capped collection', { create: 'c', capped: true, size: 1000 }, 115],
  ['a negative limit', { find: 'c', limit: -1 }, 2],
  ['a negative skip', { find: 'c', skip: -1 }, 2],
  ['a sort direction of 2', { find: 'c', sort: { a: 2 } }, 2],
  [
    'an unknown query operator, also on an absent collection',
    { find: 'absent', filter: { a: { $foo: 1 } } },
    2,
  ],
  ['an unknown pipeline stage', { aggregate: 'absent', pipeline: [{ $foo: 1 }], cursor: {} }, 40324],
  ['an empty batch', { insert: 'c', documents: [] }, 16],
  ['a bad namespace', { create: '$bad' }, 73],
  ['a cursor that is not there', { getMore: 5n, collection: 'c' }, 43],
])('refuses %s clearly', async (_what, command, code) => {
  const error = await rig.db.command(command).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code });
});

it('reports item errors of a write without failing the command', async () => {
  const reply = await rig.db
    .command({ insert: 'c', documents: [{ _id: [1] }] })
    .catch((error: unknown) => error);
  expect(JSON.stringify(reply)).toContain("The '_id' value cannot be of type array");
});

it('refuses a document over 16 MB', async () => {
  const half = 'x'.repeat(9_000_000);
  await rig.db.collection<Document>('big').insertOne({ _id: 1 as never, half });
  await expect(rig.db.collection('big').updateOne({}, { $set: { other: half } })).rejects.toMatchObject({
    code: 10334,
  });
  expect(await rig.db.collection('big').countDocuments({ other: { $exists: true } })).toBe(0);
}, 30_000);

it('tells mongosh and Compass what they ask at connection', async () => {
  const admin = rig.client.db('admin');
  for (const command of [
    { buildInfo: 1 },
    { hostInfo: 1 },
    { connectionStatus: 1 },
    { getParameter: 1, featureCompatibilityVersion: 1 },
    { getLog: 'startupWarnings' },
    { serverStatus: 1 },
    { getCmdLineOpts: 1 },
    { listDatabases: 1, nameOnly: true },
  ]) {
    expect(await admin.command(command)).toMatchObject({ ok: 1 });
  }
  await rig.db.collection('c').insertOne({ x: new Double(1) });
  expect(await rig.db.command({ dbStats: 1 })).toMatchObject({ collections: 1, objects: 1 });
  expect(await rig.db.command({ collStats: 'c' })).toMatchObject({ count: 1, nindexes: 1 });
});

it('runs client.bulkWrite over several collections', async () => {
  const namespace = (name: string): string => `${rig.db.databaseName}.${name}`;
  const result = await rig.client.bulkWrite<Record<string, Document>>(
    [
      { name: 'insertOne', namespace: namespace('x'), document: { _id: 1 as never, n: 1 } },
      { name: 'insertOne', namespace: namespace('y'), document: { _id: 1 as never } },
      {
        name: 'updateOne',
        namespace: namespace('x'),
        filter: { _id: 1 as never },
        update: { $inc: { n: 1 } },
      },
      { name: 'deleteMany', namespace: namespace('y'), filter: {} },
      {
        name: 'updateOne',
        namespace: namespace('y'),
        filter: { _id: 5 as never },
        update: { $set: { a: 1 } },
        upsert: true,
      },
    ],
    { verboseResults: true },
  );
  expect(result).toMatchObject({ insertedCount: 2, modifiedCount: 1, deletedCount: 1, upsertedCount: 1 });
  expect(await rig.db.collection('x').findOne({})).toEqual({ _id: 1, n: 2 });
});

it('writes aggregation results with $out and $merge', async () => {
  const source = rig.db.collection<Document>('source');
  await source.insertMany([1, 2, 3].map((n) => ({ _id: n as never, n })));
  await source.aggregate([{ $match: { n: { $gt: 1 } } }, { $out: 'target' }]).toArray();
  expect(await rig.db.collection('target').countDocuments()).toBe(2);
  await source
    .aggregate([{ $addFields: { merged: true } }, { $merge: { into: 'target', whenNotMatched: 'discard' } }])
    .toArray();
  expect(await rig.db.collection('target').countDocuments({ merged: true })).toBe(2);
});
