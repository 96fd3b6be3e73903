import type { JsonObject, JsonValue } from '../ports/records';

const VALUES_SHOWN = 20;
/** Values longer than this are text to read, not values to choose from. */
const VALUE_CHARACTERS = 100;

/** A field of metadata, as found in the documents of a base. */
export interface MetadataField {
  name: string;
  /** `string`, `number`, `boolean`, `array`, `object`; several joined by `|`. */
  type: string;
  /** Documents that have it. */
  count: number;
  /** The most frequent values, at most 20; empty for what is no value to choose from. */
  values: JsonValue[];
  min: number | null;
  max: number | null;
}

/** Which metadata documents have, most frequent fields first. */
export function describeMetadata(documents: JsonObject[]): MetadataField[] {
  const fields = new Map<string, JsonValue[]>();
  for (const facts of documents)
    for (const [name, value] of Object.entries(facts))
      if (value !== null && value !== undefined) push(fields, name, value);
  return [...fields]
    .map(([name, values]) => describeField(name, values))
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}

function describeField(name: string, values: JsonValue[]): MetadataField {
  const counts = new Map<JsonValue, number>();
  for (const value of values.flat()) if (isShort(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const numbers = values.filter((value): value is number => typeof value === 'number');
  return {
    name,
    type: [...new Set(values.map(typeOf))].sort().join('|'),
    count: values.length,
    values: [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, VALUES_SHOWN)
      .map(([value]) => value),
    min: numbers.length > 0 ? numbers.reduce((a, b) => Math.min(a, b)) : null,
    max: numbers.length > 0 ? numbers.reduce((a, b) => Math.max(a, b)) : null,
  };
}

const typeOf = (value: JsonValue): string => (Array.isArray(value) ? 'array' : typeof value);

const isShort = (value: JsonValue): boolean =>
  typeof value === 'number' ||
  typeof value === 'boolean' ||
  (typeof value === 'string' && value.length <= VALUE_CHARACTERS);

function push(fields: Map<string, JsonValue[]>, name: string, value: JsonValue): void {
  const values = fields.get(name);
  if (values) values.push(value);
  else fields.set(name, [value]);
}
