import { join } from 'node:path';
import { DomainError } from '../../errors';
import type { Turn } from '../../fair-semaphore';
import { TaskFailure, ThreadPool } from '../../threads/pool';
import { checkChunkOptions } from '../chunk';
import type { Chunk, ChunkOptions, FileInput, FileOnDisk, ParsedDocument } from '../types';
import { ParseFailure } from './failure';
import type { ReadDocument, WorkerAnswer, WorkerTask } from './worker';

export { ParseFailure } from './failure';
export type { ReadDocument } from './worker';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MEMORY_MB = 512;
const DEFAULT_WORKERS = 2;
const DEFAULT_IDLE_MS = 30_000;
/** One more thread for tenants whose files are not being read, and one for such users. */
const RESERVE = 2;
/** Files of one tenant that wait at once: more than an upload of the most files has. */
const MOST_WAITING_OF_ONE = 500;
/** Each of the files before it may take its whole time: whoever waits longer had better try again. */
const MAX_WAIT_MS = 300_000;

export interface DocumentParserOptions {
  /** Threads at most, beside those in reserve; 2. Each is started when it is first needed. */
  workers?: number;
  /** MiB of a thread's heap; 512. */
  memoryMb?: number;
  /** Milliseconds for one file; 60,000. */
  timeoutMs?: number;
  /** A thread that had nothing to do for so long ends. Milliseconds; 30,000. */
  idleMs?: number;
}

/** For whom a file is read. */
export interface ReadOptions {
  /** Tenants take turns, and their users: who reads many files delays nobody else's. */
  turn?: Turn;
  signal?: AbortSignal;
}

/** Reads files in threads of their own, so that no file can block or end the server. */
export interface DocumentParser {
  /**
   * @throws ParseFailure saying why there is no text
   * @throws DomainError `overloaded` where too many files wait
   * @throws the signal's reason when aborted
   */
  parse(input: FileInput | FileOnDisk, options?: ReadOptions): Promise<ParsedDocument>;
  /**
   * Reads a file and cuts it into chunks, both in the thread: a long document does not delay requests.
   * @throws as `parse`, and DomainError `validation_failed` for chunk options out of bounds
   */
  read(input: FileInput | FileOnDisk, chunking?: ChunkOptions, options?: ReadOptions): Promise<ReadDocument>;
  /** Cuts what was parsed before. @throws DomainError `validation_failed` for chunk options out of bounds */
  chunk(document: ParsedDocument, chunking?: ChunkOptions, options?: ReadOptions): Promise<Chunk[]>;
  /** Ends the threads; what is being read fails. */
  close(): Promise<void>;
}

export const createDocumentParser = (options: DocumentParserOptions = {}): DocumentParser =>
  new ThreadedParser(options);

class ThreadedParser implements DocumentParser {
  private readonly threads: ThreadPool<WorkerTask, WorkerAnswer>;
  private readonly timeoutMs: number;

  constructor({ workers, memoryMb, timeoutMs, idleMs }: DocumentParserOptions) {
    this.timeoutMs = timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.threads = new ThreadPool({
      file: join(__dirname, 'worker'),
      threads: workers ?? DEFAULT_WORKERS,
      memoryMb: memoryMb ?? DEFAULT_MEMORY_MB,
      timeoutMs: this.timeoutMs,
      idleMs: idleMs ?? DEFAULT_IDLE_MS,
      reserve: RESERVE,
      mostWaitingOfOne: MOST_WAITING_OF_ONE,
      maxWaitMs: MAX_WAIT_MS,
    });
  }

  async parse(file: FileInput | FileOnDisk, options: ReadOptions = {}): Promise<ParsedDocument> {
    return (await this.perform({ source: { file: copied(file) } }, options)).document;
  }

  async read(
    file: FileInput | FileOnDisk,
    chunking: ChunkOptions = {},
    options: ReadOptions = {},
  ): Promise<ReadDocument> {
    return this.perform({ source: { file: copied(file) }, chunking: checkChunkOptions(chunking) }, options);
  }

  async chunk(
    document: ParsedDocument,
    chunking: ChunkOptions = {},
    options: ReadOptions = {},
  ): Promise<Chunk[]> {
    return (await this.perform({ source: { document }, chunking: checkChunkOptions(chunking) }, options))
      .chunks;
  }

  close(): Promise<void> {
    return this.threads.close();
  }

  private async perform(task: WorkerTask, options: ReadOptions): Promise<ReadDocument> {
    const answer = await this.threads.run(task, options).catch((error: unknown) => {
      throw error instanceof TaskFailure ? this.failure(error) : error;
    });
    if (answer.ok) return answer.read;
    throw new ParseFailure(answer.reason, answer.message, answer.contentType);
  }

  private failure(failure: TaskFailure): DomainError {
    switch (failure.reason) {
      case 'too_many':
        return new DomainError('overloaded', 'Too many files wait to be read. Try again later.', {
          retryAfterMs: this.timeoutMs,
        });
      case 'time_limit':
        return new ParseFailure(
          'time_limit',
          `Reading the file took longer than ${this.timeoutMs / 1000} s.`,
        );
      case 'memory_limit':
        return new ParseFailure(
          'memory_limit',
          'Reading the file takes more memory than is allowed.',
          null,
          failure,
        );
      default:
        return new ParseFailure('broken', 'The file cannot be read: it broke the reader.', null, failure);
    }
  }
}

/** A small buffer is a view on a pool, all of which would be sent along. */
const copied = (file: FileInput | FileOnDisk): FileInput | FileOnDisk =>
  'path' in file ? file : { ...file, bytes: Uint8Array.from(file.bytes) };
