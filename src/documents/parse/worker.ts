/** Runs in a thread of its own: reads one file at a time and answers with its text or the reason why there is none. */
import { readFile } from 'node:fs/promises';
import { serveTasks } from '../../threads/serve';
import { chunkDocument } from '../chunk';
import type {
  Chunk,
  ChunkOptions,
  FileInput,
  FileOnDisk,
  ParsedDocument,
  ParseFailureReason,
} from '../types';
import { ParseFailure } from './failure';
import { parseFile } from './parse-file';

export interface WorkerTask {
  /** A file, or what an earlier task made of one. */
  source: { file: FileInput | FileOnDisk } | { document: ParsedDocument };
  /** Absent when no chunks are wanted. */
  chunking?: ChunkOptions;
}

export interface ReadDocument {
  document: ParsedDocument;
  /** Empty when none were wanted. */
  chunks: Chunk[];
}

export type WorkerAnswer =
  | { ok: true; read: ReadDocument }
  | { ok: false; reason: ParseFailureReason; message: string; contentType: string | null };

/** A plain array of bytes, as other threads send it: readers of PDF refuse a Buffer. */
const loaded = async (file: FileInput | FileOnDisk): Promise<FileInput> =>
  'path' in file ? { ...file, bytes: Uint8Array.from(await readFile(file.path)) } : file;

async function perform({ source, chunking }: WorkerTask): Promise<ReadDocument> {
  const document = 'file' in source ? await parseFile(await loaded(source.file)) : source.document;
  return { document, chunks: chunking ? chunkDocument(document, chunking) : [] };
}

serveTasks<WorkerTask, WorkerAnswer>((task) =>
  perform(task).then(
    (read) => ({ ok: true, read }),
    (error: unknown) => {
      const failure =
        error instanceof ParseFailure
          ? error
          : new ParseFailure('broken', 'The file cannot be read.', null, error);
      const { reason, message, contentType } = failure;
      return { ok: false, reason, message, contentType };
    },
  ),
);
