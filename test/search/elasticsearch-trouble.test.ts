import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ElasticsearchIndex } from '../../src/adapters/elasticsearch';
import { chunk } from './contract';

/** A server that answers as a cluster does, with bulks as a test says. */
class StubCluster {
  readonly bulks: string[][] = [];
  mostAtOnce = 0;
  private atOnce = 0;
  private server: Server | undefined;

  constructor(
    private readonly onBulk: (ids: string[], call: number) => { status: number; items?: object[] },
  ) {}

  async start(): Promise<string> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server!.closeAllConnections();
    await new Promise((resolve) => this.server!.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { status, body } = this.body(request, Buffer.concat(parts).toString());
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    if (request.url!.includes('_bulk')) {
      // Several bulks meet here when several are sent.
      await new Promise((resolve) => setImmediate(resolve));
      this.atOnce--;
    }
    response.writeHead(status, {
      'content-type': 'application/vnd.elasticsearch+json; compatible-with=9',
      'x-elastic-product': 'Elasticsearch',
    });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  }

  private body(request: IncomingMessage, text: string): { status: number; body: object } {
    const url = request.url!;
    if (url.includes('_bulk')) {
      this.atOnce++;
      const lines = text.trim().split('\n');
      const ids = lines
        .filter((_, index) => index % 2 === 1)
        .map((line) => JSON.parse(line).chunk_id as string);
      this.bulks.push(ids);
      const { status, items } = this.onBulk(ids, this.bulks.length);
      if (status !== 200) return { status, body: { error: { type: 'busy', reason: 'busy' }, status } };
      return { status, body: { took: 1, errors: true, items: items ?? ids.map(() => TAKEN) } };
    }
    if (url.includes('_alias')) return { status: request.method === 'HEAD' ? 200 : 404, body: {} };
    return { status: 200, body: {} };
  }
}

const TAKEN = { index: { status: 201 } };
const refused = (status: number, type: string, reason = ''): object => ({
  index: { status, error: { type, reason } },
});
const WORDS = {
  text: (text: string) => ({ terms: text.split(' '), extras: [] }),
  query: (text: string) => text.split(' '),
};
const BASE = { id: 'kb', embeddingModel: 'm', dimension: 4 };

async function withCluster(
  onBulk: ConstructorParameters<typeof StubCluster>[0],
  test: (index: ElasticsearchIndex, cluster: StubCluster) => Promise<void>,
): Promise<void> {
  const cluster = new StubCluster(onBulk);
  const url = await cluster.start();
  const index = new ElasticsearchIndex({
    url,
    prefix: 'stub',
    analysis: WORDS,
    analysisVersion: 1,
    bulk: { attempts: 3, firstPauseMs: 1 },
  });
  try {
    await test(index, cluster);
  } finally {
    await index.close();
    await cluster.stop();
  }
}

const chunks = (...ids: string[]): ReturnType<typeof chunk>[] => ids.map((id) => chunk(id, { text: id }));

describe('Elasticsearch in trouble', () => {
  it('sends again only what the server was too busy for', async () => {
    const onBulk = (ids: string[], call: number): { status: number; items: object[] } => ({
      status: 200,
      items: ids.map((id) =>
        call === 1 && id === 'b' ? refused(429, 'es_rejected_execution_exception') : TAKEN,
      ),
    });
    await withCluster(onBulk, async (index, { bulks }) => {
      await index.put('t', BASE, chunks('a', 'b', 'c'));
      expect(bulks).toEqual([['a', 'b', 'c'], ['b']]);
      expect(index.status()).toMatchObject({ status: 'ok' });
    });
  });

  it('sends a bulk again that was refused as a whole', async () => {
    await withCluster(
      (_ids, call) => ({ status: call === 1 ? 429 : 200 }),
      async (index, { bulks }) => {
        await index.put('t', BASE, chunks('a'));
        expect(bulks).toEqual([['a'], ['a']]);
      },
    );
  });

  it('gives up after some attempts and says that the server is busy', async () => {
    const onBulk = (ids: string[]): { status: number; items: object[] } => ({
      status: 200,
      items: ids.map(() => refused(429, 'es_rejected_execution_exception')),
    });
    await withCluster(onBulk, async (index, { bulks }) => {
      await expect(index.put('t', BASE, chunks('a'))).rejects.toMatchObject({ code: 'overloaded' });
      expect(bulks).toHaveLength(3);
      expect(index.status()).toMatchObject({ status: 'degraded', backend: 'elasticsearch' });
    });
  });

  it.each([
    ['a mapping that refuses it', refused(400, 'document_parsing_exception'), 'not_ready'],
    [
      'a full disk',
      refused(429, 'cluster_block_exception', 'disk usage exceeded flood-stage watermark'),
      'storage_full',
    ],
  ])('names %s, and does not try again', async (_name, item, code) => {
    await withCluster(
      (ids) => ({ status: 200, items: ids.map(() => item) }),
      async (index, { bulks }) => {
        await expect(index.put('t', BASE, chunks('a'))).rejects.toMatchObject({ code });
        expect(bulks).toHaveLength(1);
      },
    );
  });

  it('sends few bulks at a time, however many write', async () => {
    await withCluster(
      () => ({ status: 200 }),
      async (index, cluster) => {
        await Promise.all(Array.from({ length: 10 }, (_, n) => index.put('t', BASE, chunks(`c${n}`))));
        expect(cluster.bulks).toHaveLength(10);
        expect(cluster.mostAtOnce).toBeLessThanOrEqual(2);
      },
    );
  });

  it('says that a server which is away cannot be reached, without its address', async () => {
    const cluster = new StubCluster(() => ({ status: 200 }));
    const url = await cluster.start();
    await cluster.stop();
    const index = new ElasticsearchIndex({ url, prefix: 'stub', analysis: WORDS, analysisVersion: 1 });
    const scopes = [{ knowledgeBaseId: 'kb', generation: 1 }];
    const failure = await index.search('t', { scopes, text: 'x', window: 5 }).then(
      () => 'found something',
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'not_ready', details: { retryAfterMs: expect.any(Number) } });
    expect(String(failure)).not.toContain(url);
    expect(index.status()).toMatchObject({ status: 'down' });
    await index.close();
  });
});
