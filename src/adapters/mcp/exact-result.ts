import { randomUUID } from 'node:crypto';
import { lostTextAt, placeOf } from '../../json';

/**
 * The SDK reads messages by `JSON.parse`, which rounds numbers and forgets keys. Where a result would lose something, its own
 * text goes along with it under this name, which no server can guess.
 */
const WRITTEN = `written-${randomUUID()}`;

/** What a call gives, by preference. */
const GIVEN = ['structuredContent', 'content'];

/**
 * A message, or a batch of them, whose results have their text with them where they need it; the same text otherwise.
 * @param text JSON
 * @param message what `text` says
 */
export function withWrittenResults(text: string, message: unknown): string {
  const messages: unknown[] = Array.isArray(message) ? message : [message];
  let whole = text;
  // From the end, so that places before it stay where they are.
  for (let index = messages.length - 1; index >= 0; index--) {
    const path = Array.isArray(message) ? [index, 'result'] : ['result'];
    const given = givenOf((messages[index] as { result?: unknown } | null)?.result);
    const written = given === undefined ? undefined : lostTextAt(text, [...path, given]);
    const place = written === undefined ? undefined : placeOf(text, path);
    if (written === undefined || !place) continue;
    const end = place.end - 1;
    whole = `${whole.slice(0, end)},"${WRITTEN}":${JSON.stringify(written)}${whole.slice(end)}`;
  }
  return whole;
}

function givenOf(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const values = result as Record<string, unknown>;
  return GIVEN.find((name) => values[name] !== undefined && values[name] !== null);
}

/** The text of what a call gave, where its value lost something. */
export function writtenOf(result: object): string | undefined {
  const written = (result as Record<string, unknown>)[WRITTEN];
  return typeof written === 'string' ? written : undefined;
}
