import type { EmbedResponse } from '../../ports/models';
import { streamFailure, type CallContext } from './errors';
import { AttemptFailed } from './client';

/** Inputs of one call: https://platform.openai.com/docs/api-reference/embeddings/create */
export const MAX_EMBED_INPUTS = 2048;

interface WireEmbeddings {
  data?: { index?: number; embedding?: string | number[] }[];
  usage?: { prompt_tokens?: number };
}

/**
 * Vectors in the order of the inputs. Base64 was asked for; endpoints that ignore it answer arrays of numbers.
 * @throws AttemptFailed when a vector is missing
 */
export function readEmbeddings(
  wire: unknown,
  count: number,
  context: CallContext,
): { vectors: EmbedResponse['vectors']; inputTokens: number | undefined } {
  const { data, usage } = (wire ?? {}) as WireEmbeddings;
  const vectors = new Array<Float32Array | undefined>(count).fill(undefined);
  for (const [position, item] of (data ?? []).entries()) {
    const index = item.index ?? position;
    if (index < count && item.embedding) vectors[index] = decode(item.embedding);
  }
  const whole = vectors.filter((vector): vector is Float32Array => vector !== undefined && vector.length > 0);
  if (whole.length !== count) {
    throw new AttemptFailed(streamFailure(`holds ${whole.length} of ${count} vectors`, context));
  }
  return { vectors: whole, inputTokens: usage?.prompt_tokens };
}

/** Base64 of little-endian 32-bit floats. The copy aligns the bytes, which a slice of a pooled buffer may not be. */
function decode(embedding: string | number[]): Float32Array {
  if (typeof embedding !== 'string') return Float32Array.from(embedding);
  const bytes = Uint8Array.from(Buffer.from(embedding, 'base64'));
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT));
}
