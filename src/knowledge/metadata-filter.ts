import { invalid } from '../errors';
import { isInOrder, JsonNumber } from '../json';
import type { JsonObject, JsonValue } from '../ports/records';

export const FILTER_OPERATORS = [
  'eq',
  'ne',
  'in',
  'nin',
  'gt',
  'gte',
  'lt',
  'lte',
  'contains',
  'exists',
] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];

type Scalar = string | number | boolean | null;

/** Conditions on metadata. A field that is a list fits when one of its elements does. */
export type MetadataFilter =
  | { kind: 'and' | 'or'; filters: MetadataFilter[] }
  | { kind: 'not'; filter: MetadataFilter }
  | { kind: 'field'; field: string; operator: FilterOperator; value: Scalar | Scalar[] };

const MAX_DEPTH = 8;
const MAX_CONDITIONS = 100;
const FIELD_CHARACTERS = 200;

/**
 * Reads `{field: value}`, `{field: {eq|ne|in|nin|gt|gte|lt|lte|contains|exists: value}}` with `and`, `or`, `not`; several
 * keys of one object must all hold.
 * @param path where the filter is in the request, for complaints
 * @returns undefined for none, and for an empty object
 * @throws DomainError `validation_failed` naming the bad part
 */
export function parseMetadataFilter(value: JsonValue | undefined, path: string): MetadataFilter | undefined {
  if (value === undefined || value === null) return undefined;
  const reader = new FilterReader();
  const filter = reader.object(value, path, 0);
  return filter.kind === 'and' && filter.filters.length === 0 ? undefined : filter;
}

class FilterReader {
  private conditions = 0;

  object(value: JsonValue, path: string, depth: number): MetadataFilter {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid(path, 'must be an object of conditions');
    if (depth > MAX_DEPTH) throw invalid(path, `must not be nested deeper than ${MAX_DEPTH}`);
    const filters = Object.entries(value).map(([key, condition]) =>
      this.entry(key, condition, `${path}.${key}`, depth),
    );
    return filters.length === 1 ? filters[0]! : { kind: 'and', filters };
  }

  private entry(key: string, value: JsonValue, path: string, depth: number): MetadataFilter {
    if (key === 'not') return { kind: 'not', filter: this.object(value, path, depth + 1) };
    if (key === 'and' || key === 'or') {
      const list = Array.isArray(value) ? value : undefined;
      if (!list || list.length === 0) throw invalid(path, 'must be a list of conditions, not an empty one');
      return {
        kind: key,
        filters: list.map((item, index) => this.object(item, `${path}.${index}`, depth + 1)),
      };
    }
    return this.field(key, value, path);
  }

  private field(field: string, value: JsonValue, path: string): MetadataFilter {
    if (field === '' || field.length > FIELD_CHARACTERS)
      throw invalid(path, `the name of a field has 1 to ${FIELD_CHARACTERS} characters`);
    if (typeof value !== 'object' || value === null || value instanceof JsonNumber)
      return this.condition(field, 'eq', value, path);
    if (Array.isArray(value)) return this.condition(field, 'in', value, path);
    const entries = Object.entries(value);
    if (entries.length === 0) throw invalid(path, `needs one of ${FILTER_OPERATORS.join(', ')}`);
    const filters = entries.map(([operator, operand]) => {
      if (!(FILTER_OPERATORS as readonly string[]).includes(operator))
        throw invalid(`${path}.${operator}`, `is no operator; there are ${FILTER_OPERATORS.join(', ')}`);
      return this.condition(field, operator as FilterOperator, operand, `${path}.${operator}`);
    });
    return filters.length === 1 ? filters[0]! : { kind: 'and', filters };
  }

  private condition(field: string, operator: FilterOperator, value: JsonValue, path: string): MetadataFilter {
    if (++this.conditions > MAX_CONDITIONS) throw invalid(path, `more than ${MAX_CONDITIONS} conditions`);
    const operand = operandOf(value);
    checkOperand(operator, operand, path);
    return { kind: 'field', field, operator, value: operand as Scalar | Scalar[] };
  }
}

/**
 * A value as filters compare it: numbers that no double is equal to are texts, which compare with numbers as numbers do
 * (`isInOrder`). Two ids that differ in their last digit stay two.
 */
export const filterable = (value: JsonValue): JsonValue =>
  value instanceof JsonNumber ? value.toString() : value;

const operandOf = (value: JsonValue): JsonValue =>
  Array.isArray(value) ? value.map(filterable) : filterable(value);

function checkOperand(operator: FilterOperator, value: JsonValue, path: string): void {
  const isScalar = (item: JsonValue): boolean => item === null || typeof item !== 'object';
  if (operator === 'in' || operator === 'nin') {
    if (!Array.isArray(value) || value.length === 0 || !value.every(isScalar))
      throw invalid(path, 'must be a list of values, not an empty one');
  } else if (operator === 'exists') {
    if (typeof value !== 'boolean') throw invalid(path, 'must be true or false');
  } else if (['gt', 'gte', 'lt', 'lte'].includes(operator)) {
    if (typeof value !== 'number' && typeof value !== 'string')
      throw invalid(path, 'must be a number or a text');
  } else if (operator === 'contains') {
    if (typeof value !== 'string' || value === '') throw invalid(path, 'must be a text, not an empty one');
  } else if (!isScalar(value)) throw invalid(path, 'must be a text, a number, true, false or null');
}

/** Whether metadata fit. Dots in a field's name lead into objects, where no field has the whole name. */
export function matchesMetadata(filter: MetadataFilter, metadata: JsonObject): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every((one) => matchesMetadata(one, metadata));
    case 'or':
      return filter.filters.some((one) => matchesMetadata(one, metadata));
    case 'not':
      return !matchesMetadata(filter.filter, metadata);
    case 'field':
      return fits(filter.operator, valuesAt(metadata, filter.field), filter.value);
  }
}

function valuesAt(metadata: JsonObject, field: string): Scalar[] {
  let value: JsonValue | undefined = metadata[field];
  if (value === undefined && field.includes('.'))
    value = field
      .split('.')
      .reduce<JsonValue | undefined>(
        (current, key) =>
          typeof current === 'object' && current !== null && !Array.isArray(current)
            ? current[key]
            : undefined,
        metadata,
      );
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(filterable) as Scalar[];
}

function fits(operator: FilterOperator, values: Scalar[], wanted: Scalar | Scalar[]): boolean {
  const list = Array.isArray(wanted) ? wanted : [wanted];
  const isAmong = (): boolean =>
    list.some((one) => (one === null ? values.length === 0 : values.some((value) => value === one)));
  switch (operator) {
    case 'eq':
    case 'in':
      return isAmong();
    case 'ne':
    case 'nin':
      return !isAmong();
    case 'exists':
      return values.length > 0 === wanted;
    case 'contains':
      return values.some((value) => String(value).toLowerCase().includes(String(wanted).toLowerCase()));
    default:
      return values.some((value) => isInOrder(operator, value, wanted));
  }
}
