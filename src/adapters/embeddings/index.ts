import { LRUCache } from 'lru-cache';
import { DomainError, invalid } from '../../errors';
import { type EmbeddingModel, type Embeddings, unit } from '../../ports/embeddings';
import type { ModelGateway } from '../../ports/models';
import { EMBEDDED_MODEL, EmbeddedEncoder } from './embedded-model';

import { SharedRequests } from './shared-requests';

export { EMBEDDED_MODEL } from './embedded-model';

/** Query vectors that are remembered: 1,000 of 1,536 numbers are 6 MB. */
const REMEMBERED_QUERIES = 1_000;
/** Lengths of vectors that providers document, so that no call is needed to learn them. */
const DIMENSIONS: Record<string, number> = {
  'text-embedding-3-small': 1_536,
  'text-embedding-3-large': 3_072,
  'text-embedding-ada-002': 1_536,
};

export interface EmbeddingsOptions {
  gateway: Pick<ModelGateway, 'resolve' | 'embed'>;
  /** `provider/model` of new bases; undefined for the embedded one. */
  defaultModel: string | undefined;
  /** True where another endpoint than OpenAI's may serve other models under OpenAI's names: lengths are then looked at. */
  isCompatible?: boolean;
}

/** Embeds by the embedded model or by a provider, as a base's model says. */
export class ModelEmbeddings implements Embeddings {
  private readonly encoder = new EmbeddedEncoder();
  private readonly queries = new LRUCache<string, Float32Array>({ max: REMEMBERED_QUERIES });
  private readonly dimensions = new Map<string, number>();
  private readonly shared = new SharedRequests((model, texts, signal) => this.ask(model, texts, signal));

  constructor(private readonly options: EmbeddingsOptions) {}

  defaultModel(): Promise<EmbeddingModel> {
    return this.describe(this.options.defaultModel ?? EMBEDDED_MODEL.id);
  }

  async describe(model: string): Promise<EmbeddingModel> {
    if (model === EMBEDDED_MODEL.id) return EMBEDDED_MODEL;
    this.resolve(model);
    const documented = DIMENSIONS[model.slice(model.indexOf('/') + 1)];
    const known = (this.options.isCompatible ? undefined : documented) ?? this.dimensions.get(model);
    if (known !== undefined) return { id: model, dimension: known };
    try {
      const [sample] = await this.embedChunks(model, ['dimension']);
      this.dimensions.set(model, sample!.length);
      return { id: model, dimension: sample!.length };
    } catch (error) {
      // An endpoint that is away now must not keep a base from being made.
      if (documented === undefined || !(error instanceof DomainError)) throw error;
      return { id: model, dimension: documented };
    }
  }

  async embedChunks(model: string, texts: string[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    if (texts.length === 0) return [];
    return this.embed(model, texts, { kind: 'chunk', signal });
  }

  async embedQuery(model: string, text: string, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted();
    const key = `${model}\0${text}`;
    const known = this.queries.get(key);
    if (known) return known;
    const [vector] = await this.embed(model, [text], { kind: 'query', signal });
    this.queries.set(key, vector);
    return vector!;
  }

  close(): Promise<void> {
    return this.encoder.close();
  }

  private async embed(
    model: string,
    texts: string[],
    options: { kind: 'query' | 'chunk'; signal: AbortSignal | undefined },
  ): Promise<Float32Array[]> {
    if (model === EMBEDDED_MODEL.id) return this.encoder.embed(texts, options);
    this.resolve(model);
    const { kind, signal } = options;
    return kind === 'query' ? this.ask(model, texts, signal) : this.shared.embed(model, texts, signal);
  }

  private async ask(model: string, texts: string[], signal?: AbortSignal): Promise<Float32Array[]> {
    // Providers refuse empty inputs.
    const input = texts.map((text) => (text.trim() === '' ? '.' : text));
    const { vectors } = await this.options.gateway.embed({ model, input, ...(signal ? { signal } : {}) });
    if (vectors.length !== texts.length)
      throw new DomainError(
        'provider_error',
        `${model} gave ${vectors.length} vectors for ${texts.length} texts.`,
      );
    return vectors.map(unit);
  }

  private resolve(model: string): void {
    try {
      this.options.gateway.resolve(model);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'validation_failed')
        throw invalid(
          'embedding_model',
          `${model} is served by no provider; the embedded one is ${EMBEDDED_MODEL.id}`,
        );
      throw error;
    }
  }
}
