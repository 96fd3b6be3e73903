import { QueryError } from '../errors';
import { offsetMs, toInstant } from './time-zones';

export const DAY_MS = 86_400_000;

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const yearStart = (date: Date): number => Date.UTC(date.getUTCFullYear(), 0, 1);

export const dayOfYear = (date: Date): number => Math.floor((date.getTime() - yearStart(date)) / DAY_MS) + 1;

export const isoDayOfWeek = (date: Date): number => date.getUTCDay() || 7;

/** Week of the year, 0..53, Sundays starting weeks; days before the first Sunday are week 0. */
export const weekOfYear = (date: Date): number => Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7);

/** ISO 8601 week and its year: the week belongs to the year of its Thursday. */
export function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - isoDayOfWeek(date)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}

const offsetText = (minutes: number): string => {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}${pad(size % 60, 2)}`;
};

const FIELDS: Record<string, (local: Date, offsetMinutes: number) => string> = {
  b: (d) => MONTHS[d.getUTCMonth()]!.slice(0, 3),
  B: (d) => MONTHS[d.getUTCMonth()]!,
  Y: (d) => pad(d.getUTCFullYear(), 4),
  G: (d) => pad(isoWeek(d).year, 4),
  m: (d) => pad(d.getUTCMonth() + 1, 2),
  d: (d) => pad(d.getUTCDate(), 2),
  H: (d) => pad(d.getUTCHours(), 2),
  M: (d) => pad(d.getUTCMinutes(), 2),
  S: (d) => pad(d.getUTCSeconds(), 2),
  L: (d) => pad(d.getUTCMilliseconds(), 3),
  j: (d) => pad(dayOfYear(d), 3),
  u: (d) => String(isoDayOfWeek(d)),
  w: (d) => String(d.getUTCDay() + 1),
  U: (d) => pad(weekOfYear(d), 2),
  V: (d) => pad(isoWeek(d).week, 2),
  z: (_d, offset) => offsetText(offset),
  Z: (_d, offset) => String(offset),
  '%': () => '%',
};

/** Formats with MongoDB's `%` specifiers. @throws QueryError 18536 for an unknown one */
export function formatDate(date: Date, format: string, zone: string): string {
  const offset = offsetMs(zone, date.getTime());
  const local = new Date(date.getTime() + offset);
  return format.replace(/%(.?)/gs, (_whole, specifier: string) => {
    const field = Object.hasOwn(FIELDS, specifier) ? FIELDS[specifier] : undefined;
    if (!field) throw new QueryError(18536, `Invalid format character '%${specifier}' in format string`);
    return field(local, Math.round(offset / 60_000));
  });
}

/** What each specifier of a parse format reads, as a named group. */
const PATTERNS: Record<string, string> = {
  Y: '(?<Y>\\d{4})',
  m: '(?<m>\\d{1,2})',
  d: '(?<d>\\d{1,2})',
  H: '(?<H>\\d{1,2})',
  M: '(?<M>\\d{1,2})',
  S: '(?<S>\\d{1,2})',
  L: '(?<L>\\d{1,3})',
  b: '(?<b>[A-Za-z]{3})',
  B: '(?<B>[A-Za-z]+)',
  j: '(?<j>\\d{1,3})',
  G: '(?<G>\\d{4})',
  V: '(?<V>\\d{1,2})',
  u: '(?<u>\\d)',
  z: '(?<z>Z|[+-]\\d{2}:?\\d{2})',
  Z: '(?<Z>[+-]?\\d{1,4})',
  '%': '%',
};

function monthOf(fields: Record<string, string | undefined>): number {
  const name = (fields.b ?? fields.B)?.toLowerCase();
  if (name === undefined) return Number(fields.m ?? 1);
  return (
    MONTHS.findIndex((month) => month.toLowerCase() === name || month.slice(0, 3).toLowerCase() === name) + 1
  );
}

function localDate(fields: Record<string, string | undefined>): Date {
  const time = [
    Number(fields.H ?? 0),
    Number(fields.M ?? 0),
    Number(fields.S ?? 0),
    Number((fields.L ?? '0').padEnd(3, '0')),
  ] as const;
  if (fields.G !== undefined) {
    const fourth = new Date(Date.UTC(Number(fields.G), 0, 4));
    const monday = fourth.getTime() - (isoDayOfWeek(fourth) - 1) * DAY_MS;
    const days = (Number(fields.V ?? 1) - 1) * 7 + Number(fields.u ?? 1) - 1;
    return new Date(new Date(monday + days * DAY_MS).setUTCHours(...time));
  }
  if (fields.j !== undefined) return new Date(Date.UTC(Number(fields.Y), 0, Number(fields.j), ...time));
  return new Date(Date.UTC(Number(fields.Y), monthOf(fields) - 1, Number(fields.d ?? 1), ...time));
}

/** Parses by MongoDB's `%` specifiers; undefined when the text does not fit the format. */
export function parseWithFormat(text: string, format: string, zone: string): Date | undefined {
  const source = format.replace(/%(.?)|[.*+?^${}()|[\]\\]/gs, (whole, specifier: string | undefined) => {
    if (specifier === undefined) return `\\${whole}`;
    const pattern = Object.hasOwn(PATTERNS, specifier) ? PATTERNS[specifier] : undefined;
    if (!pattern) throw new QueryError(18536, `Invalid format character '%${specifier}' in format string`);
    return pattern;
  });
  const fields = new RegExp(`^${source}$`).exec(text)?.groups;
  if (!fields) return undefined;
  const local = localDate(fields);
  const month = monthOf(fields);
  // A date such as February 30 rolls over in JavaScript; MongoDB refuses it.
  if (Number.isNaN(local.getTime()) || (fields.m !== undefined && local.getUTCMonth() + 1 !== month))
    return undefined;
  if (fields.Z !== undefined) return new Date(local.getTime() - Number(fields.Z) * 60_000);
  return toInstant(local, fields.z ?? zone);
}
