/** Digits that no double is likely to be equal to; bounded, since the work of reading them grows with their square. */
const LONG = /^-?(?:\d{16,1000}|\d{1,300}\.\d{16,700})$/;

/**
 * The number of a text in which search indexes keep a number that no double is equal to: integers exactly, fractions as the
 * nearest double; undefined for other texts. Imports nothing, for the threads of the indexes.
 */
export function orderedNumber(text: string): number | bigint | undefined {
  if (!LONG.test(text)) return undefined;
  if (text.includes('.')) return Number(text);
  return Number.isSafeInteger(Number(text)) ? undefined : BigInt(text);
}

/** Numbers with numbers, those in texts included, and texts with texts: ISO 8601 times order as texts do. */
export function isInOrder(operator: string, value: unknown, wanted: unknown): boolean {
  const [a, b] = [numberOf(value), numberOf(wanted)];
  if (b !== undefined) return a !== undefined && orders(operator, a, b);
  return typeof value === 'string' && typeof wanted === 'string' && orders(operator, value, wanted);
}

function numberOf(value: unknown): number | bigint | undefined {
  if (typeof value === 'string') return orderedNumber(value);
  return typeof value === 'number' ? value : undefined;
}

function orders<T extends number | bigint | string>(operator: string, a: T, b: T): boolean {
  if (operator === 'gt') return a > b;
  if (operator === 'gte') return a >= b;
  return operator === 'lt' ? a < b : a <= b;
}
