import { invalid } from '../../errors';
import type { JsonObject, JsonValue } from '../../ports/records';

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function asObject(value: JsonValue | undefined, path: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(path, 'expected an object');
  return value;
}

/** Text as it is, anything else as JSON; what is absent is empty. */
export const asText = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
