import type { TestClient } from './harness';

/** A readable ObjectId: `oid(7)` ends in 07. */
export const oid = (n: number): string => n.toString(16).padStart(24, '0');

/** The rows that the query tables are about. */
export async function seed(prisma: TestClient): Promise<void> {
  await prisma.user.createMany({
    data: [
      {
        id: oid(1),
        email: 'ada@example.com',
        name: 'Ada',
        age: 36,
        role: 'ADMIN',
        tags: ['math', 'code'],
        scores: [3, 1],
        address: { street: 'A St', city: 'London', zip: 'N1', geo: { lat: 51.5, lng: 0 } },
        addresses: [
          { street: 'A St', city: 'London' },
          { street: 'B St', city: 'Paris' },
        ],
        createdAt: new Date('2026-01-01T00:00:00Z'),
      },
      {
        id: oid(2),
        email: 'bob@example.com',
        name: 'Bob',
        age: 25,
        tags: ['code'],
        scores: [2],
        address: { street: 'C St', city: 'Berlin' },
        addresses: [{ street: 'C St', city: 'Berlin', zip: '10' }],
        createdAt: new Date('2026-01-02T00:00:00Z'),
        managerId: oid(1),
      },
      {
        id: oid(3),
        email: 'cyd@example.org',
        name: null,
        age: null,
        role: 'GUEST',
        tags: [],
        scores: [],
        address: null,
        createdAt: new Date('2026-01-03T00:00:00Z'),
        managerId: oid(1),
      },
      {
        id: oid(4),
        email: 'dan@example.org',
        role: 'GUEST',
        createdAt: new Date('2026-01-04T00:00:00Z'),
        managerId: null,
      },
      {
        id: oid(5),
        email: 'eve.x@example.com',
        name: 'eve*',
        age: 25,
        tags: ['art', 'math', 'code'],
        scores: [1, 2, 3],
        createdAt: new Date('2026-01-05T00:00:00Z'),
        managerId: oid(2),
      },
    ],
  });
  await prisma.profile.createMany({
    data: [
      { id: 'pr1', bio: 'countess', userId: oid(1) },
      { id: 'pr2', bio: 'builder', userId: oid(2) },
    ],
  });
  await prisma.label.createMany({
    data: [
      { id: 'l1', name: 'red', postIds: ['p1', 'p2'] },
      { id: 'l2', name: 'blue', postIds: ['p1'] },
      { id: 'l3', name: 'green' },
    ],
  });
  await prisma.post.createMany({
    data: [
      {
        id: 'p1',
        title: 'Notes',
        slug: 'notes',
        section: 'a',
        published: true,
        views: 10,
        rating: 4.5,
        authorId: oid(1),
        labelIds: ['l1', 'l2'],
      },
      {
        id: 'p2',
        title: 'Engine',
        slug: 'engine',
        section: 'a',
        published: false,
        views: 20,
        rating: 3,
        authorId: oid(1),
        labelIds: ['l1'],
      },
      {
        id: 'p3',
        title: 'Bridges',
        slug: 'bridges',
        section: 'b',
        published: true,
        views: 30,
        rating: null,
        authorId: oid(2),
      },
      { id: 'p4', title: 'Orphan', slug: 'orphan', section: 'b', published: true, views: 30, authorId: null },
      { id: 'p5', title: 'Zeta', slug: 'zeta', section: 'c', published: false, views: 0, rating: 1 },
      {
        id: 'p6',
        title: 'Art',
        slug: 'art',
        section: 'c',
        published: true,
        views: 5,
        rating: 5,
        authorId: oid(5),
      },
    ],
  });
  await prisma.comment.createMany({
    data: [
      { id: 'c1', text: 'good', postId: 'p1' },
      { id: 'c2', text: 'better', postId: 'p1' },
      { id: 'c3', text: 'bad', postId: 'p3' },
    ],
  });
}
