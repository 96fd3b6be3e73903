import { argumentsObject } from '../../src/model-messages';

const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

describe('arguments of a call that endpoints parse', () => {
  it.each(['\\ud83d', '\\uDE00', 'x\\ud83dy', '\\ud83d\\ud83d\\ude00', '\\\\\\ud83d'])(
    'hold no half of a surrogate pair that was escaped (%s)',
    (escaped) => {
      const args = JSON.parse(argumentsObject(`{"text":"${escaped}"}`)) as { text: string };
      expect(args.text).not.toMatch(HALF_PAIR);
      expect(args.text).toContain('\ufffd');
    },
  );

  it.each(['{"a":"\\ud83d\\ude00"}', '{"a":"\\\\ud83d"}', '{"a":"\\n\\u00e9\\uD83D\\uDE00"}'])(
    'stay as they are where nothing is wrong (%s)',
    (text) => expect(argumentsObject(text)).toBe(text),
  );

  it('are told as text when they are nested deeper than parsers of endpoints go', () => {
    const deep = `{"a":${'['.repeat(1_500)}${']'.repeat(1_500)}}`;
    expect(Object.keys(JSON.parse(argumentsObject(deep)) as object)).toEqual(['invalid_arguments']);
    const brackets = JSON.stringify({ a: '['.repeat(1_500), b: Array.from({ length: 300 }, () => [{}]) });
    expect(argumentsObject(brackets)).toBe(brackets);
  });
});
