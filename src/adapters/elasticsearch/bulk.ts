import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import type { DomainError } from '../../errors';
import { isPassing, ofReason } from './failures';

/** A document to write, or, where `source` is missing, to delete. */
export interface BulkItem {
  /** An alias or index that exists: nothing may be made by writing to it. */
  target: string;
  id: string;
  routing: string;
  source: Record<string, unknown>;
  /** Leaves a document that is there already as it is. */
  onlyNew?: boolean;
}

export interface BulkOptions {
  /** Bulks in flight at once, of everybody together; more than the server takes makes it refuse. */
  concurrency: number;
  /** Attempts for an item that the server is too busy for. */
  attempts: number;
  /** Pause before the second attempt; it doubles with each further one. */
  firstPauseMs: number;
}

/** Sizes at which a bulk is sent: the server's advice is a few megabytes. */
const BYTES = 4 * 1024 * 1024;
const ITEMS = 500;
const LONGEST_PAUSE_MS = 10_000;
const CONFLICT = 409;

/** Writes in bulks: few at a time, and what the server was too busy for again, that alone. */
export class BulkWriter {
  private running = 0;
  private readonly queue: (() => void)[] = [];

  constructor(
    private readonly client: () => Promise<Client>,
    private readonly options: BulkOptions,
  ) {}

  /** @throws DomainError when an item is refused for good, or is still not taken after the last attempt */
  async write(items: BulkItem[]): Promise<void> {
    for (const batch of batches(items)) await this.withSlot(() => this.writeBatch(batch));
  }

  private async writeBatch(items: BulkItem[]): Promise<void> {
    let left = items;
    for (let attempt = 1; ; attempt++) {
      const { again, refusal } = await this.send(left);
      if (again.length === 0) return;
      if (attempt >= this.options.attempts) throw refusal!;
      left = again;
      await wait(pauseMs(attempt, this.options.firstPauseMs));
    }
  }

  /** @returns what may succeed later, and why it did not now */
  private async send(items: BulkItem[]): Promise<{ again: BulkItem[]; refusal?: Error }> {
    const client = await this.client();
    let response;
    try {
      response = await client.bulk({
        operations: items.flatMap(lines),
        require_alias: items[0]!.onlyNew !== true,
      });
    } catch (error) {
      const { statusCode } = error as { statusCode?: number };
      if (!isPassing(statusCode)) throw error;
      return { again: items, refusal: error as Error };
    }
    const again: BulkItem[] = [];
    let refusal: DomainError | undefined;
    response.items.forEach((item, index) => {
      const { status, error } = Object.values(item)[0]!;
      if (!error || (status === CONFLICT && items[index]!.onlyNew)) return;
      refusal = ofReason({ status, type: error.type, reason: error.reason ?? '' }, error);
      if (!isPassing(status) || refusal.code === 'storage_full') throw refusal;
      again.push(items[index]!);
    });
    return { again, ...(refusal ? { refusal } : {}) };
  }

  private async withSlot(work: () => Promise<void>): Promise<void> {
    // The one who ends hands the slot over, so that nobody overtakes.
    if (this.running >= this.options.concurrency)
      await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.running++;
    try {
      await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.running--;
    }
  }
}

const lines = ({ target, id, routing, source, onlyNew }: BulkItem): object[] => [
  { [onlyNew ? 'create' : 'index']: { _index: target, _id: id, routing } },
  source,
];

function* batches(items: BulkItem[]): Generator<BulkItem[]> {
  let batch: BulkItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = approximateBytes(item.source);
    if (batch.length > 0 && (bytes + size > BYTES || batch.length >= ITEMS)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Without writing the document twice: numbers of a vector take some ten characters. */
function approximateBytes(source: Record<string, unknown>): number {
  const { vector, content } = source as { vector?: number[]; content?: string };
  return 16 * (vector?.length ?? 0) + 3 * (content?.length ?? 0) + 1_000;
}

/** Doubles up to a bound; half of it at random, so that writers do not come back together. */
function pauseMs(attempt: number, firstMs: number): number {
  const most = Math.min(LONGEST_PAUSE_MS, firstMs * 2 ** (attempt - 1));
  return most / 2 + (Math.random() * most) / 2;
}
