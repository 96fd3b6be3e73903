import type { EmbedResponse } from '../../ports/models';
import { answerFailure, type CallContext, streamedFailure } from './errors';
import { AttemptFailed } from './client';

/** Inputs of one call at most: https://platform.openai.com/docs/api-reference/embeddings/create */
export const MAX_EMBED_INPUTS = 2048;

interface WireEmbeddings {
  data?: { index?: number; embedding?: unknown }[];
  error?: unknown;
  usage?: { prompt_tokens?: number };
}

/**
 * Vectors in the order of the inputs. Base64 was asked for; endpoints that ignore it answer arrays of numbers.
 * @throws AttemptFailed when vectors are missing, cannot be told apart, are no numbers or are of different lengths
 */
export function readEmbeddings(
  wire: unknown,
  count: number,
  context: CallContext,
): { vectors: EmbedResponse['vectors']; inputTokens: number | undefined } {
  const { data, error, usage } = (wire ?? {}) as WireEmbeddings;
  if (error && !data) throw new AttemptFailed(streamedFailure(error, context));
  const items = Array.isArray(data) ? data : [];
  if (items.length !== count) throw refused(`holds ${items.length} of ${count} vectors`, context);
  const vectors = placesOf(items, context).map((place) => decode(items[place]!.embedding));
  const [{ length } = new Float32Array()] = vectors;
  vectors.forEach((vector, index) => {
    if (vector.length === 0 || !vector.every(Number.isFinite))
      throw refused(`holds no vector of numbers at place ${index}`, context);
    if (vector.length !== length)
      throw refused(`holds vectors of different lengths, ${length} and ${vector.length}`, context);
  });
  return { vectors, inputTokens: usage?.prompt_tokens };
}

/** Where the vector of each input stands: as the indices say, or in order where an endpoint gives none that tell. */
function placesOf(items: { index?: number }[], context: CallContext): number[] {
  const inOrder = items.map((_, place) => place);
  if (new Set(items.map(({ index }) => index)).size <= 1) return inOrder;
  const places = new Map(items.map(({ index }, place) => [index, place]));
  return inOrder.map((index) => {
    const place = places.get(index);
    if (place === undefined) throw refused(`holds no vector with the index ${index}`, context);
    return place;
  });
}

const refused = (what: string, context: CallContext): AttemptFailed =>
  new AttemptFailed(answerFailure(what, context));

/** Base64 of little-endian 32-bit floats. The copy aligns the bytes, which a slice of a pooled buffer may not be. */
function decode(embedding: unknown): Float32Array {
  if (Array.isArray(embedding))
    return embedding.every((one) => typeof one === 'number')
      ? Float32Array.from(embedding)
      : new Float32Array();
  if (typeof embedding !== 'string') return new Float32Array();
  const bytes = Uint8Array.from(Buffer.from(embedding, 'base64'));
  return bytes.byteLength % Float32Array.BYTES_PER_ELEMENT === 0
    ? new Float32Array(bytes.buffer)
    : new Float32Array();
}

/** The mean of vectors of one length, each brought to unit length and weighted. */
export function mean(parts: { vector: Float32Array; weight: number }[]): Float32Array {
  const sum = new Float32Array(parts[0]!.vector.length);
  for (const { vector, weight } of parts) {
    const length = Math.hypot(...vector) || 1;
    vector.forEach((value, index) => (sum[index]! += (weight * value) / length));
  }
  return sum;
}
