import { pageOf } from '../../rest-facade/page';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { expectProblem } from '../testkit/contract';

const LISTS = [
  '/api/v1/agents',
  '/api/v1/models',
  '/api/v1/knowledge-bases',
  '/api/v1/agent/MainAgent/subagents',
];

describe('lists that are answered as bare arrays', () => {
  let server: TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await startTestServer();
    client = server.dev;
  });
  afterAll(() => server.close());

  it('are whole unless a part is asked for, and then lead from part to part', async () => {
    const whole = await client.rest('GET', '/api/v1/agents');
    expect(whole.headers.get('link')).toBeNull();
    const found: Json[] = [];
    let url: string | undefined = '/api/v1/agents?include_hidden=false&limit=3';
    while (url) {
      const { status, headers, body }: Json = await client.rest('GET', url);
      expect(status).toBe(200);
      expect(headers.get('x-total-count')).toBe(String(whole.body.length));
      expect(body.length).toBeLessThanOrEqual(3);
      found.push(...body);
      url = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    }
    expect(found).toEqual(whole.body);
    expect(found.length).toBeGreaterThan(3);
  });

  it.each(LISTS)('refuse a bad part of %s', async (list) => {
    for (const [query, path] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=many', 'limit'],
      ['limit=1.5', 'limit'],
      ['cursor=', 'cursor'],
    ] as const) {
      const answer = await client.rest('GET', `${list}?${query}`);
      expectProblem(answer, 422, 'validation_failed');
      expect(answer.body.errors[0].path).toContain(path);
    }
    expectProblem(await client.rest('GET', `${list}?cursor=bm9uZQ`), 422, 'validation_failed');
  });
});

describe('a part of a list', () => {
  const items = Array.from({ length: 120 }, (_, place) => place);

  it('has 50 entries behind a cursor when nothing else is said', () => {
    const { next } = pageOf(items, { limit: 10 });
    expect(pageOf(items, { cursor: next }).items).toEqual(items.slice(10, 60));
  });

  it('is empty behind the end, and leads no further', () => {
    const { next } = pageOf(items, { limit: 100 });
    expect(pageOf(items.slice(0, 50), { cursor: next })).toEqual({ items: [], total: 50, next: undefined });
    expect(pageOf(items, { limit: 20, cursor: next })).toEqual({
      items: items.slice(100),
      total: 120,
      next: undefined,
    });
  });
});
