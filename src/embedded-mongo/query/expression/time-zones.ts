import { QueryError } from '../errors';

const OFFSET = /^([+-])(\d{2}):?(\d{2})?$/;
const MINUTE_MS = 60_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterFor(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (!formatter) {
    try {
      formatter = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      throw new QueryError(40485, `unrecognized time zone identifier: "${zone}"`);
    }
    formatters.set(zone, formatter);
  }
  return formatter;
}

/** Offset of a zone from UTC at an instant, in milliseconds; a zone is an Olson name, UTC, GMT, Z or +hh[:mm]. */
export function offsetMs(zone: string, instantMs: number): number {
  if (zone === 'UTC' || zone === 'GMT' || zone === 'Z') return 0;
  const fixed = OFFSET.exec(zone);
  if (fixed) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
    return (fixed[1] === '-' ? -minutes : minutes) * MINUTE_MS;
  }
  const fields: Record<string, number> = {};
  for (const { type, value } of formatterFor(zone).formatToParts(instantMs)) fields[type] = Number(value);
  const local = Date.UTC(
    fields.year!,
    fields.month! - 1,
    fields.day,
    fields.hour,
    fields.minute,
    fields.second,
  );
  return local - Math.floor(instantMs / 1000) * 1000;
}

/** A date whose UTC fields are the local ones of the zone. */
export const toLocal = (date: Date, zone: string): Date =>
  new Date(date.getTime() + offsetMs(zone, date.getTime()));

/** The instant at which clocks of the zone show the fields of `local`. */
export function toInstant(local: Date, zone: string): Date {
  const guess = local.getTime() - offsetMs(zone, local.getTime());
  return new Date(local.getTime() - offsetMs(zone, guess));
}
