/**
 * Counts the object keys written in a valid JSON text. Compared with the keys that the parsed value has it shows
 * whether a key was given twice, which `JSON.parse` hides.
 */
function writtenKeys(text: string): number {
  let keys = 0;
  for (let index = text.indexOf('"'); index !== -1; index = text.indexOf('"', index)) {
    index = endOfString(text, index) + 1;
    let next = index;
    while (isSpace(text.charCodeAt(next))) next++;
    if (text.charCodeAt(next) === COLON) keys++;
  }
  return keys;
}

const COLON = 58;
const BACKSLASH = 92;
const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Without recursion: a deeply nested body must not overflow the stack. */
function parsedKeys(value: unknown): number {
  let keys = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const current = pending.pop();
    if (typeof current !== 'object' || current === null) continue;
    const values = Array.isArray(current) ? current : Object.values(current);
    if (!Array.isArray(current)) keys += values.length;
    for (const item of values) if (typeof item === 'object' && item !== null) pending.push(item);
  }
  return keys;
}

/** Deeper nesting than any body of this API needs; validation and conversion recurse, so it is bounded here. */
export const MAX_JSON_DEPTH = 200;

function depthOf(value: unknown): number {
  let depth = 0;
  let level: unknown[] = [value];
  while (level.length > 0 && depth <= MAX_JSON_DEPTH) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
    depth++;
  }
  return depth;
}

/** @throws SyntaxError when the text is not JSON, gives a key twice in one object, or nests deeper than `MAX_JSON_DEPTH` */
export function parseJsonStrictly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (writtenKeys(text) !== parsedKeys(value)) throw new SyntaxError('an object has one key twice');
  if (depthOf(value) > MAX_JSON_DEPTH) throw new SyntaxError(`it nests deeper than ${MAX_JSON_DEPTH} levels`);
  return value;
}
