/** Runs in a thread of its own: reads one file at a time and answers with its text or the reason why there is none. */
import { parentPort } from 'node:worker_threads';
import type { FileInput, ParsedDocument, ParseFailureReason } from '../types';
import { ParseFailure } from './failure';
import { parseFile } from './parse-file';

export type WorkerAnswer =
  | { ok: true; document: ParsedDocument }
  | { ok: false; reason: ParseFailureReason; message: string; contentType: string | null };

parentPort!.on('message', (input: FileInput) => {
  void parseFile(input)
    .then(
      (document): WorkerAnswer => ({ ok: true, document }),
      (error: unknown): WorkerAnswer => {
        const failure =
          error instanceof ParseFailure ? error : new ParseFailure('broken', 'The file cannot be read.', null, error);
        return { ok: false, reason: failure.reason, message: failure.message, contentType: failure.contentType };
      },
    )
    .then((answer) => parentPort!.postMessage(answer));
});
