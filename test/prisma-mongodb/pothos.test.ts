import { readFileSync } from 'node:fs';
import path from 'node:path';
import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { graphql, type GraphQLSchema } from 'graphql';
import type PrismaTypes from '../../generated/test-client/pothos-types';
import { startTestDatabase, type TestDatabase } from './harness';
import { seed } from './seed';

/** The plugin's own view of the data model, from the generated types file. */
function loadPothosDatamodel(): never {
  const file = path.resolve(__dirname, '..', '..', 'generated', 'test-client', 'pothos-types');
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module exists only after generation
  return (require(file) as { getDatamodel(): never }).getDatamodel();
}

function buildSchema(t: TestDatabase): GraphQLSchema {
  const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes }>({
    plugins: [PrismaPlugin, RelayPlugin],
    prisma: {
      client: t.prisma as never,
      dmmf: loadPothosDatamodel(),
      filterConnectionTotalCount: true,
      onUnusedQuery: 'error',
    },
    // Types of plugins are global: the product's own builder makes options of its plugins required here, too.
  } as never);
  builder.prismaObject('Comment', { fields: (f) => ({ text: f.exposeString('text') }) });
  builder.prismaObject('Profile', { fields: (f) => ({ bio: f.exposeString('bio') }) });
  builder.prismaObject('Post', {
    fields: (f) => ({
      id: f.exposeID('id'),
      title: f.exposeString('title'),
      comments: f.relation('comments', { query: { orderBy: { id: 'asc' } } }),
      commentCount: f.relationCount('comments'),
      author: f.relation('author'),
    }),
  });
  builder.prismaObject('User', {
    fields: (f) => ({
      name: f.exposeString('name', { nullable: true }),
      city: f.string({
        nullable: true,
        select: { address: true },
        resolve: (user) => user.address?.city ?? null,
      }),
      profile: f.relation('profile'),
      posts: f.relatedConnection('posts', {
        cursor: 'id',
        totalCount: true,
        query: { orderBy: { id: 'asc' } },
      }),
    }),
  });
  builder.queryType({
    fields: (f) => ({
      users: f.prismaField({
        type: ['User'],
        resolve: (query) => t.prisma.user.findMany({ ...query, orderBy: { id: 'asc' } }),
      }),
      posts: f.prismaConnection({
        type: 'Post',
        cursor: 'id',
        resolve: (query) => t.prisma.post.findMany({ ...query, orderBy: { id: 'asc' } }),
        totalCount: () => t.prisma.post.count(),
      }),
    }),
  });
  return builder.toSchema();
}

let t: TestDatabase;
let schema: GraphQLSchema;
beforeAll(async () => {
  t = await startTestDatabase();
  await seed(t.prisma);
  schema = buildSchema(t);
}, 60_000);
beforeEach(() => void (t.commands.length = 0));
afterAll(() => t.stop());

async function run(source: string): Promise<unknown> {
  const result = await graphql({ schema, source, contextValue: {} });
  expect(result.errors).toBeUndefined();
  return JSON.parse(JSON.stringify(result.data));
}
const sent = (): string[] => t.commands.map((event) => `${event.command} ${event.model}`).sort();

describe('Pothos on the connector', () => {
  it('answers a nested query with one find for each level', async () => {
    const data = await run(
      '{ users { name city profile { bio } posts(first: 1) { totalCount edges { node { title comments { text } } } } } }',
    );
    expect((data as { users: unknown[] }).users[0]).toEqual({
      name: 'Ada',
      city: 'London',
      profile: { bio: 'countess' },
      posts: {
        totalCount: 2,
        edges: [{ node: { title: 'Notes', comments: [{ text: 'good' }, { text: 'better' }] } }],
      },
    });
    expect(sent()).toEqual(['aggregate Post', 'find Comment', 'find Post', 'find Profile', 'find User']);
  });

  it('pages a connection forwards and backwards', async () => {
    type Page = {
      posts: {
        totalCount: number;
        pageInfo: { endCursor: string; startCursor: string; hasNextPage: boolean; hasPreviousPage: boolean };
        edges: { node: { id: string } }[];
      };
    };
    const page = async (args: string): Promise<Page['posts']> =>
      (
        (await run(
          `{ posts(${args}) { totalCount pageInfo { endCursor startCursor hasNextPage hasPreviousPage } edges { node { id } } } }`,
        )) as Page
      ).posts;
    const ids = ({ edges }: Page['posts']): string => edges.map(({ node }) => node.id).join(' ');
    const first = await page('first: 2');
    expect([ids(first), first.totalCount, first.pageInfo.hasNextPage]).toEqual(['p1 p2', 6, true]);
    const second = await page(`first: 2, after: "${first.pageInfo.endCursor}"`);
    expect(ids(second)).toBe('p3 p4');
    const last = await page('last: 2');
    expect([ids(last), last.pageInfo.hasPreviousPage]).toEqual(['p5 p6', true]);
    expect(ids(await page(`last: 2, before: "${last.pageInfo.startCursor}"`))).toBe('p3 p4');
  });

  it('counts relations with one aggregation for the page', async () => {
    const data = await run('{ posts(first: 3) { edges { node { commentCount author { name } } } } }');
    expect((data as { posts: { edges: unknown[] } }).posts.edges).toEqual([
      { node: { commentCount: 2, author: { name: 'Ada' } } },
      { node: { commentCount: 0, author: { name: 'Ada' } } },
      { node: { commentCount: 1, author: { name: 'Bob' } } },
    ]);
    expect(sent()).toEqual(['aggregate Comment', 'find Post', 'find User']);
  });

  it('joins the look-ups of an alias with other arguments', async () => {
    await run(
      '{ users { a: posts(first: 1) { edges { node { id } } } b: posts(first: 2) { edges { node { id } } } } }',
    );
    expect(sent()).toEqual(['find Post', 'find Post', 'find User', 'find User']);
  });

  it('generates types next to the client', () => {
    const file = path.resolve(__dirname, '..', '..', 'generated', 'test-client', 'pothos-types.ts');
    expect(readFileSync(file, 'utf8')).toContain('getDatamodel');
  });
});
