import { isObjectText } from '../model-messages';

const MARK = '… (shortened)';
/** Strings in arguments are cut to the first of these lengths that makes the whole short enough. */
const STRING_LENGTHS = [1_000, 300, 100, 30];
/** A string of JSON text. Unrolled, so that long ones cost no backtracking. */
const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/gs;
/** Of longer arguments only the beginning is looked at. */
const MOST_READ_CHARACTERS = 1_000_000;

/** A text of at most `limit` characters and the mark that shows where it was cut. */
export const shortenedText = (text: string, limit: number): string =>
  text.length > limit ? `${text.slice(0, limit).toWellFormed()}${MARK}` : text;

/**
 * Arguments of a tool call of about `limit` characters: strings are cut inside of the JSON, so that a model gets an example
 * of a well-formed call and a strict endpoint takes it. Numbers keep their exact text. What is no JSON object, or is long
 * for another reason, is cut as text within an object.
 */
export function shortenedArguments(text: string, limit: number): string {
  if (text.length <= limit) return text;
  if (text.length > MOST_READ_CHARACTERS || !isObjectText(text)) return asText(text, limit);
  for (const length of STRING_LENGTHS) {
    const short = text.replace(JSON_STRING, (string) => shortenedString(string, length));
    if (short.length <= limit) return short;
  }
  return asText(text, limit);
}

const asText = (text: string, limit: number): string =>
  JSON.stringify({ arguments: shortenedText(text, limit) });

const shortenedString = (string: string, length: number): string =>
  string.length <= length + MARK.length
    ? string
    : JSON.stringify(shortenedText(JSON.parse(string) as string, length));
