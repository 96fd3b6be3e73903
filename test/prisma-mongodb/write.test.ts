import { Binary, Double, Long, ObjectId } from 'mongodb';
import { startTestDatabase, type TestDatabase, type TestClient } from './harness';
import { oid, seed } from './seed';

let t: TestDatabase;
beforeAll(async () => {
  t = await startTestDatabase();
}, 60_000);
beforeEach(async () => {
  await Promise.all((await t.db.collections()).map((collection) => collection.deleteMany({})));
  await seed(t.prisma);
  t.commands.length = 0;
});
afterAll(() => t.stop());

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const raw = (collection: string, id: unknown) => t.db.collection(collection).findOne({ _id: id as ObjectId });
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describe('create', () => {
  it('fills defaults and leaves optional fields missing', async () => {
    const before = Date.now();
    const row = await t.prisma.user.create({ data: { email: 'new@example.com' } });
    expect(row).toMatchObject({
      email: 'new@example.com',
      name: null,
      role: 'USER',
      tags: [],
      address: null,
    });
    expect(row.id).toMatch(/^[0-9a-f]{24}$/);
    expect(row.createdAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(row.updatedAt.getTime()).toBeGreaterThanOrEqual(before);
    const stored = await raw('users', new ObjectId(row.id));
    expect(Object.keys(stored!).sort()).toEqual([
      '_id',
      'addresses',
      'createdAt',
      'email',
      'role',
      'scores',
      'tags',
      'updatedAt',
    ]);
  });

  it('makes uuid, uuid(7) and cuid ids', async () => {
    const post = await t.prisma.post.create({ data: { title: 'T', slug: 't', section: 'z' } });
    expect(post.id).toMatch(/^c[0-9a-z]{24}$/);
    expect((await t.prisma.comment.create({ data: { text: 'x', postId: post.id } })).id).toMatch(UUID_V7);
    expect((await t.prisma.profile.create({ data: { bio: 'x', userId: oid(5) } })).id).toMatch(UUID_V4);
  });

  it('stores mapped names and enum values', async () => {
    await t.prisma.user.create({
      data: {
        id: oid(50),
        email: 'map@example.com',
        role: 'GUEST',
        address: { street: 's', city: 'c', geo: { lat: 1, lng: 2 } },
      },
    });
    expect(await raw('users', new ObjectId(oid(50)))).toMatchObject({
      role: 'visitor',
      address: { street: 's', town: 'c', geo: { lat: 1, long: 2 } },
    });
    await t.prisma.post.create({ data: { id: 'pm', title: 'T', slug: 'pm', section: 'z', views: 7 } });
    expect(await raw('Post', 'pm')).toMatchObject({ view_count: 7 });
  });

  it('keeps an explicit null', async () => {
    await t.prisma.user.create({ data: { id: oid(51), email: 'null@example.com', name: null } });
    expect(await raw('users', new ObjectId(oid(51)))).toHaveProperty('name', null);
  });

  it('selects and includes in its answer', async () => {
    const data = { title: 'T', slug: 't', section: 'z', authorId: oid(1) };
    expect(
      await t.prisma.post.create({ data, select: { title: true, author: { select: { name: true } } } }),
    ).toEqual({ title: 'T', author: { name: 'Ada' } });
  });

  it('joins the inserts of one turn into one command and answers each by itself', async () => {
    const emails = ['n1', 'ada', 'n2', 'n3', 'bob'].map((name) => `${name}@example.com`);
    const results = await Promise.allSettled(
      emails.map((email) => t.prisma.user.create({ data: { email } })),
    );
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      code: 'P2002',
      meta: { modelName: 'User', target: ['email'] },
    });
    expect(t.commands.filter((event) => event.command === 'insert')).toHaveLength(1);
    expect(await t.prisma.user.count({ where: { email: { in: emails } } })).toBe(5);
  });

  it('does not let one oversized document fail the others of its command', async () => {
    const huge = 'x'.repeat(17 * 1024 * 1024);
    const results = await Promise.allSettled(
      ['k1', huge, 'k2'].map((string, index) =>
        t.prisma.kitchen.create({ data: { id: `big${index}`, string } }),
      ),
    );
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  type Delegate = 'user' | 'post' | 'kitchen';
  const REFUSED: [Delegate, object, RegExp][] = [
    ['user', {}, /data\.email.*missing/],
    ['user', { email: 5 }, /Expected String/],
    ['user', { email: null }, /must not be null/],
    ['user', { email: 'a', nope: 1 }, /Unknown field `nope`/],
    ['user', { email: 'a', tags: null }, /String\[\]/],
    ['user', { email: 'a', tags: [5] }, /data\.tags\.0/],
    ['user', { email: 'a', role: 'visitor' }, /Role/],
    ['user', { email: 'a', address: { street: 's' } }, /data\.address\.city.*missing/],
    ['user', { email: 'a', address: { street: 's', city: 'c', planet: 'p' } }, /Unknown field `planet`/],
    ['user', { email: 'a', posts: { link: {} } }, /Unknown argument `link`/],
    ['user', { email: 'a', manager: { disconnect: true } }, /Unknown argument `disconnect`/],
    ['user', { email: 'a', age: 3_000_000_000 }, /32-bit/],
    ['kitchen', { id: 'a', json: () => 1 }, /JSON value/],
    ['kitchen', { id: 'a', json: { n: NaN } }, /json\.n/],
    ['kitchen', { id: 'a', json: 5n }, /JSON value/],
    ['kitchen', { id: 'a', big: 2n ** 63n }, /64-bit/],
    ['kitchen', { id: 'a', big: 1.5 }, /BigInt/],
    ['kitchen', { id: 'a', bytes: 'text' }, /Bytes/],
    ['kitchen', { id: 'a', float: Infinity }, /Float/],
    ['kitchen', { id: 'a', date: '2026-01-01' }, /ISO-8601/],
    ['kitchen', { id: 'a', bool: 'true' }, /Boolean/],
  ];
  it.each(REFUSED.map((entry, index) => [index, ...entry] as const))(
    'refuses bad data %i for %s',
    async (_, model, data, message) => {
      const delegate = t.prisma[model] as unknown as { create(args: object): Promise<unknown> };
      const failure = await failureOf(delegate.create({ data }));
      expect(failure).toBeInstanceOf(t.Prisma.PrismaClientValidationError);
      expect((failure as Error).message).toMatch(message);
    },
  );
});

describe('scalar types', () => {
  it('keep their values', async () => {
    const data = {
      id: 'k1',
      int: -5,
      float: 3,
      big: 2n ** 62n + 1n,
      bool: false,
      string: 'ü\n',
      date: new Date('2026-02-03T04:05:06.789Z'),
      bytes: new Uint8Array([0, 255, 7]),
      json: { a: [1, null, { b: 'c' }], $x: 1, 'd.e': true },
      jsonReq: [1],
      jsons: [{ a: 1 }, 'x'],
      bigs: [1n, -(2n ** 63n)],
      dates: [new Date(0)],
      roles: ['GUEST', 'USER'] as ('GUEST' | 'USER')[],
      role: 'GUEST' as const,
    };
    await t.prisma.kitchen.create({ data });
    expect(await t.prisma.kitchen.findUnique({ where: { id: 'k1' } })).toEqual(data);
  });

  it('keep a key __proto__ of a JSON value as a key', async () => {
    const json = JSON.parse('{"__proto__": {"a": 1}, "b": {"__proto__": ["x"]}}') as object;
    const text = JSON.stringify(json);
    const created = await t.prisma.kitchen.create({ data: { id: 'proto', role: 'GUEST', json } as never });
    expect(JSON.stringify(created.json)).toBe(text);
    const found = await t.prisma.kitchen.findUnique({ where: { id: 'proto' } });
    expect(JSON.stringify(found!.json)).toBe(text);
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it('have the BSON types of Prisma', async () => {
    await t.prisma.kitchen.create({
      data: { id: 'k2', float: 3, big: 7, bytes: new Uint8Array([1]), roles: ['GUEST'], role: 'GUEST' },
    });
    const stored = await t.db.collection('Kitchen').findOne({ _id: 'k2' as never }, { promoteValues: false });
    expect(stored?.float).toEqual(new Double(3));
    expect(stored?.big).toEqual(Long.fromNumber(7));
    expect(stored?.bytes).toBeInstanceOf(Binary);
    expect(stored).toMatchObject({ roles: ['visitor'], role: 'visitor' });
  });

  it('read small and large 64-bit integers as bigint', async () => {
    await t.prisma.kitchen.create({ data: { id: 'k3', big: 5 } });
    expect((await t.prisma.kitchen.findUnique({ where: { id: 'k3' } }))?.big).toBe(5n);
    await t.prisma.kitchen.update({ where: { id: 'k3' }, data: { big: { increment: 2n ** 60n } } });
    expect((await t.prisma.kitchen.findFirst({ where: { big: { gt: 2n ** 59n } } }))?.big).toBe(
      2n ** 60n + 5n,
    );
  });

  it('filter JSON by whole values', async () => {
    await t.prisma.kitchen.createMany({
      data: [
        { id: 'j1', json: { a: 1 } },
        { id: 'j2', json: null },
        { id: 'j3' },
        { id: 'j4', json: 'text' },
      ],
    });
    const ids = async (json: object): Promise<string[]> =>
      (await t.prisma.kitchen.findMany({ where: { json }, orderBy: { id: 'asc' } })).map((row) => row.id);
    expect(await ids({ equals: { a: 1 } })).toEqual(['j1']);
    expect(await ids({ equals: 'text' })).toEqual(['j4']);
    expect(await ids({ equals: null })).toEqual(['j2']);
    expect(await ids({ not: { a: 1 } })).toEqual(['j2', 'j4']);
    expect(await ids({ isSet: false })).toEqual(['j3']);
  });

  it('turn dates and custom objects inside JSON into their JSON form, and drop undefined', async () => {
    const json = { at: new Date(0), gone: undefined, list: [undefined] } as never;
    await t.prisma.kitchen.create({ data: { id: 'k4', json } });
    expect((await t.prisma.kitchen.findUnique({ where: { id: 'k4' } }))?.json).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      list: [null],
    });
  });

  it('take Prisma.JsonNull for null', async () => {
    await t.prisma.kitchen.create({
      data: { id: 'k5', json: (t.Prisma as unknown as { JsonNull: never }).JsonNull },
    });
    expect((await t.prisma.kitchen.findUnique({ where: { id: 'k5' } }))?.json).toBeNull();
  });

  it('report P2032 when a required value is missing in the database', async () => {
    await t.db.collection('Post').insertOne({ _id: 'broken' as never, title: 'only' });
    await expect(t.prisma.post.findUnique({ where: { id: 'broken' } })).rejects.toMatchObject({
      code: 'P2032',
      meta: { field: 'slug' },
    });
    expect(await t.prisma.post.findUnique({ where: { id: 'broken' }, select: { title: true } })).toEqual({
      title: 'only',
    });
  });
});

describe('createMany', () => {
  it('counts, and stops at the first duplicate', async () => {
    expect(
      await t.prisma.label.createMany({
        data: [
          { id: 'x1', name: 'x1' },
          { id: 'x2', name: 'x2' },
        ],
      }),
    ).toEqual({ count: 2 });
    const failure = await failureOf(
      t.prisma.label.createMany({
        data: [
          { id: 'x3', name: 'x3' },
          { id: 'x1', name: 'again' },
          { id: 'x4', name: 'x4' },
        ],
      }),
    );
    expect(failure).toMatchObject({ code: 'P2002', meta: { target: ['id'] } });
    expect(await t.prisma.label.count({ where: { id: { in: ['x3', 'x4'] } } })).toBe(1);
  });

  it('accepts one object and an empty list', async () => {
    expect(await t.prisma.label.createMany({ data: { id: 'y1', name: 'y1' } })).toEqual({ count: 1 });
    expect(await t.prisma.label.createMany({ data: [] })).toEqual({ count: 0 });
  });

  it('refuses skipDuplicates and nested writes', async () => {
    const labels = t.prisma.label as unknown as { createMany(args: object): Promise<unknown> };
    await expect(labels.createMany({ data: [], skipDuplicates: true })).rejects.toThrow(/skipDuplicates/);
    await expect(
      labels.createMany({ data: [{ id: 'n', name: 'n', posts: { create: {} } }] }),
    ).rejects.toThrow(/Unknown field `posts`/);
  });
});

describe('update', () => {
  type Update = [name: string, data: object, expected: object];
  const UPDATES: Update[] = [
    ['sets directly', { name: 'X' }, { name: 'X' }],
    ['sets by operator', { name: { set: 'X' } }, { name: 'X' }],
    ['sets null', { name: null }, { name: null }],
    ['sets null by operator', { name: { set: null } }, { name: null }],
    ['ignores undefined', { name: undefined }, { name: 'Ada' }],
    ['unsets', { name: { unset: true } }, { name: null }],
    ['does not unset on false', { name: { unset: false } }, { name: 'Ada' }],
    ['increments', { age: { increment: 2 } }, { age: 38 }],
    ['decrements', { age: { decrement: 6 } }, { age: 30 }],
    ['multiplies', { age: { multiply: 2 } }, { age: 72 }],
    ['divides', { age: { divide: 5 } }, { age: 7 }],
    ['sets a list', { tags: ['z'] }, { tags: ['z'] }],
    ['sets a list by operator', { tags: { set: [] } }, { tags: [] }],
    ['pushes one', { tags: { push: 'z' } }, { tags: ['math', 'code', 'z'] }],
    ['pushes many', { tags: { push: ['y', 'z'] } }, { tags: ['math', 'code', 'y', 'z'] }],
    [
      'pushes and divides together',
      { tags: { push: 'z' }, age: { divide: 2 } },
      { tags: ['math', 'code', 'z'], age: 18 },
    ],
    ['changes a mapped enum', { role: 'GUEST' }, { role: 'GUEST' }],
    [
      'replaces an embedded document',
      { address: { street: 'n', city: 'n' } },
      { address: { street: 'n', city: 'n', zip: null, geo: null } },
    ],
    [
      'replaces it by set',
      { address: { set: { street: 'n', city: 'n' } } },
      { address: { street: 'n', city: 'n', zip: null, geo: null } },
    ],
    [
      'updates its fields',
      { address: { update: { city: 'Bath' } } },
      { address: { street: 'A St', city: 'Bath', zip: 'N1', geo: { lat: 51.5, lng: 0 } } },
    ],
    [
      'updates nested fields',
      { address: { update: { geo: { update: { lat: { increment: 1 } } } } } },
      { address: { street: 'A St', city: 'London', zip: 'N1', geo: { lat: 52.5, lng: 0 } } },
    ],
    [
      'upserts an embedded document that exists',
      { address: { upsert: { set: { street: 'n', city: 'n' }, update: { zip: 'N2' } } } },
      { address: { street: 'A St', city: 'London', zip: 'N2', geo: { lat: 51.5, lng: 0 } } },
    ],
    ['unsets an embedded document', { address: { unset: true } }, { address: null }],
    [
      'pushes embedded documents',
      { addresses: { push: { street: 'p', city: 'p' } } },
      {
        addresses: [
          { street: 'A St', city: 'London', zip: null, geo: null },
          { street: 'B St', city: 'Paris', zip: null, geo: null },
          { street: 'p', city: 'p', zip: null, geo: null },
        ],
      },
    ],
    [
      'updates embedded documents that match',
      { addresses: { updateMany: { where: { city: 'Paris' }, data: { zip: '75' } } } },
      {
        addresses: [
          { street: 'A St', city: 'London', zip: null, geo: null },
          { street: 'B St', city: 'Paris', zip: '75', geo: null },
        ],
      },
    ],
    [
      'deletes embedded documents that match',
      { addresses: { deleteMany: { where: { city: 'Paris' } } } },
      { addresses: [{ street: 'A St', city: 'London', zip: null, geo: null }] },
    ],
    [
      'keeps texts that look like expressions',
      { name: '$email', age: { divide: 1 } },
      { name: '$email', age: 36 },
    ],
  ];
  it.each(UPDATES)('%s', async (_, data, expected) => {
    const row = await t.prisma.user.update({ where: { id: oid(1) }, data });
    expect(row).toMatchObject(expected);
    expect(await t.prisma.user.findUnique({ where: { id: oid(1) } })).toEqual(row);
  });

  it('upserts an embedded document that is missing', async () => {
    const row = await t.prisma.user.update({
      where: { id: oid(5) },
      data: { address: { upsert: { set: { street: 'n', city: 'n' }, update: { zip: 'x' } } } },
    });
    expect(row.address).toEqual({ street: 'n', city: 'n', zip: null, geo: null });
  });

  it('leaves null null in arithmetic', async () => {
    expect(
      (await t.prisma.user.update({ where: { id: oid(3) }, data: { age: { increment: 1 } } })).age,
    ).toBeNull();
  });

  it('moves @updatedAt on its own, and takes a given value', async () => {
    const { updatedAt } = await t.prisma.user.update({
      where: { id: oid(1) },
      data: { updatedAt: new Date(0) },
    });
    expect(updatedAt).toEqual(new Date(0));
    const next = await t.prisma.user.update({ where: { id: oid(1) }, data: { name: 'Y' } });
    expect(next.updatedAt.getTime()).toBeGreaterThan(0);
  });

  it('takes one round trip and finds by any unique key with further conditions', async () => {
    await t.prisma.post.update({
      where: { section_slug: { section: 'a', slug: 'notes' }, published: true },
      data: { views: 1 },
    });
    expect(t.commands.map((event) => event.command)).toEqual(['findAndModify']);
    await expect(
      t.prisma.post.update({ where: { id: 'p1', published: false }, data: { views: 2 } }),
    ).rejects.toMatchObject({ code: 'P2025' });
  });

  it('reports P2025 and P2002', async () => {
    expect(
      await failureOf(t.prisma.user.update({ where: { id: oid(9) }, data: { name: 'X' } })),
    ).toBeInstanceOf(t.Prisma.PrismaClientKnownRequestError);
    await expect(t.prisma.user.update({ where: { id: oid(9) }, data: { name: 'X' } })).rejects.toMatchObject({
      code: 'P2025',
    });
    await expect(
      t.prisma.user.update({ where: { id: oid(1) }, data: { email: 'bob@example.com' } }),
    ).rejects.toMatchObject({ code: 'P2002', meta: { target: ['email'] } });
    await expect(
      t.prisma.post.update({ where: { id: 'p1' }, data: { slug: 'engine' } }),
    ).rejects.toMatchObject({ code: 'P2002', meta: { target: ['section', 'slug'] } });
  });

  const REFUSED: [object, RegExp][] = [
    [{ nope: 1 }, /Unknown field `nope`/],
    [{ id: oid(8) }, /cannot change the id/],
    [{ name: { increment: 1 } }, /Unknown argument `increment`/],
    [{ age: { increment: 'x' } }, /Expected Int/],
    [{ age: { divide: 0 } }, /division by zero/],
    [{ age: { increment: 1, decrement: 1 } }, /exactly one operation/],
    [{ email: { unset: true } }, /required field cannot be unset/],
    [{ email: null }, /must not be null/],
    [{ tags: { pop: 1 } }, /Unknown argument `pop`/],
    [{ address: { update: { nope: 1 } } }, /Unknown field `nope`.*Address/],
    [{ posts: { nope: 1 } }, /Unknown argument `nope`/],
    [5 as unknown as object, /Expected Object/],
  ];
  it.each(REFUSED.map(([data, message]) => [JSON.stringify(data), data, message] as const))(
    'refuses %s',
    async (_, data, message) => {
      const failure = await failureOf(t.prisma.user.update({ where: { id: oid(1) }, data }));
      expect(failure).toBeInstanceOf(t.Prisma.PrismaClientValidationError);
      expect((failure as Error).message).toMatch(message);
    },
  );
});

describe('updateMany and deleteMany', () => {
  it('count what they matched', async () => {
    expect(
      await t.prisma.post.updateMany({ where: { section: 'a' }, data: { views: { increment: 1 } } }),
    ).toEqual({ count: 2 });
    expect(await t.prisma.post.updateMany({ where: { id: 'nope' }, data: { views: 1 } })).toEqual({
      count: 0,
    });
    expect(await t.prisma.post.updateMany({ data: {} })).toEqual({ count: 6 });
    expect(
      await t.prisma.post.updateMany({ where: { author: { name: 'Ada' } }, data: { published: true } }),
    ).toEqual({ count: 2 });
    expect(await t.prisma.comment.deleteMany({ where: { post: { id: 'p1' } } })).toEqual({ count: 2 });
    expect(await t.prisma.comment.deleteMany()).toEqual({ count: 1 });
  });

  it('let exactly one of many conditional updates win', async () => {
    const claims = await Promise.all(
      [...Array(10).keys()].map((n) =>
        t.prisma.post.updateMany({ where: { id: 'p5', rating: 1 }, data: { rating: 100 + n } }),
      ),
    );
    expect(claims.reduce((sum, { count }) => sum + count, 0)).toBe(1);
  });

  it('obey a limit', async () => {
    expect(await t.prisma.post.updateMany({ data: { views: 77 }, limit: 2 })).toEqual({ count: 2 });
    expect(await t.prisma.post.count({ where: { views: 77 } })).toBe(2);
    expect(await t.prisma.comment.deleteMany({ limit: 0 })).toEqual({ count: 0 });
  });
});

describe('upsert', () => {
  it('creates, then updates', async () => {
    const args = {
      where: { email: 'up@example.com' },
      create: { email: 'up@example.com', age: 1 },
      update: { age: { increment: 1 } },
    };
    expect((await t.prisma.user.upsert(args)).age).toBe(1);
    expect((await t.prisma.user.upsert(args)).age).toBe(2);
  });

  it('changes nothing with an empty update', async () => {
    const row = await t.prisma.label.upsert({
      where: { id: 'l1' },
      create: { id: 'l1', name: 'other' },
      update: {},
    });
    expect(row.name).toBe('red');
  });

  it('never fails on its own key when many upsert at once', async () => {
    const args = { where: { id: 'race' }, create: { id: 'race', name: 'race' }, update: { name: 'race' } };
    const rows = await Promise.all([...Array(12).keys()].map(() => t.prisma.label.upsert(args)));
    expect(new Set(rows.map((row) => row.id))).toEqual(new Set(['race']));
  });

  it('reports P2002 for another unique key', async () => {
    await expect(
      t.prisma.label.upsert({ where: { id: 'new' }, create: { id: 'new', name: 'red' }, update: {} }),
    ).rejects.toMatchObject({ code: 'P2002', meta: { target: ['name'] } });
  });
});

describe('delete', () => {
  it('answers the deleted row, with relations', async () => {
    expect(await t.prisma.comment.delete({ where: { id: 'c1' }, select: { text: true } })).toEqual({
      text: 'good',
    });
    expect(
      await t.prisma.comment.delete({ where: { id: 'c2' }, include: { post: { select: { id: true } } } }),
    ).toMatchObject({ id: 'c2', post: { id: 'p1' } });
    await expect(t.prisma.comment.delete({ where: { id: 'c1' } })).rejects.toMatchObject({ code: 'P2025' });
  });

  it('restricts, cascades and clears as the relations say', async () => {
    await expect(t.prisma.post.delete({ where: { id: 'p1' } })).rejects.toMatchObject({ code: 'P2014' });
    expect(await t.prisma.post.count({ where: { id: 'p1' } })).toBe(1);
    await t.prisma.user.delete({ where: { id: oid(1) } });
    expect(await t.prisma.profile.count({ where: { id: 'pr1' } })).toBe(0);
    expect((await t.prisma.post.findUnique({ where: { id: 'p1' } }))?.authorId).toBeNull();
    expect((await t.prisma.user.findUnique({ where: { id: oid(2) } }))?.managerId).toBe(oid(1));
  });
});

describe('nested writes', () => {
  const author = (posts: object): Parameters<TestClient['user']['update']>[0] => ({
    where: { id: oid(1) },
    data: { posts },
    include: { posts: { orderBy: { id: 'asc' } } },
  });
  const post = (id: string): object => ({ id, title: id, slug: id, section: 'n' });
  const idsAfter = async (posts: object): Promise<string> => {
    const row = (await t.prisma.user.update(author(posts))) as unknown as { posts: { id: string }[] };
    return row.posts.map(({ id }) => id).join(' ');
  };

  it('creates a row with everything around it', async () => {
    const user = await t.prisma.user.create({
      data: {
        email: 'nest@example.com',
        manager: { connect: { email: 'ada@example.com' } },
        profile: { create: { bio: 'nested' } },
        posts: {
          create: [{ title: 'N1', slug: 'n1', section: 'n', comments: { create: { text: 'deep' } } }],
          connect: { id: 'p4' },
        },
      },
      include: {
        manager: { select: { name: true } },
        profile: true,
        posts: { include: { comments: true }, orderBy: { title: 'asc' } },
      },
    });
    expect(user.manager).toEqual({ name: 'Ada' });
    expect(user.profile?.userId).toBe(user.id);
    expect(user.posts.map((row) => [row.title, row.comments.map((comment) => comment.text)])).toEqual([
      ['N1', ['deep']],
      ['Orphan', []],
    ]);
  });

  it('creates the row that it belongs to', async () => {
    const profile = await t.prisma.profile.create({
      data: { bio: 'b', user: { create: { email: 'owner@example.com' } } },
      include: { user: true },
    });
    expect(profile.user.email).toBe('owner@example.com');
    expect(profile.userId).toBe(profile.user.id);
  });

  it('undoes everything when a part fails', async () => {
    const failure = await failureOf(
      t.prisma.user.create({
        data: { email: 'half@example.com', posts: { create: [{ title: 'x', slug: 'notes', section: 'a' }] } },
      }),
    );
    expect(failure).toMatchObject({ code: 'P2002' });
    expect(await t.prisma.user.count({ where: { email: 'half@example.com' } })).toBe(0);
  });

  it('connects or creates', async () => {
    expect(
      await idsAfter({
        connectOrCreate: [
          { where: { id: 'p4' }, create: post('p4') },
          { where: { id: 'q1' }, create: post('q1') },
        ],
      }),
    ).toBe('p1 p2 p4 q1');
  });

  it.each<[string, object, string]>([
    ['create', { create: post('q1') }, 'p1 p2 q1'],
    ['createMany', { createMany: { data: [post('q1'), post('q2')] } }, 'p1 p2 q1 q2'],
    ['connect', { connect: [{ id: 'p4' }, { id: 'p5' }] }, 'p1 p2 p4 p5'],
    ['connect by compound key', { connect: { section_slug: { section: 'b', slug: 'orphan' } } }, 'p1 p2 p4'],
    ['disconnect', { disconnect: { id: 'p1' } }, 'p2'],
    ['disconnect of a stranger', { disconnect: { id: 'p3' } }, 'p1 p2'],
    ['set', { set: [{ id: 'p2' }, { id: 'p3' }] }, 'p2 p3'],
    ['set to nothing', { set: [] }, ''],
    ['delete', { delete: { id: 'p2' } }, 'p1'],
    ['deleteMany', { deleteMany: { published: false } }, 'p1'],
    ['upsert of a new row', { upsert: { where: { id: 'q1' }, create: post('q1'), update: {} } }, 'p1 p2 q1'],
    ['several at once', { disconnect: { id: 'p1' }, connect: { id: 'p4' }, create: post('q1') }, 'p2 p4 q1'],
  ])('%s', async (_, posts, expected) => {
    expect(await idsAfter(posts)).toBe(expected);
  });

  it('updates children', async () => {
    await t.prisma.user.update(
      author({
        update: { where: { id: 'p1' }, data: { views: { increment: 5 } } },
        updateMany: { where: { published: false }, data: { title: 'Hidden' } },
        upsert: { where: { id: 'p2' }, create: post('p2'), update: { rating: 2 } },
      }),
    );
    expect(
      await t.prisma.post.findMany({
        where: { authorId: oid(1) },
        select: { views: true, title: true, rating: true },
        orderBy: { id: 'asc' },
      }),
    ).toEqual([
      { views: 15, title: 'Notes', rating: 4.5 },
      { views: 20, title: 'Hidden', rating: 2 },
    ]);
  });

  it('does not touch the children of others', async () => {
    await expect(
      t.prisma.user.update(author({ update: { where: { id: 'p3' }, data: { views: 0 } } })),
    ).rejects.toMatchObject({ code: 'P2025' });
    await expect(t.prisma.user.update(author({ delete: { id: 'p3' } }))).rejects.toMatchObject({
      code: 'P2025',
    });
    await expect(t.prisma.user.update(author({ connect: { id: 'nope' } }))).rejects.toMatchObject({
      code: 'P2025',
    });
  });

  it('writes to-one relations from both sides', async () => {
    const profileOf = async (n: number): Promise<string | undefined> =>
      (await t.prisma.profile.findUnique({ where: { userId: oid(n) } }))?.bio;
    await t.prisma.user.update({ where: { id: oid(1) }, data: { profile: { update: { bio: 'new' } } } });
    expect(await profileOf(1)).toBe('new');
    await t.prisma.user.update({
      where: { id: oid(3) },
      data: { profile: { upsert: { create: { bio: 'made' }, update: { bio: 'no' } } } },
    });
    expect(await profileOf(3)).toBe('made');
    await t.prisma.user.update({ where: { id: oid(1) }, data: { profile: { delete: true } } });
    expect(await profileOf(1)).toBeUndefined();
    await expect(
      t.prisma.user.update({ where: { id: oid(2) }, data: { profile: { create: { bio: 'second' } } } }),
    ).rejects.toMatchObject({ code: 'P2014' });
    const moved = await t.prisma.post.update({
      where: { id: 'p3' },
      data: { author: { connect: { id: oid(1) } } },
    });
    expect(moved.authorId).toBe(oid(1));
    expect(
      (await t.prisma.post.update({ where: { id: 'p3' }, data: { author: { disconnect: true }, views: 1 } }))
        .authorId,
    ).toBeNull();
    await t.prisma.post.update({ where: { id: 'p1' }, data: { author: { update: { name: 'Lovelace' } } } });
    expect((await t.prisma.user.findUnique({ where: { id: oid(1) } }))?.name).toBe('Lovelace');
    const upserted = await t.prisma.post.update({
      where: { id: 'p4' },
      data: { author: { upsert: { create: { email: 'up2@example.com' }, update: {} } } },
      include: { author: true },
    });
    expect(upserted.author?.email).toBe('up2@example.com');
    const comments = t.prisma.comment as unknown as { update(args: object): Promise<unknown> };
    await expect(
      comments.update({ where: { id: 'c1' }, data: { post: { disconnect: true } } }),
    ).rejects.toThrow(/required/);
  });

  it('keeps both lists of a many-to-many relation', async () => {
    const labels = async (): Promise<string[]> =>
      (await t.prisma.post.findUnique({ where: { id: 'p3' } }))!.labelIds;
    await t.prisma.post.update({
      where: { id: 'p3' },
      data: { labels: { connect: [{ id: 'l1' }, { name: 'green' }], create: { id: 'l9', name: 'nine' } } },
    });
    expect((await labels()).sort()).toEqual(['l1', 'l3', 'l9']);
    expect((await t.prisma.label.findUnique({ where: { id: 'l3' } }))?.postIds).toEqual(['p3']);
    await t.prisma.post.update({ where: { id: 'p3' }, data: { labels: { disconnect: { id: 'l1' } } } });
    expect((await t.prisma.label.findUnique({ where: { id: 'l1' } }))?.postIds).toEqual(['p1', 'p2']);
    await t.prisma.post.update({ where: { id: 'p3' }, data: { labels: { set: [{ id: 'l2' }] } } });
    expect(await labels()).toEqual(['l2']);
    expect((await t.prisma.label.findUnique({ where: { id: 'l9' } }))?.postIds).toEqual([]);
  });
});

describe('$transaction', () => {
  it('runs a list of operations as one', async () => {
    const [label, count] = await t.prisma.$transaction([
      t.prisma.label.create({ data: { id: 't1', name: 't1' } }),
      t.prisma.label.count(),
    ]);
    expect([label.id, count]).toEqual(['t1', 4]);
    const failure = await failureOf(
      t.prisma.$transaction([
        t.prisma.label.create({ data: { id: 't2', name: 't2' } }),
        t.prisma.label.create({ data: { id: 't3', name: 't1' } }),
      ]),
    );
    expect(failure).toMatchObject({ code: 'P2002' });
    expect(await t.prisma.label.count({ where: { id: 't2' } })).toBe(0);
  });

  it('commits what a function does and reads its own writes', async () => {
    const seen = await t.prisma.$transaction(async (tx) => {
      await Promise.all([
        tx.label.create({ data: { id: 'f1', name: 'f1' } }),
        tx.label.create({ data: { id: 'f2', name: 'f2' } }),
      ]);
      return tx.label.count({ where: { id: { in: ['f1', 'f2'] } } });
    });
    expect(seen).toBe(2);
    expect(await t.prisma.label.count({ where: { id: 'f1' } })).toBe(1);
  });

  it('rolls back when the function throws', async () => {
    const failure = await failureOf(
      t.prisma.$transaction(async (tx) => {
        await tx.label.create({ data: { id: 'r1', name: 'r1' } });
        await tx.user.update({
          where: { id: oid(1) },
          data: { posts: { create: { id: 'rp', title: 'x', slug: 'x', section: 'x' } } },
        });
        throw new Error('mine');
      }),
    );
    expect((failure as Error).message).toBe('mine');
    expect(await t.prisma.label.count({ where: { id: 'r1' } })).toBe(0);
    expect(await t.prisma.post.count({ where: { id: 'rp' } })).toBe(0);
  });

  it('joins a surrounding transaction', async () => {
    const failure = await failureOf(
      t.prisma.$transaction(async (tx) => {
        await (tx as TestClient).$transaction(async (inner) =>
          inner.label.create({ data: { id: 'in', name: 'in' } }),
        );
        throw new Error('outer');
      }),
    );
    expect((failure as Error).message).toBe('outer');
    expect(await t.prisma.label.count({ where: { id: 'in' } })).toBe(0);
  });

  it('rolls back after its timeout and refuses what comes later', async () => {
    let late: unknown;
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (finish = resolve));
    let expire: () => void = () => undefined;
    const expired = new Promise<void>((resolve) => (expire = resolve));
    const failure = await failureOf(
      t.prisma.$transaction(
        async (tx) => {
          await tx.label.create({ data: { id: 'slow', name: 'slow' } });
          await expired;
          late = await failureOf(tx.label.count());
          finish();
        },
        { timeout: 50 },
      ),
    );
    expire();
    await done;
    expect(failure).toMatchObject({ code: 'P2028' });
    expect(late).toMatchObject({ code: 'P2028' });
    expect(await t.prisma.label.count({ where: { id: 'slow' } })).toBe(0);
  });

  it('reports a write conflict as P2034', async () => {
    const failure = await failureOf(
      t.prisma.$transaction(async (tx) => {
        await tx.label.update({ where: { id: 'l1' }, data: { name: 'mine' } });
        await t.mongoClient.withSession(async (session) => {
          session.startTransaction();
          try {
            await t.db
              .collection('Label')
              .updateOne({ _id: 'l2' as never }, { $set: { name: 'theirs' } }, { session });
            await tx.label.update({ where: { id: 'l2' }, data: { name: 'mine too' } });
          } finally {
            await session.abortTransaction();
          }
        });
      }),
    );
    expect(failure).toMatchObject({ code: 'P2034' });
  });

  it('refuses awaited operations, other values and isolation levels', async () => {
    const transaction = t.prisma.$transaction as unknown as (
      input: unknown,
      options?: object,
    ) => Promise<unknown>;
    await expect(transaction([Promise.resolve(1)])).rejects.toThrow(/Prisma Client promises/);
    await expect(transaction(5)).rejects.toThrow(/list of operations or a function/);
    await expect(transaction([], { isolationLevel: 'Serializable' })).rejects.toThrow(/isolation/);
  });
});
