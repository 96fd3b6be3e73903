/** `what is`, `calculate` and the like before an expression, `=` or `?` after it. */
const QUESTION =
  /^(?:please\s+)?(?:what(?:'s|’s|\s+is|\s+are)|how\s+much\s+(?:is|are)|calculate|compute|evaluate|solve)?\s*:?\s*([-+*/^%().,\d\sx×÷−]{3,200})\s*=?\s*\??$/i;
/** Numbers of ordinary length: a run of a million digits is looked at once, not from each of its digits. */
const PERCENT_OF = /(?<![\d.])([\d.]{1,60}) ?% ?of ([\d.]{1,60})/i;
/** The expression of at most 200 characters, and the words around it. */
const QUESTION_CHARACTERS = 300;
const MAX_DEPTH = 50;
const SIGNIFICANT_DIGITS = 12;

/**
 * The answer when the text is one arithmetic question: `+ - * / ^ %`, parentheses, decimals, `15% of 80`.
 * @returns undefined when it is anything else
 */
export function solve(given: string): string | undefined {
  // Runs of blanks would be shared out between the parts of a pattern in every possible way.
  const text = given.replace(/\s+/g, ' ').trim();
  const percent = PERCENT_OF.exec(text);
  if (percent && /^[^\p{L}]*(?:what|how much|calculate|compute|\d)/iu.test(text)) {
    const [whole, share, base] = percent;
    return `${whole} = ${format((Number(share) / 100) * Number(base))}`;
  }
  if (text.length > QUESTION_CHARACTERS) return undefined;
  const written = QUESTION.exec(text)?.[1]?.trim();
  if (!written || !/\d/.test(written) || !/[-+*/^%x×÷−]/.test(written.slice(1))) return undefined;
  // `2026-11-24` and `1,000-2,000` are a date and a range as likely as a sum.
  if (/^\d{4}-\d{2}-\d{2}$/.test(written)) return undefined;
  const value = evaluate(written);
  if (value === undefined) return undefined;
  if (!Number.isFinite(value)) return `${written} has no finite value.`;
  return `${written} = ${format(value)}`;
}

const format = (value: number): string => String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));

/** The value of an expression of numbers, `+ - * / ^ %` and parentheses; undefined when the text is none. */
export function evaluate(text: string): number | undefined {
  const source = text
    .replace(/[x×]/gi, '*')
    .replace(/÷/g, '/')
    .replace(/−/g, '-')
    .replace(/,(?=\d{3})/g, '');
  const tokens = source.match(/\d+(?:\.\d+)?|\.\d+|[-+*/^%()]|\S/g) ?? [];
  try {
    const parser = new Parser(tokens);
    const value = parser.sum(0);
    return parser.done ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Recursive descent: sum > product > power > sign > number or parentheses. */
class Parser {
  private at = 0;

  constructor(private readonly tokens: string[]) {}

  get done(): boolean {
    return this.at === this.tokens.length;
  }

  sum(depth: number): number {
    let value = this.product(depth);
    for (let operator = this.take('+', '-'); operator; operator = this.take('+', '-')) {
      const right = this.product(depth);
      value = operator === '+' ? value + right : value - right;
    }
    return value;
  }

  private product(depth: number): number {
    let value = this.signed(depth);
    for (let operator = this.take('*', '/', '%'); operator; operator = this.take('*', '/', '%')) {
      const right = this.signed(depth);
      value = operator === '*' ? value * right : operator === '/' ? value / right : value % right;
    }
    return value;
  }

  /** The sign binds weaker than the power: -2^2 is -4. */
  private signed(depth: number): number {
    if (depth > MAX_DEPTH) throw new SyntaxError('The expression is nested too deeply.');
    const sign = this.take('-', '+');
    if (sign) return sign === '-' ? -this.signed(depth + 1) : this.signed(depth + 1);
    const base = this.atom(depth);
    return this.take('^') ? base ** this.signed(depth + 1) : base;
  }

  private atom(depth: number): number {
    if (this.take('(')) {
      const value = this.sum(depth + 1);
      if (!this.take(')')) throw new SyntaxError('A parenthesis is not closed.');
      return value;
    }
    const token = this.tokens[this.at];
    if (token === undefined || !/^[\d.]/.test(token)) throw new SyntaxError('A number is missing.');
    this.at += 1;
    return Number(token);
  }

  private take(...wanted: string[]): string | undefined {
    const token = this.tokens[this.at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    this.at += 1;
    return token;
  }
}
