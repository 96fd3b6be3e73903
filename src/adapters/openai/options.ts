import type { ModelRegistry } from '../../models/registry';
import type { Clock } from '../../ports/clock';
import type { Logger } from '../../ports/logger';

export interface OpenAiLimits {
  /** Calls at once, streams included. Default 512. */
  maxConcurrency: number;
  /** Calls that wait for a place; one more is refused as `overloaded`. Default 2048. */
  maxQueue: number;
  /** Attempts of one call, the first included. Default 3. */
  maxAttempts: number;
  /** Milliseconds from the first attempt until the last may begin, back-off included; also the longest wait in the queue. Default 120 000. */
  totalTimeoutMs: number;
  /** Milliseconds from the request to the first byte of the answer's body. Default 60 000. */
  firstByteTimeoutMs: number;
  /** Milliseconds between two chunks of the body. Default 60 000. */
  idleTimeoutMs: number;
  /** Milliseconds: the n-th pause is random between 0 and `backoffBaseMs * 2^(n-1)`, at most `backoffMaxMs`. Default 500 and 8000. */
  backoffBaseMs: number;
  backoffMaxMs: number;
}

export const DEFAULT_LIMITS: OpenAiLimits = {
  maxConcurrency: 512,
  maxQueue: 2048,
  maxAttempts: 3,
  totalTimeoutMs: 120_000,
  firstByteTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  backoffBaseMs: 500,
  backoffMaxMs: 8000,
};

export interface OpenAiProviderOptions {
  /** The part of a model id before the slash. */
  name: string;
  /** Any OpenAI-compatible endpoint, with its version part (`http://host/v1`). OpenAI's own when absent. */
  baseUrl?: string;
  /** Sent as a bearer token. May be absent for an endpoint of one's own. */
  apiKey?: string;
  /** Ids that a custom endpoint is known to serve, for the list of models. Others are still tried. */
  models?: string[];
  /** Texts of one embedding request at most, 1 to 2,048 (the default); an endpoint that takes fewer is learned. */
  embeddingBatchSize?: number;
  /** Windows, abilities and prices of models. */
  registry: ModelRegistry;
  limits?: Partial<OpenAiLimits>;
  logger: Logger;
  clock: Clock;
  /** Waits between attempts; rejects with the signal's reason. Tests inject their own. */
  delay?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** In [0, 1), for the jitter. */
  random?: () => number;
}

/** @throws RangeError naming the limit */
export function checkLimits(limits: OpenAiLimits): OpenAiLimits {
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'maxQueue' || name.startsWith('backoff') ? 0 : 1;
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(`The model provider's limit ${name} must be a whole number of at least ${least}.`);
    }
  }
  return limits;
}

/** Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `attempt` counts from 1. */
export function backoffMs(attempt: number, limits: OpenAiLimits, random: () => number): number {
  const ceiling = Math.min(limits.backoffMaxMs, limits.backoffBaseMs * 2 ** (attempt - 1));
  return Math.floor(random() * ceiling);
}

export function abortableDelay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
