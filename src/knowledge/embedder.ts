/** Embeddings as the domain sees them; the model of a base decides which. */
export interface Embedder {
  /** What a new base gets. */
  defaultModel(): Promise<{ id: string; dimension: number }>;
  /** @throws DomainError `validation_failed` naming `embedding_model` for a model that nobody serves */
  describe(model: string): Promise<{ id: string; dimension: number }>;
  /** One vector for each text, in order, of unit length. */
  embedChunks(model: string, texts: string[], signal?: AbortSignal): Promise<Float32Array[]>;
  embedQuery(model: string, text: string, signal?: AbortSignal): Promise<Float32Array>;
}
