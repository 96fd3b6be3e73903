import { passageIn } from '../knowledge/blocks';
import type { JsonObject, JsonValue } from '../ports/records';
import type { ToolCallRecord } from '../ports/tools';
import { markedNumbers } from './markers';
import { quotedPassages } from './quotes';
import type { RunRequest } from './types';

/** The built-in tool whose results are passages with their sources. */
const SEARCH_TOOL = 'search_knowledge';
/** Passages that one search gives at most. */
const MOST_PASSAGES = 20;
const QUOTE_CHARACTERS = 300;

/** What a run found for its answer. Both hold citations `{index, knowledge_base_id, document_id, chunk_id, quote, score, ...}`. */
export interface Sources {
  /** What the answer used. */
  citations: JsonValue[];
  /** What it was given besides. */
  retrieved: JsonValue[];
}

interface Passage {
  citation: JsonObject;
  text: string;
  /** What the model was told that the passage's number is, in one search or several. */
  numbers: number[];
}

/**
 * Tells what an answer used from what it was given: by the markers that the prompt asks for, else by the sentences that it
 * repeats or retells.
 * @returns undefined when nothing was found or looked for
 */
export function sourcesOf(
  request: Pick<RunRequest, 'citations' | 'hidden'>,
  calls: readonly ToolCallRecord[],
  answer: string,
): Sources | undefined {
  const passages = passagesOf(request, calls);
  if (passages.length === 0) return undefined;
  const used = usedPassages(passages, answer);
  return {
    citations: passages.filter((passage) => used.has(passage)).map(({ citation }) => citation),
    retrieved: passages.filter((passage) => !used.has(passage)).map(({ citation }) => citation),
  };
}

/** As the stored part and run keep it; nothing where nothing was found. */
export const sourceFields = (sources: Sources | undefined): Partial<Sources> & JsonObject =>
  sources ? { citations: sources.citations, retrieved: sources.retrieved } : {};

/** What {@link sourceFields} stored. */
export const storedSources = (stored: {
  citations?: JsonValue[] | null;
  retrieved?: JsonValue[] | null;
}): Sources | undefined =>
  stored.citations ? { citations: stored.citations, retrieved: stored.retrieved ?? [] } : undefined;

function usedPassages(passages: Passage[], answer: string): Set<Passage> {
  const texts = passages.map(({ text }) => text);
  const known = new Set(passages.flatMap(({ numbers }) => numbers));
  const marked = markedNumbers(answer, known, texts);
  if (marked.size > 0)
    return new Set(passages.filter(({ numbers }) => numbers.some((number) => marked.has(number))));
  return new Set([...quotedPassages(answer, texts)].map((place) => passages[place]!));
}

/** The passages that the run was given, then those that its searches found, each once. */
function passagesOf(
  { citations = [], hidden }: Pick<RunRequest, 'citations' | 'hidden'>,
  calls: readonly ToolCallRecord[],
): Passage[] {
  const byChunk = new Map<JsonValue, Passage>();
  const texts = new Map(
    hidden.flatMap((block) => {
      const passage = citations.length > 0 ? passageIn(block) : undefined;
      return passage ? [[passage.index, passage.text] as const] : [];
    }),
  );
  for (const citation of citations as JsonObject[]) {
    const index = citation.index as number;
    const text = texts.get(index) ?? (citation.quote as string);
    byChunk.set(citation.chunk_id!, { citation, text, numbers: [index] });
  }
  for (const found of calls.flatMap(foundBy)) {
    const { content, index, ...source } = found;
    const known = byChunk.get(found.chunk_id!);
    if (known) {
      if (typeof index === 'number') known.numbers.push(index);
      continue;
    }
    const number = typeof index === 'number' ? index : byChunk.size + 1;
    const text = content as string;
    const citation = { index: number, ...source, quote: text.slice(0, QUOTE_CHARACTERS) };
    byChunk.set(found.chunk_id!, { citation, text, numbers: [number] });
  }
  return [...byChunk.values()];
}

/** A tenant may give another tool this name: what is no passage is left out. */
function foundBy({ toolName, status, result }: ToolCallRecord): JsonObject[] {
  if (toolName !== SEARCH_TOOL || status !== 'succeeded' || !Array.isArray(result)) return [];
  return result.filter(isPassage);
}

const isPassage = (item: JsonValue): item is JsonObject =>
  typeof item === 'object' &&
  item !== null &&
  !Array.isArray(item) &&
  typeof item.chunk_id === 'string' &&
  typeof item.content === 'string';

/**
 * Gives the passages that a search found their numbers in the whole run, so that a marker means one of them. Searches of
 * one step run at the same time: each has numbers of its own by its place in the step.
 * @param earlier the run's calls so far
 */
export function withNumbers(
  { citations = [] }: Pick<RunRequest, 'citations'>,
  earlier: readonly ToolCallRecord[],
  call: ToolCallRecord,
  result: JsonValue,
): JsonValue {
  if (call.toolName !== SEARCH_TOOL || !Array.isArray(result) || !result.every(isPassage)) return result;
  const known = new Map<JsonValue, number>();
  for (const { chunk_id: chunk, index } of [...(citations as JsonObject[]), ...earlier.flatMap(foundBy)])
    if (typeof index === 'number' && !known.has(chunk!)) known.set(chunk!, index);
  let next = Math.max(0, ...known.values()) + call.position * MOST_PASSAGES;
  return result.map((passage) => ({ index: known.get(passage.chunk_id!) ?? ++next, ...passage }));
}
