import { newId } from '../../ids';
import type { Clock } from '../../ports/clock';
import type { FileStorage } from '../../ports/files';
import type { IngestionFileRecord, IngestionJobRecord } from '../../ports/knowledge';
import type { TenantStore } from '../../ports/stores';
import type { IngestionJobs } from './jobs';
import type { IncomingFile, TakenDocument, Uploads } from './uploads';
import { FIRST_REVISION } from '../visibility';
import { fileRow } from './work';

export interface IntakeDependencies {
  uploads: Uploads;
  storage: Pick<FileStorage, 'newKey' | 'remove'>;
  jobs: () => IngestionJobs;
  clock: Clock;
}

export interface NewBase {
  make(): Promise<void>;
  unmake(): Promise<void>;
}

/** One file on its way into a job. */
export interface IncomingRow {
  store: TenantStore;
  job: IngestionJobRecord;
  row: IngestionFileRecord;
  file: IncomingFile;
  /** Ids of the documents that the job has rows for; those that it comes to are added. */
  documents: Set<string>;
  /** Resolves when the files before it that have the same bytes have their documents; never rejects. */
  turn?: (sha256: string) => Promise<unknown>;
}

/**
 * Takes files into a job. The job is stored first, with a row for each file that names the document and the place of the
 * bytes to come: whatever moment a process dies in, its successor finds what there is and what is missing.
 */
export class Intake {
  constructor(private readonly dependencies: IntakeDependencies) {}

  /**
   * Stores the job, takes the files, starts the job.
   * @param newBase the base to make before the files are taken, if it is not there yet
   * @throws what a file is refused for; nothing of the others stays then, nor of the new base
   */
  receive(
    store: TenantStore,
    job: IngestionJobRecord,
    files: readonly IncomingFile[],
    newBase?: NewBase,
  ): Promise<IngestionJobRecord> {
    const rows = files.map((file, position) => this.expect(store, job, file, position));
    return this.dependencies.jobs().prepare(store, { ...job, total: rows.length }, rows, async (signal) => {
      await newBase?.make();
      const kept = await this.takeAll(store, job, rows, files, signal).catch(async (error: unknown) => {
        await newBase?.unmake();
        throw error;
      });
      return { total: kept.length, completed: kept.filter(({ unchanged }) => unchanged).length };
    });
  }

  /** A row for a file that is to come, with the id of its document and the key of its bytes. */
  expect(
    store: TenantStore,
    job: IngestionJobRecord,
    { fileName }: IncomingFile,
    position: number,
  ): IngestionFileRecord {
    const { uploads, storage, clock } = this.dependencies;
    const createdAt = clock.now();
    return fileRow(job, {
      documentId: newId(createdAt.getTime()),
      fileName: uploads.displayName(fileName),
      storageKey: storage.newKey(store.tenant),
      position,
      revision: FIRST_REVISION,
      createdAt,
    });
  }

  /**
   * Stores an expected file and its document. Content that the base has already leads the row to the document that has it.
   * @returns undefined when the job needs no row for it: another one has the same content, or it was deleted since
   */
  async take(incoming: IncomingRow): Promise<(IngestionFileRecord & { isNew: boolean }) | undefined> {
    const { store, job, row, file, documents, turn } = incoming;
    const taken = await this.dependencies.uploads.take(store, job.createdBy, row, file, turn);
    const { id } = taken.document;
    if (id === row.documentId) return { ...row, isNew: true };
    const isOthers = documents.has(id);
    documents.add(id);
    const known = isOthers ? undefined : await this.lead(store, row, taken);
    if (!known) await store.knowledge.removeFiles([row.id]);
    return known && { ...known, isNew: false };
  }

  private async lead(
    store: TenantStore,
    row: IngestionFileRecord,
    { document, unchanged }: TakenDocument,
  ): Promise<IngestionFileRecord | undefined> {
    const revision = unchanged ? document.liveRevision : await store.knowledge.takeRevision(document.id);
    if (revision === null) return undefined;
    const changes: Partial<IngestionFileRecord> = {
      documentId: document.id,
      fileName: document.fileName,
      storageKey: null,
      revision,
      unchanged,
      ...(unchanged ? { status: 'completed', finishedAt: row.createdAt } : {}),
    };
    await store.knowledge.updateFile(row.id, changes);
    return { ...row, ...changes };
  }

  private async takeAll(
    store: TenantStore,
    job: IngestionJobRecord,
    rows: readonly IngestionFileRecord[],
    files: readonly IncomingFile[],
    signal: AbortSignal,
  ): Promise<IngestionFileRecord[]> {
    const kept: (IngestionFileRecord & { isNew: boolean })[] = [];
    const documents = new Set(rows.map(({ documentId }) => documentId));
    const turns = new Turns();
    const refusal = await inLanes([...rows.entries()], LANES, ([index, row]) => {
      signal.throwIfAborted();
      return turns.take(async (turn) => {
        const taken = await this.take({ store, job, row, file: files[index]!, documents, turn });
        if (taken) kept.push(taken);
      });
    });
    if (refusal === undefined) return kept;
    for (const { isNew, documentId, storageKey } of kept)
      if (isNew) await this.giveBack(store, documentId, storageKey!);
    throw refusal.error;
  }

  /** A document of a request that was refused as a whole; nothing was made of it yet. */
  private async giveBack(store: TenantStore, documentId: string, storageKey: string): Promise<void> {
    const at = this.dependencies.clock.now();
    const changes = { deletedAt: at, updatedAt: at, contentKey: documentId, removalDueAt: at };
    await store.knowledge.updateDocument(documentId, changes);
    await this.dependencies.storage.remove(storageKey);
    await store.knowledge.documentRemoved(documentId);
  }
}

/** Files stored at once: storing is waiting for the disk and the database. */
const LANES = 16;

/**
 * Lets files that are taken side by side make their documents together, unless they have the same bytes: then they do so one
 * after the other, in their order.
 */
class Turns {
  /** Resolves when the bytes of all files so far are known. */
  private known: Promise<unknown> = Promise.resolve();
  private readonly bySha = new Map<string, Promise<unknown>>();

  take(work: (turn: (sha256: string) => Promise<unknown>) => Promise<void>): Promise<void> {
    const before = this.known;
    let tell!: () => void;
    const told = new Promise<void>((resolve) => (tell = resolve));
    this.known = before.then(() => told);
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const turn = async (sha256: string): Promise<void> => {
      await before;
      const earlier = this.bySha.get(sha256);
      this.bySha.set(sha256, ended);
      tell();
      await earlier;
    };
    return work(turn).finally(() => {
      tell();
      end();
    });
  }
}

/** Works on items side by side; after a failure none is begun. @returns the first failure, when all have ended */
async function inLanes<T>(
  items: T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<{ error: unknown } | undefined> {
  let failure: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let item = items.shift(); item && !failure; item = items.shift())
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return failure;
}
