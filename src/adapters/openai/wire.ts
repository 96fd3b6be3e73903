import { parseStorable, textAt } from '../../json';
import type { JsonValue } from '../../ports/records';

/** Helpers that read an endpoint's JSON without trusting it: every field may be missing, or of another type. */

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text or number as text; '' for anything else. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/** What one piece of a message's content says. */
export interface Said {
  kind: 'text' | 'reasoning';
  text: string;
}

/** Kinds of parts that hold what the model thought. */
const THOUGHT = /think|reason/;

/**
 * The content of a message or delta: a text, or a list of parts of which text, refusals and thoughts are taken and all
 * else (images, references) is left out.
 */
export function readContent(content: unknown, kind: Said['kind'] = 'text'): Said[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind, text: content }];
  if (Array.isArray(content)) return content.flatMap((part) => readContent(part, kind));
  if (!isObject(content)) return [];
  const type = typeof content.type === 'string' ? content.type : '';
  if (THOUGHT.test(type)) {
    const thought =
      content.thinking ?? content.reasoning ?? content.summary ?? content.text ?? content.content;
    return readContent(thought, 'reasoning');
  }
  if (type !== '' && !/text|refusal/.test(type)) return [];
  return readContent(content.text ?? content.refusal ?? content.value ?? content.content, kind);
}

/** Where a value was read: the text of its payload, and the way to it. */
export interface Source {
  text: string;
  path: readonly (string | number)[];
}

export const within = ({ text, path }: Source, ...steps: (string | number)[]): Source => ({
  text,
  path: [...path, ...steps],
});

/** The text that a value was read from. */
export const writtenAt = ({ text, path }: Source): string => textAt(text, path) ?? '';

/** A value with its numbers as they were written, to be given back so; as it was parsed, where it cannot be kept exactly. */
export const exactly = <T extends JsonValue>(value: T, source: Source): T =>
  (parseStorable(writtenAt(source)) as T | undefined) ?? value;
