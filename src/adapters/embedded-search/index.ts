import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { DomainError, invalid } from '../../errors';
import { numbersAsTexts } from '../../json';
import type {
  IndexedChunk,
  IndexStatistics,
  Refinement,
  RetrieverAnswer,
  RetrieverQuery,
  SearchIndex,
} from '../../ports/search';
import { startThread } from '../../threads/start-thread';
import type { OperationName, Operations, Response } from './messages';
import { unpackCandidates, unpackNumbers } from './packing';

const SCOPES_AT_MOST = 50;
const WINDOW_AT_MOST = 1_000;
/** A thread with loaded bases holds their memory; what is on disk is complete, so that nothing is lost with it. */
const IDLE_MS = 300_000;
const FULL = new Set(['ENOSPC', 'EDQUOT']);

interface Waiting {
  resolve: (output: never) => void;
  reject: (error: Error) => void;
}

/**
 * The index that needs no server: files in one folder, searched in a thread of its own, which starts with the first use.
 * One process at a time may use a folder.
 */
export class EmbeddedSearchIndex implements SearchIndex {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private closed = false;
  private trouble: string | undefined;
  private idleTimer: NodeJS.Timeout | undefined;

  /**
   * @param folder where the index is kept, `<data>/search`; made when the first chunk comes
   * @param idleMs after such a time without use the thread ends; the next use starts another
   */
  constructor(
    private readonly folder: string,
    private readonly idleMs = IDLE_MS,
  ) {}

  async put(
    tenant: string,
    base: { id: string; embeddingModel: string; dimension: number },
    chunks: IndexedChunk[],
  ): Promise<void> {
    chunks.forEach(({ vector }, index) => checkVector(vector, base.dimension, `chunks.${index}.vector`));
    if (chunks.length > 0)
      await this.ask('put', { tenant, knowledgeBaseId: base.id, chunks: chunks.map(indexable) });
  }

  async remove(tenant: string, knowledgeBaseId: string, chunkIds: string[]): Promise<void> {
    if (chunkIds.length > 0) await this.ask('remove', { tenant, knowledgeBaseId, chunkIds });
  }

  async removeBase(tenant: string, knowledgeBaseId: string): Promise<void> {
    await this.ask('removeBase', { tenant, knowledgeBaseId });
  }

  async search(tenant: string, query: RetrieverQuery, signal?: AbortSignal): Promise<RetrieverAnswer> {
    signal?.throwIfAborted();
    checkQuery(query);
    const answer = await this.ask('search', { tenant, query });
    signal?.throwIfAborted();
    return { ...answer, candidates: unpackCandidates(answer.candidates) };
  }

  vectors(tenant: string, knowledgeBaseIds: string[], chunkIds: string[]): Promise<(Float32Array | null)[]> {
    return this.ask('vectors', { tenant, knowledgeBaseIds, chunkIds });
  }

  async refine(
    tenant: string,
    knowledgeBaseIds: string[],
    refinement: Refinement,
    chunkIds: string[],
  ): Promise<(number | null)[]> {
    return unpackNumbers(await this.ask('refine', { tenant, knowledgeBaseIds, refinement, chunkIds }));
  }

  statistics(tenant: string, knowledgeBaseId: string): Promise<IndexStatistics> {
    return this.ask('statistics', { tenant, knowledgeBaseId });
  }

  status(): { status: 'ok' | 'degraded' | 'down'; backend: string; detail?: string } {
    const backend = 'embedded';
    return this.trouble ? { status: 'degraded', backend, detail: this.trouble } : { status: 'ok', backend };
  }

  /** What was asked before is finished first: the thread works in order and batches are synchronous. */
  async close(): Promise<void> {
    this.closed = true;
    const { worker } = this;
    if (!worker) return;
    while (this.waiting.size > 0) await this.idle();
    clearTimeout(this.idleTimer);
    this.worker = undefined;
    await worker.terminate();
  }

  private idle(): Promise<void> {
    const [last] = [...this.waiting.keys()].slice(-1);
    const waiting = this.waiting.get(last!)!;
    return new Promise((done) => {
      this.waiting.set(last!, {
        resolve: (output) => (waiting.resolve(output), done()),
        reject: (error) => (waiting.reject(error), done()),
      });
    });
  }

  private ask<Name extends OperationName>(
    name: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']> {
    if (this.closed) return Promise.reject(new DomainError('not_ready', 'The search index is closed.'));
    clearTimeout(this.idleTimer);
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve: resolve, reject });
      // A thread that nobody waits for must not keep the program alive.
      worker.ref();
      worker.postMessage({ id, name, input });
    });
  }

  private start(): Worker {
    const worker = startThread(join(__dirname, 'worker'), { workerData: { folder: this.folder } });
    worker.on('message', (response: Response) => this.settle(response));
    worker.on('error', (error) => this.lost(worker, error.message));
    worker.on('exit', (code) => this.lost(worker, `The thread of the search index ended with code ${code}.`));
    return worker;
  }

  private settle(response: Response): void {
    const waiting = this.waiting.get(response.id);
    this.waiting.delete(response.id);
    if (this.waiting.size === 0) this.rest();
    if ('error' in response) {
      const error = domainErrorOf(response.error);
      this.trouble = error.message;
      waiting?.reject(error);
    } else {
      this.trouble = undefined;
      waiting?.resolve(response.output as never);
    }
  }

  private rest(): void {
    const { worker } = this;
    worker?.unref();
    this.idleTimer = setTimeout(() => {
      this.worker = undefined;
      void worker?.terminate();
    }, this.idleMs).unref();
  }

  /** The next call starts another thread; what is on disk is complete. */
  private lost(worker: Worker, reason: string): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    this.trouble = reason;
    const lost = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of lost) reject(new DomainError('not_ready', `The search index broke: ${reason}`));
  }
}

function domainErrorOf({ message, code }: { message: string; code: string | undefined }): DomainError {
  return code !== undefined && FULL.has(code)
    ? new DomainError('storage_full', 'The disk of the search index is full.')
    : new DomainError('not_ready', `The search index failed: ${message}`);
}

function checkQuery(query: RetrieverQuery): void {
  const { scopes, text, vector, window } = query;
  if (scopes.length === 0 || scopes.length > SCOPES_AT_MOST)
    throw invalid('scopes', `must be 1 to ${SCOPES_AT_MOST} knowledge bases`);
  if (!Number.isInteger(window) || window < 1 || window > WINDOW_AT_MOST)
    throw invalid('window', `must be a whole number from 1 to ${WINDOW_AT_MOST}`);
  if (text === undefined && vector === undefined) throw invalid('text', 'must be given where vector is not');
  if (vector) checkVector(vector, vector.length, 'vector');
}

function checkVector(vector: Float32Array, dimension: number, path: string): void {
  if (vector.length !== dimension || dimension === 0)
    throw invalid(path, `has ${vector.length} numbers, the knowledge base needs ${dimension}`);
  if (!vector.every(Number.isFinite)) throw invalid(path, 'must be finite numbers');
}

/** Exact numbers do not travel between threads. */
function indexable(chunk: IndexedChunk): IndexedChunk {
  const metadata = numbersAsTexts(chunk.record.metadata);
  return metadata === chunk.record.metadata ? chunk : { ...chunk, record: { ...chunk.record, metadata } };
}
