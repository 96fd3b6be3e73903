/** What the parsers make of a file, and what the chunker makes of that. */

/** Formats that can be parsed. `code` is any source code or configuration text. */
export type DocumentFormat =
  | 'pdf'
  | 'docx'
  | 'pptx'
  | 'xlsx'
  | 'odt'
  | 'ods'
  | 'odp'
  | 'rtf'
  | 'epub'
  | 'html'
  | 'mht'
  | 'markdown'
  | 'ipynb'
  | 'text'
  | 'csv'
  | 'json'
  | 'eml'
  | 'code';

/** One page, slide or sheet: `text.slice(start, end)`. */
export interface DocumentPage {
  /** From 1. */
  page: number;
  start: number;
  end: number;
  /** The name of a sheet or slide. */
  label?: string;
}

export interface ParsedDocument {
  /** Plain text or Markdown (see `markup`); line ends are `\n`. Never blank: a file without text is a failure. */
  text: string;
  /** Markdown for what has structure (headings, tables), else plain text. */
  markup: 'markdown' | 'plain' | 'code';
  /** Its own, or the line or sentence that it begins with; null where neither says what it is about. */
  title: string | null;
  format: DocumentFormat;
  /** The media type of the file, from its bytes and name. */
  contentType: string;
  pages?: DocumentPage[];
  /** What the file says of itself: `author`, `created_at`, `page_count`, `language`, `from`, `sheets`, ... */
  metadata: Record<string, string | number | boolean | string[]>;
  /** What was left out or could not be read, a sentence for the user each; empty when the text is the whole file. */
  warnings: string[];
}

/** Why a file gave no text. The message is a sentence for the user. */
export type ParseFailureReason =
  'unsupported' | 'empty' | 'encrypted' | 'broken' | 'too_large' | 'time_limit' | 'memory_limit' | 'no_text';

export interface FileInput {
  bytes: Uint8Array;
  /** As the user called it; decides only where the bytes are silent. */
  fileName: string;
  /** The media type that the upload claimed. */
  declaredType?: string | null;
}

/** A file that lies on disk: it is read when its turn comes, by the thread that parses it. */
export interface FileOnDisk extends Omit<FileInput, 'bytes'> {
  path: string;
}

export const CHUNKING_STRATEGIES = ['auto', 'fixed', 'sentence', 'markdown', 'code'] as const;
export type ChunkingStrategy = (typeof CHUNKING_STRATEGIES)[number];

export interface ChunkOptions {
  /** `auto` chooses by what the document is. */
  strategy?: ChunkingStrategy;
  /** The most UTF-16 code units of a chunk's own text; 1200. 50 to 20,000. */
  size?: number;
  /** Share of `size` that a chunk repeats of the one before it; 0.15. 0 to 0.5. */
  overlap?: number;
}

export interface Chunk {
  /** From 0. */
  index: number;
  /** What is embedded and shown: `prefix` (a table's repeated header) and then exactly `source.slice(start, end)`. */
  text: string;
  /** UTF-16 offset into the document's text. */
  start: number;
  /** Exclusive. */
  end: number;
  /** Tokens of `text` in the o200k encoding. */
  tokens: number;
  metadata: {
    /** Headings above the chunk, outermost first. */
    headings?: string[];
    /** First page that the chunk touches. */
    page?: number;
    /** Length of the repeated table header at the beginning of `text`. */
    prefixLength?: number;
  };
}
