import type { JsonObject, JsonValue } from '../ports/records';
import type { ToolCallRecord } from '../ports/tools';

/** The built-in tool whose results are passages with their sources. */
const SEARCH_TOOL = 'search_knowledge';
const QUOTE_CHARACTERS = 300;

/**
 * The sources of an answer: those of the passages that the run was given, then those that its searches found, each passage
 * once.
 * @returns undefined when there are none
 */
export function citationsOf(
  given: readonly JsonValue[] = [],
  calls: readonly ToolCallRecord[],
): JsonValue[] | undefined {
  const citations = [...given];
  const cited = new Set(given.map((citation) => (citation as JsonObject).chunk_id));
  for (const passage of calls.flatMap(passagesOf)) {
    if (cited.has(passage.chunk_id)) continue;
    cited.add(passage.chunk_id);
    const { content, ...source } = passage;
    citations.push({
      index: citations.length + 1,
      ...source,
      quote: (content as string).slice(0, QUOTE_CHARACTERS),
    });
  }
  return citations.length > 0 ? citations : undefined;
}

/** A tenant may give another tool this name: what is no passage is left out. */
function passagesOf({ toolName, status, result }: ToolCallRecord): JsonObject[] {
  if (toolName !== SEARCH_TOOL || status !== 'succeeded' || !Array.isArray(result)) return [];
  return result.filter(
    (item): item is JsonObject =>
      typeof item === 'object' &&
      item !== null &&
      !Array.isArray(item) &&
      typeof item.chunk_id === 'string' &&
      typeof item.content === 'string',
  );
}
