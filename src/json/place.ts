import { endOfString, isSpace, losesText } from './read';

/** Where a value stands in a text: from its first character to behind its last. */
export interface Place {
  start: number;
  end: number;
}

/**
 * Finds a value in a text that is known to be JSON, to take it as it is written; of equal keys the last counts, as for
 * `JSON.parse`. Nothing recurses, so that depth costs no stack.
 * @param path keys and indices
 * @returns undefined when there is none
 */
export function placeOf(text: string, path: readonly (string | number)[]): Place | undefined {
  let start: number | undefined = afterSpace(text, 0);
  for (const step of path) {
    start = childOf(text, start, step);
    if (start === undefined) return undefined;
  }
  return { start, end: endOfValue(text, start) };
}

/** The text of the value at a path, of a text that is known to be JSON; undefined when there is none. */
export function textAt(text: string, path: readonly (string | number)[]): string | undefined {
  const place = placeOf(text, path);
  return place && text.slice(place.start, place.end);
}

/** The text at a path where JavaScript's value of it would say less; undefined for all else. */
export function lostTextAt(text: string, path: readonly (string | number)[]): string | undefined {
  const found = textAt(text, path);
  return found !== undefined && losesText(found) ? found : undefined;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function childOf(text: string, start: number, step: string | number): number | undefined {
  const isObject = text[start] === '{';
  if (isObject !== (typeof step === 'string') || (!isObject && text[start] !== '[')) return undefined;
  let found: number | undefined;
  let at = afterSpace(text, start + 1);
  for (let index = 0; text[at] !== '}' && text[at] !== ']'; index++) {
    let key: string | number = index;
    if (isObject) {
      const end = endOfString(text, at) + 1;
      key = JSON.parse(text.slice(at, end)) as string;
      // Behind the colon.
      at = afterSpace(text, afterSpace(text, end) + 1);
    }
    if (key === step) found = at;
    at = afterSpace(text, endOfValue(text, at));
    if (text[at] === ',') at = afterSpace(text, at + 1);
  }
  return found;
}

const ENDS = new Set([...',]}'].map((character) => character.charCodeAt(0)));

function endOfValue(text: string, start: number): number {
  let level = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') level++;
    else if (character === '}' || character === ']') level--;
    else if (level === 0) return endOfWord(text, at);
    if (level === 0) return at + 1;
  }
  return text.length;
}

function endOfWord(text: string, start: number): number {
  let at = start;
  while (at < text.length && !ENDS.has(text.charCodeAt(at)) && !isSpace(text.charCodeAt(at))) at++;
  return at;
}
