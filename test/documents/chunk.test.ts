import fc from 'fast-check';
import { chunkDocument } from '../../src/documents/chunk';
import { CHUNKING_STRATEGIES } from '../../src/documents/types';

const lorem = (words: number): string =>
  Array.from(
    { length: words },
    (_, index) => `${index % 13 === 0 ? 'Word' : 'word'}${index % 97}${index % 13 === 12 ? '.' : ''}`,
  ).join(' ');

const withoutSpace = (text: string): string => text.replace(/\s/g, '');

/** What every chunking must keep, whatever the text. */
function expectSound(text: string, chunks: ReturnType<typeof chunkDocument>): void {
  let reached = 0;
  for (const [index, chunk] of chunks.entries()) {
    expect(chunk.index).toBe(index);
    expect(chunk.text.slice(chunk.metadata.prefixLength ?? 0)).toBe(text.slice(chunk.start, chunk.end));
    expect(chunk.text.trim()).not.toBe('');
    // Nothing between two chunks is lost.
    expect(withoutSpace(text.slice(reached, Math.max(reached, chunk.start)))).toBe('');
    expect(chunk.end).toBeGreaterThan(reached);
    reached = chunk.end;
  }
  expect(withoutSpace(text.slice(reached))).toBe('');
}

describe('every strategy', () => {
  const pieces = fc.constantFrom(
    '# Title\n\n',
    '## Part\n',
    'A sentence. ',
    'Another one! ',
    '\n',
    '\n\n',
    '- item\n',
    '| a | b |\n',
    '| --- | --- |\n',
    '```js\n',
    '```\n',
    'function f() {\n  return 1;\n}\n',
    'x'.repeat(120),
    '👩‍👩‍👧‍👦',
    '𝒳𝒴',
    'e\u0301',
    '日本語の文。',
    'שלום עולם. ',
    '\t',
    ' ',
    '<|endoftext|>',
  );
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
    fc.string({ unit: 'grapheme', maxLength: 600 }),
  );

  it.each(CHUNKING_STRATEGIES)('%s loses nothing, tears no character, and keeps to the size', (strategy) => {
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 50, max: 300 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (sample, size, overlap) => {
          const whole = (sample as string & { toWellFormed(): string }).toWellFormed();
          const chunks = chunkDocument({ text: whole }, { strategy, size, overlap });
          expectSound(whole, chunks);
          for (const chunk of chunks) {
            expect((chunk.text as string & { isWellFormed(): boolean }).isWellFormed()).toBe(true);
            if (!chunk.text.includes('|')) expect(chunk.text.length).toBeLessThanOrEqual(size);
          }
        },
      ),
      { numRuns: 200, seed: 7 },
    );
  });

  it('gives one chunk for one word and none for nothing', () => {
    expect(chunkDocument({ text: ' Word\n' })).toEqual([
      { index: 0, text: 'Word', start: 1, end: 5, tokens: 1, metadata: {} },
    ]);
    expect(chunkDocument({ text: ' \n ' })).toEqual([]);
  });

  it('cuts 20,000 words into full chunks that overlap', () => {
    const text = lorem(20_000);
    const chunks = chunkDocument({ text });
    expectSound(text, chunks);
    const lengths = chunks.slice(0, -1).map(({ start, end }) => end - start);
    expect(Math.min(...lengths)).toBeGreaterThan(1000);
    const overlaps = chunks.slice(1).map(({ start }, index) => chunks[index]!.end - start);
    expect(Math.min(...overlaps)).toBeGreaterThan(60);
    expect(Math.max(...overlaps)).toBeLessThanOrEqual(180);
  });

  it('names the option that is out of bounds', () => {
    expect(() => chunkDocument({ text: 'x' }, { size: 10 })).toThrow('chunk_size');
    expect(() => chunkDocument({ text: 'x' }, { overlap: 0.9 })).toThrow('overlap_percentage');
    expect(() => chunkDocument({ text: 'x' }, { strategy: 'best' as never })).toThrow('chunking_strategy');
  });

  it('says on which page a chunk begins', () => {
    const pages = [
      { page: 1, start: 0, end: 600 },
      { page: 2, start: 602, end: 1202 },
    ];
    const text = `${lorem(200).slice(0, 599)}.\n\n${lorem(200).slice(0, 600)}`;
    const chunks = chunkDocument({ text, markup: 'plain', pages }, { size: 600, overlap: 0 });
    expect(chunks.map(({ metadata }) => metadata.page)).toEqual([1, 2]);
  });
});

describe('sentences', () => {
  it('end chunks, also where lines are broken hard', () => {
    const text = 'This is the first\nsentence of all. The second one\nis here. And a third.';
    const chunks = chunkDocument({ text, markup: 'plain' }, { size: 50, overlap: 0 });
    expect(chunks.map((chunk) => chunk.text)).toEqual([
      'This is the first\nsentence of all.',
      'The second one\nis here. And a third.',
    ]);
  });

  it('are found in Chinese, Japanese, Arabic and Hebrew', () => {
    const japanese = '吾輩は猫である。名前はまだ無い。'.repeat(8);
    const hebrew = 'שלום עולם. מה שלומך היום? '.repeat(8);
    for (const text of [japanese, hebrew]) {
      const chunks = chunkDocument({ text, markup: 'plain' }, { size: 60, overlap: 0 });
      for (const chunk of chunks) expect(chunk.text).toMatch(/[。.?]$/);
    }
  });
});

describe('Markdown', () => {
  const section = (title: string): string => `## ${title}\n\n${lorem(60)}\n\n`;

  it('begins a chunk at each heading and keeps the path of headings', () => {
    const text = `# Book\n\n${section('One')}${section('Two')}`;
    const chunks = chunkDocument({ text, markup: 'markdown' });
    expect(chunks.map(({ metadata }) => metadata.headings)).toEqual([
      ['Book', 'One'],
      ['Book', 'Two'],
    ]);
    expect(chunks[0]!.text).toMatch(/^# Book\n\n## One/);
    expect(chunks[1]!.text).toMatch(/^## Two/);
  });

  it('takes no heading from fenced code', () => {
    const text = `# Real\n\n\`\`\`sh\n# comment\n\`\`\`\n\n${lorem(80)}`;
    const [chunk] = chunkDocument({ text, markup: 'markdown' });
    expect(chunk!.metadata.headings).toEqual(['Real']);
  });

  it('cuts tables between rows and repeats the header', () => {
    const rows = Array.from({ length: 40 }, (_, index) => `| item ${index} | ${'x'.repeat(20)} |`);
    const text = ['| Name | Value |', '| --- | --- |', ...rows].join('\n');
    const chunks = chunkDocument({ text, markup: 'markdown' }, { size: 300 });
    expect(chunks.length).toBeGreaterThan(3);
    for (const chunk of chunks) {
      expect(chunk.text).toMatch(/^\| Name \| Value \|\n\| --- \| --- \|\n\| item/);
      expect(chunk.text).toMatch(/\|$/);
      expect(chunk.text.length).toBeLessThanOrEqual(300);
    }
    const seen = chunks.flatMap((chunk) => chunk.text.match(/item \d+/g) ?? []);
    expect(seen).toEqual(rows.map((_, index) => `item ${index}`));
  });

  it('keeps a row whole that is longer than a chunk', () => {
    const long = `| ${'word '.repeat(40)}|`;
    const chunks = chunkDocument({ text: `| a |\n| - |\n| b |\n${long}`, markup: 'markdown' }, { size: 100 });
    expect(chunks.at(-1)!.text).toContain(long);
  });
});

describe('code', () => {
  it('keeps functions whole where they fit', () => {
    const functions = Array.from(
      { length: 6 },
      (_, index) =>
        `/** Number ${index}. */\nfunction f${index}() {\n  const x = ${index};\n\n  return x;\n}`,
    );
    const text = functions.join('\n\n');
    const chunks = chunkDocument({ text, markup: 'code' }, { size: 180, overlap: 0 });
    for (const chunk of chunks) {
      expect(chunk.text).toMatch(/^\/\*\* Number/);
      expect(chunk.text).toMatch(/\}$/);
    }
  });
});

describe('time', () => {
  it.each([
    ['spaces after a heading mark', `# ${' '.repeat(200_000)}x`],
    ['a table rule of spaces', `| a |\n|${' '.repeat(200_000)}-${' '.repeat(200_000)}x`],
    ['dashes and bars', `a | b\n${'-|'.repeat(100_000)}x`],
    ['one line of letters', 'x'.repeat(500_000)],
    ['stacked marks', `e${'\u0301'.repeat(200_000)}`],
  ])('grows no faster than the text: %s', (_name, text) => {
    const started = performance.now();
    const chunks = chunkDocument({ text, markup: 'markdown' });
    expect(performance.now() - started).toBeLessThan(10_000);
    expectSound(text, chunks);
  });
});
