import { QueryError, badValue } from './errors';
import { BsonType, bsonType, regexOf } from './bson-types';

/** Removes what PCRE's extended mode ignores: unescaped white space and `#` comments outside character classes. */
function stripExtended(pattern: string): string {
  let out = '';
  let inClass = false;
  for (let i = 0; i < pattern.length; i += 1) {
    const c = pattern[i]!;
    if (c === '\\') {
      out += c + (pattern[i + 1] ?? '');
      i += 1;
    } else if (!inClass && c === '#') {
      while (i + 1 < pattern.length && pattern[i + 1] !== '\n') i += 1;
    } else if (inClass || !/\s/.test(c)) {
      if (c === '[') inClass = true;
      if (c === ']') inClass = false;
      out += c;
    }
  }
  return out;
}

const LEADING_FLAGS = /^\(\?([imsx]+)\)/;
const JS_FLAGS = /[ims]/;

/**
 * Compiles a PCRE pattern with MongoDB's options i, m, s, x, u as a JavaScript regular expression.
 * Leading inline flags and the anchors \A, \z and \Z are translated; other PCRE-only syntax is refused.
 * @throws QueryError 51108 for an unknown option, 51091 for a pattern that does not compile
 */
export function compileRegex(source: string, options: string): RegExp {
  for (const option of options) {
    if (!'imsxu'.includes(option)) throw new QueryError(51108, `invalid flag in regex options: ${option}`);
  }
  const inline = LEADING_FLAGS.exec(source);
  const all = options + (inline?.[1] ?? '');
  let pattern = inline ? source.slice(inline[0].length) : source;
  if (all.includes('x')) pattern = stripExtended(pattern);
  pattern = pattern.replace(/\\(\\|A|z|Z)/g, (whole, c: string) => {
    if (c === '\\') return whole;
    return c === 'A' ? '(?<![\\s\\S])' : c === 'z' ? '(?![\\s\\S])' : '(?=\\n?(?![\\s\\S]))';
  });
  const flags = [...new Set(all)].filter((flag) => JS_FLAGS.test(flag)).join('');
  return construct(pattern, flags);
}

function construct(pattern: string, flags: string): RegExp {
  try {
    // Unicode mode makes `.` match a code point as PCRE does; patterns it finds too strict run without it.
    return new RegExp(pattern, `${flags}u`);
  } catch {
    try {
      return new RegExp(pattern, flags);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new QueryError(51091, `Regular expression is invalid: ${reason}`);
    }
  }
}

/** The `$regex` operand (string or regex value) with its `$options`. */
export function regexFromOperands(operand: unknown, options: unknown): RegExp {
  if (options !== undefined && typeof options !== 'string') throw badValue('$options has to be a string');
  if (typeof operand === 'string') return compileRegex(operand, options ?? '');
  if (bsonType(operand) !== BsonType.regex) throw badValue('$regex has to be a string');
  const regex = regexOf(operand);
  if (options !== undefined && regex.options !== '') {
    throw new QueryError(51075, 'options set in both $regex and $options');
  }
  return compileRegex(regex.pattern, options ?? regex.options);
}
