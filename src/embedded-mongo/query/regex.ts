import { createContext, Script, type Context } from 'node:vm';
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

/** Longest one text may keep the thread with a pattern that can backtrack without end. */
const REGEX_TIME_LIMIT_MS = 250;

/**
 * Whether a quantified group holds a quantifier or an alternative, as in `(a+)+` or `(a|a)*`: only such patterns need
 * exponential time on some text.
 */
function mayBacktrackWildly({ source }: RegExp): boolean {
  const groups: boolean[] = [];
  let isBranching = false;
  let inClass = false;
  for (let i = 0; i < source.length; i += 1) {
    const c = source[i]!;
    if (c === '\\') i += 1;
    else if (inClass) inClass = c !== ']';
    else if (c === '[') inClass = true;
    else if (c === '(') {
      groups.push(isBranching);
      isBranching = false;
      if (source[i + 1] === '?') i += 1;
    } else if (c === ')') {
      if (isBranching && '*+{'.includes(source[i + 1] ?? ' ')) return true;
      isBranching = groups.pop()! || isBranching;
    } else if ('*+{|'.includes(c)) isBranching = true;
  }
  return false;
}

let sandbox: Context | null = null;
const guardedTest = new Script('regex.test(text)');

/**
 * The regex's `test`, which gives up on a text that takes too long: a regex cannot be interrupted otherwise, and every
 * client of the server would wait for it. Patterns that cannot explode run without the guard, which costs ~100 µs.
 * @throws QueryError 51156 when the time is over
 */
export function boundedTest(regex: RegExp): (text: string) => boolean {
  if (!mayBacktrackWildly(regex)) return (text) => regex.test(text);
  return (text) => {
    const context = (sandbox ??= createContext({}));
    Object.assign(context, { regex, text });
    try {
      return guardedTest.runInContext(context, { timeout: REGEX_TIME_LIMIT_MS }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new QueryError(
        51156,
        `Error occurred while executing regular expression: /${regex.source}/ took over ${REGEX_TIME_LIMIT_MS} ms on one text of ${text.length} characters; simplify its nested quantifiers.`,
      );
    }
  };
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
