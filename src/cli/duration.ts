const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A hundred years: beyond that a typing error is likelier than a wish. */
const MAX_DURATION_MS = 36_525 * 86_400_000;

/**
 * Reads `30s`, `15m`, `1h` or `7d`.
 * @returns milliseconds, or undefined when the text is no duration from one second to a hundred years
 */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,12})([smhd])$/.exec(text.trim()) ?? [];
  const unitMs = UNIT_MS[unit];
  if (amount === undefined || unitMs === undefined) return undefined;
  const durationMs = Number(amount) * unitMs;
  return durationMs > 0 && durationMs <= MAX_DURATION_MS ? durationMs : undefined;
}
