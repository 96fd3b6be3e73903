'use strict';
/** The time zones of the IANA database, as files of zoneinfo (TZif version 2, RFC 8536), from the data of moment-timezone. */

/** Transitions behind it are left out; a zone goes on as it was then. */
const UNTIL_SECONDS = Date.UTC(2100, 0, 1) / 1000;
/** Summer time is shorter than this; what is longer is a change of the zone's time. Days. */
const LONGEST_SUMMER_DAYS = 300;
const DAY_SECONDS = 86_400;

/** @returns the files by the names of zones, in base64 */
function zoneFiles({ zones, links }) {
  const files = {};
  for (const packed of zones) files[packed.slice(0, packed.indexOf('|'))] = fileOf(packed);
  for (const link of links) {
    const [zone, alias] = link.split('|');
    files[alias] = files[zone];
  }
  return files;
}

function fileOf(packed) {
  const [, abbreviations, offsets, indices, untils] = packed.split('|');
  const names = abbreviations.split(' ');
  // Minutes to the west of Greenwich.
  const seconds = offsets.split(' ').map((text) => Math.round(-60 * base60(text)));
  const starts = [];
  let at = 0;
  for (const text of untils === '' ? [] : untils.split(' '))
    starts.push(Math.round(60 * (at += base60(text))));
  const periods = [...indices].map((letter, index) => ({
    name: names[base60(letter)],
    offset: seconds[base60(letter)],
    start: index === 0 ? -Infinity : starts[index - 1],
    end: starts[index] ?? Infinity,
  }));
  const types = [];
  const known = periods.filter(({ start }) => start < UNTIL_SECONDS);
  const used = known.map((period, index) => {
    const type = { name: period.name, offset: period.offset, summer: isSummer(periods, index) };
    const same = (one) => one.name === type.name && one.offset === type.offset && one.summer === type.summer;
    if (!types.some(same)) types.push(type);
    return types.findIndex(same);
  });
  return tzif(types, known, used).toString('base64');
}

/** The data do not say: time that is ahead of what comes before and after it, for less than a year. */
function isSummer(periods, index) {
  const { offset, start, end } = periods[index];
  if (end - start > LONGEST_SUMMER_DAYS * DAY_SECONDS) return false;
  return [periods[index - 1], periods[index + 1]].some((other) => other && other.offset < offset);
}

function tzif(types, periods, used) {
  const texts = [...new Set(types.map(({ name }) => name))];
  const letters = Buffer.from(texts.map((text) => `${text}\0`).join(''));
  const moves = periods.slice(1);
  const times = Buffer.alloc(8 * moves.length);
  moves.forEach(({ start }, index) => times.writeBigInt64BE(BigInt(start), 8 * index));
  const kinds = Buffer.alloc(6 * types.length);
  types.forEach(({ name, offset, summer }, index) => {
    kinds.writeInt32BE(offset, 6 * index);
    kinds.writeUInt8(summer ? 1 : 0, 6 * index + 4);
    kinds.writeUInt8(
      Buffer.byteLength(
        texts
          .slice(0, texts.indexOf(name))
          .map((text) => `${text}\0`)
          .join(''),
      ),
      6 * index + 5,
    );
  });
  return Buffer.concat([
    header(0, 1, 1),
    Buffer.alloc(7),
    header(moves.length, types.length, letters.length),
    times,
    Buffer.from(used.slice(1)),
    kinds,
    letters,
    Buffer.from('\n\n'),
  ]);
}

function header(transitions, types, characters) {
  const bytes = Buffer.alloc(44);
  bytes.write('TZif2');
  bytes.writeUInt32BE(transitions, 32);
  bytes.writeUInt32BE(types, 36);
  bytes.writeUInt32BE(characters, 40);
  return bytes;
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX';

/** A number in base 60, possibly negative, with a fraction of which one digit is a sixtieth. */
function base60(text) {
  const isNegative = text.startsWith('-');
  const [whole, fraction = ''] = (isNegative ? text.slice(1) : text).split('.');
  let value = 0;
  for (const digit of whole) value = 60 * value + DIGITS.indexOf(digit);
  let unit = 1;
  for (const digit of fraction) value += DIGITS.indexOf(digit) * (unit /= 60);
  return isNegative ? -value : value;
}

module.exports = { zoneFiles };
