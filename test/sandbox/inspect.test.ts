import type { ProcessSandbox } from '../../src/adapters/sandbox';
import { DomainError } from '../../src/errors';
import type { SandboxLanguage } from '../../src/ports/sandbox';
import { testSandbox } from './testkit';

let sandbox: ProcessSandbox;
beforeAll(() => {
  sandbox = testSandbox();
});
afterAll(() => sandbox.close());

async function refusal(source: string, language?: SandboxLanguage): Promise<DomainError> {
  const error = await sandbox.inspect(source, language).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
}

describe('what a source of Python says of itself', () => {
  it('takes the schema from annotations, defaults and the docstring', async () => {
    const source = `"""Module."""
from typing import Literal, Optional
LIMIT = 5

class Helper:
    pass

def search(query: str, limit: int = 10, ratio: float = 0.5, deep: bool = False, tags: list[str] = [],
           mode: Literal["fast", "exact"] = "fast", owner: Optional[str] = None, extra: dict = {}):
    """Searches the records.

    Args:
        query: what to look for
        limit (int): how many
    """
    def nested():
        return 1
    return nested()
`;
    expect(await sandbox.inspect(source)).toEqual({
      language: 'python',
      functionName: 'search',
      isAsync: false,
      description: 'Searches the records.',
      parameters: {
        type: 'object',
        required: ['query'],
        additionalProperties: false,
        properties: {
          query: { type: 'string', description: 'what to look for' },
          limit: { type: 'integer', default: 10, description: 'how many' },
          ratio: { type: 'number', default: 0.5 },
          deep: { type: 'boolean', default: false },
          tags: { type: 'array', items: { type: 'string' }, default: [] },
          mode: { enum: ['fast', 'exact'], default: 'fast' },
          owner: { type: ['string', 'null'] },
          extra: { type: 'object', default: {} },
        },
      },
    });
  });

  it('opens the schema for **kwargs and knows async functions', async () => {
    const facts = await sandbox.inspect('async def f(a, **rest):\n    return a\n');
    expect(facts).toMatchObject({
      isAsync: true,
      parameters: { required: ['a'], additionalProperties: true },
    });
  });

  it.each([
    ['a syntax error', 'def f():\n    return 1 +\n', 2],
    ['wrong indentation', 'def f():\n    x = 1\n      y = 2\n', 3],
    ['two functions', 'def f():\n    pass\n\ndef g():\n    pass\n', 4],
    ['parameters without a name', 'x = 1\ndef f(a, /):\n    pass\n', 2],
  ])('refuses %s and names the line', async (_what, source, line) => {
    const error = await refusal(source, 'python');
    expect(error.code).toBe('validation_failed');
    expect(error.details.errors).toEqual([
      { path: 'function_code', message: expect.stringContaining(`line ${line}:`) as string },
    ]);
  });

  it('refuses a source without a function', async () => {
    expect((await refusal('x = 1\n', 'python')).message).toContain('exactly one top-level function, holds 0');
  });
});

describe('what a source of JavaScript says of itself', () => {
  it('takes the schema from defaults and JSDoc', async () => {
    const source = `
const RATE = 2;
class Helper {}
/**
 * Converts an amount.
 * Second line.
 *
 * @param {number} amount - in the first currency
 * @param {'EUR'|'USD'} to the target
 * @param {string[]} [tags]
 */
async function convert(amount, to = 'EUR', tags, digits = -2) {
  function nested() {}
  return amount * RATE;
}`;
    expect(await sandbox.inspect(source)).toEqual({
      language: 'javascript',
      functionName: 'convert',
      isAsync: true,
      description: 'Converts an amount. Second line.',
      parameters: {
        type: 'object',
        required: ['amount'],
        additionalProperties: false,
        properties: {
          amount: { type: 'number', description: 'in the first currency' },
          to: { enum: ['EUR', 'USD'], default: 'EUR', description: 'the target' },
          tags: { type: 'array', items: { type: 'string' } },
          digits: { type: 'number', default: -2 },
        },
      },
    });
  });

  it.each([
    ['an arrow function', 'const f = (a) => a;'],
    ['a function expression', 'const f = function (a) { return a; };'],
    ['one object taken apart', 'function f({ a }) { return a; }'],
    ['one object taken apart with a default', 'function f({ a } = {}) { return a; }'],
  ])('knows %s', async (_what, source) => {
    const facts = await sandbox.inspect(source);
    expect(facts).toMatchObject({ functionName: 'f', parameters: { required: ['a'] } });
    const outcome = await sandbox.run({ language: 'javascript', source, arguments: { a: 7 } });
    expect(outcome).toMatchObject({ ok: true, result: 7 });
  });

  it.each([
    ['a syntax error', 'function f() {\n  return 1 +;\n}', 2],
    ['two functions', 'function f() {}\n\nconst g = () => 1;', 3],
    ['an object taken apart beside others', '\nfunction f(a, { b }) {}', 2],
    ['a generator', 'function* f() {}', 1],
  ])('refuses %s and names the line', async (_what, source, line) => {
    expect((await refusal(source, 'javascript')).message).toContain(`line ${line}:`);
  });
});

it('refuses a source of more than 200,000 characters', async () => {
  const source = `def f():\n    return "${'x'.repeat(200_000)}"\n`;
  expect((await refusal(source)).message).toContain('at most 200000');
});
