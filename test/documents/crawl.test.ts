import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { crawl, createSiteReader, type CrawledPage, type CrawlOptions } from '../../src/documents/crawl';
import { linksOf } from '../../src/documents/crawl/links';
import { canonicalUrl } from '../../src/documents/crawl/urls';
import { createSafeFetch } from '../../src/net/safe-fetch';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let url: string;
let serve: Serve;
let asked: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);
beforeEach(() => {
  asked = [];
});

/** A site of HTML pages by path. Texts that begin with `>` are redirects. */
const site = (pages: Record<string, string>): void => {
  serve = (request, response) => {
    const page = pages[request.url!];
    if (page === undefined) return void response.writeHead(404).end();
    if (page.startsWith('>')) return void response.writeHead(302, { location: page.slice(1) }).end();
    const type = request.url === '/robots.txt' ? 'text/plain' : 'text/html';
    response.writeHead(200, { 'content-type': type }).end(page);
  };
};

const open = createSafeFetch({ allowPrivate: true, userAgent: 'AgentFlow' });

async function read(options: Partial<CrawlOptions> = {}): Promise<CrawledPage[]> {
  const pages: CrawledPage[] = [];
  for await (const page of crawl({ url, fetch: open, ...options })) pages.push(page);
  return pages;
}

const paths = (pages: CrawledPage[], ok = true): string[] =>
  pages.filter((page) => page.ok === ok).map((page) => page.url.replace(url, ''));

const links = (...hrefs: string[]): string => hrefs.map((href) => `<p><a href="${href}">x</a></p>`).join('');

it('follows links of the same host, level by level, down to the depth', async () => {
  site({
    '/': links('/a', 'b', 'https://example.com/other', 'mailto:x@example.com', '/picture.png'),
    '/a': links('/a/1'),
    '/b': links('/'),
    '/a/1': links('/a/1/2'),
    '/a/1/2': '',
  });
  expect(paths(await read())).toEqual(['/', '/a', '/b', '/a/1']);
  expect(paths(await read({ depth: 0 }))).toEqual(['/']);
  expect(paths(await read({ depth: 3 }))).toEqual(['/', '/a', '/b', '/a/1', '/a/1/2']);
  expect(asked).not.toContain('/picture.png');
});

it('gives a page once, however it is written', async () => {
  site({
    '/': links('/a#part', '/a/', '/a?utm_source=x', '/c?b=2&a=1', '/c?a=1&b=2', '/moved', '/print'),
    '/a': 'A',
    '/a/': 'A',
    '/c?b=2&a=1': 'C',
    '/moved': '>/a',
    '/print': '<link rel="canonical" href="/a">',
  });
  const pages = await read();
  expect(paths(pages)).toEqual(['/', '/a', '/c?b=2&a=1']);
  expect(canonicalUrl(new URL('http://x/a//b/index.html?z=1&a=2#f'))).toBe('http://x/a/b?a=2&z=1');
});

it('keeps to robots.txt, nofollow and noindex', async () => {
  site({
    '/robots.txt': 'User-agent: *\nDisallow: /private',
    '/':
      links('/private/x', '/hidden', '/open') +
      '<a rel="nofollow" href="/skipped">x</a><!-- <a href="/comment">x</a> -->',
    '/hidden': `<meta name="robots" content="noindex">${links('/behind')}`,
    '/behind': '',
    '/open': '',
  });
  const pages = await read();
  expect(paths(pages)).toEqual(['/', '/open', '/behind']);
  expect(paths(pages, false)).toEqual(['/private/x']);
  expect(asked).not.toContain('/private/x');
  expect(asked).not.toContain('/skipped');
  expect(asked).not.toContain('/comment');
});

it('reads nothing of a site whose robots.txt fails', async () => {
  serve = (request, response) => void response.writeHead(request.url === '/robots.txt' ? 500 : 200).end('x');
  expect(await read()).toMatchObject([{ ok: false, reason: expect.stringContaining('robots.txt') }]);
  expect(asked).toEqual(['/robots.txt']);
});

it('ends on a site of endless links', async () => {
  let count = 0;
  serve = (request, response) => {
    if (request.url === '/robots.txt') return void response.writeHead(404).end();
    const more = Array.from({ length: 50 }, () => `/page${++count}`);
    response.writeHead(200, { 'content-type': 'text/html' }).end(links(...more, `${request.url}/deeper`));
  };
  expect(await read({ depth: 5, pages: 30 })).toHaveLength(30);
  expect(asked.length).toBeLessThanOrEqual(31);
});

it('ends on a site of dead links', async () => {
  let count = 0;
  serve = (request, response) => {
    if (request.url !== '/') return void response.writeHead(404).end();
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(links(...Array.from({ length: 500 }, () => `/page${++count}`)));
  };
  expect(paths(await read({ pages: 5 }), false)).toHaveLength(19);
});

it('goes on after pages that fail, and says why', async () => {
  const zeros = gzipSync(Buffer.alloc(6 * 1024 * 1024));
  serve = (request, response) => {
    if (request.url === '/')
      response.writeHead(200, { 'content-type': 'text/html' }).end(links('/gone', '/bomb', '/fine', '/away'));
    else if (request.url === '/bomb')
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(zeros);
    else if (request.url === '/fine') response.writeHead(200, { 'content-type': 'text/html' }).end('fine');
    else if (request.url === '/away')
      response.writeHead(302, { location: `${url.replace('127.0.0.1', 'localhost')}/x` }).end();
    else response.writeHead(404).end();
  };
  const pages = await read();
  expect(paths(pages)).toEqual(['/', '/fine']);
  expect(pages.filter((page) => !page.ok)).toMatchObject([
    { url: `${url}/gone`, reason: expect.stringContaining('404') },
    { url: `${url}/bomb`, reason: expect.stringContaining('5242880 bytes') },
    { url: `${url}/away` },
  ]);
});

it('fetches no private address, neither at first nor by a redirect', async () => {
  const closed = createSafeFetch({ allowPrivate: false, userAgent: 'AgentFlow' });
  for (const target of [
    url,
    'http://169.254.169.254/latest/meta-data',
    'http://localhost:9/',
    'http://[::1]/',
  ]) {
    const pages = await read({ url: target, fetch: closed });
    expect(pages).toMatchObject([{ ok: false, reason: expect.stringMatching(/^the host .* address/) }]);
  }
  expect(asked).toEqual([]);
  // Metadata services stay closed even where private addresses are allowed.
  site({ '/': links('/away'), '/away': '>http://169.254.169.254/latest/meta-data' });
  expect((await read()).at(-1)).toMatchObject({
    ok: false,
    url: `${url}/away`,
    reason: expect.stringContaining('address'),
  });
});

it('stops at once when the caller aborts or takes no more', async () => {
  site({ '/': links('/a', '/b'), '/a': '', '/b': '' });
  const abort = new AbortController();
  const pages = crawl({ url, fetch: open, signal: abort.signal });
  expect((await pages.next()).value).toMatchObject({ ok: true });
  abort.abort(new Error('enough'));
  await expect(pages.next()).rejects.toThrow('enough');
  const others = crawl({ url, fetch: open });
  await others.next();
  expect(await others.return(undefined)).toMatchObject({ done: true });
});

it('names what is out of bounds', () => {
  const bad = (options: Partial<CrawlOptions>) => () => crawl({ url, fetch: open, ...options });
  expect(bad({ depth: 6 })).toThrow('max_crawl_depth');
  expect(bad({ pages: 501 })).toThrow('max_crawl_pages');
  expect(bad({ url: 'file:///etc/passwd' })).toThrow('website_url');
});

it('gives a reader of sites only the pages, and the reason when there is none at all', async () => {
  site({ '/': links('/a', '/gone'), '/a': 'A' });
  const reader = createSiteReader(open);
  const request = { url, maxDepth: 1, maxPages: 5, signal: new AbortController().signal };
  const pages = [];
  for await (const page of reader(request)) pages.push(page);
  expect(pages.map((page) => [page.url, page.contentType, Buffer.from(page.bytes).toString()])).toEqual([
    [`${url}/`, 'text/html', links('/a', '/gone')],
    [`${url}/a`, 'text/html', 'A'],
  ]);
  const nothing = reader({ ...request, url: `${url}/missing` })[Symbol.asyncIterator]();
  await expect(nothing.next()).rejects.toMatchObject({
    code: 'validation_failed',
    message: expect.stringContaining('404'),
  });
});

it('looks through a page of torn tags at once', () => {
  const started = performance.now();
  expect(linksOf('<a '.repeat(1_600_000), new URL(url)).links).toEqual([]);
  expect(linksOf(`<a ${'href '.repeat(700)}>`.repeat(1_000), new URL(url)).links).toEqual([]);
  expect(performance.now() - started).toBeLessThan(5_000);
});
