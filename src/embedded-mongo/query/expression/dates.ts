import { QueryError, failedToParse } from '../errors';
import { BsonType, Int32, Long, bsonType, isDocument, isNullish } from '../bson-types';
import { isNumeric, toDouble } from '../numbers';
import { isTruthy, namedArguments, namedOperator, typeName, type OperatorDefinition } from './core';
import {
  DAY_MS,
  dayOfYear,
  formatDate,
  isoDayOfWeek,
  isoWeek,
  parseWithFormat,
  weekOfYear,
} from './date-format';
import { toInstant, toLocal } from './time-zones';

function asDate(value: unknown): Date {
  switch (bsonType(value)) {
    case BsonType.date:
      return value as Date;
    case BsonType.timestamp:
      return new Date((value as { getHighBitsUnsigned(): number }).getHighBitsUnsigned() * 1000);
    case BsonType.objectId:
      return (value as { getTimestamp(): Date }).getTimestamp();
    default:
      throw new QueryError(16006, `can't convert from BSON type ${typeName(value)} to Date`);
  }
}

function zoneOf(value: unknown): string {
  if (value === undefined) return 'UTC';
  if (typeof value !== 'string')
    throw new QueryError(40517, `timezone must evaluate to a string, found ${typeName(value)}`);
  return value;
}

/** A date part operator: `{ $year: date }` or `{ $year: { date, timezone } }`. */
function part(name: string, read: (local: Date) => Int32 | Long): OperatorDefinition {
  return (operand, compiler) => {
    const single = Array.isArray(operand) && operand.length === 1 ? (operand[0] as unknown) : operand;
    if (Array.isArray(single))
      throw new QueryError(
        40536,
        `${name} accepts exactly one argument if given an array, but was given ${single.length}`,
      );
    const named = isDocument(single) && !(Object.keys(single)[0] ?? '').startsWith('$');
    const args = named
      ? namedArguments(name, single, { required: ['date'], optional: ['timezone'] })
      : { date: single };
    const date = compiler.compile(args.date);
    const zone = 'timezone' in args ? compiler.compile(args.timezone) : () => undefined;
    return (scope) => {
      const [value, timezone] = [date(scope), zone(scope)];
      if (isNullish(value) || timezone === null) return null;
      return read(toLocal(asDate(value), zoneOf(timezone)));
    };
  };
}

const int = (read: (local: Date) => number) => (local: Date) => new Int32(read(local));

/** `$toDate` and format-less `$dateFromString`: ISO 8601 and the common forms, UTC unless the text names a zone. */
export function parseDateString(text: string, zone = 'UTC'): Date {
  const iso =
    /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)? ?(Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)?$/i.exec(
      text,
    );
  if (iso) {
    const [, y, mo, d, h, mi, s, fraction, offset] = iso;
    const ms = Number((fraction ?? '0').slice(0, 3).padEnd(3, '0'));
    const local = new Date(
      Date.UTC(
        Number(y),
        Number(mo) - 1,
        Number(d ?? 1),
        Number(h ?? 0),
        Number(mi ?? 0),
        Number(s ?? 0),
        ms,
      ),
    );
    if (local.getUTCMonth() + 1 === Number(mo) && local.getUTCDate() === Number(d ?? 1)) {
      if (offset && zone !== 'UTC') {
        throw new QueryError(
          241,
          `you cannot pass in a date/time string with GMT offset together with a timezone argument`,
        );
      }
      return toInstant(local, offset ? offset.toUpperCase() : zone);
    }
  } else if (/[A-Za-z]{3}/.test(text) || /^\d{1,2}\/\d{1,2}\/\d{4}$/.test(text)) {
    const loose = new Date(/(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text} UTC`);
    if (!Number.isNaN(loose.getTime())) return toInstant(loose, zone);
  }
  throw new QueryError(241, `Error parsing date string '${text}'`);
}

const dateFromString: OperatorDefinition = (operand, compiler) => {
  const names = { required: ['dateString'], optional: ['format', 'timezone', 'onError', 'onNull'] };
  const args = namedArguments('$dateFromString', operand, names);
  const compiled = Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key, compiler.compile(value)]),
  );
  return (scope) => {
    const text = compiled.dateString!(scope);
    if (isNullish(text)) return compiled.onNull ? compiled.onNull(scope) : null;
    const format = compiled.format?.(scope);
    const timezone = compiled.timezone?.(scope);
    if (format === null || timezone === null) return null;
    try {
      if (typeof text !== 'string')
        throw new QueryError(
          241,
          `$dateFromString requires that 'dateString' be a string, found: ${typeName(text)}`,
        );
      if (format === undefined) return parseDateString(text, zoneOf(timezone));
      if (typeof format !== 'string')
        throw new QueryError(
          40684,
          `$dateFromString requires that 'format' be a string, found: ${typeName(format)}`,
        );
      const date = parseWithFormat(text, format, zoneOf(timezone));
      if (!date) throw new QueryError(241, `Error parsing date string '${text}' with format '${format}'`);
      return date;
    } catch (error) {
      if (compiled.onError && error instanceof QueryError && error.code === 241)
        return compiled.onError(scope);
      throw error;
    }
  };
};

const dateToString: OperatorDefinition = (operand, compiler) => {
  const args = namedArguments('$dateToString', operand, {
    required: ['date'],
    optional: ['format', 'timezone', 'onNull'],
  });
  const compiled = Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key, compiler.compile(value)]),
  );
  return (scope) => {
    const date = compiled.date!(scope);
    if (isNullish(date)) return compiled.onNull ? compiled.onNull(scope) : null;
    const timezone = compiled.timezone?.(scope);
    const format = compiled.format?.(scope);
    if (format === null || timezone === null) return null;
    if (format !== undefined && typeof format !== 'string') {
      throw new QueryError(
        18533,
        `$dateToString requires that 'format' be a string, found: ${typeName(format)}`,
      );
    }
    const zone = zoneOf(timezone);
    return formatDate(
      asDate(date),
      format ?? (zone === 'UTC' ? '%Y-%m-%dT%H:%M:%S.%LZ' : '%Y-%m-%dT%H:%M:%S.%L'),
      zone,
    );
  };
};

const CALENDAR_PARTS = ['month', 'day', 'hour', 'minute', 'second', 'millisecond'];
const ISO_PARTS = ['isoWeek', 'isoDayOfWeek', 'hour', 'minute', 'second', 'millisecond'];

function partNumber(args: Record<string, unknown>, name: string, fallback: number): number {
  const value = args[name] ?? fallback;
  if (!isNumeric(value) || !Number.isInteger(toDouble(value))) {
    throw new QueryError(40515, `'${name}' must evaluate to an integer, found ${typeName(value)}`);
  }
  return toDouble(value);
}

function dateFromParts(args: Record<string, unknown>): unknown {
  if (Object.values(args).some((value) => value === null)) return null;
  const zone = zoneOf(args.timezone);
  const iso = 'isoWeekYear' in args;
  const names = iso ? ISO_PARTS : CALENDAR_PARTS;
  const year = partNumber(args, iso ? 'isoWeekYear' : 'year', NaN);
  if (year < 1 || year > 9999)
    throw new QueryError(
      40523,
      `'${iso ? 'isoWeekYear' : 'year'}' must evaluate to an integer in the range 1 to 9999, found ${year}`,
    );
  const [first, second, ...time] = names.map((name, i) => partNumber(args, name, i < 2 ? 1 : 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (!iso) {
    const local = new Date(0);
    local.setUTCFullYear(year, first - 1, second);
    local.setUTCHours(...time);
    return toInstant(local, zone);
  }
  const fourth = new Date(Date.UTC(year, 0, 4));
  const monday = fourth.getTime() - (isoDayOfWeek(fourth) - 1) * DAY_MS;
  const day = new Date(monday + ((first - 1) * 7 + second - 1) * DAY_MS);
  return toInstant(new Date(day.setUTCHours(...time)), zone);
}

function dateToParts({ date, timezone, iso8601 }: Record<string, unknown>): unknown {
  if (isNullish(date) || timezone === null || iso8601 === null) return null;
  const local = toLocal(asDate(date), zoneOf(timezone));
  const time = {
    hour: new Int32(local.getUTCHours()),
    minute: new Int32(local.getUTCMinutes()),
    second: new Int32(local.getUTCSeconds()),
    millisecond: new Int32(local.getUTCMilliseconds()),
  };
  if (isTruthy(iso8601)) {
    const { year, week } = isoWeek(local);
    return {
      isoWeekYear: new Int32(year),
      isoWeek: new Int32(week),
      isoDayOfWeek: new Int32(isoDayOfWeek(local)),
      ...time,
    };
  }
  return {
    year: new Int32(local.getUTCFullYear()),
    month: new Int32(local.getUTCMonth() + 1),
    day: new Int32(local.getUTCDate()),
    ...time,
  };
}

const FIXED_UNITS: Record<string, number> = {
  week: 7 * DAY_MS,
  day: DAY_MS,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
};
const MONTH_UNITS: Record<string, number> = { year: 12, quarter: 3, month: 1 };

function unitOf(name: string, unit: unknown): string {
  if (typeof unit !== 'string')
    throw new QueryError(5439013, `${name} requires 'unit' to be a string, but got ${typeName(unit)}`);
  if (!(unit in FIXED_UNITS) && !(unit in MONTH_UNITS))
    throw failedToParse(`${name} parameter 'unit' value cannot be recognized as a time unit: ${unit}`);
  return unit;
}

function addMonths(local: Date, months: number): Date {
  const target = new Date(local);
  target.setUTCDate(1);
  target.setUTCMonth(target.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate();
  target.setUTCDate(Math.min(local.getUTCDate(), lastDay));
  return target;
}

function addUnits(date: Date, { unit, amount, zone }: { unit: string; amount: number; zone: string }): Date {
  const months = MONTH_UNITS[unit];
  if (months !== undefined) return toInstant(addMonths(toLocal(date, zone), months * amount), zone);
  const length = FIXED_UNITS[unit]!;
  // Days and weeks keep the wall-clock time across a daylight-saving change; shorter units are exact spans.
  if (length >= DAY_MS) return toInstant(new Date(toLocal(date, zone).getTime() + amount * length), zone);
  return new Date(date.getTime() + amount * length);
}

function shift(name: string, sign: 1 | -1): OperatorDefinition {
  return namedOperator(
    name,
    { required: ['startDate', 'unit', 'amount'], optional: ['timezone'] },
    (args) => {
      if (
        isNullish(args.startDate) ||
        isNullish(args.unit) ||
        isNullish(args.amount) ||
        args.timezone === null
      )
        return null;
      const unit = unitOf(name, args.unit);
      if (!isNumeric(args.amount) || !Number.isInteger(toDouble(args.amount))) {
        throw new QueryError(5166405, `${name} expects integer amount of time units`);
      }
      return addUnits(asDate(args.startDate), {
        unit,
        amount: sign * toDouble(args.amount),
        zone: zoneOf(args.timezone),
      });
    },
  );
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

function weekStart(name: string, value: unknown): number {
  if (isNullish(value)) return 0;
  const day = typeof value === 'string' ? value.toLowerCase() : '';
  const index = WEEKDAYS.findIndex((weekday) => weekday === day || weekday.slice(0, 3) === day);
  if (index < 0)
    throw failedToParse(
      `${name} parameter 'startOfWeek' value cannot be recognized as a day of a week: ${String(value)}`,
    );
  return index;
}

const monthIndex = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();

/** Number of a date's unit since the epoch, in local time; weeks start on the given weekday. */
function unitIndex(local: Date, unit: string, startOfWeek: number): number {
  const months = MONTH_UNITS[unit];
  if (months !== undefined) return Math.floor(monthIndex(local) / months);
  // 1970-01-01 was a Thursday (4).
  if (unit === 'week')
    return Math.floor((Math.floor(local.getTime() / DAY_MS) + ((4 - startOfWeek + 7) % 7)) / 7);
  return Math.floor(local.getTime() / FIXED_UNITS[unit]!);
}

function dateDiff(args: Record<string, unknown>): unknown {
  const { startDate, endDate, unit, timezone, startOfWeek } = args;
  if (isNullish(startDate) || isNullish(endDate) || isNullish(unit) || timezone === null) return null;
  const name = unitOf('$dateDiff', unit);
  const first = weekStart('$dateDiff', startOfWeek);
  const zone = zoneOf(timezone);
  const index = (date: unknown): number => unitIndex(toLocal(asDate(date), zone), name, first);
  return Long.fromNumber(index(endDate) - index(startDate));
}

/** `$dateTrunc` counts bins from this date. */
const REFERENCE = Date.UTC(2000, 0, 1);

function dateTrunc(args: Record<string, unknown>): unknown {
  const { date, unit, binSize, timezone, startOfWeek } = args;
  if (isNullish(date) || isNullish(unit) || binSize === null || timezone === null) return null;
  const name = unitOf('$dateTrunc', unit);
  const size = binSize === undefined ? 1 : toDouble(binSize);
  if (!Number.isInteger(size) || size <= 0)
    throw new QueryError(
      5439017,
      `$dateTrunc requires 'binSize' to be greater than 0, but got value ${String(binSize)}`,
    );
  const zone = zoneOf(timezone);
  const local = toLocal(asDate(date), zone);
  const first = weekStart('$dateTrunc', startOfWeek);
  const reference = new Date(REFERENCE);
  const origin = unitIndex(reference, name, first);
  const bin = origin + Math.floor((unitIndex(local, name, first) - origin) / size) * size;
  const months = MONTH_UNITS[name];
  if (months !== undefined)
    return toInstant(new Date(Date.UTC(Math.floor((bin * months) / 12), (bin * months) % 12, 1)), zone);
  const weekShift = name === 'week' ? ((4 - first + 7) % 7) * DAY_MS : 0;
  return toInstant(new Date(bin * FIXED_UNITS[name]! - weekShift), zone);
}

export const DATE_OPERATORS: Record<string, OperatorDefinition> = {
  $year: part(
    '$year',
    int((d) => d.getUTCFullYear()),
  ),
  $month: part(
    '$month',
    int((d) => d.getUTCMonth() + 1),
  ),
  $dayOfMonth: part(
    '$dayOfMonth',
    int((d) => d.getUTCDate()),
  ),
  $dayOfWeek: part(
    '$dayOfWeek',
    int((d) => d.getUTCDay() + 1),
  ),
  $dayOfYear: part('$dayOfYear', int(dayOfYear)),
  $hour: part(
    '$hour',
    int((d) => d.getUTCHours()),
  ),
  $minute: part(
    '$minute',
    int((d) => d.getUTCMinutes()),
  ),
  $second: part(
    '$second',
    int((d) => d.getUTCSeconds()),
  ),
  $millisecond: part(
    '$millisecond',
    int((d) => d.getUTCMilliseconds()),
  ),
  $week: part('$week', int(weekOfYear)),
  $isoWeek: part(
    '$isoWeek',
    int((d) => isoWeek(d).week),
  ),
  $isoWeekYear: part('$isoWeekYear', (d) => Long.fromNumber(isoWeek(d).year)),
  $isoDayOfWeek: part('$isoDayOfWeek', int(isoDayOfWeek)),
  $dateToString: dateToString,
  $dateFromString: dateFromString,
  $dateFromParts: (operand, compiler) =>
    isDocument(operand) && 'isoWeekYear' in operand
      ? namedOperator(
          '$dateFromParts',
          { required: ['isoWeekYear'], optional: [...ISO_PARTS, 'timezone'] },
          dateFromParts,
        )(operand, compiler)
      : namedOperator(
          '$dateFromParts',
          { required: ['year'], optional: [...CALENDAR_PARTS, 'timezone'] },
          dateFromParts,
        )(operand, compiler),
  $dateToParts: namedOperator(
    '$dateToParts',
    { required: ['date'], optional: ['timezone', 'iso8601'] },
    dateToParts,
  ),
  $dateAdd: shift('$dateAdd', 1),
  $dateSubtract: shift('$dateSubtract', -1),
  $dateDiff: namedOperator(
    '$dateDiff',
    { required: ['startDate', 'endDate', 'unit'], optional: ['timezone', 'startOfWeek'] },
    dateDiff,
  ),
  $dateTrunc: namedOperator(
    '$dateTrunc',
    { required: ['date', 'unit'], optional: ['binSize', 'timezone', 'startOfWeek'] },
    dateTrunc,
  ),
};
