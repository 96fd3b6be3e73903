import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createOpenAiProvider, type OpenAiProvider } from '../../src/adapters/openai';
import { modelRegistry } from '../../src/models/registry';
import { systemClock } from '../../src/ports/clock';
import { finished, freshName, sendForm } from '../knowledge/kit';
import { type Json, startTestServer } from '../testkit/server';

const BASES = '/api/v1/knowledge-bases';
const INPUT = readFileSync(path.join(__dirname, 'inputs', 'search', 'embed-batch.md'));
const MODEL = 'openai/strict-embeddings';

/** An endpoint for embeddings with limits of its own. */
class Endpoint {
  readonly requests: string[][] = [];
  refusals = 0;
  /** What is wrong with a request, as status and message; undefined for nothing. */
  refuse: (input: string[]) => [number, string] | undefined = () => undefined;
  answer: (input: string[], base64: boolean) => object = (input) => ({
    data: input.map((text, index) => ({ index, embedding: [text.length, 1, 0, 0] })),
  });
  private readonly server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as {
        input: string[];
        encoding_format?: string;
      };
      this.requests.push(body.input);
      const refusal = this.refuse(body.input);
      if (refusal) this.refusals++;
      response.writeHead(refusal?.[0] ?? 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          refusal
            ? { error: { message: refusal[1] } }
            : this.answer(body.input, body.encoding_format === 'base64'),
        ),
      );
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const tooMany =
  (most: number) =>
  (input: string[]): [number, string] | undefined =>
    input.length > most ? [400, `batch size is invalid, it should not be larger than ${most}`] : undefined;

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

describe('requests for embeddings', () => {
  let endpoint: Endpoint;
  let provider: OpenAiProvider;

  beforeEach(async () => {
    endpoint = new Endpoint();
    const baseUrl = await endpoint.start();
    const limits = { maxAttempts: 1 };
    provider = createOpenAiProvider({
      name: 'openai',
      baseUrl,
      registry: modelRegistry,
      logger: silent,
      clock: systemClock,
      limits,
    });
  });
  afterEach(async () => {
    provider.close();
    await endpoint.stop();
  });

  const embed = async (input: string[]): Promise<number[][]> =>
    (await provider.embed({ model: MODEL, input })).vectors.map((vector) => [...vector]);
  const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => 'x'.repeat(n + 1));

  it.each([
    [400, 10],
    [413, 25],
    [422, 1],
    [400, 3],
  ])(
    'that are refused with %i for more than %i texts are halved, in order, and stay small',
    async (status, most) => {
      endpoint.refuse = (input) => (input.length > most ? [status, 'no'] : undefined);
      expect((await embed(texts(64))).map(([length]) => length)).toEqual(
        texts(64).map(({ length }) => length),
      );
      const refused = endpoint.refusals;
      expect(refused).toBeLessThan(64);
      expect(await embed(texts(64))).toHaveLength(64);
      expect(endpoint.refusals).toBe(refused);
    },
  );

  it('hold no more than endpoints take: 300,000 tokens, and 8,192 of a text', async () => {
    const chinese = '汉字'.repeat(10_000);
    const vectors = await embed(Array.from({ length: 64 }, () => chinese));
    expect(vectors).toHaveLength(64);
    for (const input of endpoint.requests) {
      expect(input.join('').length).toBeLessThan(230_000);
      for (const text of input) expect(text.length).toBeLessThan(6_400);
    }
    expect(endpoint.requests.flat().join('').length).toBe(64 * 20_000);
  });

  it('cut a text that is too long for the endpoint into parts, never within a character', async () => {
    endpoint.refuse = (input) =>
      input.some((text) => text.length > 700) ? [400, 'maximum context length is 512 tokens'] : undefined;
    endpoint.answer = (input) => ({
      data: input.map((text, index) => ({
        index,
        embedding: [Number(text.includes('a')), Number(text.includes('🎉'))],
      })),
    });
    const [[a, party] = []] = await embed(['a'.repeat(1_000) + '🎉'.repeat(1_000)]);
    expect(a).toBeGreaterThan(0);
    expect(party).toBeGreaterThan(a!);
    const taken = endpoint.requests.filter((input) => input.every((text) => text.length <= 700)).flat();
    for (const text of taken) expect(text.isWellFormed?.() ?? true).toBe(true);
    expect(taken.join('').length).toBe(3_000);
  });

  it('are not repeated for ever when the fault is another one', async () => {
    endpoint.refuse = () => [400, 'unknown option'];
    await expect(embed(texts(64))).rejects.toMatchObject({
      message: expect.stringContaining('unknown option'),
    });
    expect(endpoint.requests.length).toBeLessThan(12);
  });

  it('take vectors by their index, as base64 and as numbers', async () => {
    endpoint.answer = (input, base64) => ({
      data: input
        .map((text, index) => ({ index, embedding: [text.length, 2] }))
        .map((item) =>
          base64
            ? { ...item, embedding: Buffer.from(Float32Array.from(item.embedding).buffer).toString('base64') }
            : item,
        )
        .reverse(),
    });
    expect(await embed(texts(3))).toEqual([
      [1, 2],
      [2, 2],
      [3, 2],
    ]);
  });

  it.each<[string, (input: string[]) => object, string]>([
    [
      'has too few vectors',
      (input) => ({ data: input.slice(1).map(() => ({ embedding: [1, 2] })) }),
      '1 of 2 vectors',
    ],
    ['has none', () => ({}), '0 of 2 vectors'],
    ['is an error with status 200', () => ({ error: { message: 'model is loading' } }), 'model is loading'],
    [
      'has an index twice',
      () => ({
        data: [
          { index: 0, embedding: [1] },
          { index: 5, embedding: [2] },
        ],
      }),
      'no vector with the index 1',
    ],
    [
      'has vectors of several lengths',
      () => ({ data: [{ embedding: [1] }, { embedding: [2, 3] }] }),
      'different lengths, 1 and 2',
    ],
    [
      'has words in place of numbers',
      () => ({ data: [{ embedding: ['x'] }, { embedding: [null] }] }),
      'no vector of numbers',
    ],
    [
      'has vectors of tokens',
      () => ({ data: [{ embedding: [[1, 2]] }, { embedding: [[1, 2]] }] }),
      'no vector of numbers',
    ],
  ])('say what is wrong with an answer that %s', async (_name, answer, message) => {
    endpoint.answer = answer;
    await expect(embed(['a', 'b'])).rejects.toMatchObject({
      code: 'provider_error',
      message: expect.stringContaining(message),
    });
  });
});

describe('a document of many chunks and an endpoint that takes ten texts at once', () => {
  it('is ingested, and one whose model changed its vectors says so', async () => {
    const endpoint = new Endpoint();
    endpoint.refuse = tooMany(10);
    const server = await startTestServer({
      OPENAI_BASE_URL: await endpoint.start(),
      OPENAI_API_KEY: 'test',
      OPENAI_EMBEDDING_MODEL: 'strict-embeddings',
    });
    try {
      const fields = { name: freshName(), chunk_size: '200', overlap_percentage: '0' };
      const made = await sendForm(server.dev, BASES, fields, [{ name: 'lamp.md', content: INPUT }]);
      expect(made.body).toMatchObject({ status: 'completed' });
      expect(endpoint.requests.flat().length).toBeGreaterThan(50);
      const route = `${BASES}/${made.body.id}`;
      const found = await server.dev.rest('POST', `${route}/search`, {
        query: 'lamp',
        search_type: 'semantic',
      });
      expect(found.body.documents.length).toBeGreaterThan(0);

      endpoint.answer = (input) => ({ data: input.map((_, index) => ({ index, embedding: [1, 2, 3] })) });
      const added = await sendForm(server.dev, `${route}/documents`, {}, [
        { name: 'b.md', content: 'Another one' },
      ]);
      const job: Json = await finished(server.dev, added.body.job_id);
      expect(job.status).toBe('failed');
      expect(JSON.stringify(job)).toContain('vectors of 3 numbers');
      const search = await server.dev.rest('POST', `${route}/search`, { query: 'wick' });
      expect([search.status, search.body.detail]).toEqual([
        409,
        expect.stringContaining('vectors of 3 numbers'),
      ]);
    } finally {
      await server.close();
      await endpoint.stop();
    }
  }, 120_000);
});
