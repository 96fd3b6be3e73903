import { createPrismaClient } from '../../src/adapters/prisma-mongodb';
import { loadGenerated, startTestDatabase, type TestDatabase } from './harness';

/**
 * What the connector relies on without Prisma documenting it. A failure here after an upgrade of Prisma means that
 * src/adapters/prisma-mongodb/client.ts must be adapted before anything else is looked at.
 */
interface Extended {
  [model: string]: Record<string, (args?: object) => Promise<unknown>> & { (): unknown };
}
type Params = {
  model: string;
  operation: string;
  args: object;
  query: unknown;
  __internalParams: { dataPath: string[] };
};

function extended(seen: Params[]): Extended {
  const { PrismaClient } = loadGenerated();
  const Client = PrismaClient as unknown as new (options: object) => {
    $extends(extension: object): Extended;
  };
  const adapter = {
    provider: 'mongodb',
    adapterName: 'contract',
    connect: () => Promise.reject(new Error('no engine')),
  };
  return new Client({ adapter, errorFormat: 'minimal' }).$extends({
    query: { $allModels: { $allOperations: (params: Params) => Promise.resolve(seen.push(params)) } },
    client: {
      $transaction: () => 'own transaction',
      $connect: () => 'own connect',
      $runCommandRaw: () => 'own command',
    },
  });
}

describe('what the connector relies on in Prisma', () => {
  it('constructs the client with an adapter that only names the provider', () => {
    expect(() => extended([])).not.toThrow();
  });

  it('passes model, operation, args and the data path of every operation to the extension', async () => {
    const seen: Params[] = [];
    const client = extended(seen);
    const operations = [
      'findUnique',
      'findUniqueOrThrow',
      'findFirst',
      'findFirstOrThrow',
      'findMany',
      'create',
      'createMany',
      'update',
      'updateMany',
      'upsert',
      'delete',
      'deleteMany',
      'count',
      'aggregate',
      'groupBy',
      'findRaw',
      'aggregateRaw',
    ];
    for (const operation of operations) await client.user![operation]!({ where: { id: 'x' } });
    expect(seen.map((params) => params.operation)).toEqual(operations);
    for (const params of seen) {
      expect(params).toMatchObject({ model: 'User', args: { where: { id: 'x' } } });
      expect(params.__internalParams.dataPath).toEqual([]);
    }
  });

  it('describes the fluent API by a data path that alternates select and the relation', async () => {
    const seen: Params[] = [];
    const first = extended(seen).user!.findUnique!({ where: { id: 'x' } }) as unknown as Record<
      string,
      () => Promise<unknown>
    >;
    await first.posts!();
    expect(seen[0]).toMatchObject({ operation: 'findUnique', args: { select: { posts: true } } });
    expect(seen[0]!.__internalParams.dataPath).toEqual(['select', 'posts']);
  });

  it('is lazy: an operation runs when it is awaited, and once', async () => {
    const seen: Params[] = [];
    const promise = extended(seen).user!.findMany!({});
    expect((promise as unknown as Record<symbol, unknown>)[Symbol.toStringTag]).toBe('PrismaPromise');
    expect(seen).toHaveLength(0);
    await promise;
    await promise;
    expect(seen).toHaveLength(1);
  });

  it('lets the extension replace $transaction, $connect and $runCommandRaw', () => {
    const client = extended([]) as unknown as Record<string, () => unknown>;
    expect([client.$transaction!(), client.$connect!(), client.$runCommandRaw!()]).toEqual([
      'own transaction',
      'own connect',
      'own command',
    ]);
  });

  it('has error classes that can be built by hand', () => {
    const { Prisma } = loadGenerated();
    const known = new Prisma.PrismaClientKnownRequestError('text', {
      code: 'P2002',
      clientVersion: '1',
      meta: { target: ['a'] },
    });
    expect(known).toMatchObject({
      name: 'PrismaClientKnownRequestError',
      message: 'text',
      code: 'P2002',
      clientVersion: '1',
      meta: { target: ['a'] },
    });
    expect(known).toBeInstanceOf(Error);
    const invalid = new Prisma.PrismaClientValidationError('text', { clientVersion: '1' });
    expect(invalid).toMatchObject({
      name: 'PrismaClientValidationError',
      message: 'text',
      clientVersion: '1',
    });
  });

  it('has distinct null sentinels and a version', () => {
    const { Prisma } = loadGenerated();
    const { JsonNull, DbNull, AnyNull } = Prisma as unknown as Record<string, unknown>;
    expect(new Set([JsonNull, DbNull, AnyNull]).size).toBe(3);
    for (const sentinel of [JsonNull, DbNull, AnyNull]) expect(typeof sentinel).toBe('object');
    expect(Prisma.prismaVersion.client).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('writes the whole data model with its indexes', () => {
    const { datamodel } = loadGenerated();
    const user = datamodel.models.find((model) => model.name === 'User')!;
    const field = (name: string): unknown => user.fields.find((candidate) => candidate.name === name);
    expect(user.dbName).toBe('users');
    expect(field('id')).toMatchObject({
      dbName: '_id',
      isId: true,
      nativeType: ['ObjectId', []],
      default: { name: 'auto', args: [] },
    });
    expect(field('manager')).toMatchObject({
      kind: 'object',
      relationFromFields: ['managerId'],
      relationToFields: ['id'],
      relationOnDelete: 'NoAction',
    });
    expect(field('updatedAt')).toMatchObject({ isUpdatedAt: true });
    expect(datamodel.types.map((type) => type.name)).toEqual(['Geo', 'Address']);
    expect(datamodel.enums[0]!.values).toContainEqual(
      expect.objectContaining({ name: 'GUEST', dbName: 'visitor' }),
    );
    expect(datamodel.indexes).toContainEqual(
      expect.objectContaining({
        model: 'User',
        type: 'normal',
        fields: [{ name: 'role' }, { name: 'createdAt', sortOrder: 'desc' }],
      }),
    );
  });
});

describe('clients for many databases', () => {
  let t: TestDatabase;
  beforeAll(async () => {
    t = await startTestDatabase();
  }, 60_000);
  afterAll(() => t.stop());

  it('are separate, and follow a function that names the database', async () => {
    const other = t.mongoClient.db(`${t.db.databaseName}_b`);
    let current = t.db;
    const [a, b, moving] = [t.prisma, t.connector.forDatabase(other), t.connector.forDatabase(() => current)];
    await a.label.create({ data: { id: 'a', name: 'a' } });
    await b.label.create({ data: { id: 'b', name: 'b' } });
    expect([await a.label.count(), await b.label.count({ where: { id: 'a' } })]).toEqual([1, 0]);
    expect((await moving.label.findFirst())?.id).toBe('a');
    current = other;
    expect((await moving.label.findFirst())?.id).toBe('b');
    await other.dropDatabase();
  });

  it('reports operations with their failures to the hook', async () => {
    const events: unknown[] = [];
    const { PrismaClient, Prisma } = loadGenerated();
    const client = createPrismaClient<TestDatabase['prisma']>({
      PrismaClient,
      Prisma,
      datamodel: t.datamodel,
      mongoClient: t.mongoClient,
      db: t.db,
      hooks: {
        onOperation: ({ model, operation, error }) =>
          void events.push([model, operation, error === undefined]),
      },
    });
    await client.label.count();
    await expect(client.label.findUniqueOrThrow({ where: { id: 'nope' } })).rejects.toMatchObject({
      code: 'P2025',
    });
    expect(events).toEqual([
      ['Label', 'count', true],
      ['Label', 'findUniqueOrThrow', false],
    ]);
  });

  it('connect, and leave the shared driver open on disconnect', async () => {
    await t.prisma.$connect();
    await t.prisma.$disconnect();
    expect(await t.prisma.label.count()).toBe(1);
  });
});
