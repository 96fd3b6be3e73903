import { Analyzer } from '../../src/adapters/embedded-search/analysis';
import { Highlighter } from '../../src/knowledge/search/highlights';
import type { Highlight } from '../../src/knowledge/search/types';

const analysis = new Analyzer();
const highlightsOf = (query: string, content: string): Highlight[] =>
  new Highlighter(query, analysis).mark(content);

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
  ])('know %s by %s: %s, as words are compared by their stems', (query, word, isKnown) => {
    expect(highlightsOf(query, `It ${word}.`)).toHaveLength(isKnown ? 1 : 0);
  });

  it.each([
    ['서울', '학교에서 점심을 먹었다. 서울은 큰 도시다.', '서울은 큰 도시다.'],
    ['猫', '犬がいる。黒い猫が公園で寝ている。', '黒い猫が公園で寝ている。'],
    ['Grundstück', 'Ja. Das Grund\u00adstück ist groß. Nein.', 'Das Grund\u00adstück ist groß.'],
    ['STRASSE', 'Es regnet. Die Straße ist naß.', 'Die Straße ist naß.'],
    ['.NET', 'Plain C is older. We use .NET 8.0 and C#. Done.', 'We use .NET 8.0 and C#.'],
    [
      'to be or not to be',
      'A question. To be, or not to be: that is it.',
      'To be, or not to be: that is it.',
    ],
  ])('point for %s into the text as it was written', (query, content, expected) => {
    const found = highlightsOf(query, content);
    expect(found.map(({ text }) => text)).toEqual([expected]);
    expect(content.slice(found[0]!.start, found[0]!.end)).toBe(expected);
  });

  it('are none for a query without words', () => {
    expect(highlightsOf('?!', 'Well?! Yes.')).toEqual([]);
  });
});
