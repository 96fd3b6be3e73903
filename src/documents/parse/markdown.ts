/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import { firstHeading, type ParsedBody, requireText } from './result';
import { decodeText } from './text';

/** Longer ones are no metadata; reading them takes time that grows faster than they do. */
const FRONT_MATTER = /^---[ \t]*\n([\s\S]{0,10000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/;
const MAX_KEYS = 50;
const MAX_KEY_CHARACTERS = 64;
const MAX_VALUE_CHARACTERS = 1_000;
const MAX_ITEMS = 50;

type Metadata = ParsedBody['metadata'];

/** Front matter is metadata, to filter by, and no text. */
export function parseMarkdown(bytes: Uint8Array): ParsedBody {
  const { text: written, charset, warnings } = decodeText(bytes);
  requireText(written, 'The file');
  const front = frontMatterOf(written);
  const body = front === null ? written : written.slice(front.length).replace(/^\n+/, '');
  // A file of front matter alone is read as it stands: it has nothing else.
  const text = body.trim() === '' ? written : body;
  const { title, ...metadata } = front?.metadata ?? {};
  return {
    text,
    markup: 'markdown',
    title: (typeof title === 'string' && title) || firstHeading(text),
    metadata: { charset, ...metadata },
    warnings: [...warnings, ...(front?.warnings ?? [])],
  };
}

/** Null where there is none, or what looks like it is no mapping. */
function frontMatterOf(text: string): { length: number; metadata: Metadata; warnings: string[] } | null {
  const found = FRONT_MATTER.exec(text);
  if (!found) return null;
  const values = mappingOf(found[1]!);
  if (values === null) return null;
  const metadata: Metadata = {};
  const dropped: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    const kept =
      key.length <= MAX_KEY_CHARACTERS && Object.keys(metadata).length < MAX_KEYS
        ? keptValue(value)
        : undefined;
    if (kept !== undefined) metadata[key] = kept;
    else if (value !== null && value !== '') dropped.push(key.slice(0, MAX_KEY_CHARACTERS));
  }
  const warnings =
    dropped.length > 0
      ? [
          `Left out of the front matter, as they are no short text, number, boolean or list of them: ${dropped.slice(0, 10).join(', ')}.`,
        ]
      : [];
  return { length: found[0].length, metadata, warnings };
}

function mappingOf(yaml: string): Record<string, unknown> | null {
  const { parseDocument } = require('yaml') as typeof import('yaml');
  // Aliases multiply what is written, and nobody needs them here.
  const document = parseDocument(yaml, {
    schema: 'core',
    merge: false,
    prettyErrors: false,
    intAsBigInt: true,
  });
  if (document.errors.length > 0) return null;
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // Aliases: what cannot be taken as metadata stays text.
    return null;
  }
}

function keptValue(value: unknown): string | number | boolean | string[] | undefined {
  // Metadata have doubles; the digits of other integers are kept as text, which filters compare as a number.
  if (typeof value === 'bigint')
    return keptValue(Number.isSafeInteger(Number(value)) ? Number(value) : value.toString());
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  if (typeof value === 'string')
    return value !== '' && value.length <= MAX_VALUE_CHARACTERS ? value : undefined;
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ITEMS) return undefined;
  const items = value.map((item) => (Array.isArray(item) ? undefined : keptValue(item)));
  return items.every((item) => item !== undefined) ? items.map(String) : undefined;
}
