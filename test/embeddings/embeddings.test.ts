import { EMBEDDED_MODEL, ModelEmbeddings } from '../../src/adapters/embeddings';
import { DomainError } from '../../src/errors';
import type { EmbedRequest, EmbedResponse, ModelGateway, ModelProvider } from '../../src/ports/models';

const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: 0 };

/** A gateway with one model, whose vectors are the length of the text and 1. */
function stubGateway(): { gateway: Pick<ModelGateway, 'resolve' | 'embed'>; calls: EmbedRequest[] } {
  const calls: EmbedRequest[] = [];
  const gateway = {
    resolve: (id: string) => {
      if (id !== 'stub/embed') throw new DomainError('validation_failed', 'model: unknown');
      return {} as ModelProvider;
    },
    embed: (request: EmbedRequest): Promise<EmbedResponse> => {
      calls.push(request);
      const vectors = request.input.map((text) => Float32Array.of(text.length, 1));
      return Promise.resolve({ vectors, usage });
    },
  };
  return { gateway, calls };
}

const cosine = (one: Float32Array, other: Float32Array): number =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0);

describe('embeddings of a provider', () => {
  it('are brought to unit length, one for each text in order, also for an empty one', async () => {
    const { gateway, calls } = stubGateway();
    const embeddings = new ModelEmbeddings({ gateway, defaultModel: 'stub/embed' });
    const vectors = await embeddings.embedChunks('stub/embed', ['abc', ' ']);
    expect(vectors).toHaveLength(2);
    vectors.forEach((vector) => expect(Math.hypot(...vector)).toBeCloseTo(1, 5));
    expect(calls[0]!.input).toEqual(['abc', '.']);
  });

  it('learn the dimension from a sample, once', async () => {
    const { gateway, calls } = stubGateway();
    const embeddings = new ModelEmbeddings({ gateway, defaultModel: 'stub/embed' });
    expect(await embeddings.defaultModel()).toEqual({ id: 'stub/embed', dimension: 2 });
    await embeddings.defaultModel();
    expect(calls).toHaveLength(1);
  });

  it('remember queries', async () => {
    const { gateway, calls } = stubGateway();
    const embeddings = new ModelEmbeddings({ gateway, defaultModel: undefined });
    const first = await embeddings.embedQuery('stub/embed', 'wing');
    expect(await embeddings.embedQuery('stub/embed', 'wing')).toEqual(first);
    expect(calls).toHaveLength(1);
  });

  it('name the field when nobody serves the model', async () => {
    const embeddings = new ModelEmbeddings({ ...stubGateway(), defaultModel: undefined });
    await expect(embeddings.describe('nobody/x')).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ path: 'embedding_model' }] },
    });
  });
});

describe('embedded embeddings', () => {
  const embeddings = new ModelEmbeddings({ ...stubGateway(), defaultModel: undefined });
  afterAll(() => embeddings.close());

  it('put texts of one topic nearer to each other than to another', async () => {
    const model = await embeddings.defaultModel();
    expect(model).toEqual(EMBEDDED_MODEL);
    const [cat, kitten, tax, empty] = await embeddings.embedChunks(model.id, [
      'The cat sleeps on the sofa.',
      'A kitten is napping on a couch.',
      'Income tax returns are due in April.',
      '',
    ]);
    expect(cosine(cat!, kitten!)).toBeGreaterThan(cosine(cat!, tax!));
    expect(cat).toHaveLength(model.dimension);
    expect(Math.hypot(...empty!)).toBeCloseTo(1, 4);
  });

  it('stop with the reason of the signal', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(embeddings.embedChunks(EMBEDDED_MODEL.id, ['x'], controller.signal)).rejects.toThrow(
      'enough',
    );
  });
});
