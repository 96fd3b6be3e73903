import { createHash } from 'node:crypto';
import type { estypes } from '@elastic/elasticsearch';
import type { MetadataFilter } from '../../knowledge/metadata-filter';
import { JsonNumber, orderedNumber } from '../../json';
import type { JsonObject, JsonValue } from '../../ports/records';

type Query = estypes.QueryDslQueryContainer;
type Scalar = string | number | boolean | null;

/** Lucene refuses words of more than 32,766 bytes; characters have up to 3. */
const INDEXED_CHARACTERS = 10_000;
/** Longer facts are known by their hash. */
const FACT_CHARACTERS = 200;

/** Metadata in the form that the index searches. */
export interface IndexedMetadata {
  /** Fields that have a value. */
  paths: string[];
  /** Field and value together, for equality. */
  facts: string[];
  /** For ranges and parts of texts. */
  values: { path: string; text?: string; number?: number; folded: string }[];
}

/** Flattens metadata so that `filterQuery` means what `matchesMetadata` of the domain says. */
export function indexMetadata(metadata: JsonObject): IndexedMetadata {
  const indexed: IndexedMetadata = { paths: [], facts: [], values: [] };
  for (const [key, value] of Object.entries(metadata)) {
    add(indexed, key, value);
    // A name with a dot is found whole; as a way into an object it leads nowhere.
    if (!key.includes('.')) addInner(indexed, { path: key, value, metadata });
  }
  return indexed;
}

function addInner(
  indexed: IndexedMetadata,
  { path, value, metadata }: { path: string; value: JsonValue | undefined; metadata: JsonObject },
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber)
    return;
  for (const [key, inner] of Object.entries(value)) {
    const innerPath = `${path}.${key}`;
    if (key.includes('.')) continue;
    // A field that has the whole name hides the one inside.
    if (metadata[innerPath] === undefined) add(indexed, innerPath, inner);
    addInner(indexed, { path: innerPath, value: inner, metadata });
  }
}

function add(indexed: IndexedMetadata, path: string, value: JsonValue | undefined): void {
  if (value === undefined || value === null) return;
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) return;
  indexed.paths.push(path);
  for (const item of values) {
    // As `filterable` of the domain says.
    const one = item instanceof JsonNumber ? item.toString() : item;
    if (one !== null && typeof one === 'object') continue;
    if (one !== null) indexed.facts.push(fact(path, one));
    indexed.values.push({
      path,
      ...(typeof one === 'string' ? { text: one.slice(0, INDEXED_CHARACTERS) } : {}),
      ...numberOf(one),
      folded: String(one).toLowerCase().slice(0, INDEXED_CHARACTERS),
    });
  }
}

/** The nearest double: the server orders no others. */
function numberOf(value: Scalar): { number?: number } {
  const number = typeof value === 'string' ? orderedNumber(value) : value;
  if (typeof number !== 'number' && typeof number !== 'bigint') return {};
  return Number.isFinite(Number(number)) ? { number: Number(number) } : {};
}

function fact(path: string, value: Exclude<Scalar, null>): string {
  const text = JSON.stringify([path, value]);
  return text.length <= FACT_CHARACTERS ? text : createHash('sha256').update(text).digest('hex');
}

/** The same conditions as a query of the server. */
export function filterQuery(filter: MetadataFilter): Query {
  switch (filter.kind) {
    case 'and':
      return { bool: { filter: filter.filters.map(filterQuery) } };
    case 'or':
      // Without a condition nothing fits; an empty `should` would fit everything.
      return filter.filters.length === 0
        ? { match_none: {} }
        : { bool: { should: filter.filters.map(filterQuery), minimum_should_match: 1 } };
    case 'not':
      return not(filterQuery(filter.filter));
    case 'field':
      return condition(filter.field, filter.operator, filter.value);
  }
}

const not = (query: Query): Query => ({ bool: { must_not: [query] } });
/** Whether anything is said of the field. */
export const hasField = (field: string): Query => ({ term: { paths: field } });

function condition(field: string, operator: string, value: Scalar | Scalar[]): Query {
  switch (operator) {
    case 'eq':
    case 'in':
      return isAmong(field, Array.isArray(value) ? value : [value]);
    case 'ne':
    case 'nin':
      return not(isAmong(field, Array.isArray(value) ? value : [value]));
    case 'exists':
      return value === true ? hasField(field) : not(hasField(field));
    case 'contains':
      return ofValue(field, { wildcard: { 'values.folded': { value: `*${literally(String(value))}*` } } });
    default: {
      const range = (side: string, bound: string | number): Query =>
        ofValue(field, { range: { [`values.${side}`]: { [operator]: bound } } });
      const { number } = numberOf(value as Scalar);
      if (typeof value === 'string' && number === undefined) return range('text', value);
      return range('number', number!);
    }
  }
}

function isAmong(field: string, wanted: Scalar[]): Query {
  const facts = wanted.filter((one) => one !== null).map((one) => fact(field, one));
  const among: Query = { terms: { facts } };
  return wanted.includes(null)
    ? { bool: { should: [among, not(hasField(field))], minimum_should_match: 1 } }
    : among;
}

const ofValue = (field: string, inner: Query): Query => ({
  nested: { path: 'values', query: { bool: { filter: [{ term: { 'values.path': field } }, inner] } } },
});

const literally = (text: string): string => text.toLowerCase().replace(/[*?\\]/g, '\\$&');
