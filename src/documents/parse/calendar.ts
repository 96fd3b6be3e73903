/** What people read of an appointment, in this order. */
const FIELDS: Record<string, string> = {
  SUMMARY: 'Event',
  DTSTART: 'Start',
  DTEND: 'End',
  DUE: 'Due',
  RRULE: 'Repeats',
  LOCATION: 'Location',
  ORGANIZER: 'Organizer',
  ATTENDEE: 'Attendee',
  STATUS: 'Status',
  DESCRIPTION: 'Description',
};

const unescaped = (value: string): string =>
  value.replace(/\\([nN,;\\])/g, (_, sign: string) => (/n/i.test(sign) ? '\n' : sign));

/** 20240131T110000Z as ISO 8601. */
const timeOf = (value: string): string =>
  value.replace(/^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?$/, (_, y, mo, d, h, mi, s, z) =>
    h === undefined ? `${y}-${mo}-${d}` : `${y}-${mo}-${d}T${h}:${mi}:${s}${z}`,
  );

/** The appointments of an iCalendar file (RFC 5545) as lines of text. */
export function calendarText(calendar: string): string {
  const events: string[][] = [];
  const within: string[] = [];
  for (const line of calendar.replace(/\n[ \t]/g, '').split('\n')) {
    const [, name = '', parameters = '', value = ''] =
      /^([\w-]{1,60})((?:;[^:"]*(?:"[^"]*"[^:"]*)*)?):(.*)$/.exec(line) ?? [];
    if (name === 'BEGIN') within.push(value.trim());
    if (name === 'BEGIN' && /^V(?:EVENT|TODO|JOURNAL)$/.test(value.trim())) events.push([]);
    if (name === 'END') within.pop();
    const label = FIELDS[name.toUpperCase()];
    if (!label || !/^V(?:EVENT|TODO|JOURNAL)$/.test(within.at(-1) ?? '') || value.trim() === '') continue;
    const person = /;CN=("[^"]*"|[^;:]*)/i.exec(parameters)?.[1]?.replace(/"/g, '');
    const address = value.replace(/^mailto:/i, '').trim();
    const shown = person && person !== address ? `${person} <${address}>` : timeOf(unescaped(address));
    events.at(-1)!.push(`${label}: ${shown}`);
  }
  return events.map((lines) => lines.join('\n')).join('\n\n');
}
