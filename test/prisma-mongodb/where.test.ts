import { oid, seed } from './seed';
import { startTestDatabase, type TestDatabase } from './harness';

/** Semantics: https://www.prisma.io/docs/orm/reference/prisma-client-reference#filter-conditions-and-operators */
let t: TestDatabase;
beforeAll(async () => {
  t = await startTestDatabase();
  await seed(t.prisma);
}, 60_000);
afterAll(() => t.stop());

type Case = [where: object, expected: number[]];
const nums = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const ALL = nums(1, 5);

const USERS: Case[] = [
  [{}, ALL],
  [{ id: oid(1) }, [1]],
  [{ id: { equals: oid(2) } }, [2]],
  [{ id: { in: [oid(1), oid(9)] } }, [1]],
  [{ id: { notIn: [oid(1), oid(2)] } }, [3, 4, 5]],
  [{ id: { not: oid(1) } }, [2, 3, 4, 5]],
  [{ id: { gt: oid(3) } }, [4, 5]],
  [{ id: { lte: oid(2) } }, [1, 2]],
  [{ id: undefined }, ALL],
  [{ email: 'bob@example.com' }, [2]],
  [{ email: { contains: 'example' } }, ALL],
  [{ email: { contains: '.x@' } }, [5]],
  [{ email: { contains: '' } }, ALL],
  [{ email: { startsWith: 'a' } }, [1]],
  [{ email: { startsWith: 'A' } }, []],
  [{ email: { startsWith: 'A', mode: 'insensitive' } }, [1]],
  [{ email: { startsWith: 'A', mode: 'default' } }, []],
  [{ email: { endsWith: '.org' } }, [3, 4]],
  [{ email: { endsWith: 'org' } }, [3, 4]],
  [{ email: { endsWith: '.ORG', mode: 'insensitive' } }, [3, 4]],
  [{ email: { contains: 'EXAMPLE.C', mode: 'insensitive' } }, [1, 2, 5]],
  [{ email: { equals: 'ADA@example.com', mode: 'insensitive' } }, [1]],
  [{ email: { in: ['ADA@example.com', 'BOB@example.com'], mode: 'insensitive' } }, [1, 2]],
  [{ email: { notIn: ['ADA@example.com'], mode: 'insensitive' } }, [2, 3, 4, 5]],
  [{ email: { not: 'ADA@example.com', mode: 'insensitive' } }, [2, 3, 4, 5]],
  [{ email: { not: { contains: '.com' } } }, [3, 4]],
  [{ email: { not: { contains: '.COM' }, mode: 'insensitive' } }, [3, 4]],
  [{ email: { contains: 'e', startsWith: 'a', endsWith: 'com' } }, [1]],
  [{ email: { gte: 'b', lt: 'd' } }, [2, 3]],
  [{ name: 'eve*' }, [5]],
  [{ name: { startsWith: 'eve*' } }, [5]],
  [{ name: { contains: '*' } }, [5]],
  [{ name: { contains: '.' } }, []],
  // Null, missing and isSet: user 3 has null, user 4 has no name.
  [{ name: null }, [3]],
  [{ name: { equals: null } }, [3]],
  [{ name: { not: null } }, [1, 2, 5]],
  [{ name: { isSet: true } }, [1, 2, 3, 5]],
  [{ name: { isSet: false } }, [4]],
  [{ OR: [{ name: null }, { name: { isSet: false } }] }, [3, 4]],
  [{ name: { not: 'Ada' } }, [2, 3, 5]],
  [{ name: { notIn: ['Ada', 'Bob'] } }, [3, 5]],
  [{ name: { in: ['Ada', 'Bob'] } }, [1, 2]],
  [{ name: { in: [] } }, []],
  [{ name: { notIn: [] } }, [1, 2, 3, 5]],
  [{ NOT: { name: 'Ada' } }, [2, 3, 5]],
  [{ NOT: { name: null } }, [1, 2, 5]],
  [{ NOT: { name: { isSet: false } } }, [1, 2, 3, 5]],
  [{ NOT: { NOT: { name: 'Ada' } } }, [1]],
  [{ NOT: { name: { not: 'Ada' } } }, [1]],
  [{ NOT: { name: { in: ['Ada'] } } }, [2, 3, 5]],
  [{ name: { not: { in: ['Ada'] } } }, [2, 3, 5]],
  [{ name: { not: { not: 'Ada' } } }, [1]],
  [{ NOT: { AND: [{ name: 'Ada' }, { age: 36 }] } }, [2, 3, 5]],
  [{ NOT: { OR: [{ name: 'Ada' }, { age: 25 }] } }, [3]],
  [{ NOT: [{ name: 'Ada' }, { name: 'Bob' }] }, [3, 5]],
  [{ NOT: [] }, ALL],
  // Numbers.
  [{ age: 25 }, [2, 5]],
  [{ age: { equals: 25 } }, [2, 5]],
  [{ age: { not: 25 } }, [1, 3]],
  [{ age: { gt: 25 } }, [1]],
  [{ age: { gte: 25 } }, [1, 2, 5]],
  [{ age: { lt: 36 } }, [2, 5]],
  [{ age: { lte: 36 } }, [1, 2, 5]],
  [{ age: { gt: 25, lt: 40 } }, [1]],
  [{ age: { in: [25, 36] } }, [1, 2, 5]],
  [{ age: { notIn: [25] } }, [1, 3]],
  [{ age: null }, [3]],
  [{ age: { isSet: false } }, [4]],
  [{ age: { not: { gt: 30 } } }, [2, 3, 5]],
  // Enums, one of them mapped.
  [{ role: 'ADMIN' }, [1]],
  [{ role: 'GUEST' }, [3, 4]],
  [{ role: { in: ['ADMIN', 'GUEST'] } }, [1, 3, 4]],
  [{ role: { not: 'GUEST' } }, [1, 2, 5]],
  [{ role: { notIn: ['USER'] } }, [1, 3, 4]],
  // Dates, as objects and ISO strings.
  [{ createdAt: new Date('2026-01-03T00:00:00Z') }, [3]],
  [{ createdAt: { gte: '2026-01-04T00:00:00.000Z' } }, [4, 5]],
  [{ createdAt: { lt: new Date('2026-01-02T00:00:00Z') } }, [1]],
  [{ createdAt: { gt: '2026-01-01T01:00:00+01:00' } }, [2, 3, 4, 5]],
  // AND, OR.
  [{ AND: [{ age: 25 }, { name: 'Bob' }] }, [2]],
  [{ AND: { age: 25, name: 'Bob' } }, [2]],
  [{ AND: [] }, ALL],
  [{ OR: [] }, []],
  [{ OR: [{ age: 36 }] }, [1]],
  [{ OR: [{ age: 36 }, { name: 'Bob' }] }, [1, 2]],
  [{ OR: [{ age: 36 }, { name: 'Bob' }], NOT: { name: 'Ada' } }, [2]],
  [{ AND: [{ OR: [{ age: 25 }, { age: 36 }] }, { OR: [{ name: 'Ada' }, { name: 'Bob' }] }] }, [1, 2]],
  [{ AND: [{ age: { gt: 20 } }, { age: { lt: 30 } }] }, [2, 5]],
  [{ age: 25, AND: [{ age: { lt: 30 } }], OR: [{ role: 'USER' }] }, [2, 5]],
  // Scalar lists.
  [{ tags: { has: 'code' } }, [1, 2, 5]],
  [{ tags: { has: 'nothing' } }, []],
  [{ tags: { hasEvery: ['code', 'math'] } }, [1, 5]],
  [{ tags: { hasEvery: [] } }, ALL],
  [{ tags: { hasSome: ['art', 'math'] } }, [1, 5]],
  [{ tags: { hasSome: [] } }, []],
  [{ tags: { isEmpty: true } }, [3, 4]],
  [{ tags: { isEmpty: false } }, [1, 2, 5]],
  [{ tags: { equals: ['code'] } }, [2]],
  [{ tags: { equals: ['code', 'math'] } }, []],
  [{ tags: { equals: ['math', 'code'] } }, [1]],
  [{ tags: { equals: [] } }, [3, 4]],
  [{ tags: { has: 'code', hasEvery: ['art'] } }, [5]],
  [{ NOT: { tags: { has: 'code' } } }, [3, 4]],
  [{ scores: { has: 2 } }, [2, 5]],
  [{ scores: { hasSome: [3] } }, [1, 5]],
  // Composite types; user 3 has null, 4 and 5 have none.
  [{ address: { is: { city: 'London' } } }, [1]],
  [{ address: { is: { city: { contains: 'l' } } } }, [2]],
  [{ address: { is: { city: { contains: 'l', mode: 'insensitive' } } } }, [1, 2]],
  [{ address: { is: { geo: { is: { lat: { gt: 50 } } } } } }, [1]],
  [{ address: { is: { zip: { isSet: false } } } }, [2, 3, 4, 5]],
  [{ address: { is: { OR: [{ city: 'London' }, { street: 'C St' }] } } }, [1, 2]],
  [{ address: { equals: { street: 'C St', city: 'Berlin' } } }, [2]],
  [{ address: { street: 'C St', city: 'Berlin' } }, [2]],
  [{ address: { equals: { street: 'C St', city: 'Rome' } } }, []],
  [{ address: null }, [3]],
  [{ address: { is: null } }, [3]],
  [{ address: { isNot: null } }, [1, 2]],
  [{ address: { isSet: false } }, [4, 5]],
  [{ address: { isSet: true } }, [1, 2, 3]],
  [{ address: { isNot: { city: 'London' } } }, [2]],
  [{ addresses: { some: { city: 'Paris' } } }, [1]],
  [{ addresses: { some: { city: 'Paris', street: 'A St' } } }, []],
  [{ addresses: { some: { zip: '10' } } }, [2]],
  [{ addresses: { every: { city: 'Berlin' } } }, [2, 3, 4, 5]],
  [{ addresses: { none: { city: 'Berlin' } } }, [1, 3, 4, 5]],
  [{ addresses: { isEmpty: true } }, [3, 4, 5]],
  [{ addresses: { isEmpty: false } }, [1, 2]],
  [{ addresses: { equals: [{ street: 'C St', city: 'Berlin', zip: '10' }] } }, [2]],
  // Relations.
  [{ posts: { some: {} } }, [1, 2, 5]],
  [{ posts: { none: {} } }, [3, 4]],
  [{ posts: { some: { published: true } } }, [1, 2, 5]],
  [{ posts: { every: { published: true } } }, [2, 3, 4, 5]],
  [{ posts: { none: { published: true } } }, [3, 4]],
  [{ posts: { none: { published: false } } }, [2, 3, 4, 5]],
  [{ posts: { some: { views: { gt: 25 } } } }, [2]],
  [{ posts: { some: { comments: { some: { text: 'bad' } } } } }, [2]],
  [{ posts: { some: { comments: { none: {} } } } }, [1, 5]],
  [{ posts: { some: { labels: { some: { name: 'red' } } } } }, [1]],
  [{ NOT: { posts: { some: { published: true } } } }, [3, 4]],
  [{ OR: [{ posts: { some: { views: 30 } } }, { name: 'Ada' }] }, [1, 2]],
  [{ profile: { is: { bio: 'countess' } } }, [1]],
  [{ profile: { bio: 'builder' } }, [2]],
  [{ profile: null }, [3, 4, 5]],
  [{ profile: { is: null } }, [3, 4, 5]],
  [{ profile: { isNot: null } }, [1, 2]],
  [{ profile: { isNot: { bio: 'countess' } } }, [2, 3, 4, 5]],
  [{ manager: { is: { name: 'Ada' } } }, [2, 3]],
  [{ manager: { name: 'Bob' } }, [5]],
  [{ manager: null }, [1, 4]],
  [{ manager: { isNot: null } }, [2, 3, 5]],
  [{ manager: { isNot: { name: 'Ada' } } }, [1, 4, 5]],
  [{ manager: { id: oid(1) } }, [2, 3]],
  [{ manager: { manager: { name: 'Ada' } } }, [5]],
  [{ reports: { some: { name: 'Bob' } } }, [1]],
  [{ reports: { some: { reports: { some: {} } } } }, [1]],
  [{ managerId: oid(1) }, [2, 3]],
  [{ managerId: null }, [4]],
];

const POSTS: Case[] = [
  [{ published: true }, [1, 3, 4, 6]],
  [{ published: { not: true } }, [2, 5]],
  [{ published: { equals: false } }, [2, 5]],
  [{ views: 30 }, [3, 4]],
  [{ views: { lt: 10 } }, [5, 6]],
  [{ rating: { gte: 3 } }, [1, 2, 6]],
  [{ rating: 3 }, [2]],
  [{ rating: { gt: 4.4, lt: 4.6 } }, [1]],
  [{ rating: null }, [3]],
  [{ rating: { isSet: false } }, [4]],
  [{ section_slug: { section: 'a', slug: 'notes' } }, [1]],
  [{ author: { is: { email: { endsWith: '.com' } } } }, [1, 2, 3, 6]],
  [{ author: null }, [4, 5]],
  [{ author: { isNot: { name: 'Ada' } } }, [3, 4, 5, 6]],
  [{ author: { profile: { bio: 'countess' } } }, [1, 2]],
  [{ author: { posts: { some: { title: 'Engine' } } } }, [1, 2]],
  [{ labels: { some: { name: 'blue' } } }, [1]],
  [{ labels: { some: {} } }, [1, 2]],
  [{ labels: { none: { name: 'blue' } } }, [2, 3, 4, 5, 6]],
  [{ labels: { every: { name: 'red' } } }, [2, 3, 4, 5, 6]],
  [{ labelIds: { has: 'l1' } }, [1, 2]],
  [{ comments: { some: {} }, author: { name: 'Bob' } }, [3]],
  [{ comments: { none: {} } }, [2, 4, 5, 6]],
  [{ comments: { every: { text: { contains: 'e' } } } }, [2, 4, 5, 6]],
];

const show = (where: object): string =>
  JSON.stringify(where, (_, value: unknown) => (value === undefined ? 'undefined' : value));

describe('where on users', () => {
  it.each(USERS.map(([where, expected]) => [show(where), where, expected] as const))(
    '%s',
    async (_, where, expected) => {
      const rows = await t.prisma.user.findMany({ where, select: { id: true } });
      expect(rows.map((row) => parseInt(row.id, 16)).sort()).toEqual(expected);
      expect(await t.prisma.user.count({ where })).toBe(expected.length);
    },
  );
});

describe('where on posts', () => {
  it.each(POSTS.map(([where, expected]) => [show(where), where, expected] as const))(
    '%s',
    async (_, where, expected) => {
      const rows = await t.prisma.post.findMany({ where, select: { id: true } });
      expect(rows.map((row) => Number(row.id.slice(1))).sort()).toEqual(expected);
    },
  );
});

describe('refused arguments', () => {
  const REFUSED: [object, RegExp][] = [
    [{ nope: 1 }, /Unknown field `nope`.*User/],
    [{ name: { like: 'x' } }, /Unknown argument `like`/],
    [{ age: 'x' }, /age.*Expected Int, provided String/],
    [{ age: 1.5 }, /Expected Int, provided Float/],
    [{ age: 2 ** 31 }, /32-bit/],
    [{ age: { contains: '1' } }, /Unknown argument `contains`/],
    [{ age: { in: 5 } }, /age\.in.*provided Int/],
    [{ email: null }, /email.*must not be null/],
    [{ email: 5 }, /Expected String/],
    [{ email: { contains: 5 } }, /Expected String/],
    [{ email: { mode: 'loud', contains: 'a' } }, /mode/],
    [{ role: 'KING' }, /Role \(USER, ADMIN, GUEST\)/],
    [{ createdAt: 'yesterday' }, /ISO-8601/],
    [{ createdAt: new Date(NaN) }, /Invalid Date/],
    [{ tags: { contains: 'x' } }, /Unknown argument `contains`/],
    [{ tags: { has: 5 } }, /Expected String/],
    [{ tags: { isEmpty: 1 } }, /Expected Boolean/],
    [{ name: { isSet: 'yes' } }, /Expected Boolean/],
    [{ posts: { any: {} } }, /Unknown argument `any`/],
    [{ posts: { some: { nope: 1 } } }, /Unknown field `nope`.*Post/],
    [{ manager: { is: {}, any: {} } }, /Unknown argument `any`/],
    [{ address: { is: { planet: 'x' } } }, /Unknown field `planet`.*Address/],
    [{ OR: [{ nope: 1 }] }, /Unknown field `nope`/],
    [{ AND: 5 }, /Expected Object/],
    [{ $where: '1' }, /Unknown field `\$where`/],
    [{ email: { $gt: '' } }, /Unknown argument `\$gt`/],
  ];
  it.each(REFUSED.map(([where, message]) => [show(where), where, message] as const))(
    '%s',
    async (_, where, message) => {
      const failure: unknown = await t.prisma.user.findMany({ where }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(t.Prisma.PrismaClientValidationError);
      expect((failure as Error).message).toMatch(message);
    },
  );

  it('names a malformed ObjectId with P2023', async () => {
    await expect(t.prisma.user.findMany({ where: { id: 'short' } })).rejects.toMatchObject({ code: 'P2023' });
  });
});
