import { createHash } from 'node:crypto';
import { MAX_JSON_DEPTH } from './json';
import type { ModelMessage, ModelToolCall } from './ports/models';

/** Ids that every family takes: Mistral wants exactly nine letters and digits, OpenAI at most 40 characters. */
export const CALL_ID = /^[a-zA-Z0-9]{9}$/;
/** Names that every family takes (OpenAI's pattern; Anthropic's allows more). */
export const CALL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const NOT_IN_A_NAME = /[^a-zA-Z0-9_-]/g;
const MAX_NAME_CHARACTERS = 64;
/** Of arguments that are no JSON object the model is shown so much. */
const SHOWN_INVALID_CHARACTERS = 2_000;
/** Only such an exponent can be beyond what a number holds, which strict readers refuse. */
const HUGE_EXPONENT = /\de\+?\d{3}/i;
/** One escape of a JSON text after the other, so that the `u` behind an escaped backslash is no escape. */
const ESCAPES = /\\(?:ud[89ab][\da-f]{2}\\ud[c-f][\da-f]{2}|ud[89a-f][\da-f]{2}|[^])/gi;
/** Half a surrogate pair, where `ESCAPES` found no whole one. */
const HALF_PAIR = /^\\ud[89a-f][\da-f]{2}$/i;

/** What stands where a message must be and the log has none. */
export const PLACEHOLDERS = {
  emptyMessage: '(empty message)',
  emptyResult: '(empty result)',
  noResult: '(no result: the call was interrupted)',
  beginning: '(earlier messages are left out)',
  noted: '(noted)',
  goOn: '(go on)',
} as const;

type Assistant = Extract<ModelMessage, { role: 'assistant' }>;
type ToolResult = Extract<ModelMessage, { role: 'tool' }>;

/**
 * Messages as every family of endpoints takes them, whatever models wrote and a log left out: calls are sound
 * ({@link withSoundCalls}), one system message comes first, users and assistants take turns, the model has the next word.
 * The same beginning gives the same messages, so that a provider's cache of prompts holds.
 */
export function sendableMessages(messages: ModelMessage[]): ModelMessage[] {
  const sound = withSoundCalls(messages);
  const system = sound.filter(({ role }) => role === 'system').map(({ content }) => content);
  const turns = inTurns(sound.filter(({ role }) => role !== 'system'));
  return system.length === 0 ? turns : [{ role: 'system', content: system.join('\n\n') }, ...turns];
}

/**
 * Calls as they may be repeated to any endpoint: arguments are the text of a JSON object, names and ids have a form that
 * all take, ids are unique, each call has its one result right behind it, and nothing is empty.
 */
export function withSoundCalls(messages: ModelMessage[]): ModelMessage[] {
  const ids = new CallIds();
  const sound: ModelMessage[] = [];
  for (let at = 0; at < messages.length;) {
    const message = messages[at++]!;
    if (message.role === 'tool') sound.push(orphan(message));
    else if (message.role !== 'assistant' || !message.toolCalls?.length) sound.push(...filled(message));
    else {
      const results: ToolResult[] = [];
      for (let next = messages[at]; next?.role === 'tool'; next = messages[++at]) results.push(next);
      sound.push(...soundStep(message, message.toolCalls, results, ids));
    }
  }
  return sound;
}

/** A message that says something; an empty one of an assistant or system is none. */
function filled(message: Exclude<ModelMessage, ToolResult>): ModelMessage[] {
  const content = message.content.toWellFormed();
  if (!isBlank(content)) return [{ role: message.role, content }];
  return message.role === 'user' ? [{ role: 'user', content: PLACEHOLDERS.emptyMessage }] : [];
}

function soundStep(
  message: Assistant,
  calls: ModelToolCall[],
  results: ToolResult[],
  ids: CallIds,
): ModelMessage[] {
  const content = isBlank(message.content) ? '' : message.content.toWellFormed();
  const step: Assistant = { ...message, content, toolCalls: [] };
  const answers: ModelMessage[] = [];
  const open = [...results];
  for (const call of calls) {
    const id = ids.next(call.id);
    step.toolCalls!.push({
      ...call,
      id,
      name: fittingName(call.name),
      arguments: argumentsObject(call.arguments),
    });
    // Ids may repeat within a step: the first result that is left over is the call's.
    const place = open.findIndex(({ toolCallId }) => toolCallId === call.id);
    const [result] = place < 0 ? [] : open.splice(place, 1);
    answers.push({ role: 'tool', toolCallId: id, content: resultText(result) });
  }
  return [step, ...answers, ...open.map(orphan)];
}

function resultText(result: ToolResult | undefined): string {
  if (!result) return PLACEHOLDERS.noResult;
  return isBlank(result.content) ? PLACEHOLDERS.emptyResult : result.content.toWellFormed();
}

/** A result whose call is gone is told in words. */
const orphan = ({ content }: ToolResult): ModelMessage => ({
  role: 'user',
  content: isBlank(content) ? PLACEHOLDERS.emptyResult : content.toWellFormed(),
});

/** Users and assistants alternate, a user begins, an assistant stands between results and a user, the model is asked last. */
function inTurns(messages: ModelMessage[]): ModelMessage[] {
  const turns: ModelMessage[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (message.role === 'tool') turns.push(message);
    else if (message.role === 'assistant') {
      if (!last) turns.push({ role: 'user', content: PLACEHOLDERS.beginning });
      if (last?.role === 'assistant') turns[turns.length - 1] = joined(last, message);
      else turns.push(message);
    } else if (last?.role === 'user') turns[turns.length - 1] = { ...last, content: join(last, message) };
    else {
      if (last?.role === 'tool') turns.push({ role: 'assistant', content: PLACEHOLDERS.noted });
      turns.push(message);
    }
  }
  const last = turns.at(-1);
  if (!last) turns.push({ role: 'user', content: PLACEHOLDERS.emptyMessage });
  if (last?.role === 'assistant') turns.push({ role: 'user', content: PLACEHOLDERS.goOn });
  return turns;
}

/** Calls are followed by their results, so only the second of two can have some. */
const joined = (first: Assistant, second: Assistant): Assistant => ({
  ...second,
  content: join(first, second),
});

const join = (first: ModelMessage, second: ModelMessage): string =>
  [first.content, second.content].filter((text) => text !== '').join('\n\n');

const isBlank = (text: string): boolean => text.trim() === '';

/** The name of a call in the form that all take; models invent others, and none. */
export const fittingName = (name: string): string =>
  name.replace(NOT_IN_A_NAME, '_').slice(0, MAX_NAME_CHARACTERS) || 'unknown_tool';

/** Arguments as the text of a JSON object: as they are where they are one, `{}` for none, else told as text inside of one. */
export function argumentsObject(text: string): string {
  if (isBlank(text)) return '{}';
  if (isObjectText(text)) return wellFormedJson(text);
  return JSON.stringify({ invalid_arguments: text.slice(0, SHOWN_INVALID_CHARACTERS).toWellFormed() });
}

/** Halves of surrogate pairs replaced, escaped ones too: an endpoint that parses arguments cannot write them as UTF-8. */
const wellFormedJson = (text: string): string =>
  text.toWellFormed().replace(ESCAPES, (escape) => (HALF_PAIR.test(escape) ? '\\ufffd' : escape));

/** Parsers of endpoints end at 128 (Rust) to 1,000 levels (Python). Counting brackets is cheap, those of texts included. */
function isTooDeep(value: object, text: string): boolean {
  if (text.split(/[[{]/, MAX_JSON_DEPTH + 2).length < MAX_JSON_DEPTH + 2) return false;
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= MAX_JSON_DEPTH) return true;
    level = level.flatMap((item) => Object.values(item).filter(isObject));
  }
  return false;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** True for the text of a JSON object whose numbers are all finite and whose levels every reader takes. */
export function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    if (isTooDeep(value, text)) return false;
    return !HUGE_EXPONENT.test(text) || !holdsInfinity(value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function holdsInfinity(value: object): boolean {
  const waiting: unknown[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next === Infinity || next === -Infinity) return true;
    if (typeof next !== 'object' || next === null) continue;
    for (const child of Object.values(next))
      if (typeof child === 'object' || typeof child === 'number') waiting.push(child);
  }
  return false;
}

/** Gives every call of a request an id of its own: the one it has where that fits, else one made from it. */
class CallIds {
  private readonly used = new Set<string>();
  private readonly times = new Map<string, number>();

  next(id: string): string {
    for (let time = this.times.get(id) ?? 0; ; time++) {
      const made = time === 0 && CALL_ID.test(id) ? id : hashed(`${time} ${id}`);
      if (this.used.has(made)) continue;
      this.used.add(made);
      this.times.set(id, time + 1);
      return made;
    }
  }
}

const ID_CHARACTERS = 9;

const hashed = (text: string): string =>
  createHash('sha256').update(text).digest('base64').replace(/[+/=]/g, 'x').slice(0, ID_CHARACTERS);

/**
 * The proof that a request may go out, by the rules that the families share.
 * @returns what is wrong with which message; undefined when nothing is
 */
export function faultIn(messages: ModelMessage[]): string | undefined {
  const ids = new Set<string>();
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    const fault = faultOf(message, messages[index - 1], open, ids);
    if (fault) return `messages.${index}: ${fault}`;
    if (message.role === 'assistant') open = message.toolCalls?.map(({ id }) => id) ?? [];
    else if (message.role === 'tool') open = open.slice(1);
  }
  const last = messages.at(-1);
  if (open.length > 0) return `messages.${messages.length}: the result of a call is missing`;
  return last?.role === 'user' || last?.role === 'tool' ? undefined : 'messages: the last one asks nothing';
}

function faultOf(
  message: ModelMessage,
  before: ModelMessage | undefined,
  open: string[],
  ids: Set<string>,
): string | undefined {
  if (message.role === 'tool')
    return message.toolCallId === open[0] ? emptiness(message) : 'a result answers no call';
  if (open.length > 0) return 'the result of a call is missing';
  if (message.role === 'system') return before ? 'a system message is not the first' : emptiness(message);
  const calls = message.role === 'assistant' ? (message.toolCalls ?? []) : [];
  if (message.role === 'user' && (before?.role === 'user' || before?.role === 'tool'))
    return `a user follows a ${before.role}`;
  if (message.role === 'assistant' && before?.role !== 'user' && before?.role !== 'tool')
    return 'an assistant follows neither user nor result';
  for (const call of calls) {
    if (!CALL_ID.test(call.id) || ids.has(call.id)) return `the id ${call.id} does not fit or repeats`;
    ids.add(call.id);
    if (!CALL_NAME.test(call.name)) return `the name ${call.name} does not fit`;
    if (!isObjectText(call.arguments)) return `the arguments of ${call.name} are no JSON object`;
  }
  return calls.length > 0 ? undefined : emptiness(message);
}

const emptiness = ({ content }: ModelMessage): string | undefined =>
  isBlank(content) ? 'it is empty' : undefined;
