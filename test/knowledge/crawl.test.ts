import dns from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dataOf, expectProblem } from '../testkit/contract';
import { type Answer, type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { finished, freshName } from './kit';

const BASES = '/api/v1/knowledge-bases';
const CREATE = `mutation($input: CreateKnowledgeBaseFromUrlInput!) { createKnowledgeBaseFromUrl(input: $input) { id } }`;

/** A site on this machine; every request to it is counted. */
class Site {
  asked: string[] = [];
  private server: Server | undefined;

  constructor(private readonly pages: (path: string) => string | undefined) {}

  async open(): Promise<number> {
    this.server = createServer((request, response) => {
      this.asked.push(request.url!);
      const page = this.pages(request.url!);
      if (page === undefined) return void response.writeHead(404).end();
      if (page.startsWith('>')) return void response.writeHead(302, { location: page.slice(1) }).end();
      const type = request.url === '/robots.txt' ? 'text/plain' : 'text/html';
      response.writeHead(200, { 'content-type': type }).end(page);
    });
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server!.closeAllConnections();
    await new Promise((resolve) => this.server!.close(resolve));
  }
}

const page = (title: string, text: string, ...links: string[]): string =>
  `<html><head><title>${title}</title></head><body><main><h1>${title}</h1><p>${text}</p>${links
    .map((href) => `<p><a href="${href}">${href}</a></p>`)
    .join('')}</main></body></html>`;

async function create(client: Client, fields: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${client.url}${BASES}/create-from-url`, {
    method: 'POST',
    body: new URLSearchParams(fields),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('a site of an address that is not public', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost/',
    'http://LOCALHOST:8080/page',
    'http://wiki.localhost./',
    'http://10.0.0.1',
    'http://192.168.1.1:8443/',
    'http://2130706433/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'file:///etc/passwd',
    'ftp://files.example/',
    'http://user:secret@example.com/',
    'example.com',
  ])('is refused at once by REST and GraphQL, and no base is made: %s', async (website) => {
    const name = freshName('refused');
    expectProblem(
      await create(server.dev, { name, website_url: website }),
      422,
      'validation_failed',
      'website_url',
    );
    const { errors } = await server.dev.graphql(CREATE, { input: { name, websiteUrl: website } });
    expect(errors![0]!.extensions).toMatchObject({ code: 'validation_failed', status: 422 });
    expect((await server.dev.rest('GET', `${BASES}/${name}`)).status).toBe(404);
  });

  it('behind a public name fails in the job, says why, and is never contacted', async () => {
    const site = new Site(() => page('Inside', 'Nobody should read this.'));
    const port = await site.open();
    const { lookup } = dns;
    const spy = jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((host: string, options: object, done: never) =>
        lookup(host === 'intranet.example' ? '127.0.0.1' : host, options, done)) as never);
    try {
      const { status, body } = await create(server.dev, {
        name: freshName('inside'),
        website_url: `http://intranet.example:${port}/`,
      });
      expect(status).toBe(202);
      const job = await finished(server.dev, body.job_id);
      expect(job).toMatchObject({ status: 'failed' });
      expect(job.error).toMatch(/intranet\.example is at a private address/);
      expect((await server.dev.rest('GET', `${BASES}/${body.id}`)).body).toMatchObject({ status: 'failed' });
      expect(spy).toHaveBeenCalled();
      expect(site.asked).toEqual([]);
    } finally {
      spy.mockRestore();
      await site.close();
    }
  });
});

describe('a crawl of a site on a private address, where that is allowed', () => {
  let server: TestServer;
  const site = new Site((path) => {
    if (path === '/robots.txt') return 'User-agent: *\nDisallow: /secret\n';
    const endless = /^\/endless\/(\d+)$/.exec(path);
    if (endless) {
      const n = Number(endless[1]);
      return page(`Endless ${n}`, `Page ${n} of a calendar.`, `/endless/${n + 1}`, `/endless/${n + 2}`);
    }
    return SITE[path];
  });
  const SITE: Record<string, string> = {
    '/': page('Start', 'All about otters.', '/otters', '/secret/plans', '/inside', '/away', '/gone'),
    '/otters': page('Otters', 'Otters hold hands while they sleep.', '/otters/food'),
    '/otters/food': page('Food', 'Otters crack clams on stones.', '/otters/food/clams'),
    '/otters/food/clams': page('Clams', 'Clams live in sand.'),
    '/secret/plans': page('Plans', 'Secret plans.'),
    '/inside': '>http://169.254.169.254/latest/meta-data/',
    '/away': '>http://127.0.0.2:9/elsewhere',
  };
  let url: string;

  beforeAll(async () => {
    server = await startTestServer({ AGENTFLOW_ALLOW_PRIVATE_URLS: 'true' });
    url = `http://127.0.0.1:${await site.open()}`;
  });
  afterAll(async () => {
    await server.close();
    await site.close();
  });
  beforeEach(() => {
    site.asked = [];
  });

  async function crawled(
    path: string,
    fields: Record<string, string> = {},
  ): Promise<{ job: Json; id: string }> {
    const answer = await create(server.dev, { name: freshName('site'), website_url: url + path, ...fields });
    expect(answer).toMatchObject({ status: 202, body: { status: 'processing' } });
    return { job: await finished(server.dev, answer.body.job_id), id: answer.body.id };
  }

  it('keeps to robots.txt, the depth and the site, and its pages are searchable with their addresses', async () => {
    const { job, id } = await crawled('/', { max_crawl_depth: '2' });
    expect(job).toMatchObject({ status: 'completed', operation: 'kb_crawl' });
    const { files } = (await server.dev.rest('GET', `${BASES}/${id}/files`)).body;
    expect(files.map((file: Json) => file.url).sort()).toEqual([
      `${url}/`,
      `${url}/otters`,
      `${url}/otters/food`,
    ]);
    expect(site.asked).not.toContain('/secret/plans');
    expect(site.asked).not.toContain('/otters/food/clams');
    expect(site.asked).toContain('/inside');
    const { body } = await server.dev.rest('POST', `${BASES}/${id}/search`, {
      query: 'crack clams on stones',
    });
    expect(body.documents[0].metadata).toMatchObject({ url: `${url}/otters/food` });
    expect((await server.dev.rest('GET', `${BASES}/${id}`)).body).toMatchObject({
      status: 'completed',
      file_count: 3,
    });
  });

  it('reads the first page alone at depth 0', async () => {
    const { job } = await crawled('/', { max_crawl_depth: '0' });
    expect(job.request_counts).toMatchObject({ total: 1, completed: 1 });
  });

  it('ends at the page cap on a site of endless links', async () => {
    const { job } = await crawled('/endless/0', { max_crawl_depth: '5', max_crawl_pages: '7' });
    expect(job).toMatchObject({ status: 'completed', request_counts: { total: 7, completed: 7 } });
  });

  it('fails with the reason when the first page leads to a metadata address', async () => {
    const { job, id } = await crawled('/inside');
    expect(job).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/reserved for special purposes/),
    });
    expect((await server.dev.rest('GET', `${BASES}/${id}`)).body).toMatchObject({ status: 'failed' });
  });

  it('fails with the reason when there is no first page', async () => {
    const { job } = await crawled('/nowhere');
    expect(job).toMatchObject({ status: 'failed', error: expect.stringMatching(/404/) });
  });

  it('starts from GraphQL as well', async () => {
    const { createKnowledgeBaseFromUrl: made } = await dataOf(
      server.dev.graphql(CREATE, {
        input: { name: freshName('site'), websiteUrl: `${url}/otters/food/clams`, maxCrawlDepth: 0 },
      }),
    );
    expect(made.id).toEqual(expect.any(String));
  });
});
