import { createDocumentParser } from '../../src/documents/parse';
import { FetchFailed, type SafeFetch } from '../../src/net/safe-fetch';
import { systemClock } from '../../src/ports/clock';
import type { AgentRecord, JsonObject } from '../../src/ports/records';
import type { ToolCallContext, ToolOutcome } from '../../src/ports/tools';
import { BuiltInTools } from '../../src/tools/built-in';
import { CachedResults } from '../../src/tools/cached-results';
import { type Json, startTestServer, type TestServer } from '../testkit/server';

const NOON = new Date('2026-07-01T12:00:00.000Z');
const PAGE =
  '<html><head><title>Tides</title></head><body><nav>Menu</nav><article><h1>Tides</h1>' +
  '<p>The moon pulls the sea, and twice a day the water comes in. This sentence makes the article long enough to read.</p>' +
  '<p>The sun pulls too, and when both pull together the tide is a spring tide, the highest of the month.</p>' +
  '<script>alert(1)</script></article></body></html>';

let server: TestServer;
let builtIn: BuiltInTools;
const parser = createDocumentParser();
let fetched: (url: string) => ReturnType<SafeFetch>;

beforeAll(async () => {
  server = await startTestServer();
  await server.dev.agentId();
  const open = (tenant: string) => Promise.resolve(server.application.database.store(tenant));
  const clock = { now: () => NOON };
  builtIn = new BuiltInTools({
    open,
    clock,
    cached: new CachedResults({ open, clock: systemClock }),
    fetch: ((url: string) => fetched(url)) as SafeFetch,
    parser,
    knowledge: { agents: server.application.services.knowledge.agents },
  });
});
afterAll(() => Promise.all([parser.close(), server.close()]));

async function run(name: string, args: JsonObject, userId = 'local-dev'): Promise<ToolOutcome> {
  const store = server.application.database.store('agentflow');
  const tool = (await store.tools.findByName(name))!;
  const context: ToolCallContext = {
    tenant: 'agentflow',
    userId,
    agent: (await store.agents.findByName('MainAgent')) as AgentRecord,
    conversationId: 'c',
    runId: 'r',
    callId: 'call',
    idempotencyKey: 'k',
    signal: new AbortController().signal,
  };
  return builtIn.execute(tool, args, context);
}

const answers = (status: number, type: string, body: string) => (url: string) =>
  Promise.resolve({ status, url, headers: { 'content-type': type }, body: Buffer.from(body) } as never);

describe('current_time', () => {
  it('tells UTC and the local time of a zone', async () => {
    expect(await run('current_time', { timezone: 'Europe/Berlin' })).toMatchObject({
      ok: true,
      result: {
        utc: NOON.toISOString(),
        timezone: 'Europe/Berlin',
        weekday: 'Wednesday',
        local: expect.stringContaining('14:00:00'),
      },
    });
  });

  it('names a zone that does not exist', async () => {
    expect(await run('current_time', { timezone: 'Mars/Base' })).toMatchObject({
      ok: false,
      error: { type: 'validation_failed', message: expect.stringContaining('Mars/Base') },
    });
  });
});

describe('calculate', () => {
  it.each([
    ['6 * (7 + 1)', 48],
    ['0.1 + 0.2', 0.3],
    ['2^10 % 1000', 24],
    ['-2^2', -4],
  ])('%s = %d', async (expression, result) => {
    expect(await run('calculate', { expression })).toEqual({ ok: true, result });
  });

  it.each(['1 / 0', 'process.exit()', '2 +', '('.repeat(500)])('refuses %s', async (expression) => {
    expect(await run('calculate', { expression })).toMatchObject({
      ok: false,
      error: { type: 'validation_failed', retryable: false },
    });
  });
});

describe('web_fetch', () => {
  it('answers the readable text of a page as Markdown, without menus and scripts', async () => {
    fetched = answers(200, 'text/html; charset=utf-8', PAGE);
    const outcome = (await run('web_fetch', { url: 'https://example.com/tides' })) as Json;
    expect(outcome.result).toMatchObject({ url: 'https://example.com/tides', title: 'Tides' });
    expect(outcome.result.text).toContain('The moon pulls the sea');
    expect(outcome.result.text).not.toMatch(/alert|Menu|<p>/);
  });

  it('answers other text as it is', async () => {
    fetched = answers(200, 'application/json', '{"a":1}');
    expect(await run('web_fetch', { url: 'https://example.com/a.json' })).toMatchObject({
      result: { text: expect.stringContaining('"a"'), cut: false },
    });
  });

  it.each([
    [404, false],
    [503, true],
  ])('says that a page answers %d', async (status, retryable) => {
    fetched = answers(status, 'text/html', '');
    expect(await run('web_fetch', { url: 'https://example.com/x' })).toMatchObject({
      ok: false,
      error: { type: 'http_error', message: expect.stringContaining(String(status)), retryable },
    });
  });

  it('says why a page could not be reached', async () => {
    fetched = () => Promise.reject(new FetchFailed('too_large', 'example.com: the answer is too large'));
    expect(await run('web_fetch', { url: 'https://example.com/x' })).toMatchObject({
      ok: false,
      error: { type: 'fetch_failed', message: expect.stringContaining('too large'), retryable: false },
    });
  });
});

describe('search_conversations', () => {
  it("finds the user's own conversations and nobody else's", async () => {
    const client = server.dev;
    for (const [id, content] of [
      ['boats', 'Which harbour has the deepest water?'],
      ['bread', 'How long does dough rest?'],
    ]) {
      await client.rest('POST', '/api/v1/conversations', { id, agent_id: await client.agentId(), title: id });
      await client.rest('POST', `/api/v1/conversations/${id}/messages`, { content });
    }
    const found = (await run('search_conversations', { text: 'harbour' })) as Json;
    expect(found.result.map((one: Json) => one.id)).toEqual(['boats']);
    const others = (await run('search_conversations', { text: 'harbour' }, 'bob')) as Json;
    expect(others.result).toEqual([]);
  });
});

describe('tools without a connection', () => {
  it.each([
    ['EmailsAgent', 'send_email', 'a mail server'],
    ['EmailsAgent', 'search_emails', 'a mailbox'],
    ['MeetingsAgent', 'list_calendar_events', 'a calendar'],
    ['RecordsAgent', 'search_records', 'a CRM'],
    ['SnowflakeAgent', 'query_warehouse', 'a data warehouse'],
  ])('%s has %s, which says that %s is missing', async (agent, name, connection) => {
    const { body } = await server.dev.rest('GET', `/api/v1/agent/${agent}/tools/${name}`);
    expect(body.status).toBe('not_configured');
    expect(await run(name, {})).toMatchObject({
      ok: false,
      error: { type: 'not_configured', message: expect.stringContaining(connection), retryable: false },
    });
  });
});

describe('seeding', () => {
  const assigned = async (agent: string): Promise<string[]> =>
    (await server.dev.rest('GET', `/api/v1/agent/${agent}/tools`)).body.map((tool: Json) => tool.name);

  it('changes nothing the second time, and keeps what the tenant removed or gated', async () => {
    const store = server.application.database.store('agentflow');
    await server.dev.rest('DELETE', '/api/v1/agent/TasksAgent/tools/current_time');
    await server.dev.rest('PUT', '/api/v1/agent/MainAgent/tools/calculate/approval', { enabled: true });
    const before = (await store.tools.list()).map(({ id, version, requireApproval }) => ({
      id,
      version,
      requireApproval,
    }));
    await Promise.all([builtIn.seed(store, NOON), builtIn.seed(store, NOON)]);
    const after = (await store.tools.list()).map(({ id, version, requireApproval }) => ({
      id,
      version,
      requireApproval,
    }));
    expect(after).toEqual(before);
    expect(await assigned('TasksAgent')).not.toContain('current_time');
    expect(await assigned('JediAgent')).toContain('current_time');
  });
});
