import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { DomainError } from '../../errors';
import { unit } from '../../ports/embeddings';
import { startThread } from '../../threads/start-thread';

export const EMBEDDED_MODEL = { id: 'agentflow/embeddings-en', dimension: 512 } as const;

/** Texts embedded together: larger batches are no faster and keep a query waiting longer. */
const BATCH = 4;
/** The encoder reads a chunk whole; far longer texts only cost time, their start says what they are about. */
const MAX_CHARACTERS = 8_000;

/** The model holds some 150 MB; it loads in under a second. */
const IDLE_MS = 300_000;

type Answer = { id: number; vectors: Float32Array[] } | { id: number; error: string };

interface Batch {
  texts: string[];
  signal: AbortSignal | undefined;
  resolve: (vectors: Float32Array[]) => void;
  reject: (error: unknown) => void;
}

/** The embedded sentence encoder in a thread of its own, which starts with the first text. Queries overtake chunks. */
export class EmbeddedEncoder {
  private worker: Worker | undefined;
  private running: Batch | undefined;
  private readonly queries: Batch[] = [];
  private readonly chunks: Batch[] = [];
  private nextId = 1;
  private closed = false;
  private idleTimer: NodeJS.Timeout | undefined;

  /** @param idleMs after such a time without a text the thread ends; the next text starts another */
  constructor(private readonly idleMs = IDLE_MS) {}

  /** One unit vector for each text, in order. @throws DomainError `not_ready`, the abort reason when aborted */
  async embed(
    texts: string[],
    options: { kind: 'query' | 'chunk'; signal: AbortSignal | undefined },
  ): Promise<Float32Array[]> {
    const batches: Promise<Float32Array[]>[] = [];
    for (let from = 0; from < texts.length; from += BATCH)
      batches.push(this.enqueue(texts.slice(from, from + BATCH).map(readable), options));
    return (await Promise.all(batches)).flat();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idleTimer);
    const { worker } = this;
    this.worker = undefined;
    this.fail('The embedding model is closed.');
    await worker?.terminate();
  }

  private enqueue(
    texts: string[],
    { kind, signal }: { kind: 'query' | 'chunk'; signal: AbortSignal | undefined },
  ): Promise<Float32Array[]> {
    if (this.closed) return Promise.reject(new DomainError('not_ready', 'The embedding model is closed.'));
    return new Promise((resolve, reject) => {
      (kind === 'query' ? this.queries : this.chunks).push({ texts, signal, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    if (this.running) return;
    const batch = this.queries.shift() ?? this.chunks.shift();
    if (!batch) return this.rest();
    clearTimeout(this.idleTimer);
    if (batch.signal?.aborted) {
      batch.reject(batch.signal.reason);
      return this.next();
    }
    this.running = batch;
    const worker = (this.worker ??= this.start());
    worker.ref();
    worker.postMessage({ id: this.nextId++, texts: batch.texts });
  }

  private rest(): void {
    const { worker } = this;
    worker?.unref();
    this.idleTimer = setTimeout(() => {
      this.worker = undefined;
      void worker?.terminate();
    }, this.idleMs).unref();
  }

  private start(): Worker {
    const worker = startThread(join(__dirname, 'worker'));
    const lost = (reason: string): void => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.fail(`The embedding model broke: ${reason}`);
    };
    worker.on('message', (answer: Answer) => this.settle(answer));
    worker.on('error', (error) => lost(error.message));
    worker.on('exit', (code) => lost(`its thread ended with code ${code}.`));
    return worker;
  }

  private settle(answer: Answer): void {
    const batch = this.running;
    this.running = undefined;
    if ('error' in answer)
      batch?.reject(new DomainError('not_ready', `The embedding model failed: ${answer.error}`));
    else batch?.resolve(answer.vectors.map(unit));
    this.next();
  }

  private fail(reason: string): void {
    const lost = [this.running, ...this.queries.splice(0), ...this.chunks.splice(0)];
    this.running = undefined;
    for (const batch of lost) batch?.reject(new DomainError('not_ready', reason));
  }
}

/** The tokenizer gives nothing for an empty text, which the model does not take. */
const readable = (text: string): string => (text.trim() === '' ? '.' : text.slice(0, MAX_CHARACTERS));
