import { invalid } from '../../errors';
import type { UploadedFile } from '../../ports/files';
import type { JsonValue } from '../../ports/records';
import { checkMetadata } from '../base-form';
import { Complaints } from '../complaints';
import type { IncomingFile } from './uploads';

const TEXT_CHARACTERS = 10_000_000;

/** A document whose text comes in the request itself: for clients that have no file to send. */
export interface InlineText {
  fileName: string;
  content: string;
  metadata?: JsonValue;
}

/** Uploads and texts as one list. @throws DomainError `validation_failed` */
export function incomingFiles(
  files: readonly UploadedFile[] | null | undefined,
  texts: readonly InlineText[] | null | undefined,
): IncomingFile[] {
  const complaints = new Complaints();
  const inline = (texts ?? []).map(({ fileName, content, metadata }, index): IncomingFile => {
    complaints.text(`texts.${index}.content`, content, TEXT_CHARACTERS);
    checkMetadata(metadata, complaints, `texts.${index}.metadata`);
    return {
      fileName,
      mimeType: null,
      bytes: Buffer.from(content, 'utf8'),
      ...(metadata === undefined || metadata === null ? {} : { metadata }),
    };
  });
  complaints.throwIfAny();
  const uploads = (files ?? []).map(({ fileName, mimeType, path }) => ({ fileName, mimeType, path }));
  if (uploads.length + inline.length === 0) throw invalid('files', 'at least one file is needed');
  return [...uploads, ...inline];
}
