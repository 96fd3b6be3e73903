import vm from 'node:vm';

/** Most that the patterns of strangers may cost between two turns of the event loop, in milliseconds. */
const BUDGET_MS = 100;

const TEST = 'pattern.test(text)';

let bench: { script: vm.Script; context: vm.Context } | undefined;
let spentMs = 0;

/**
 * A regular expression from somebody else's JSON schema. Some patterns take exponential time on some texts, which would
 * hold up everybody: a test that takes too long is ended, and the text then counts as one that does not match.
 * Throws SyntaxError for what is no pattern.
 */
export class BoundedPattern {
  private readonly pattern: RegExp;

  constructor(pattern: string, flags: string) {
    this.pattern = new RegExp(pattern, flags);
  }

  test(text: string): boolean {
    const left = Math.floor(BUDGET_MS - spentMs);
    if (left < 1) return false;
    if (spentMs === 0) setImmediate(() => void (spentMs = 0));
    bench ??= { script: new vm.Script(TEST), context: vm.createContext() };
    const { script, context } = bench;
    Object.assign(context, { pattern: this.pattern, text });
    const begun = performance.now();
    try {
      return script.runInContext(context, { timeout: left }) as boolean;
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw error;
    } finally {
      spentMs += performance.now() - begun;
      Object.assign(context, { pattern: null, text: null });
    }
  }

  /** Tells patterns apart where a validator keeps them by name. */
  toString(): string {
    return this.pattern.toString();
  }
}

/** For the option `code.regExp` of a JSON-schema validator. */
export const boundedRegExp = Object.assign(
  (pattern: string, flags: string): BoundedPattern => new BoundedPattern(pattern, flags),
  { code: 'boundedRegExp' },
);
