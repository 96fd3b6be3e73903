import type { ToolCallRecord } from '../../src/ports/tools';
import { sourcesOf, withNumbers } from '../../src/runs/citations';
import { markedNumbers } from '../../src/runs/markers';
import { quotedPassages } from '../../src/runs/quotes';

const KNOWN = new Set([1, 2, 3, 4, 12]);
const marked = (answer: string, texts: string[] = []): number[] =>
  [...markedNumbers(answer, KNOWN, texts)].sort((a, b) => a - b);

describe('markers in an answer', () => {
  it.each<[string, number[]]>([
    ['Gold is there [1].', [1]],
    ['Gold is there[1][2].', [1, 2]],
    ['Gold is there [1, 2] and [ 3 ;4 ].', [1, 2, 3, 4]],
    ['Gold 【1】 and 【2†lamp.md】 and ［３］.', [1, 2, 3]],
    ['Gold [2-4], gold [2–4] and [2 - 3].', [2, 3, 4]],
    ['Gold [^1] and [#2], [Source 3], [passages 1 and 2], [index: 4].', [1, 2, 3, 4]],
    ['Gold [1](lamp.md) and [2, p. 4].', [1, 2]],
    ['Gold [1-99999999999] and [9] and [2024].', []],
    ['Gold [1-9999].', [1, 2, 3, 4, 12]],
    ['A list: `items[1]`.\n```js\nitems[2]\n```\nSee [3].', [3]],
    ['- [ ] to do\n- [x] done [one] []', []],
    ['[12 apples] and [1 of 2]', []],
  ])('%s', (answer, numbers) => expect(marked(answer)).toEqual(numbers));

  it('are none where a passage has them itself', () => {
    const texts = ['Legends tell of gold on islands.[1] Maps show a cross.[2]'];
    expect(marked('Legends tell of gold on islands.[1]', texts)).toEqual([]);
    expect(marked('Legends tell of gold on islands. [3]', texts)).toEqual([3]);
  });

  it('are read in linear time', () => {
    const began = Date.now();
    for (const piece of ['[', '[1,', '`', '```', '[1-', '【', '[1 and ']) marked(piece.repeat(200_000));
    expect(Date.now() - began).toBeLessThan(5_000);
  });
});

describe('an answer without markers', () => {
  const PASSAGES = [
    'Blackbeard sailed the Caribbean. Legends tell of gold buried on remote islands, marked with a cross.',
    'Bake the bread at 220 degrees for forty minutes. Weight: 2 kg',
    'marked with a cross. The battery of the lamp lasts nine hours.\nDelivery: three days',
    '海盗的黄金埋在遥远的岛屿上，用十字标记。',
  ];
  const quoted = (answer: string): number[] => [...quotedPassages(answer, PASSAGES)].sort();

  it.each<[string, number[]]>([
    ['Legends tell of gold buried on remote islands, marked with a cross.', [0]],
    ['It says: "The battery of the lamp lasts nine hours."', [2]],
    ['Weight: 2 kg', [1]],
    ['Weight: 2 kg Delivery: three days', [1, 2]],
    ['The tool returned: [{"content":"Bake the bread at 220 degrees for forty minutes."}]', [1]],
    ['黄金埋在遥远的岛屿上', [3]],
    ['On remote islands, legends say, gold was buried and marked by some cross.', [0]],
    ['Who are you? I am a model. You are welcome.', []],
    ['I found nothing about "gold buried by pirates" in the given context and this conversation.', []],
    ['', []],
  ])('%s', (answer, places) => expect(quoted(answer)).toEqual(places));

  it('is compared in bounded time', () => {
    const began = Date.now();
    const long = Array.from({ length: 200_000 }, (_, at) => `word${at % 977}`).join(' ');
    quotedPassages(
      long,
      Array.from({ length: 600 }, () => long.slice(0, 5_000)),
    );
    expect(Date.now() - began).toBeLessThan(10_000);
  });
});

describe('the sources of a run', () => {
  const passage = (id: string, content: string) => ({ chunk_id: id, content, title: id, score: 0 });
  const call = (position: number, ids: string[], index?: number): ToolCallRecord =>
    ({
      toolName: 'search_knowledge',
      status: 'succeeded',
      position,
      result: ids.map((id, at) => ({
        ...(index === undefined ? {} : { index: index + at }),
        ...passage(id, `The passage of ${id} speaks about matter ${id}.`),
      })),
    }) as unknown as ToolCallRecord;
  const request = {
    citations: [{ index: 1, chunk_id: 'a', quote: 'First', score: 0.5 }],
    hidden: [
      '<knowledge index="1" source="x">\nFirst things come always before second things.\n</knowledge>',
    ],
  };

  it('give each passage one number in the run, whichever search finds it', () => {
    const first = call(0, ['a', 'b']);
    const numbered = withNumbers(request, [], first, first.result) as { index: number }[];
    expect(numbered.map(({ index }) => index)).toEqual([1, 2]);
    const earlier = [{ ...first, result: numbered } as unknown as ToolCallRecord];
    const next = call(1, ['b', 'c', 'd']);
    const later = withNumbers(request, earlier, next, next.result) as { index: number }[];
    expect(later.map(({ index }) => index)).toEqual([2, 23, 24]);
    expect(withNumbers(request, [], { ...first, toolName: 'other' }, [1])).toEqual([1]);
  });

  it('are cited where they are marked, the others are kept with their scores', () => {
    const sources = sourcesOf(request, [call(0, ['b', 'c'], 2)], 'So it is [3].')!;
    expect(sources.citations).toMatchObject([{ index: 3, chunk_id: 'c' }]);
    expect(sources.retrieved).toMatchObject([
      { index: 1, chunk_id: 'a', score: 0.5 },
      { index: 2, chunk_id: 'b', score: 0 },
    ]);
    expect(sourcesOf(request, [], 'First things come always before second things.')).toMatchObject({
      citations: [{ index: 1 }],
      retrieved: [],
    });
    expect(sourcesOf(request, [], 'Hello.')).toMatchObject({ citations: [], retrieved: [{ index: 1 }] });
    expect(sourcesOf({ hidden: [] }, [], 'So it is [1].')).toBeUndefined();
  });
});
