import { parseStorable } from '../../src/json';
import { jsonAnswer, plainAnswer } from '../../src/models/answer-text';

describe('what is left of an answer that is parsed', () => {
  it.each<[string, string, string]>([
    ['nothing around it', ' Title \n', 'Title'],
    ['a byte order mark', '\uFEFFTitle', 'Title'],
    ['thoughts', '<think>\nA title?\n</think>\n\nTitle', 'Title'],
    ['thoughts that the template opened', 'A title?\n</think>Title', 'Title'],
    ['two thoughts', '<think>a</think><thinking>b</thinking>Title', 'Title'],
    ['thoughts that were cut off', '<think>A title', ''],
    ['a fence', '```\nTitle\n```', 'Title'],
    ['a fence with its language', '```text\nTitle\nmore\n```', 'Title\nmore'],
    ['thoughts before a fence', '<think>x</think>\n```markdown\nTitle\n```\n', 'Title'],
    ['a fence within', 'See:\n```\nx\n```\nas said', 'See:\n```\nx\n```\nas said'],
  ])('is the text without %s', (_what, text, plain) => {
    expect(plainAnswer(text)).toBe(plain);
  });

  it.each<[string, string, string]>([
    ['alone', ' {"a": 10.0} ', '{"a": 10.0}'],
    ['with a thought within a string', '{"a":"<think>x</think>"}', '{"a":"<think>x</think>"}'],
    ['in a fence', '```json\n{"a":1}\n```', '{"a":1}'],
    ['in a fence that was cut off', '```json\n{"a":1}', '{"a":1}'],
    ['in a fence with fences in a string', '```json\n{"a":"```\\nx\\n```"}\n```', '{"a":"```\\nx\\n```"}'],
    ['behind thoughts with JSON', '<think>{"b":2}</think>{"a":1}', '{"a":1}'],
    ['between words', 'Here: {"a":1}. Good?', '{"a":1}'],
    ['as a list', 'Here:\n[1, 2]', '[1, 2]'],
  ])('is the JSON %s', (_what, text, json) => {
    expect(jsonAnswer(text)).toEqual({ value: parseStorable(json), text: json });
  });

  it.each(['', 'no JSON', '{"a":', '<think>{"a":1}', 'a } b {'])('is no JSON in %j', (text) => {
    expect(jsonAnswer(text)).toBeUndefined();
  });

  it('is found in time that grows with the answer', () => {
    const hostile = [
      '```'.repeat(100_000),
      `\`\`\`${' '.repeat(300_000)}`,
      '<think>'.repeat(50_000),
      '{'.repeat(300_000),
      '\n '.repeat(150_000),
    ];
    const started = performance.now();
    for (const text of hostile) {
      plainAnswer(text);
      jsonAnswer(text);
    }
    // Quadratic work would take minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
