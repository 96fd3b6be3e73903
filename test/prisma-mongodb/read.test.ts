import { startTestDatabase, type TestDatabase } from './harness';
import { oid, seed } from './seed';

let t: TestDatabase;
beforeAll(async () => {
  t = await startTestDatabase();
  await seed(t.prisma);
}, 60_000);
beforeEach(() => void (t.commands.length = 0));
afterAll(() => t.stop());

const finds = (): string[] => t.commands.map((event) => `${event.command} ${event.collection}`);

describe('orderBy, take, skip, cursor and distinct', () => {
  type Case = [args: object, expected: string];
  const PAGES: Case[] = [
    [{ orderBy: { id: 'asc' } }, 'p1 p2 p3 p4 p5 p6'],
    [{ orderBy: { id: 'desc' } }, 'p6 p5 p4 p3 p2 p1'],
    [{ orderBy: { views: 'asc' }, take: 3 }, 'p5 p6 p1'],
    [{ orderBy: [{ views: 'desc' }, { id: 'desc' }] }, 'p4 p3 p2 p1 p6 p5'],
    [{ orderBy: [{ section: 'desc' }, { title: 'asc' }] }, 'p6 p5 p3 p4 p2 p1'],
    [{ orderBy: { section: 'asc', title: 'asc' } }, 'p2 p1 p3 p4 p6 p5'],
    [{ orderBy: [{ rating: 'asc' }, { id: 'asc' }] }, 'p3 p4 p5 p2 p1 p6'],
    [{ orderBy: [{ rating: 'desc' }, { id: 'asc' }] }, 'p6 p1 p2 p5 p3 p4'],
    [{ orderBy: [{ rating: { sort: 'asc', nulls: 'last' } }, { id: 'asc' }] }, 'p5 p2 p1 p6 p3 p4'],
    [{ orderBy: [{ rating: { sort: 'desc', nulls: 'first' } }, { id: 'asc' }] }, 'p3 p4 p6 p1 p2 p5'],
    [{ orderBy: [{ author: { name: 'asc' } }, { id: 'asc' }] }, 'p4 p5 p1 p2 p3 p6'],
    [{ orderBy: [{ author: { name: 'desc' } }, { id: 'asc' }] }, 'p6 p3 p1 p2 p4 p5'],
    [{ orderBy: [{ comments: { _count: 'desc' } }, { id: 'asc' }] }, 'p1 p3 p2 p4 p5 p6'],
    [{ orderBy: [{ comments: { _count: 'asc' } }, { id: 'asc' }], take: 2 }, 'p2 p4'],
    [{ orderBy: [{ author: { profile: { bio: 'desc' } } }, { id: 'asc' }], take: 3 }, 'p1 p2 p3'],
    [{ orderBy: { id: 'asc' }, take: 2 }, 'p1 p2'],
    [{ orderBy: { id: 'asc' }, take: 0 }, ''],
    [{ orderBy: { id: 'asc' }, skip: 4 }, 'p5 p6'],
    [{ orderBy: { id: 'asc' }, skip: 10 }, ''],
    [{ orderBy: { id: 'asc' }, skip: 1, take: 2 }, 'p2 p3'],
    [{ orderBy: { id: 'asc' }, take: -2 }, 'p5 p6'],
    [{ orderBy: { id: 'asc' }, take: -2, skip: 1 }, 'p4 p5'],
    [{ orderBy: { views: 'asc' }, take: -1 }, 'p4'],
    [{ take: -2 }, 'p5 p6'],
    [{ cursor: { id: 'p3' }, orderBy: { id: 'asc' } }, 'p3 p4 p5 p6'],
    [{ cursor: { id: 'p3' } }, 'p3 p4 p5 p6'],
    [{ cursor: { id: 'p3' }, orderBy: { id: 'asc' }, skip: 1, take: 2 }, 'p4 p5'],
    [{ cursor: { id: 'p3' }, orderBy: { id: 'desc' }, skip: 1, take: 2 }, 'p2 p1'],
    [{ cursor: { id: 'p3' }, orderBy: { id: 'asc' }, take: -2 }, 'p2 p3'],
    [{ cursor: { id: 'p3' }, orderBy: { id: 'asc' }, take: -2, skip: 1 }, 'p1 p2'],
    [{ cursor: { id: 'nope' }, orderBy: { id: 'asc' } }, ''],
    [{ cursor: { section_slug: { section: 'b', slug: 'orphan' } }, orderBy: { id: 'asc' } }, 'p4 p5 p6'],
    [{ cursor: { id: 'p3' }, orderBy: [{ views: 'desc' }, { id: 'asc' }] }, 'p3 p4 p2 p1 p6 p5'],
    [{ cursor: { id: 'p3' }, orderBy: { views: 'desc' }, skip: 1 }, 'p4 p2 p1 p6 p5'],
    [{ cursor: { id: 'p4' }, orderBy: [{ views: 'desc' }, { id: 'asc' }], skip: 1 }, 'p2 p1 p6 p5'],
    [{ cursor: { id: 'p2' }, orderBy: [{ views: 'desc' }, { id: 'asc' }], take: -2 }, 'p4 p2'],
    [{ cursor: { id: 'p4' }, orderBy: [{ rating: 'asc' }, { id: 'asc' }] }, 'p4 p5 p2 p1 p6'],
    [{ cursor: { id: 'p2' }, orderBy: [{ rating: 'asc' }, { id: 'asc' }], skip: 1 }, 'p1 p6'],
    [{ cursor: { id: 'p2' }, orderBy: [{ rating: 'desc' }, { id: 'asc' }] }, 'p2 p5 p3 p4'],
    [{ cursor: { id: 'p5' }, orderBy: [{ rating: 'asc' }, { id: 'asc' }], take: -3 }, 'p3 p4 p5'],
    [{ cursor: { id: 'p2' }, orderBy: { section: 'asc' }, where: { published: true } }, 'p3 p4 p6'],
    [{ cursor: { id: 'p2' }, where: { published: true }, orderBy: { id: 'asc' }, take: 2 }, 'p3 p4'],
    [{ distinct: ['section'], orderBy: { id: 'asc' } }, 'p1 p3 p5'],
    [{ distinct: 'section', orderBy: { id: 'asc' } }, 'p1 p3 p5'],
    [{ distinct: ['section', 'published'], orderBy: { id: 'asc' } }, 'p1 p2 p3 p5 p6'],
    [{ distinct: ['section'], orderBy: { id: 'asc' }, skip: 1, take: 1 }, 'p3'],
    [{ distinct: ['views'], orderBy: { id: 'desc' } }, 'p6 p5 p4 p2 p1'],
    [{ distinct: ['section'], orderBy: { id: 'asc' }, select: { id: true } }, 'p1 p3 p5'],
  ];
  it.each(PAGES.map(([args, expected]) => [JSON.stringify(args), args, expected] as const))(
    '%s',
    async (_, args, expected) => {
      const rows = await t.prisma.post.findMany(args);
      expect(rows.map((row) => row.id).join(' ')).toBe(expected);
    },
  );

  it('sorts by fields of embedded documents and by the length of embedded lists', async () => {
    const byCity = await t.prisma.user.findMany({
      where: { address: { isNot: null } },
      orderBy: { address: { city: 'asc' } },
    });
    expect(byCity.map((row) => row.name)).toEqual(['Bob', 'Ada']);
    const byCount = await t.prisma.user.findMany({
      orderBy: [{ addresses: { _count: 'desc' } }, { id: 'asc' }],
      take: 2,
    });
    expect(byCount.map((row) => row.name)).toEqual(['Ada', 'Bob']);
  });

  it('finds the first and the last row', async () => {
    expect(
      (await t.prisma.post.findFirst({ orderBy: { views: 'desc' }, where: { views: { lt: 30 } } }))?.id,
    ).toBe('p2');
    expect((await t.prisma.post.findFirst({ orderBy: { id: 'asc' }, take: -1 }))?.id).toBe('p6');
    expect(await t.prisma.post.findFirst({ where: { id: 'nope' } })).toBeNull();
    await expect(t.prisma.post.findFirstOrThrow({ where: { id: 'nope' } })).rejects.toMatchObject({
      code: 'P2025',
    });
  });
});

describe('select, include and omit', () => {
  it('hands out all scalar fields without relations, missing ones as null or empty lists', async () => {
    const dan = await t.prisma.user.findUnique({ where: { email: 'dan@example.org' } });
    expect(dan).toEqual({
      id: oid(4),
      email: 'dan@example.org',
      name: null,
      age: null,
      role: 'GUEST',
      tags: [],
      scores: [],
      address: null,
      addresses: [],
      createdAt: new Date('2026-01-04T00:00:00Z'),
      updatedAt: expect.any(Date) as Date,
      managerId: null,
    });
  });

  it('selects fields, fields of embedded documents and relations', async () => {
    const ada = await t.prisma.user.findUnique({
      where: { id: oid(1) },
      select: {
        name: true,
        email: false,
        address: { select: { city: true } },
        profile: { select: { bio: true } },
      },
    });
    expect(ada).toEqual({ name: 'Ada', address: { city: 'London' }, profile: { bio: 'countess' } });
  });

  it('decodes embedded documents with mapped names', async () => {
    const ada = await t.prisma.user.findUnique({ where: { id: oid(1) } });
    expect(ada?.address).toEqual({ street: 'A St', city: 'London', zip: 'N1', geo: { lat: 51.5, lng: 0 } });
    expect(ada?.addresses[1]).toEqual({ street: 'B St', city: 'Paris', zip: null, geo: null });
  });

  it('omits fields', async () => {
    const bob = await t.prisma.user.findUnique({
      where: { id: oid(2) },
      omit: { tags: true, scores: true, address: true, addresses: true, createdAt: true, updatedAt: true },
    });
    expect(bob).toEqual({
      id: oid(2),
      email: 'bob@example.com',
      name: 'Bob',
      age: 25,
      role: 'USER',
      managerId: oid(1),
    });
  });

  it('fetches each relation of a page with one query', async () => {
    const users = await t.prisma.user.findMany({
      orderBy: { id: 'asc' },
      include: { posts: { orderBy: { id: 'asc' }, include: { comments: true } }, profile: true },
    });
    expect(users.map((user) => user.posts.map((post) => post.id).join())).toEqual([
      'p1,p2',
      'p3',
      '',
      '',
      'p6',
    ]);
    expect(users[0]!.posts[0]!.comments.map((comment) => comment.id).sort()).toEqual(['c1', 'c2']);
    expect(users[2]!.profile).toBeNull();
    expect(finds().sort()).toEqual(['find Comment', 'find Post', 'find Profile', 'find users']);
  });

  it('pages the children of each parent by itself', async () => {
    const users = await t.prisma.user.findMany({
      where: { id: { in: [oid(1), oid(2)] } },
      orderBy: { id: 'asc' },
      select: { posts: { take: 1, orderBy: { views: 'desc' }, select: { title: true } } },
    });
    expect(users).toEqual([{ posts: [{ title: 'Engine' }] }, { posts: [{ title: 'Bridges' }] }]);
    const last = await t.prisma.user.findMany({
      where: { id: { in: [oid(1), oid(2)] } },
      orderBy: { id: 'asc' },
      select: { posts: { take: -1, skip: 1, orderBy: { id: 'asc' } } },
    });
    expect(last.map((user) => user.posts.map((post) => post.id))).toEqual([['p1'], []]);
  });

  it('pages the children of a single parent in the database, from a cursor', async () => {
    const ada = await t.prisma.user.findUnique({
      where: { id: oid(1) },
      select: { posts: { cursor: { id: 'p1' }, skip: 1, take: 5, orderBy: { id: 'asc' } } },
    });
    expect(ada?.posts.map((post) => post.id)).toEqual(['p2']);
  });

  it('applies nested conditions and counts', async () => {
    const users = await t.prisma.user.findMany({
      orderBy: { id: 'asc' },
      take: 2,
      select: {
        posts: { where: { published: true }, select: { id: true } },
        _count: { select: { posts: true, reports: { where: { name: 'Bob' } } } },
      },
    });
    expect(users).toEqual([
      { posts: [{ id: 'p1' }], _count: { posts: 2, reports: 1 } },
      { posts: [{ id: 'p3' }], _count: { posts: 1, reports: 0 } },
    ]);
  });

  it('counts every list relation with _count: true', async () => {
    const post = await t.prisma.post.findUnique({ where: { id: 'p1' }, include: { _count: true } });
    expect(post?._count).toEqual({ comments: 2, labels: 2 });
  });

  it('follows many-to-many lists in both directions', async () => {
    const post = await t.prisma.post.findUnique({
      where: { id: 'p1' },
      include: { labels: { orderBy: { name: 'asc' } } },
    });
    expect(post?.labels.map((label) => label.name)).toEqual(['blue', 'red']);
    const labels = await t.prisma.label.findMany({
      orderBy: { id: 'asc' },
      select: { posts: { select: { id: true }, orderBy: { id: 'desc' } } },
    });
    expect(labels.map((label) => label.posts.map((row) => row.id).join())).toEqual(['p2,p1', 'p1', '']);
  });

  it('follows self relations', async () => {
    const eve = await t.prisma.user.findUnique({
      where: { id: oid(5) },
      select: { manager: { select: { name: true, manager: { select: { name: true } } } } },
    });
    expect(eve).toEqual({ manager: { name: 'Bob', manager: { name: 'Ada' } } });
  });

  it('answers the fluent API', async () => {
    expect(
      (await t.prisma.user.findUnique({ where: { id: oid(2) } }).posts())?.map((post) => post.id),
    ).toEqual(['p3']);
    expect(await t.prisma.user.findUnique({ where: { id: oid(1) } }).profile()).toMatchObject({
      bio: 'countess',
    });
    expect(await t.prisma.user.findUnique({ where: { id: oid(9) } }).posts()).toBeNull();
    expect(
      await t.prisma.post
        .findUnique({ where: { id: 'p1' } })
        .author()
        .profile(),
    ).toMatchObject({ id: 'pr1' });
  });

  const REFUSED: [object, RegExp][] = [
    [{ select: { nope: true } }, /Unknown field `nope`/],
    [{ select: { id: 1 } }, /Expected Boolean/],
    [{ select: { id: false } }, /at least one truthy value/],
    [{ select: { id: true }, include: { posts: true } }, /not both/],
    [{ select: { id: true }, omit: { name: true } }, /not both/],
    [{ include: { name: true } }, /Unknown field `name`/],
    [{ include: { posts: { nope: 1 } } }, /Unknown argument `nope`/],
    [{ include: { _count: { select: { profile: true } } } }, /Unknown field `profile`/],
    [{ include: { profile: { take: 1 } } }, /need a list relation/],
    [{ omit: { posts: true } }, /Unknown field `posts`/],
    [{ take: 1.5 }, /take.*Expected Int/],
    [{ skip: -1 }, /skip.*positive/],
    [{ orderBy: { nope: 'asc' } }, /Unknown field `nope`/],
    [{ orderBy: { id: 'up' } }, /SortOrder/],
    [{ orderBy: { id: { sort: 'asc', nulls: 'middle' } } }, /NullsOrder/],
    [{ orderBy: { posts: { views: 'asc' } } }, /Unknown argument `views`/],
    [{ cursor: { name: 'Ada' } }, /needs at least one of/],
    [{ distinct: ['posts'] }, /UserScalarFieldEnum/],
    [{ limit: 1 }, /Unknown argument `limit`/],
  ];
  it.each(REFUSED.map(([args, message]) => [JSON.stringify(args), args, message] as const))(
    'refuses %s',
    async (_, args, message) => {
      const failure: unknown = await t.prisma.user.findMany(args).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(t.Prisma.PrismaClientValidationError);
      expect((failure as Error).message).toMatch(message);
      expect((failure as Error).message).toContain('prisma.user.findMany()');
    },
  );
});

describe('findUnique', () => {
  it('joins the look-ups of one tick into one query', async () => {
    const ids = [1, 2, 9, 1].map(oid);
    const rows = await Promise.all(
      ids.map((id) => t.prisma.user.findUnique({ where: { id }, select: { name: true } })),
    );
    expect(rows).toEqual([{ name: 'Ada' }, { name: 'Bob' }, null, { name: 'Ada' }]);
    expect(rows[0]).not.toBe(rows[3]);
    expect(finds()).toEqual(['find users']);
  });

  it('keeps different selections and keys apart', async () => {
    const [a, b, c] = await Promise.all([
      t.prisma.user.findUnique({ where: { id: oid(1) }, select: { name: true } }),
      t.prisma.user.findUnique({ where: { id: oid(2) }, select: { age: true } }),
      t.prisma.user.findUnique({ where: { email: 'cyd@example.org' }, select: { name: true, role: true } }),
    ]);
    expect([a, b, c]).toEqual([{ name: 'Ada' }, { age: 25 }, { name: null, role: 'GUEST' }]);
    expect(finds()).toHaveLength(3);
  });

  it('joins look-ups that include relations', async () => {
    const rows = await Promise.all(
      [1, 2].map((n) =>
        t.prisma.user.findUnique({
          where: { id: oid(n) },
          select: { posts: { select: { id: true }, orderBy: { id: 'asc' } } },
        }),
      ),
    );
    expect(rows).toEqual([{ posts: [{ id: 'p1' }, { id: 'p2' }] }, { posts: [{ id: 'p3' }] }]);
    expect(finds()).toEqual(['find users', 'find Post']);
  });

  it('finds by compound keys and with further conditions', async () => {
    expect(
      (await t.prisma.post.findUnique({ where: { section_slug: { section: 'b', slug: 'orphan' } } }))?.id,
    ).toBe('p4');
    expect((await t.prisma.post.findUnique({ where: { id: 'p1', published: true } }))?.id).toBe('p1');
    expect(await t.prisma.post.findUnique({ where: { id: 'p1', published: false } })).toBeNull();
    expect(await t.prisma.post.findUnique({ where: { id: 'p1', author: { name: 'Bob' } } })).toBeNull();
  });

  it('throws P2025 for findUniqueOrThrow', async () => {
    const failure: unknown = await t.prisma.user
      .findUniqueOrThrow({ where: { id: oid(9) } })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(t.Prisma.PrismaClientKnownRequestError);
    expect(failure).toMatchObject({ code: 'P2025', meta: { modelName: 'User' } });
  });

  it.each([[{}], [{ id: undefined }], [{ name: 'Ada' }]])(
    'refuses where %j without a unique key',
    async (where) => {
      await expect(t.prisma.user.findUnique({ where: where as { id: string } })).rejects.toThrow(
        /needs at least one of `id` or `email`/,
      );
    },
  );

  it('refuses an incomplete compound key', async () => {
    const where = { section_slug: { section: 'a' } } as { section_slug: { section: string; slug: string } };
    await expect(t.prisma.post.findUnique({ where })).rejects.toThrow(/section_slug\.slug.*missing/);
  });
});

describe('count, aggregate and groupBy', () => {
  it('counts rows, pages and present values', async () => {
    expect(await t.prisma.post.count()).toBe(6);
    expect(await t.prisma.post.count({ where: { published: true } })).toBe(4);
    expect(await t.prisma.post.count({ skip: 4 })).toBe(2);
    expect(await t.prisma.post.count({ take: 3 })).toBe(3);
    expect(await t.prisma.post.count({ cursor: { id: 'p5' } })).toBe(2);
    expect(await t.prisma.post.count({ where: { id: 'nope' } })).toBe(0);
    expect(await t.prisma.post.count({ select: { _all: true, rating: true } })).toEqual({
      _all: 6,
      rating: 4,
    });
  });

  it('aggregates numbers and extremes', async () => {
    const result = await t.prisma.post.aggregate({
      _count: true,
      _sum: { views: true, rating: true },
      _avg: { views: true },
      _min: { title: true, views: true },
      _max: { title: true },
    });
    expect(result).toEqual({
      _count: 6,
      _sum: { views: 95, rating: 13.5 },
      _avg: { views: 95 / 6 },
      _min: { title: 'Art', views: 0 },
      _max: { title: 'Zeta' },
    });
  });

  it('answers null for aggregates of nothing', async () => {
    const result = await t.prisma.post.aggregate({
      where: { id: 'nope' },
      _count: { _all: true },
      _sum: { views: true },
      _avg: { views: true },
      _max: { views: true },
    });
    expect(result).toEqual({
      _count: { _all: 0 },
      _sum: { views: null },
      _avg: { views: null },
      _max: { views: null },
    });
    expect(
      await t.prisma.post.aggregate({ where: { id: { in: ['p3', 'p4'] } }, _sum: { rating: true } }),
    ).toEqual({ _sum: { rating: null } });
  });

  it('aggregates a page', async () => {
    expect(
      await t.prisma.post.aggregate({ orderBy: { views: 'desc' }, take: 2, _sum: { views: true } }),
    ).toEqual({ _sum: { views: 60 } });
  });

  it('decodes ids and dates of aggregates', async () => {
    const result = await t.prisma.user.aggregate({
      _min: { id: true, createdAt: true },
      _max: { role: true },
    });
    expect(result).toEqual({
      _min: { id: oid(1), createdAt: new Date('2026-01-01T00:00:00Z') },
      _max: { role: 'GUEST' },
    });
  });

  it('groups by fields', async () => {
    const groups = await t.prisma.post.groupBy({
      by: ['section'],
      _count: true,
      _sum: { views: true },
      orderBy: { section: 'asc' },
    });
    expect(groups).toEqual([
      { section: 'a', _count: 2, _sum: { views: 30 } },
      { section: 'b', _count: 2, _sum: { views: 60 } },
      { section: 'c', _count: 2, _sum: { views: 5 } },
    ]);
  });

  it('groups by several fields and by mapped enums, with where', async () => {
    const posts = await t.prisma.post.groupBy({
      by: ['section', 'published'],
      where: { section: { not: 'c' } },
      orderBy: [{ section: 'asc' }, { published: 'asc' }],
    });
    expect(posts).toEqual([
      { section: 'a', published: false },
      { section: 'a', published: true },
      { section: 'b', published: true },
    ]);
    const roles = await t.prisma.user.groupBy({
      by: 'role',
      _count: { _all: true },
      orderBy: { _count: { role: 'desc' } },
      take: 2,
    });
    expect(roles.map((row) => row._count._all)).toEqual([2, 2]);
    expect(roles.map((row) => row.role).sort()).toEqual(['GUEST', 'USER']);
  });

  it('puts null and missing into one group', async () => {
    const groups = await t.prisma.post.groupBy({
      by: ['rating'],
      _count: true,
      where: { OR: [{ rating: null }, { rating: { isSet: false } }] },
    });
    expect(groups).toEqual([{ rating: null, _count: 2 }]);
  });

  it('filters groups by aggregates and keys, sorts and pages them', async () => {
    const having = await t.prisma.post.groupBy({
      by: ['section'],
      having: { views: { _sum: { gt: 20 } } },
      orderBy: { _sum: { views: 'desc' } },
    });
    expect(having).toEqual([{ section: 'b' }, { section: 'a' }]);
    const keyed = await t.prisma.post.groupBy({
      by: ['section'],
      having: { OR: [{ section: 'c' }, { rating: { _avg: { gt: 3.5 } } }] },
      orderBy: { section: 'asc' },
    });
    expect(keyed).toEqual([{ section: 'a' }, { section: 'c' }]);
    const paged = await t.prisma.post.groupBy({
      by: ['section'],
      orderBy: { section: 'asc' },
      skip: 1,
      take: 1,
    });
    expect(paged).toEqual([{ section: 'b' }]);
    const last = await t.prisma.post.groupBy({ by: ['section'], orderBy: { section: 'asc' }, take: -1 });
    expect(last).toEqual([{ section: 'c' }]);
  });

  it.each([
    ['aggregate', {}, /at least one of/],
    ['aggregate', { _sum: { title: true } }, /Unknown field `title`/],
    ['aggregate', { _avg: { published: true } }, /Unknown field `published`/],
    ['groupBy', { by: [] }, /at least one field/],
    ['groupBy', { by: ['author'] }, /PostScalarFieldEnum/],
    ['groupBy', { by: ['section'], take: 1 }, /orderBy/],
    ['groupBy', { by: ['section'], orderBy: { title: 'asc' } }, /Unknown field `title`/],
    ['groupBy', { by: ['section'], having: { title: 'x' } }, /need it in `by`/],
    ['count', { select: { nope: true } }, /Unknown field `nope`/],
  ])('refuses %s %j', async (operation, args, message) => {
    const delegate = t.prisma.post as unknown as Record<string, (args: object) => Promise<unknown>>;
    await expect(delegate[operation]!(args)).rejects.toThrow(message);
  });
});

describe('raw queries', () => {
  it('finds and aggregates in extended JSON', async () => {
    expect(
      await t.prisma.user.findRaw({
        filter: { _id: { $oid: oid(1) } },
        options: { projection: { name: 1 } },
      }),
    ).toEqual([{ _id: { $oid: oid(1) }, name: 'Ada' }]);
    expect(
      await t.prisma.post.aggregateRaw({ pipeline: [{ $match: { section: 'b' } }, { $count: 'n' }] }),
    ).toEqual([{ n: 2 }]);
  });

  it('runs commands', async () => {
    expect(await t.prisma.$runCommandRaw({ ping: 1 })).toMatchObject({ ok: 1 });
    expect(await t.prisma.$runCommandRaw({ count: 'Post', query: { section: 'a' } })).toMatchObject({ n: 2 });
  });
});
