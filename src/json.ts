import type { JsonValue } from './ports/records';

/** No database that speaks BSON takes it in a key. */
const NUL = '\u0000';
const REPLACEMENT = '\ufffd';

/** Where a key with U+0000 is: the dotted path of the object that has it, `` for the value itself; undefined when none is. */
export function keyWithNul(value: unknown): string | undefined {
  const waiting: { value: unknown; path: string }[] = [{ value, path: '' }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [key, child] of Object.entries(next.value)) {
      if (key.includes(NUL)) return next.path;
      if (typeof child === 'object' && child !== null)
        waiting.push({ value: child, path: next.path === '' ? key : `${next.path}.${key}` });
    }
  }
  return undefined;
}

/** Reads JSON from outside so that it can be stored; undefined when the text is none. */
export function parseStorable(text: string): JsonValue | undefined {
  try {
    return storableJson(JSON.parse(text) as JsonValue);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** JSON from outside (a tool's result, a model's object) as it can be stored; the same value where nothing is in the way. */
export function storableJson<T extends JsonValue | undefined>(value: T): T {
  if (keyWithNul(value) === undefined) return value;
  return JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(
          Object.entries(item).map(([key, child]) => [key.replaceAll(NUL, REPLACEMENT), child]),
        )
      : item,
  ) as T;
}
