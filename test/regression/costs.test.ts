import { boundedRobots } from '../../src/documents/crawl/robots';
import { startTestServer, type TestServer } from '../testkit/server';

describe('true costs', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  const SEARCH = 'conversationSearch(query: "x") { conversations { id title } total }';
  const aliased = (field: string, count: number): string =>
    `{ ${Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ')} }`;

  it('twenty searches of conversations in one operation are refused, a few are not', async () => {
    for (const count of [1, 5])
      expect((await server.dev.graphql(aliased(SEARCH, count))).errors).toBeUndefined();
    const { errors } = await server.dev.graphql(aliased(SEARCH, 20));
    expect(errors![0]).toMatchObject({
      message: expect.stringMatching(/^The operation costs \d+; at most 10000 are allowed\./),
      extensions: { code: 'bad_request', limit: { name: 'complexity', max: 10_000 } },
    });
  });

  it('a batch has no more to spend than one operation', async () => {
    const batch = Array.from({ length: 10 }, () => ({ query: aliased(SEARCH, 5) }));
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(batch),
    });
    const answers = (await response.json()) as { errors?: { message: string }[] }[];
    expect(answers.filter(({ errors }) => errors === undefined).length).toBeLessThan(4);
    expect(answers.at(-1)!.errors![0]!.message).toMatch(/^The operations of the request cost \d+;/);
  });

  it('thirty walks through the metadata of a base in one operation are refused', async () => {
    const { errors } = await server.dev.graphql(
      aliased('knowledgeFilesWhere(knowledgeBaseId: "x", limit: 1) { total }', 30),
    );
    expect(errors![0]!.extensions.limit).toMatchObject({ name: 'complexity' });
  });

  it('finds a text of messages whatever its signs and case', async () => {
    for (const [id, message] of [
      ['c-one', 'What is (1+1)* in ÄRGER?'],
      ['c-two', 'Nothing of it.'],
    ])
      await server.dev.rest('POST', '/api/v1/agent/MainAgent/chat', {
        conversation_id: id,
        message_id: `m-${id}`,
        message,
        model: 'agentflow/local',
        stream: false,
      });
    const { data } = await server.dev.graphql(
      'query ($q: String!) { conversationSearch(query: $q) { conversations { id } } }',
      { q: '(1+1)* IN ärger' },
    );
    expect(data).toEqual({ conversationSearch: { conversations: [{ id: 'c-one' }] } });
  });
});

describe('a hostile robots.txt', () => {
  const rules = (text: string): string[] => boundedRobots(text, 'agentflow').split('\n');

  it('keeps what it says to us', () => {
    expect(
      rules(
        '# x\r\nUser-Agent: AgentFlow/1.0\nUser-agent: bad\nDisallow: /a#b\nAllow: /a/*.html$\nCrawl-delay: 2\n\nUser-agent: bad\nDisallow: /',
      ),
    ).toEqual([
      'User-agent: agentflow',
      'User-agent: other',
      'disallow: /a',
      'allow: /a/*.html$',
      'Crawl-delay: 2',
      'User-agent: other',
    ]);
  });

  it('gives few and short rules, however many there are, and forbids what does not fit', () => {
    const many = rules(`User-agent: *\n${'Disallow: /*a*b*c\n'.repeat(100_000)}`);
    expect(many.length).toBeLessThanOrEqual(2_001);
    expect(many.at(-1)).toBe('disallow: /');
    expect(many.join('').split('*').length).toBeLessThan(8_192);
    expect(
      rules(`User-agent: *\nDisallow: /x${'*a'.repeat(100_000)}\nAllow: /${'y'.repeat(100_000)}`),
    ).toEqual(['User-agent: *', 'disallow: /x']);
    expect(rules('User-agent: bot\n'.repeat(100_000) + 'Disallow: /\n'.repeat(100_000))).toEqual([
      'User-agent: other',
    ]);
  });
});
