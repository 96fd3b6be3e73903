import { isInOrder } from '../../json/ordered';
import type { MetadataFilter } from '../../knowledge/metadata-filter';
import type { JsonObject, JsonValue } from '../../ports/records';

type Predicate = (metadata: JsonObject) => boolean;
type Scalar = string | number | boolean | null;

/** A filter as a function. What a condition means is `matchesMetadata`'s to say; a property test holds the two together. */
export function compileFilter(filter: MetadataFilter): Predicate {
  switch (filter.kind) {
    case 'and': {
      const all = filter.filters.map(compileFilter);
      return (metadata) => all.every((one) => one(metadata));
    }
    case 'or': {
      const any = filter.filters.map(compileFilter);
      return (metadata) => any.some((one) => one(metadata));
    }
    case 'not': {
      const inner = compileFilter(filter.filter);
      return (metadata) => !inner(metadata);
    }
    case 'field': {
      const fits = condition(filter.operator, filter.value);
      return (metadata) => fits(valuesAt(metadata, filter.field));
    }
  }
}

/** Whether anything is said of the field. */
export const hasValue = (metadata: JsonObject, field: string): boolean =>
  valuesAt(metadata, field).length > 0;

function valuesAt(metadata: JsonObject, field: string): Scalar[] {
  let value: JsonValue | undefined = metadata[field];
  if (value === undefined && field.includes('.')) {
    value = metadata;
    for (const key of field.split('.'))
      value = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined;
  }
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]) as Scalar[];
}

function condition(operator: string, wanted: Scalar | Scalar[]): (values: Scalar[]) => boolean {
  const list = new Set(Array.isArray(wanted) ? wanted : [wanted]);
  const isAmong = (values: Scalar[]): boolean =>
    values.length === 0 ? list.has(null) : values.some((value) => value !== null && list.has(value));
  switch (operator) {
    case 'eq':
    case 'in':
      return isAmong;
    case 'ne':
    case 'nin':
      return (values) => !isAmong(values);
    case 'exists':
      return (values) => values.length > 0 === wanted;
    case 'contains': {
      const part = String(wanted).toLowerCase();
      return (values) => values.some((value) => String(value).toLowerCase().includes(part));
    }
    default:
      return (values) => values.some((value) => isInOrder(operator, value, wanted));
  }
}
