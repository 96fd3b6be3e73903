import { getEventListeners, once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import zlib from 'node:zlib';
import { DomainError } from '../../src/errors';
import { classifyAddress } from '../../src/net/addresses';
import type { Resolve } from '../../src/net/guard';
import { createSafeFetch, FetchFailed } from '../../src/net/safe-fetch';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(
  handler: Handler,
): Promise<{ url: string; port: number; requests: http.IncomingMessage[] }> {
  const requests: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

const open = createSafeFetch({ allowPrivate: true, userAgent: 'test' });
const strict = createSafeFetch({ allowPrivate: false, userAgent: 'test' });
const resolvingTo =
  (...addresses: string[]): Resolve =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

const refusal = async (promise: Promise<unknown>): Promise<DomainError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
};
const failure = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FetchFailed);
  return (error as FetchFailed).reason;
};

describe('addresses', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['::ffff:8.8.8.8', 'public'],
    ['127.0.0.1', 'private'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['::1', 'private'],
    ['fd12::1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['0.0.0.0', 'forbidden'],
    ['169.254.169.254', 'forbidden'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['240.0.0.1', 'forbidden'],
    ['198.18.0.1', 'forbidden'],
    ['::', 'forbidden'],
    ['::127.0.0.1', 'forbidden'],
    ['::7f00:1', 'forbidden'],
    ['::8.8.8.8', 'forbidden'],
    ['fe80::1', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['fec0::1', 'forbidden'],
    ['ff02::1', 'forbidden'],
    ['64:ff9b::7f00:1', 'forbidden'],
    ['64:ff9b:1::a00:1', 'forbidden'],
    ['2002:7f00:1::', 'forbidden'],
    ['2001:0:1::1', 'forbidden'],
    ['2001:db8::1', 'forbidden'],
    ['not an address', 'forbidden'],
  ])('classifies %s as %s', (address, kind) => expect(classifyAddress(address)).toBe(kind));
});

describe('URLs that are refused', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/',
    'http://localhost:1/',
    'http://wiki.localhost./',
    'file:///etc/passwd',
    'gopher://example.com/',
    'http://user:secret@example.com/',
    'not a url',
    `http://example.com/${'a'.repeat(9_000)}`,
  ])('refuses %.60s naming the field', async (url) => {
    const error = await refusal(strict(url, { field: 'urls.0' }));
    expect(error.code).toBe('validation_failed');
    expect(error.details.errors?.[0]?.path).toBe('urls.0');
    expect(error.message).not.toContain('secret');
  });

  it.each(['http://localhost:1/', 'http://10.0.0.1/', 'file:///etc/passwd'])(
    'refuses %s before any name is resolved',
    (url) => {
      const complaint = (fetch: typeof strict): string => {
        try {
          fetch.accept(url, { field: 'site' });
          return 'none';
        } catch (error) {
          return (error as DomainError).details.errors![0]!.path;
        }
      };
      expect(complaint(strict)).toBe('site');
      expect(complaint(open)).toBe(url.startsWith('file:') ? 'site' : 'none');
    },
  );

  it('keeps metadata addresses closed when private ones are open', async () => {
    expect((await refusal(open('http://169.254.169.254/'))).code).toBe('validation_failed');
  });

  it('refuses a name when one of its addresses is private', async () => {
    const fetch = createSafeFetch({
      allowPrivate: false,
      userAgent: 'test',
      resolve: resolvingTo('93.184.215.14', '10.0.0.1'),
    });
    expect((await refusal(fetch('http://mixed.example/'))).message).toContain('mixed.example');
    expect((await refusal(fetch.check('http://mixed.example/'))).message).toContain('private');
  });
});

describe('connections', () => {
  it('goes to the address that was checked, whatever the name resolves to later', async () => {
    const { port, requests } = await serve((request, response) => response.end(request.socket.localAddress));
    let asked = 0;
    const resolve: Resolve = () => {
      asked += 1;
      return Promise.resolve([{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    };
    const fetch = createSafeFetch({ allowPrivate: true, userAgent: 'test', resolve });
    const answer = await fetch(`http://rebind.example:${port}/x`);
    expect(answer.body.toString()).toBe('127.0.0.1');
    expect(requests[0]?.headers.host).toBe(`rebind.example:${port}`);
    expect(asked).toBe(1);
  });

  it('checks every redirect, so a public page cannot lead inside', async () => {
    const { port, requests } = await serve((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    );
    const error = await refusal(open(`http://127.0.0.1:${port}/`, { field: 'url' }));
    expect(error.message).toContain('redirects');
    expect(requests).toHaveLength(1);
  });

  it('resolves again after a redirect to another name', async () => {
    const { port } = await serve((_request, response) =>
      response.writeHead(302, { location: 'http://metadata.example/' }).end(),
    );
    const resolve: Resolve = (host) =>
      Promise.resolve([{ address: host === 'start.example' ? '127.0.0.1' : '169.254.169.254', family: 4 }]);
    const fetch = createSafeFetch({ allowPrivate: true, userAgent: 'test', resolve });
    expect((await refusal(fetch(`http://start.example:${port}/`))).message).toContain('metadata.example');
  });

  it('keeps redirects to the lists of hosts', async () => {
    const { port } = await serve((_request, response) =>
      response.writeHead(302, { location: `http://evil.example:${port}/` }).end(),
    );
    const fetch = createSafeFetch({
      allowPrivate: true,
      userAgent: 'test',
      resolve: resolvingTo('127.0.0.1'),
    });
    const error = await refusal(fetch(`http://a.good.example:${port}/`, { allowHosts: ['*.good.example'] }));
    expect(error.message).toContain('evil.example');
    const bare = await refusal(fetch(`http://good.example:${port}/`, { allowHosts: ['*.good.example'] }));
    expect(bare.message).toContain('allowed hosts');
  });

  it('does not carry credentials to another origin, and does within one', async () => {
    const second = await serve((_request, response) => response.end('second'));
    const first = await serve((request, response) => {
      const location = request.url === '/a' ? '/b' : `${second.url}/c`;
      response.writeHead(307, { location }).end();
    });
    const headers = { authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': 'k', 'x-plain': 'p' };
    const answer = await open(`${first.url}/a`, {
      method: 'POST',
      body: 'b',
      headers,
      secretHeaders: ['X-Api-Key'],
    });
    expect(answer.url).toBe(`${second.url}/c`);
    expect(first.requests[1]?.headers).toMatchObject(headers);
    expect(second.requests[0]?.headers).toMatchObject({ 'x-plain': 'p' });
    for (const name of ['authorization', 'cookie', 'x-api-key']) {
      expect(second.requests[0]?.headers[name]).toBeUndefined();
    }
    expect(second.requests[0]?.method).toBe('POST');
  });

  it('turns a POST that got 303 into a GET without body', async () => {
    const { url, requests } = await serve((request, response) =>
      request.url === '/done' ? response.end('ok') : response.writeHead(303, { location: '/done' }).end(),
    );
    await open(`${url}/`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
    expect(requests[1]?.method).toBe('GET');
    expect(requests[1]?.headers['content-type']).toBeUndefined();
    expect(requests[1]?.headers['content-length']).toBeUndefined();
  });

  it('follows as many redirects as it may and no more', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(302, { location: '/again' }).end(),
    );
    expect(await failure(open(url, { maxRedirects: 3 }))).toBe('redirects');
  });

  it.each([{ host: 'x' }, { 'x-a': 'a\r\nx-b: c' }, { 'bad name': 'x' }])(
    'refuses the headers %j',
    async (headers) => {
      const error = await refusal(
        open('http://127.0.0.1:1/', { headers: headers as unknown as Record<string, string> }),
      );
      expect(error.details.errors?.[0]?.path).toMatch(/^headers\./);
    },
  );
});

describe('limits', () => {
  const bomb = Buffer.alloc(50 * 1024 * 1024);

  it.each([
    ['gzip', zlib.gzipSync(bomb)],
    ['deflate', zlib.deflateSync(bomb)],
    ['deflate', zlib.deflateRawSync(bomb)],
    ['br', zlib.brotliCompressSync(bomb, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ])('stops unpacking a bomb of %s', async (encoding, packed) => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(packed),
    );
    expect(await failure(open(url))).toBe('too_large');
  });

  it.each([
    ['gzip', zlib.gzipSync('hello')],
    ['deflate', zlib.deflateSync('hello')],
    ['deflate', zlib.deflateRawSync('hello')],
    ['br', zlib.brotliCompressSync('hello')],
  ])('unpacks %s', async (encoding, packed) => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(packed),
    );
    expect((await open(url)).body.toString()).toBe('hello');
  });

  it('tells of a body that is not compressed as it says', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('plain'),
    );
    expect(await failure(open(url))).toBe('decoding');
  });

  it('stops reading an endless body without a length', async () => {
    const { url } = await serve((_request, response) => {
      const more = () => {
        while (response.writable && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(open(url, { maxBytes: 100_000 }))).toBe('too_large');
  });

  it('gives a slow body up at the deadline, not at the head', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200).write('a');
    });
    expect(await failure(open(url, { timeoutMs: 150 }))).toBe('timeout');
  });

  it('gives a resolver that never answers up at the deadline', async () => {
    const fetch = createSafeFetch({
      allowPrivate: true,
      userAgent: 'test',
      resolve: () => new Promise(() => undefined),
    });
    expect(await failure(fetch('http://slow.example/', { timeoutMs: 100 }))).toBe('timeout');
  });

  it("rejects with the caller's reason when aborted", async () => {
    const controller = new AbortController();
    const { url } = await serve(() => controller.abort(new Error('enough')));
    await expect(open(url, { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('tells a refused connection, garbage and a cut body apart', async () => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.once('data', (data) =>
        socket.end(
          data.includes('/cut') ? 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc' : 'SSH-2.0-x\r\n\r\n',
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await failure(open(`http://127.0.0.1:${port}/garbage`))).toBe('protocol');
    expect(await failure(open(`http://127.0.0.1:${port}/cut`))).toBe('connection');
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(open(`http://127.0.0.1:${port}/`))).toBe('connection');
  });

  it('streams a body that goes on after the deadline of its head', async () => {
    let finish: () => void = () => undefined;
    const { url } = await serve((_request, response) => {
      response.writeHead(200).write('first');
      finish = () => response.end('last');
    });
    const { body, status } = await open.stream(url, { timeoutMs: 2_000 });
    expect(status).toBe(200);
    let text = '';
    for await (const chunk of body) {
      text += String(chunk);
      finish();
    }
    expect(text).toBe('firstlast');
  });

  it("leaves nothing on the caller's signal", async () => {
    const { signal } = new AbortController();
    const { url } = await serve((_request, response) => response.end('x'));
    for (let round = 0; round < 3; round += 1) {
      await open(url, { signal });
      const { body } = await open.stream(url, { signal });
      const closed = once(body, 'close');
      body.resume();
      await closed;
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
