import { highlightsOf } from '../../src/knowledge/search/highlights';

describe('the sentences that are marked in a result', () => {
  it('are those with the most words of the query, in the order of the text', () => {
    const content = 'Foxes jump. A hen sits. The fox jumped over dogs! Jumping dogs bark. Dogs: foxes.';
    const found = highlightsOf('fox jumps over dog', content);
    expect(found.map(({ text }) => text)).toEqual([
      'Foxes jump.',
      'The fox jumped over dogs!',
      'Jumping dogs bark.',
    ]);
    for (const { text, start, end } of found) expect(content.slice(start, end)).toBe(text);
  });

  it('count a word once, however often it comes', () => {
    const found = highlightsOf('alpha beta', 'Alpha. Alpha. Alpha alpha alpha. Alpha beta.');
    expect(found.map(({ text }) => text)).toEqual(['Alpha.', 'Alpha.', 'Alpha beta.']);
  });

  it.each([
    ['walks', 'walking', true],
    ['boxes', 'boxed', true],
    ['ones', 'ones', true],
    ['string', 'strs', false],
  ])('know %s by %s: %s, as endings count in words of more than four letters', (query, word, isKnown) => {
    expect(highlightsOf(query, `It ${word}.`)).toHaveLength(isKnown ? 1 : 0);
  });
});
