/** A value as header and path text; objects, which belong in neither, as JSON rather than as `[object Object]`. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
