import fc from 'fast-check';
import { checkConditions, holds, matchesPattern, OPERATORS } from '../../src/approvals/conditions';
import type { JsonValue } from '../../src/ports/records';
import type { PolicyCondition } from '../../src/ports/tools';
import type { DomainError } from '../../src/errors';

const is = (
  path: string,
  operator: PolicyCondition['operator'],
  value: JsonValue,
  args: JsonValue,
): boolean => holds({ path, operator, value }, args);

describe('a condition', () => {
  const args: JsonValue = {
    amount: 10,
    text: 'hello world',
    none: null,
    flag: false,
    day: '2026-05-04',
    tags: ['a', 'b', { c: 1 }],
    to: [{ email: 'bob@example.com' }, { email: 'eve@example.com' }],
    empty: [],
  };

  it.each<[string, PolicyCondition['operator'], JsonValue, boolean]>([
    ['amount', 'eq', 10, true],
    ['amount', 'eq', '10', false],
    ['amount', 'ne', 11, true],
    ['amount', 'ne', 10, false],
    ['none', 'eq', null, true],
    ['flag', 'eq', false, true],
    ['tags.2', 'eq', { c: 1 }, true],
    ['amount', 'in', [1, 10], true],
    ['amount', 'in', ['10'], false],
    ['amount', 'nin', [1, 2], true],
    ['amount', 'nin', [10], false],
    ['amount', 'gt', 9, true],
    ['amount', 'gt', 10, false],
    ['amount', 'gte', 10, true],
    ['amount', 'lt', 11, true],
    ['amount', 'lte', 9, false],
    ['amount', 'lt', '11', false],
    ['flag', 'lt', 1, false],
    ['none', 'lte', 0, false],
    ['day', 'gte', '2026-05-01', true],
    ['text', 'contains', 'lo wo', true],
    ['text', 'contains', 'LO', false],
    ['text', 'contains', 5, false],
    ['tags', 'contains', 'b', true],
    ['tags', 'contains', { c: 1 }, true],
    ['tags', 'contains', 'c', false],
    ['amount', 'contains', 1, false],
    ['text', 'matches', 'hello*', true],
    ['text', 'matches', 'hello', false],
    ['amount', 'matches', '*', false],
    ['to.0.email', 'eq', 'bob@example.com', true],
    ['to.1.email', 'eq', 'bob@example.com', false],
    ['to.*.email', 'matches', '*@example.com', true],
    ['to.*.email', 'matches', 'bob@*', false],
    ['to.*.email', 'ne', 'mallory@example.com', true],
    ['empty.*', 'eq', 1, false],
    ['amount', 'exists', true, true],
    ['none', 'exists', true, true],
    ['missing', 'exists', true, false],
    ['missing', 'exists', false, true],
    ['amount', 'exists', false, false],
    ['to.*.email', 'exists', true, true],
    ['to.*.name', 'exists', true, false],
  ])('%s %s %j is %s', (path, operator, value, expected) => {
    expect(is(path, operator, value, args)).toBe(expected);
  });

  it.each(OPERATORS.filter((operator) => operator !== 'exists'))(
    'with %s fails where its path leads nowhere',
    (operator) => {
      for (const path of ['missing', 'amount.deeper', 'to.2', 'to.-1', 'to.email', 'to.length', 'none.x'])
        for (const value of [null, 1, 'x', [], [null]] as JsonValue[])
          expect(is(path, operator, value, args)).toBe(false);
    },
  );

  it('reaches nothing that JavaScript gives every object', () => {
    for (const path of [
      '__proto__',
      'constructor',
      'toString',
      'text.length',
      'tags.length',
      'a.__proto__.b',
    ])
      expect(is(path, 'exists', true, args)).toBe(false);
    expect(is('__proto__', 'eq', 1, JSON.parse('{"__proto__": 1}') as JsonValue)).toBe(true);
  });
});

/** The meaning of a pattern, said by a regular expression; safe for the short texts here. */
const asRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[\\^$+.()|[\]{}]/g, '\\$&')
      .replaceAll('*', '[^]*')
      .replaceAll('?', '[^]')}$`,
  );

describe('patterns', () => {
  it('mean what they say, for any text', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?', '\n', '('), maxLength: 12 });
    fc.assert(
      fc.property(text, text, (value, pattern) => {
        expect(matchesPattern(value, pattern)).toBe(asRegExp(pattern).test(value));
      }),
      { numRuns: 3_000, seed: 7 },
    );
  });

  it('take no more than moments, whatever is written', () => {
    const started = performance.now();
    expect(matchesPattern('a'.repeat(10_000), `${'*a'.repeat(99)}b`)).toBe(false);
    expect(matchesPattern(`${'a'.repeat(9_999)}c`, `*${'a'.repeat(198)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('never match a text that is too long to look at', () => {
    expect(matchesPattern('a'.repeat(10_001), '*')).toBe(false);
  });
});

describe('any condition on any arguments', () => {
  const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;
  const condition = fc.record({
    path: fc.array(fc.oneof(fc.string({ minLength: 1, maxLength: 4 }), fc.constantFrom('*', '0', 'a')), {
      minLength: 1,
      maxLength: 4,
    }),
    operator: fc.constantFrom(...OPERATORS),
    value: json,
  });

  it('is answered with true or false, or refused by name before it is stored', () => {
    fc.assert(
      fc.property(condition, json, ({ path, operator, value }, args) => {
        const one = { path: path.join('.'), operator, value };
        expect(typeof holds(one, args)).toBe('boolean');
        try {
          expect(checkConditions([one])).toEqual([one]);
        } catch (error) {
          expect((error as DomainError).code).toBe('validation_failed');
          expect((error as DomainError).details.errors![0]!.path).toMatch(/^conditions\.0\.(path|value)$/);
        }
      }),
      { numRuns: 500, seed: 11 },
    );
  });

  it('never holds together with its opposite', () => {
    const opposites = [
      ['eq', 'ne'],
      ['in', 'nin'],
      ['gt', 'lte'],
      ['gte', 'lt'],
    ] as const;
    const keys = fc.constantFrom('a', 'b', '0', '*');
    fc.assert(
      fc.property(
        fc.array(keys, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...opposites),
        json,
        fc.oneof(json, fc.dictionary(keys, fc.array(fc.dictionary(keys, json)))) as fc.Arbitrary<JsonValue>,
        (path, [operator, opposite], value, args) => {
          const both = [operator, opposite].map((one) => is(path.join('.'), one, value, args));
          expect(both).not.toEqual([true, true]);
        },
      ),
      { numRuns: 1_000, seed: 13 },
    );
  });

  it('finds every value at the path that leads to it', () => {
    const key = fc.stringMatching(/^[a-z]{1,3}$/);
    fc.assert(
      fc.property(fc.array(fc.oneof(key, fc.nat(5)), { minLength: 1, maxLength: 5 }), json, (path, value) => {
        const args = path.reduceRight<JsonValue>(
          (inner, step) =>
            typeof step === 'number'
              ? [...(Array.from({ length: step }, () => null) as JsonValue[]), inner]
              : { [step]: inner },
          value,
        );
        expect(is(path.join('.'), 'eq', value, args)).toBe(true);
        expect(is(path.join('.'), 'exists', true, args)).toBe(true);
      }),
      { numRuns: 500, seed: 17 },
    );
  });
});
