import { withoutEnd } from './text';
import type { JsonSchema, ModelTool, ModelToolCall } from '../../ports/models';

interface Wanted {
  tool: ModelTool;
  /** What the user wrote after the name. */
  rest: string;
}

/**
 * The tool calls that a user message asks for, by these rules in order:
 * 1. `[[tool:NAME {json}]]`, any number of them;
 * 2. a message that begins with a tool's name, or holds `NAME {json}` or `NAME key=value`;
 * 3. `use|call|run|invoke|execute|try [the] [tool] NAME`, underscores of the name as blanks too.
 * Arguments come from the JSON, else from `key=value` pairs; a required argument that is still missing takes the rest of
 * the sentence when it is text and the sentence's first number when it is a number. All are coerced to the schema's types.
 * @param turn tells calls of one conversation apart that read the same
 */
export function wantedCalls(message: string, tools: ModelTool[], turn: number): ModelToolCall[] {
  const directives = findDirectives(message, tools);
  const wanted = directives.length > 0 ? directives : findNamed(message, tools);
  return wanted.map(({ tool, rest }, index) => ({
    id: `call_local_${turn}_${index + 1}_${hash(tool.name + rest)}`,
    name: tool.name,
    arguments: JSON.stringify(readArguments(rest, tool.parameters)),
  }));
}

/** Each may read the message to its end; a step of a run has at most 32 calls. */
const MOST_DIRECTIVES = 100;

function findDirectives(message: string, tools: ModelTool[]): Wanted[] {
  const found: Wanted[] = [];
  let seen = 0;
  for (const match of message.matchAll(/\[\[tool:([\w.-]{1,128})/g)) {
    if (++seen > MOST_DIRECTIVES) break;
    const tool = tools.find(({ name }) => name === match[1]);
    const start = match.index + match[0].length;
    const end = message.indexOf(']]', jsonEnd(message, start));
    if (tool && end >= 0) found.push({ tool, rest: message.slice(start, end) });
  }
  return found;
}

function findNamed(message: string, tools: ModelTool[]): Wanted[] {
  // Longest first: `search_web` must not lose to `search`.
  for (const tool of [...tools].sort((a, b) => b.name.length - a.name.length)) {
    const rest = restAfter(message, tool.name);
    if (rest !== undefined) return [{ tool, rest }];
  }
  return [];
}

function restAfter(message: string, name: string): string | undefined {
  const exact = escape(name);
  const spoken = exact.replace(/_|\\-/g, '[ _-]');
  const quote = '[`"\'“”]?';
  const patterns = [
    `^\\s*${quote}${exact}${quote}(?![\\w-])`,
    `(?<![\\w-])${quote}${exact}${quote}(?=\\s*(?:[:(]\\s*)?\\{)`,
    `(?<![\\w-])${quote}${exact}${quote}(?=\\s+(?:with\\s+)?\\w+=)`,
    `\\b(?:use|using|call|run|invoke|execute|try)\\s+(?:the\\s+)?(?:tool\\s+)?${quote}${spoken}${quote}(?![\\w-])(?:\\s+tool\\b)?`,
  ];
  for (const pattern of patterns) {
    const match = new RegExp(pattern, 'i').exec(message);
    if (match) return message.slice(match.index + match[0].length);
  }
  return undefined;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');

function readArguments(rest: string, schema: JsonSchema): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const given = readJson(rest) ?? readPairs(rest, properties);
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const property = properties[key];
    result[key] = property ? coerce(value, property) : value;
  }
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  for (const key of required) {
    if (key in result) continue;
    const guess = guessArgument(rest, properties[key] ?? {}, Object.keys(given).length > 0);
    if (guess !== undefined) result[key] = guess;
  }
  return result;
}

const propertiesOf = (schema: JsonSchema): Record<string, JsonSchema> =>
  (schema.properties as Record<string, JsonSchema> | undefined) ?? {};

function readJson(text: string): Record<string, unknown> | undefined {
  const start = text.indexOf('{');
  if (start < 0) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(start, jsonEnd(text, start)));
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    // People write braces for other reasons; then the pairs or the sentence count.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Index after the JSON object that begins at the first brace from `from`, or `from` when none is balanced. */
function jsonEnd(text: string, from: number): number {
  let depth = 0;
  let quoted = false;
  const start = text.indexOf('{', from);
  if (start < 0) return from;
  for (let i = start; i < text.length; i += 1) {
    const char = text[i];
    if (quoted && char === '\\') i += 1;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === '{') depth += 1;
    else if (!quoted && char === '}' && --depth === 0) return i + 1;
  }
  return from;
}

function readPairs(text: string, properties: Record<string, JsonSchema>): Record<string, unknown> {
  const pairs: Record<string, unknown> = {};
  for (const match of text.matchAll(
    /([A-Za-z_][\w-]{0,63})\s*[=:]\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+(?:,(?![\w-]+\s*=)[^\s,;]+)*))/g,
  )) {
    const key = match[1] ?? '';
    if (Object.hasOwn(properties, key)) pairs[key] = match[2] ?? match[3] ?? match[4];
  }
  return pairs;
}

function guessArgument(rest: string, schema: JsonSchema, hasOthers: boolean): unknown {
  const type = typeOf(schema);
  if (Array.isArray(schema.enum)) {
    return schema.enum.find((option) => rest.toLowerCase().includes(String(option).toLowerCase()));
  }
  if (type === 'number' || type === 'integer') {
    const number = /-?\d+(?:\.\d+)?/.exec(rest)?.[0];
    return number === undefined ? undefined : coerce(number, schema);
  }
  if (type !== 'string' || hasOthers) return undefined;
  const quoted = /["“`']([^"“”`']+)["”`']/.exec(rest)?.[1];
  const said =
    quoted ?? withoutEnd(rest.replace(/^[\s:,(-]*(?:(?:with|for|on|to|about|and)\s+)?/i, ''), /[\s.?!)]/);
  return said === '' ? undefined : said;
}

const typeOf = (schema: JsonSchema): string | undefined =>
  [schema.type].flat().find((type): type is string => typeof type === 'string' && type !== 'null');

/** Text to the schema's type where that loses nothing; anything else stays as it is, for the tool's own check to judge. */
function coerce(value: unknown, schema: JsonSchema): unknown {
  const type = typeOf(schema);
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  if (typeof value !== 'string') return value;
  if (type === 'number' || type === 'integer') return asNumber(value, type) ?? value;
  if (type === 'boolean')
    return /^(true|yes|on)$/i.test(value) ? true : /^(false|no|off)$/i.test(value) ? false : value;
  if (type === 'array')
    return value.split(/[,|]/).map((item) => coerce(item.trim(), (schema.items ?? {}) as JsonSchema));
  return value;
}

function asNumber(text: string, type: 'number' | 'integer'): number | undefined {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) return undefined;
  return type === 'integer' && !Number.isInteger(value) ? undefined : value;
}

/** FNV-1a: ids must differ between calls of a conversation and be the same on every run. */
function hash(text: string): string {
  let value = 2166136261;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return (value >>> 0).toString(36);
}
