import { invalid } from '../../errors';
import {
  CHUNKING_STRATEGIES,
  type Chunk,
  type ChunkOptions,
  type ChunkingStrategy,
  type ParsedDocument,
} from '../types';
import { codeBlocks } from './code';
import { markdownBlocks } from './markdown';
import { pack, pieceOf, type Packed } from './pack';
import { plainBlocks } from './sentences';
import { cut, type Block } from './spans';
import { countTokens } from './tokens';

export const DEFAULT_CHUNK_SIZE = 1200;
export const DEFAULT_OVERLAP = 0.15;
export const MIN_CHUNK_SIZE = 50;
export const MAX_CHUNK_SIZE = 20_000;
export const MAX_OVERLAP = 0.5;

/** What the chunker needs of a document: a `ParsedDocument` is one, and so is a plain text. */
export type Chunkable = Pick<ParsedDocument, 'text'> &
  Partial<Pick<ParsedDocument, 'markup' | 'format' | 'pages'>>;

/** @throws DomainError `validation_failed` naming the option */
export function checkChunkOptions({
  strategy = 'auto',
  size,
  overlap,
}: ChunkOptions): Required<ChunkOptions> {
  const checked = { strategy, size: size ?? DEFAULT_CHUNK_SIZE, overlap: overlap ?? DEFAULT_OVERLAP };
  if (!CHUNKING_STRATEGIES.includes(strategy))
    throw invalid('chunking_strategy', `must be one of ${CHUNKING_STRATEGIES.join(', ')}`);
  if (!Number.isInteger(checked.size) || checked.size < MIN_CHUNK_SIZE || checked.size > MAX_CHUNK_SIZE)
    throw invalid('chunk_size', `must be a whole number from ${MIN_CHUNK_SIZE} to ${MAX_CHUNK_SIZE}`);
  if (!(checked.overlap >= 0 && checked.overlap <= MAX_OVERLAP))
    throw invalid('overlap_percentage', `must be a number from 0 to ${MAX_OVERLAP}`);
  return checked;
}

/**
 * Cuts a document into chunks in the order of the text. Every character that is not white space is in at least one chunk;
 * a chunk is longer than `size` only for a table row that is.
 * It takes some milliseconds for each 100 KB: long documents are better cut in the parser's thread (`DocumentParser.read`).
 * @throws DomainError `validation_failed` for options out of bounds
 */
export function chunkDocument(document: Chunkable, options: ChunkOptions = {}): Chunk[] {
  const { strategy, size, overlap } = checkChunkOptions(options);
  const { text, pages } = document;
  const chosen = strategy === 'auto' ? choose(document) : strategy;
  const blocks = BLOCKS[chosen](text, size);
  const packed = pack(text, blocks, { size, overlap: Math.floor(size * overlap) });
  return packed.map((chunk, index) => toChunk(text, chunk, index, pages));
}

const BLOCKS: Record<Exclude<ChunkingStrategy, 'auto'>, (text: string, size: number) => Block[]> = {
  markdown: markdownBlocks,
  sentence: plainBlocks,
  code: codeBlocks,
  // One block of words: only the size decides.
  fixed: (text, size) => [
    {
      start: 0,
      end: text.length,
      units: cut(text, { start: 0, end: text.length }, pieceOf(size)),
      headings: [],
    },
  ],
};

function choose({ text, markup }: Chunkable): Exclude<ChunkingStrategy, 'auto'> {
  if (markup === 'code') return 'code';
  if (markup === 'markdown') return 'markdown';
  return markup === undefined && /^(?:#{1,6} \S|```|\|.*\|[ \t]*$)/m.test(text) ? 'markdown' : 'sentence';
}

function toChunk(
  text: string,
  { start, end, headings, prefix }: Packed,
  index: number,
  pages: Chunkable['pages'],
): Chunk {
  const own = prefix + text.slice(start, end);
  const page = pages?.find((candidate) => candidate.end > start)?.page;
  return {
    index,
    text: own,
    start,
    end,
    tokens: countTokens(own),
    metadata: {
      ...(headings.length > 0 ? { headings } : {}),
      ...(page === undefined ? {} : { page }),
      ...(prefix === '' ? {} : { prefixLength: prefix.length }),
    },
  };
}
