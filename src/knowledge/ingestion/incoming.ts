import { invalid } from '../../errors';
import type { UploadedFile } from '../../ports/files';
import type { JsonObject, JsonValue } from '../../ports/records';
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

/** Metadata of documents: one object for all of them, or a list with one for each file. */
export interface DocumentMetadata {
  /** As the client calls the field. */
  field: string;
  value: JsonValue | undefined;
}

/**
 * Uploads and texts as one list. What a text says of itself goes over what is said of all.
 * @throws DomainError `validation_failed` naming the field
 */
export function incomingFiles(
  files: readonly UploadedFile[] | null | undefined,
  texts: readonly InlineText[] | null | undefined,
  metadata: DocumentMetadata = { field: 'metadata', value: undefined },
): IncomingFile[] {
  const complaints = new Complaints();
  const saidOf = metadataOf(metadata, files?.length ?? 0, complaints);
  const inline = (texts ?? []).map(({ fileName, content, metadata }, index): IncomingFile => {
    complaints.text(`texts.${index}.content`, content, TEXT_CHARACTERS);
    checkMetadata(metadata, complaints, `texts.${index}.metadata`);
    return {
      fileName,
      mimeType: null,
      bytes: Buffer.from(content, 'utf8'),
      ...withMetadata({ ...saidOf(null), ...(metadata as JsonObject | null | undefined) }),
    };
  });
  complaints.throwIfAny();
  const uploads = (files ?? []).map(({ fileName, mimeType, path }, index) => ({
    fileName,
    mimeType,
    path,
    ...withMetadata(saidOf(index)),
  }));
  if (uploads.length + inline.length === 0) throw invalid('files', 'at least one file is needed');
  return [...uploads, ...inline];
}

const withMetadata = (metadata: JsonObject): { metadata?: JsonObject } =>
  Object.keys(metadata).length > 0 ? { metadata } : {};

/** @returns what is said of the file of an index, or of a text (null) */
function metadataOf(
  { field, value }: DocumentMetadata,
  files: number,
  complaints: Complaints,
): (index: number | null) => JsonObject {
  if (value === undefined || value === null) return () => ({});
  const list = Array.isArray(value) ? value : [value];
  const isOfAll = list.length === 1;
  if (!isOfAll && list.length !== files)
    complaints.add(
      field,
      `must be one object for all files or a list of ${files}, one for each file, has ${list.length}`,
    );
  list.forEach((one, index) => checkMetadata(one, complaints, isOfAll ? field : `${field}.${index}`));
  return (index) => (isOfAll ? list[0] : index === null ? {} : list[index]) as JsonObject;
}
