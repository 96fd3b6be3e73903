/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */

/** Numbers as a spreadsheet shows them; dates in ISO 8601 whatever the format's order, so that they mean one day. */
export type NumberFormat = (value: number) => string;

/** Patterns of ECMA-376 part 1, 18.8.30; those that follow the reader's locale are given as ISO dates and dollars. */
const BUILT_IN: Readonly<Record<number, string>> = {
  1: '0',
  2: '0.00',
  3: '#,##0',
  4: '#,##0.00',
  5: '$#,##0;($#,##0)',
  6: '$#,##0;($#,##0)',
  7: '$#,##0.00;($#,##0.00)',
  8: '$#,##0.00;($#,##0.00)',
  9: '0%',
  10: '0.00%',
  11: '0.00E+00',
  12: '# ?/?',
  13: '# ??/??',
  14: 'yyyy-mm-dd',
  15: 'd-mmm-yy',
  16: 'd-mmm',
  17: 'mmm-yy',
  18: 'h:mm AM/PM',
  19: 'h:mm:ss AM/PM',
  20: 'h:mm',
  21: 'h:mm:ss',
  22: 'yyyy-mm-dd h:mm',
  37: '#,##0;(#,##0)',
  38: '#,##0;(#,##0)',
  39: '#,##0.00;(#,##0.00)',
  40: '#,##0.00;(#,##0.00)',
  41: '#,##0;(#,##0);"-"',
  42: '$#,##0;($#,##0);"-"',
  43: '#,##0.00;(#,##0.00);"-"',
  44: '$#,##0.00;($#,##0.00);"-"',
  45: 'mm:ss',
  46: '[h]:mm:ss',
  47: 'mm:ss.0',
  48: '##0.0E+0',
};
/** Dates of East Asian locales: 27 to 36 and 50 to 58, of which these are times. */
const EAST_ASIAN_TIMES: ReadonlySet<number> = new Set([32, 33]);

const SECONDS_A_DAY = 86_400;
/** From day 0 of the 1900 calendar to day 0 of the 1904 calendar. */
const DAYS_TO_1904 = 1462;
/** The last day of 9999, where the calendar of spreadsheets ends. */
const LAST_DAY = 2_958_465;
/** A spreadsheet keeps 15 digits of a number, and stores 17. */
const DIGITS = 15;

/** The shortest number that is the same for a spreadsheet: 1.1, and not 1.1000000000000001. */
export function generalText(value: number): string {
  return String(Number(value.toPrecision(DIGITS))).replace('e', 'E');
}

/** @returns undefined for "General" and ids that are the file's own */
export function builtInPattern(id: number): string | undefined {
  if ((id >= 27 && id <= 36) || (id >= 50 && id <= 58))
    return EAST_ASIAN_TIMES.has(id) ? 'h:mm:ss' : 'yyyy-mm-dd';
  return BUILT_IN[id];
}

export interface Calendar {
  /** Whether day 0 is 1904-01-01. */
  from1904: boolean;
}

/** @param pattern undefined for "General" */
export function numberFormat(pattern: string | undefined, calendar: Calendar): NumberFormat {
  const plain = withoutLocales(pattern ?? '').trim();
  if (plain === '' || /^(?:general|@)$/i.test(plain)) return generalText;
  const numfmt = require('numfmt') as typeof import('numfmt');
  const shown = (value: number): string => {
    try {
      const text = numfmt.format(plain, Number(value.toPrecision(DIGITS)), { nbsp: false }).trim();
      // A format that hides a number, or has no room for it, loses what the cell says.
      return text === '' || text.includes('###') ? generalText(value) : text.replace(/\s+/g, ' ');
    } catch {
      // No format that anybody knows.
      return generalText(value);
    }
  };
  if (!isDate(plain)) return shown;
  const parts = numfmt.getFormatDateInfo(plain);
  if (/\[(?:h+|m+|s+)\]/i.test(plain)) return shown;
  const hasDate = parts.year || parts.month;
  const hasTime = parts.hours;
  if (!hasDate && !hasTime) return shown;
  return (value) =>
    dateText(value, { hasDate, hasTime, hasSeconds: parts.seconds }, calendar) ?? generalText(value);

  function isDate(text: string): boolean {
    try {
      return numfmt.isDateFormat(text);
    } catch {
      // As above.
      return false;
    }
  }
}

/** `[$€-407]` is a sign and a locale: the sign stays, and numbers are written as without a locale. */
const withoutLocales = (pattern: string): string =>
  pattern.replace(/\[\$([^\]-]*)(?:-[^\]]*)?\]/g, (_, sign: string) => (sign === '' ? '' : `"${sign}"`));

interface DateParts {
  hasDate: boolean;
  hasTime: boolean;
  hasSeconds: boolean;
}

/** @returns undefined for a number that is no day */
function dateText(
  value: number,
  { hasDate, hasTime, hasSeconds }: DateParts,
  { from1904 }: Calendar,
): string | undefined {
  const seconds = Math.round(value * SECONDS_A_DAY);
  const day = Math.floor(seconds / SECONDS_A_DAY);
  const serial = day + (from1904 ? DAYS_TO_1904 : 0);
  if (!(day >= 0) || serial > LAST_DAY) return undefined;
  const time = new Date((seconds - day * SECONDS_A_DAY) * 1000).toISOString();
  if (!hasDate) return time.slice(11, hasSeconds ? 19 : 16);
  // Day 0 stands for a time alone.
  if (hasTime && day === 0 && seconds > 0) return time.slice(11, 19);
  const { dateFromSerial } = require('numfmt') as typeof import('numfmt');
  // With 1900-02-29, which spreadsheets have.
  const [year, month, dayOfMonth] = dateFromSerial(serial);
  const date = [pad(year!, 4), pad(month!, 2), pad(dayOfMonth!, 2)].join('-');
  return hasTime && seconds % SECONDS_A_DAY !== 0 ? `${date} ${time.slice(11, 19)}` : date;
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');
