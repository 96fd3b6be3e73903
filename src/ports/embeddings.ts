import { DomainError } from '../errors';

/** Vectors for texts. Adapters: the embedded English model, and a provider behind the model gateway. */
/** One embedding model. */
export interface EmbeddingModel {
  /** `provider/model`; the embedded one is `agentflow/embeddings-en`. */
  readonly id: string;
  /** Length of its vectors. */
  readonly dimension: number;
}

/** Embeds for every model that the deployment has. */
export interface Embeddings {
  /** What a new base gets: the provider's model when one is configured, else the embedded one. */
  defaultModel(): Promise<EmbeddingModel>;
  /** @throws DomainError `validation_failed` naming `embedding_model` for a model that nobody serves */
  describe(model: string): Promise<EmbeddingModel>;
  /**
   * One vector of unit length for each text, in order. A text without a word gets a vector as well.
   * @throws DomainError of the provider (`provider_error`, `rate_limited`, ...), the abort reason when aborted
   */
  embedChunks(model: string, texts: string[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** The same for one query; equal queries are answered from memory. */
  embedQuery(model: string, text: string, signal?: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * @throws DomainError `conflict` when a model gives vectors of another length than those that a base holds: another one is
 *   served under its name
 */
export function assertDimension(
  vectors: Float32Array[],
  base: { name: string; embeddingModel: string; dimension: number },
): void {
  const other = vectors.find(({ length }) => length !== base.dimension);
  if (other)
    throw new DomainError(
      'conflict',
      `The model ${base.embeddingModel} gives vectors of ${other.length} numbers, knowledge base ${base.name} holds ` +
        `${base.dimension}: another model answers under its name. Refresh the base with the model that is there now.`,
    );
}

/** The vector in its direction, of length 1; itself where it has none. */
export function unit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let index = 0; index < vector.length; index++) squares += vector[index]! * vector[index]!;
  const length = Math.sqrt(squares);
  if (length === 0) return vector;
  const scaled = new Float32Array(vector.length);
  for (let index = 0; index < vector.length; index++) scaled[index] = vector[index]! / length;
  return scaled;
}
