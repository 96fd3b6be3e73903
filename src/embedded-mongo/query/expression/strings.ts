import { QueryError } from '../errors';
import { BsonType, Int32, bsonType, isNullish, regexOf } from '../bson-types';
import { compareStrings } from '../compare';
import { isNumeric, toDouble } from '../numbers';
import { compileRegex } from '../regex';
import { namedOperator, operator, typeName, type OperatorDefinition } from './core';

const text = (value: unknown): string => String(value);

/** MongoDB turns numbers and dates into strings where an operator coerces ($substr, $toUpper, $strcasecmp). */
function coerce(name: string, value: unknown): string {
  if (isNullish(value)) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string' || isNumeric(value)) return text(value);
  throw new QueryError(16007, `can't convert from BSON type ${typeName(value)} to String (${name})`);
}

function concat(args: unknown[]): string | null {
  let result = '';
  for (const arg of args) {
    if (isNullish(arg)) return null;
    if (typeof arg !== 'string')
      throw new QueryError(16702, `$concat only supports strings, not ${typeName(arg)}`);
    result += arg;
  }
  return result;
}

function integerArgument(name: string, code: number, value: unknown): number {
  if (!isNumeric(value))
    throw new QueryError(
      code,
      `${name}: starting index and length must be a numeric type (is BSON type ${typeName(value)})`,
    );
  return Math.trunc(toDouble(value));
}

function substrBytes([value, start, length]: unknown[]): string {
  const bytes = Buffer.from(coerce('$substrBytes', value));
  const from = integerArgument('$substrBytes', 16034, start);
  const count = integerArgument('$substrBytes', 16035, length);
  if (from < 0)
    throw new QueryError(50752, `$substrBytes: starting index must be non-negative (got: ${from})`);
  const end = count < 0 ? bytes.length : from + count;
  const continues = (at: number): boolean => at < bytes.length && (bytes[at]! & 0xc0) === 0x80;
  if (continues(from))
    throw new QueryError(28656, '$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.');
  if (continues(end))
    throw new QueryError(
      28657,
      '$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.',
    );
  return bytes.subarray(from, end).toString();
}

function substrCodePoints([value, start, length]: unknown[]): string {
  const from = integerArgument('$substrCP', 34450, start);
  const count = integerArgument('$substrCP', 34452, length);
  if (from < 0) throw new QueryError(34455, `$substrCP: the starting index must be nonnegative integer.`);
  if (count < 0) throw new QueryError(34454, `$substrCP: length must be a nonnegative integer.`);
  return Array.from(coerce('$substrCP', value))
    .slice(from, from + count)
    .join('');
}

function split([value, delimiter]: unknown[]): unknown {
  if (isNullish(value) || isNullish(delimiter)) return null;
  if (typeof value !== 'string')
    throw new QueryError(
      40085,
      `$split requires an expression that evaluates to a string as a first argument, found: ${typeName(value)}`,
    );
  if (typeof delimiter !== 'string')
    throw new QueryError(
      40086,
      `$split requires an expression that evaluates to a string as a second argument, found: ${typeName(delimiter)}`,
    );
  if (delimiter === '') throw new QueryError(40087, '$split requires a non-empty separator');
  return value.split(delimiter);
}

function length(name: string, code: number, measure: (value: string) => number): OperatorDefinition {
  return operator(name, [1, 1], ([value]) => {
    if (typeof value !== 'string')
      throw new QueryError(code, `${name} requires a string argument, found: ${typeName(value)}`);
    return new Int32(measure(value));
  });
}

interface Units {
  split(value: string): ArrayLike<unknown>;
  find(value: string, part: string, from: number, to: number): number;
}

const CODE_POINTS: Units = {
  split: (value) => Array.from(value),
  find(value, part, from, to) {
    const points = Array.from(value).slice(0, to);
    const at = points.slice(from).join('').indexOf(part);
    return at < 0 ? -1 : from + Array.from(points.slice(from).join('').slice(0, at)).length;
  },
};

const BYTES: Units = {
  split: (value) => Buffer.from(value),
  find: (value, part, from, to) => {
    const at = Buffer.from(value).subarray(0, to).indexOf(part, from);
    return at;
  },
};

function indexOf(name: string, units: Units): OperatorDefinition {
  return operator(name, [2, 4], ([value, part, start, end]) => {
    if (isNullish(value)) return null;
    if (typeof value !== 'string')
      throw new QueryError(
        40091,
        `${name} requires a string as the first argument, found: ${typeName(value)}`,
      );
    if (typeof part !== 'string')
      throw new QueryError(
        40092,
        `${name} requires a string as the second argument, found: ${typeName(part)}`,
      );
    const size = units.split(value).length;
    const from = start === undefined ? 0 : bound(name, start);
    const to = end === undefined ? size : Math.min(size, bound(name, end));
    if (from > size || to < from) return new Int32(-1);
    return new Int32(units.find(value, part, from, to));
  });
}

function bound(name: string, value: unknown): number {
  if (!isNumeric(value) || !Number.isInteger(toDouble(value))) {
    throw new QueryError(
      40096,
      `${name} requires an integral starting and ending index, found a value of type: ${typeName(value)}`,
    );
  }
  if (toDouble(value) < 0)
    throw new QueryError(40097, `${name} requires a nonnegative index, found: ${toDouble(value)}`);
  return toDouble(value);
}

const WHITESPACE =
  '\0 \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a';

function trim(name: string, sides: { left: boolean; right: boolean }): OperatorDefinition {
  return namedOperator(name, { required: ['input'], optional: ['chars'] }, ({ input, ...rest }) => {
    if (isNullish(input)) return null;
    if (typeof input !== 'string')
      throw new QueryError(
        50699,
        `${name} requires its input to be a string, got ${String(input)} (of type ${typeName(input)}) instead.`,
      );
    if ('chars' in rest && isNullish(rest.chars)) return null;
    if ('chars' in rest && typeof rest.chars !== 'string')
      throw new QueryError(
        50700,
        `${name} requires 'chars' to be a string, got ${typeName(rest.chars)} instead.`,
      );
    const chars = new Set(Array.from((rest.chars as string | undefined) ?? WHITESPACE));
    const points = Array.from(input);
    let [from, to] = [0, points.length];
    if (sides.left) while (from < to && chars.has(points[from]!)) from += 1;
    if (sides.right) while (to > from && chars.has(points[to - 1]!)) to -= 1;
    return points.slice(from, to).join('');
  });
}

function regexArguments(
  name: string,
  args: Record<string, unknown>,
): { input: string; regex: RegExp } | undefined {
  const { input, regex, options } = args;
  if (!isNullish(input) && typeof input !== 'string')
    throw new QueryError(51104, `${name} needs 'input' to be of type string`);
  if (isNullish(regex)) return undefined;
  const isRegex = bsonType(regex) === BsonType.regex;
  if (!isRegex && typeof regex !== 'string')
    throw new QueryError(51105, `${name} needs 'regex' to be of type string or regex`);
  if (!isNullish(options) && typeof options !== 'string')
    throw new QueryError(51106, `${name} needs 'options' to be of type string`);
  const parts = isRegex ? regexOf(regex) : { pattern: regex as string, options: '' };
  if (parts.options !== '' && options)
    throw new QueryError(
      51107,
      `${name}: found regex option(s) specified in both 'regex' and 'option' fields`,
    );
  const compiled = compileRegex(parts.pattern, parts.options || (options ?? ''));
  return isNullish(input) ? undefined : { input: input, regex: compiled };
}

const REGEX_ARGUMENTS = { required: ['input', 'regex'], optional: ['options'] };

function describe(match: RegExpMatchArray, input: string): Record<string, unknown> {
  const before = Array.from(input.slice(0, match.index)).length;
  return {
    match: match[0],
    idx: new Int32(before),
    captures: match.slice(1).map((capture) => (capture as string | undefined) ?? null),
  };
}

function replace(
  name: string,
  apply: (input: string, find: string, replacement: string) => string,
): OperatorDefinition {
  const codes = name === '$replaceOne' ? [51746, 51745, 51744] : [51746, 51745, 51744];
  return namedOperator(
    name,
    { required: ['input', 'find', 'replacement'] },
    ({ input, find, replacement }) => {
      for (const [i, [label, value]] of Object.entries({ input, find, replacement }).entries()) {
        if (!isNullish(value) && typeof value !== 'string') {
          throw new QueryError(
            codes[i]!,
            `${name} requires that '${label}' be a string, found: ${text(value)}`,
          );
        }
      }
      if (isNullish(input) || isNullish(find) || isNullish(replacement)) return null;
      return apply(input as string, find as string, replacement as string);
    },
  );
}

export const STRING_OPERATORS: Record<string, OperatorDefinition> = {
  $concat: operator('$concat', [0, Infinity], concat),
  $substr: operator('$substr', [3, 3], substrBytes),
  $substrBytes: operator('$substrBytes', [3, 3], substrBytes),
  $substrCP: operator('$substrCP', [3, 3], substrCodePoints),
  // MongoDB changes the case of ASCII letters only.
  $toLower: operator('$toLower', [1, 1], ([value]) =>
    coerce('$toLower', value).replace(/[A-Z]+/g, (run) => run.toLowerCase()),
  ),
  $toUpper: operator('$toUpper', [1, 1], ([value]) =>
    coerce('$toUpper', value).replace(/[a-z]+/g, (run) => run.toUpperCase()),
  ),
  $strcasecmp: operator('$strcasecmp', [2, 2], ([a, b]) => {
    const fold = (value: unknown): string => coerce('$strcasecmp', value).toUpperCase();
    return new Int32(compareStrings(fold(a), fold(b)));
  }),
  $strLenBytes: length('$strLenBytes', 34473, (value) => Buffer.byteLength(value)),
  $strLenCP: length('$strLenCP', 34471, (value) => Array.from(value).length),
  $split: operator('$split', [2, 2], split),
  $indexOfBytes: indexOf('$indexOfBytes', BYTES),
  $indexOfCP: indexOf('$indexOfCP', CODE_POINTS),
  $trim: trim('$trim', { left: true, right: true }),
  $ltrim: trim('$ltrim', { left: true, right: false }),
  $rtrim: trim('$rtrim', { left: false, right: true }),
  $regexMatch: namedOperator('$regexMatch', REGEX_ARGUMENTS, (args) => {
    const parsed = regexArguments('$regexMatch', args);
    return parsed !== undefined && parsed.regex.test(parsed.input);
  }),
  $regexFind: namedOperator('$regexFind', REGEX_ARGUMENTS, (args) => {
    const parsed = regexArguments('$regexFind', args);
    const match = parsed?.regex.exec(parsed.input);
    return match ? describe(match, parsed!.input) : null;
  }),
  $regexFindAll: namedOperator('$regexFindAll', REGEX_ARGUMENTS, (args) => {
    const parsed = regexArguments('$regexFindAll', args);
    if (!parsed) return [];
    const global = new RegExp(parsed.regex.source, `${parsed.regex.flags}g`);
    return Array.from(parsed.input.matchAll(global), (match) => describe(match, parsed.input));
  }),
  $replaceOne: replace('$replaceOne', (input, find, replacement) => input.replace(find, () => replacement)),
  $replaceAll: replace('$replaceAll', (input, find, replacement) =>
    input.replaceAll(find, () => replacement),
  ),
};
