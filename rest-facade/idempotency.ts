import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { DomainError, invalid } from '../src/errors';
import type { IdempotencyStore, StoredAnswer } from '../src/ports/idempotency';
import type { Logger } from '../src/ports/logger';
import type { Answer } from './answer';
import type { UploadedFile } from './types';

const KEY_FORMAT = /^[\x21-\x7e]{1,255}$/;

export interface IdempotentRequest {
  principalKey: string;
  key: string;
  method: string;
  /** Path and query. */
  url: string;
  /** The body's text, or its fields when it was a form. */
  body: string;
  files: UploadedFile[];
}

/** @throws DomainError `validation_failed` naming the header */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = String(header);
  if (!KEY_FORMAT.test(key))
    throw invalid('header.idempotency-key', 'must be 1 to 255 visible ASCII characters');
  return key;
}

/** Method and path count too: a key names one request, not one body. */
async function fingerprint(request: IdempotentRequest): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${request.method}\n${request.url}\n${request.body}`);
  for (const file of request.files) {
    hash.update(`\n${file.fieldName}\n${file.fileName}\n${file.size}\n`);
    for await (const chunk of createReadStream(file.path)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/**
 * Runs a request at most once for its key.
 * @param run makes the answer, and what it makes under the id that it is given, so that a second try finds it; only a 2xx
 *   answer is kept, since everything else did nothing and may be tried again
 * @throws DomainError `idempotency_mismatch`, `idempotency_in_flight`; whatever `run` throws
 */
export async function runOnce(
  store: IdempotencyStore,
  request: IdempotentRequest,
  run: (operationId: string) => Promise<Answer>,
  logger: Logger,
): Promise<Answer> {
  const { principalKey, key } = request;
  const outcome = await store.begin(principalKey, key, await fingerprint(request));
  if (outcome.state === 'replay') return replay(outcome.answer);
  if (outcome.state === 'in_flight') {
    throw new DomainError(
      'idempotency_in_flight',
      `A request with the Idempotency-Key ${key} is still running; ask again later.`,
      {
        retryAfterMs: 1000,
      },
    );
  }
  if (outcome.state === 'mismatch') {
    throw new DomainError(
      'idempotency_mismatch',
      `The Idempotency-Key ${key} was used for another request; use a new key.`,
    );
  }
  let answer: Answer;
  try {
    answer = await run(outcome.operationId);
  } catch (error) {
    await store.abandon(principalKey, key);
    throw error;
  }
  if (answer.status >= 300) await store.abandon(principalKey, key);
  else await keep(store, request, answer, logger);
  return answer;
}

/** The work is done and its caller gets the answer, even when it cannot be kept at once. */
async function keep(
  store: IdempotencyStore,
  request: IdempotentRequest,
  answer: Answer,
  logger: Logger,
): Promise<void> {
  try {
    await store.complete(request.principalKey, request.key, toStored(answer));
  } catch (error) {
    logger.error({ err: error, url: request.url }, 'answer could not be kept for its idempotency key');
  }
}

const toStored = (answer: Answer): StoredAnswer => ({
  status: answer.status,
  headers: Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]),
  ),
  body: answer.body ?? '',
});

function replay(stored: StoredAnswer): Answer {
  return {
    status: stored.status,
    headers: { ...stored.headers, 'Idempotent-Replayed': 'true' },
    body: stored.body === '' ? undefined : stored.body,
  };
}
