import Ajv, { type Options } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { fullFormats } from 'ajv-formats/dist/formats';
import { boundedRegExp } from '../bounded-pattern';

/** The one expression of the formats that takes quadratic time is not asked about longer texts. */
const LONGEST_URL = 2_048;

const COMMON: Options = {
  strict: false,
  logger: false,
  // Making the generated code shorter takes longer than compiling it.
  code: { regExp: boundedRegExp, optimize: false },
};

/** A validator of draft 7 for schemas from outside: nothing in it takes more than linear time for a text or a list. */
export function createValidator(options: Options & { withFormats?: boolean } = {}): Ajv {
  const { withFormats = false, ...rest } = options;
  return prepare(new Ajv({ ...COMMON, validateFormats: withFormats, ...rest }), withFormats);
}

/** The same for draft 2020-12, formats included. Loaded on first use: only structured answers need it. */
export function createValidator2020(options: Options = {}): Ajv2020 {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a static import would be paid at every start
  const { Ajv2020: Constructor } = require('ajv/dist/2020') as typeof import('ajv/dist/2020');
  return prepare(new Constructor({ ...COMMON, ...options }), true);
}

function prepare<Validator extends Ajv | Ajv2020>(ajv: Validator, withFormats: boolean): Validator {
  // The package compares each item with each other; the check of a schema itself uses the keyword, too.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (wanted: boolean, items: unknown[]) => !wanted || areUnique(items),
    error: { message: 'must NOT have duplicate items' },
  });
  if (withFormats) {
    addFormats(ajv);
    const url = fullFormats.url as RegExp;
    ajv.addFormat('url', (text: string) => text.length <= LONGEST_URL && url.test(text));
  }
  return ajv;
}

/** Equal values of JSON have one text, whatever the order of their keys. */
function areUnique(items: unknown[]): boolean {
  const seen = new Set<unknown>();
  for (const item of items) {
    const key =
      typeof item === 'object' && item !== null
        ? `o${ordered(item)}`
        : typeof item === 'string'
          ? `s${item}`
          : item;
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

function ordered(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(ordered).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${ordered(item)}`).join(',')}}`;
}
