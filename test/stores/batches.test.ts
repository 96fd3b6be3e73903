import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, type CommandStartedEvent, type Document, MongoClient } from 'mongodb';
import {
  conditional,
  FindBatch,
  insertion,
  toDocument,
  toRow,
  WriteBatch,
} from '../../src/adapters/stores/batches';
import { type EmbeddedMongo, startEmbeddedMongo } from '../../src/embedded-mongo/server';

/** Its wire version. */
const MONGODB_8 = 25;

describe('batches of database commands', () => {
  const directory = mkdtempSync(join(tmpdir(), 'af-'));
  let embedded: EmbeddedMongo | undefined;
  let client: MongoClient;
  let collection: Collection<Document>;
  let commands: CommandStartedEvent[];

  beforeAll(async () => {
    embedded = process.env.MONGODB_URL ? undefined : await startEmbeddedMongo({ dataDir: directory });
    client = await new MongoClient(process.env.MONGODB_URL ?? embedded!.url, {
      monitorCommands: true,
    }).connect();
    client.on('commandStarted', (event) => commands.push(event));
  });

  beforeEach(async () => {
    commands = [];
    collection = client.db(`t_${randomUUID().slice(0, 8)}`).collection('things');
    await collection.createIndex({ name: 1 }, { unique: true });
    commands = [];
  });

  afterEach(() => client.db(collection.dbName).dropDatabase());

  afterAll(async () => {
    await client.close();
    await embedded?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const sent = (name: string): number => commands.filter((event) => event.commandName === name).length;
  const thing = (id: string, name = id): Document => toDocument({ id, name });

  it('sends the inserts of one turn together', async () => {
    const batch = new WriteBatch(() => client);
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => batch.insert(collection, thing(id))));
    expect(outcomes).toEqual([true, true, true]);
    expect(sent('insert')).toBe(1);
    expect(await collection.countDocuments()).toBe(3);
  });

  it('gathers what arrives while a command is under way into the next one', async () => {
    const batch = new WriteBatch(() => client);
    const first = batch.insert(collection, thing('first'));
    await new Promise(setImmediate);
    const rest = Array.from({ length: 20 }, (_, index) => batch.insert(collection, thing(`n${index}`)));
    expect(await Promise.all([first, ...rest])).not.toContain(false);
    expect(sent('insert')).toBeLessThanOrEqual(3);
  });

  it('tells each insert alone that its place is taken, by id or by a unique index', async () => {
    const batch = new WriteBatch(() => client);
    await batch.insert(collection, thing('a'));
    const outcomes = await Promise.all([
      batch.insert(collection, thing('a', 'other')),
      batch.insert(collection, thing('b')),
      batch.insert(collection, thing('c', 'a')),
      batch.insert(collection, thing('d')),
    ]);
    expect(outcomes).toEqual([false, true, false, true]);
    expect((await collection.find().sort({ _id: 1 }).toArray()).map(toRow)).toEqual([
      { id: 'a', name: 'a' },
      { id: 'b', name: 'b' },
      { id: 'd', name: 'd' },
    ]);
  });

  it('says of each conditional update whether it happened, also when some of a command did not', async () => {
    await collection.insertMany(['a', 'b', 'c'].map((id) => ({ ...thing(id), owner: 'me', count: 0 })));
    const batch = new WriteBatch(() => client);
    const change = (id: string, owner: string) =>
      batch.update(collection, { filter: { _id: id, owner }, update: { $inc: { count: 1 } } });
    commands = [];
    const outcomes = await Promise.all([
      change('a', 'me'),
      change('b', 'somebody else'),
      change('missing', 'me'),
      change('c', 'me'),
    ]);
    expect(outcomes).toEqual([true, false, false, true]);
    expect(sent('update')).toBe(1);
    const counts = await collection.find().sort({ _id: 1 }).toArray();
    expect(counts.map((document) => document.count as number)).toEqual([1, 0, 1]);
  });

  it('needs no second command when every update happened', async () => {
    await collection.insertMany(['a', 'b'].map((id) => ({ ...thing(id), owner: 'me' })));
    const batch = new WriteBatch(() => client);
    commands = [];
    const outcomes = await Promise.all(
      ['a', 'b'].map((id) =>
        batch.update(collection, { filter: { _id: id, owner: 'me' }, update: { $set: { owner: null } } }),
      ),
    );
    expect(outcomes).toEqual([true, true]);
    expect([sent('update'), sent('find')]).toEqual([1, 0]);
  });

  it('sends writes of any kind and collection together where the server can', async () => {
    const others = client.db(collection.dbName).collection('others');
    await collection.insertMany(['a', 'b'].map((id) => ({ ...thing(id), owner: 'me' })));
    const batch = new WriteBatch(() => client);
    const write = (id: string, owner: string) =>
      Promise.all([
        batch.insert(others, thing(id)),
        batch.insert(collection, thing(`new ${id}`)),
        batch.update(collection, { filter: { _id: 'a', owner }, update: { $set: { by: id } } }),
        batch.update(collection, { filter: { _id: 'b', owner: 'me' }, update: {} }),
      ]);
    commands = [];
    expect(await write('1', 'me')).toEqual([true, true, true, true]);
    // The first time, a server that lacks the command is asked for it.
    const { maxWireVersion } = await client.db('admin').command({ hello: 1 });
    const isAsked = embedded !== undefined || maxWireVersion >= MONGODB_8;
    expect(sent('bulkWrite')).toBe(1);
    commands = [];
    expect(await write('1', 'somebody else')).toEqual([false, false, false, true]);
    expect([sent('bulkWrite'), sent('insert') + sent('update')]).toEqual(isAsked ? [1, 0] : [0, 3]);
    expect((await collection.findOne({ _id: 'a' as never }))!.by).toBe('1');
    expect(await others.countDocuments()).toBe(1);
  });

  it('takes a condition that is missing by mistake for null, not for none', async () => {
    const others = client.db(collection.dbName).collection('others');
    await collection.insertOne({ ...thing('a'), owner: 'me' });
    const batch = new WriteBatch(() => client);
    const outcomes = await Promise.all([
      batch.update(collection, { filter: { _id: 'a', owner: undefined }, update: { $set: { name: 'b' } } }),
      batch.insert(others, { ...thing('c'), owner: undefined }),
    ]);
    expect(outcomes).toEqual([false, true]);
    expect(await others.findOne({ _id: 'c' as never })).toEqual({ _id: 'c', name: 'c', owner: null });
  });

  it('rejects an entry that cannot be sent, and none besides', async () => {
    const others = client.db(collection.dbName).collection('others');
    const batch = new WriteBatch(() => client);
    const cyclic: Document = thing('cyclic');
    cyclic.self = cyclic;
    const outcomes = await Promise.allSettled([
      batch.insert(collection, thing('a')),
      batch.insert(others, cyclic),
      batch.insert(others, thing('b')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([await collection.countDocuments(), await others.countDocuments()]).toEqual([1, 1]);
  });

  describe.each([
    ['in one command', () => client],
    ['stage by stage, where the server has no such command', () => withoutBulkWrite()],
  ])('writes that depend on each other, %s', (_, server) => {
    const insertAll = (...ids: string[]) => ids.map((id) => insertion(collection, thing(id)));
    const take = (id: string, owner: string) =>
      conditional(collection, { filter: { _id: id, owner: null }, update: { $set: { owner } } });
    const stored = async () =>
      (await collection.find().sort({ _id: 1 }).toArray()).map(({ _id }) => String(_id));

    it('all happen', async () => {
      const batch = new WriteBatch(server);
      await batch.insert(collection, { ...thing('a'), owner: null });
      const outcome = await batch.stages([[take('a', 'me')], insertAll('b', 'c'), [], insertAll('d')]);
      expect(outcome).toMatchObject({ done: 3 });
      expect(await stored()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('end at a condition that does not hold, at a missing document and at a taken place, each for itself', async () => {
      const batch = new WriteBatch(server);
      await batch.insert(collection, { ...thing('a'), owner: 'somebody' });
      const outcomes = await Promise.all([
        batch.stages([insertAll('b'), [take('a', 'me')], insertAll('never 1')]),
        batch.stages([insertAll('c'), [take('missing', 'me')], insertAll('never 2')]),
        batch.stages([insertAll('d'), insertAll('e', 'a', 'f'), insertAll('never 3')]),
        batch.stages([insertAll('g'), insertAll('h')]),
        batch.insert(collection, thing('a')),
        batch.insert(collection, thing('i')),
      ]);
      expect(outcomes.slice(0, 4).map((outcome) => (outcome as { done: number }).done)).toEqual([1, 1, 1, 2]);
      expect(outcomes.slice(0, 3).map((outcome) => 'error' in (outcome as object))).toEqual([
        false,
        false,
        false,
      ]);
      expect(outcomes.slice(4)).toEqual([false, true]);
      const kept = await stored();
      expect(kept).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd', 'g', 'h', 'i']));
      expect(kept.filter((id) => id.startsWith('never') || id === 'missing' || id === '')).toEqual([]);
      expect((await collection.findOne({ _id: 'a' as never }))!.owner).toBe('somebody');
    });

    it('end with the error of a document that cannot be sent, and stop nobody else', async () => {
      const batch = new WriteBatch(server);
      const cyclic: Document = thing('cyclic');
      cyclic.self = cyclic;
      const [broken, sound] = await Promise.all([
        batch.stages([insertAll('a'), [insertion(collection, cyclic)], insertAll('never')]),
        batch.stages([insertAll('b'), insertAll('c')]),
      ]);
      expect(broken.done).toBe(1);
      expect(broken.error).toBeInstanceOf(Error);
      expect(sound.done).toBe(2);
      expect(await stored()).toEqual(['a', 'b', 'c']);
    });
  });

  /** A server of before MongoDB 8. */
  const withoutBulkWrite = (): MongoClient =>
    ({
      bulkWrite: () => Promise.reject(Object.assign(new Error('no such command'), { cause: { code: 59 } })),
    }) as unknown as MongoClient;

  it('reads many documents with one command and answers null for those that are not there', async () => {
    await collection.insertMany([thing('a'), thing('b')]);
    const batch = new FindBatch(() => collection);
    commands = [];
    const found = await Promise.all(['b', 'x', 'a', 'b'].map((id) => batch.find(id)));
    expect(found.map((document) => document && (document._id as unknown))).toEqual(['b', null, 'a', 'b']);
    expect(sent('find')).toBe(1);
  });

  it('rejects every entry of a command that fails as a whole', async () => {
    const lost = new MongoClient('mongodb://127.0.0.1:1/?directConnection=true', {
      serverSelectionTimeoutMS: 50,
    });
    const batch = new WriteBatch(() => lost);
    const nowhere = lost.db('t').collection('things');
    const outcomes = await Promise.allSettled([
      batch.insert(nowhere, thing('a')),
      batch.insert(nowhere, thing('b')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await lost.close();
  });
});
