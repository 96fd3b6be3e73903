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
