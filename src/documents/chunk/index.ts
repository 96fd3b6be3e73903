import type { Chunk, ChunkOptions, ParsedDocument } from '../types';

/** What the chunker needs of a document: a `ParsedDocument` is one, and so is a plain text. */
export type Chunkable = Pick<ParsedDocument, 'text'> &
  Partial<Pick<ParsedDocument, 'markup' | 'format' | 'pages'>>;

/**
 * Cuts a document into chunks in the order of the text. Every character that is not white space is in at least one chunk.
 * @throws DomainError `validation_failed` for options out of bounds
 */
export declare function chunkDocument(document: Chunkable, options?: ChunkOptions): Chunk[];
