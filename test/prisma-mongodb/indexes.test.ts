import { compileDatamodel } from '../../src/adapters/prisma-mongodb/datamodel';
import { describeIndexes } from '../../src/adapters/prisma-mongodb/indexes';
import { ensureIndexes, type Datamodel } from '../../src/adapters/prisma-mongodb';
import { startTestDatabase, type TestDatabase } from './harness';

let t: TestDatabase;
beforeAll(async () => {
  t = await startTestDatabase();
}, 60_000);
afterAll(() => t.stop());

const indexes = async (collection: string) =>
  Object.fromEntries((await t.db.collection(collection).indexes()).map((index) => [index.name, index]));
/** The test's data model with another documentation of Lease. */
const withLease = (documentation: string): Datamodel => ({
  ...t.datamodel,
  models: t.datamodel.models.map((model) => (model.name === 'Lease' ? { ...model, documentation } : model)),
});

describe('ensureIndexes', () => {
  it('creates unique, compound, descending, TTL and partial indexes', async () => {
    expect(await indexes('users')).toMatchObject({
      users_email_key: { key: { email: 1 }, unique: true },
      users_role_createdAt_idx: { key: { role: 1, createdAt: -1 } },
    });
    expect(await indexes('Post')).toMatchObject({
      Post_section_slug_key: { key: { section: 1, slug: 1 }, unique: true },
    });
    expect(await indexes('Lease')).toMatchObject({
      Lease_owner_lease_state_key: { unique: true },
      Lease_expiresAt_ttl: { expireAfterSeconds: 3600 },
      Lease_owner_partial: { unique: true, partialFilterExpression: { lease_state: 'active' } },
    });
  });

  it('lets a partial unique index decide', async () => {
    await t.prisma.lease.create({ data: { id: '1', owner: 'o', state: 'active' } });
    await t.prisma.lease.create({ data: { id: '2', owner: 'o', state: 'done' } });
    await expect(
      t.prisma.lease.create({ data: { id: '3', owner: 'o', state: 'active' } }),
    ).rejects.toMatchObject({ code: 'P2002' });
    expect(
      await t.prisma.lease.findUnique({ where: { ownerState: { owner: 'o', state: 'done' } } }),
    ).toMatchObject({ id: '2' });
  });

  it('may be repeated, and run by many at once', async () => {
    const before = await indexes('Lease');
    await ensureIndexes(t.db, t.datamodel);
    const fresh = t.mongoClient.db(`${t.db.databaseName}_i`);
    await Promise.all([1, 2, 3, 4].map(() => ensureIndexes(fresh, t.datamodel, ['Lease', 'User'])));
    expect(await indexes('Lease')).toEqual(before);
    expect((await fresh.collection('Lease').indexes()).length).toBe(Object.keys(before).length);
    await fresh.dropDatabase();
  });

  it('rebuilds an index whose definition changed', async () => {
    const fresh = t.mongoClient.db(`${t.db.databaseName}_c`);
    await ensureIndexes(fresh, t.datamodel, ['Lease']);
    await ensureIndexes(fresh, withLease('@@ttl(expiresAt, 60)'), ['Lease']);
    const ttl = (await fresh.collection('Lease').indexes()).find(
      (index) => index.name === 'Lease_expiresAt_ttl',
    );
    expect(ttl?.expireAfterSeconds).toBe(60);
    await fresh.dropDatabase();
  });

  it.each([
    ['@@ttl(expiresAt)', /should be @@ttl/],
    ['@@ttl(nope, 1)', /unknown field nope/],
    ['@@partial(owner, {})', /should be @@partial/],
    ['@@partial([owner], {state: 1})', /is not JSON/],
    ['@@partial([owner], {"nope": 1})', /unknown field nope/],
  ])('refuses %s', (documentation, message) => {
    expect(() => describeIndexes(withLease(documentation))).toThrow(message);
  });

  it('refuses a model that does not exist', async () => {
    await expect(ensureIndexes(t.db, t.datamodel, ['Nope'])).rejects.toThrow(/no model Nope/);
  });
});

describe('compileDatamodel', () => {
  const withField = (changes: object): Datamodel => ({
    ...t.datamodel,
    models: t.datamodel.models.map((model) =>
      model.name === 'Lease'
        ? {
            ...model,
            fields: [
              ...model.fields,
              { name: 'x', kind: 'scalar', type: 'String', isList: false, isRequired: false, ...changes },
            ],
          }
        : model,
    ),
  });

  it('refuses what MongoDB cannot hold, naming it', () => {
    expect(() => compileDatamodel(withField({ type: 'Decimal' }), t.Prisma as never)).toThrow(/Decimal/);
    const sequence = withField({
      type: 'Int',
      hasDefaultValue: true,
      default: { name: 'autoincrement', args: [] },
    });
    expect(() => compileDatamodel(sequence, t.Prisma as never)).toThrow(/Lease\.x.*autoincrement/);
  });
});
