import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { EmbeddedSearchIndex } from '../../src/adapters/embedded-search';
import { Engine } from '../../src/adapters/embedded-search/engine';
import { compileFilter } from '../../src/adapters/embedded-search/metadata';
import { type MetadataFilter, matchesMetadata } from '../../src/knowledge/metadata-filter';
import type { JsonObject } from '../../src/ports/records';
import { eventually } from '../testkit/server';
import { chunk, describeSearchIndex } from './contract';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'embedded-search-'));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

describeSearchIndex('embedded', async () => new EmbeddedSearchIndex(newFolder()));

describe('candidates of two bases whose vectors are compared together', () => {
  it('carry their own base, document, place and both scores, whichever retriever found them', async () => {
    const index = new EmbeddedSearchIndex(newFolder());
    // Vectors of a length that whole blocks are compared in: the nearer a number to 0, the nearer the chunk.
    const vector = (far: number): number[] => [1, far, 0, 0, 0, 0, 0, 0];
    for (const kb of ['one', 'two']) {
      const put = (id: string, text: string, far: number, position: number): Promise<void> => {
        const made = chunk(`${kb}-${id}`, { text, vector: vector(far), knowledgeBaseId: kb, revision: 3 });
        const base = { id: kb, embeddingModel: 'm', dimension: 8 };
        return index.put('t', base, [{ ...made, record: { ...made.record, position } }]);
      };
      await put('gone', 'apple', 0, 0);
      await put('near', 'pear', kb === 'one' ? 0 : 1, 1);
      await put('word', 'apple', 3, 2);
      await index.remove('t', kb, [`${kb}-gone`]);
    }
    const scopes = ['one', 'two'].map((knowledgeBaseId) => ({ knowledgeBaseId, generation: 1 }));
    const { candidates } = await index.search('t', {
      scopes,
      text: 'apple',
      vector: Float32Array.from(vector(0)),
      window: 2,
    });
    const rounded = candidates.map(({ cosine, bm25, ...one }) => ({
      ...one,
      cosine: Number(cosine!.toFixed(4)),
      hasWord: bm25! > 0,
    }));
    const of = (kb: string, id: string, position: number): object => ({
      id: `${kb}-${id}`,
      knowledgeBaseId: kb,
      documentId: `doc-of-${kb}-${id}`,
      revision: 3,
      generation: 1,
      position,
    });
    const near = { hasWord: false, keywordRank: null };
    const word = { hasWord: true, vectorRank: null, cosine: 0.3162 };
    expect(rounded).toEqual([
      { ...of('one', 'near', 1), ...near, vectorRank: 1, cosine: 1 },
      { ...of('two', 'near', 1), ...near, vectorRank: 2, cosine: 0.7071 },
      { ...of('one', 'word', 2), ...word, keywordRank: 1 },
      { ...of('two', 'word', 2), ...word, keywordRank: 2 },
    ]);
    await index.close();
  });
});

describe('embedded search index on disk', () => {
  const base = { id: 'kb', embeddingModel: 'm', dimension: 4 };
  const scopes = [{ knowledgeBaseId: 'kb', generation: 1 }];
  const search = async (index: EmbeddedSearchIndex, text: string): Promise<string[]> =>
    (await index.search('t', { scopes, text, window: 10 })).candidates.map(({ id }) => id);
  const onlyFile = (folder: string): string => {
    const [name] = readdirSync(folder, { recursive: true }).filter((one) => String(one).endsWith('.chunks'));
    return path.join(folder, String(name));
  };

  it('finds after a restart what was put and removed before', async () => {
    const folder = newFolder();
    const before = new EmbeddedSearchIndex(folder);
    await before.put('t', base, [chunk('a', { text: 'apple' }), chunk('b', { text: 'apple pear' })]);
    await before.put('t', base, [chunk('c', { text: 'pear plum' })]);
    await before.remove('t', 'kb', ['a']);
    await before.close();
    const after = new EmbeddedSearchIndex(folder);
    expect(await search(after, 'apple')).toEqual(['b']);
    expect((await search(after, 'pear')).sort()).toEqual(['b', 'c']);
    await after.close();
  });

  it('drops a batch that a kill cut short, whole, and goes on behind the last good one', async () => {
    const folder = newFolder();
    const before = new EmbeddedSearchIndex(folder);
    await before.put('t', base, [chunk('a', { text: 'apple' })]);
    const good = statSync(onlyFile(folder)).size;
    await before.put('t', base, [chunk('b', { text: 'apple' }), chunk('c', { text: 'apple' })]);
    await before.close();
    truncateSync(onlyFile(folder), statSync(onlyFile(folder)).size - 3);

    const after = new EmbeddedSearchIndex(folder);
    expect(await search(after, 'apple')).toEqual(['a']);
    expect(statSync(onlyFile(folder)).size).toBe(good);
    await after.put('t', base, [chunk('d', { text: 'apple' })]);
    await after.close();
    const last = new EmbeddedSearchIndex(folder);
    expect((await search(last, 'apple')).sort()).toEqual(['a', 'd']);
    await last.close();
  });

  it('keeps a chunk without a word, and what is in its batch', async () => {
    const folder = newFolder();
    const before = new EmbeddedSearchIndex(folder);
    await before.put('t', base, [
      chunk('a', { text: 'apple' }),
      chunk('b', { text: '' }),
      chunk('c', { text: 'pear' }),
    ]);
    await before.put('t', base, [chunk('d', { text: 'plum' })]);
    await before.close();
    const after = new EmbeddedSearchIndex(folder);
    expect((await after.statistics('t', 'kb')).chunks).toBe(4);
    expect(await search(after, 'plum')).toEqual(['d']);
    await after.close();
  });

  it('ignores rubbish behind the last batch', async () => {
    const folder = newFolder();
    const before = new EmbeddedSearchIndex(folder);
    await before.put('t', base, [chunk('a', { text: 'apple' })]);
    await before.close();
    appendFileSync(onlyFile(folder), Buffer.alloc(64, 0x5a));
    const after = new EmbeddedSearchIndex(folder);
    expect(await search(after, 'apple')).toEqual(['a']);
    await after.close();
  });

  it('lets its thread go after a pause, and reads the disk when it is used again', async () => {
    const folder = newFolder();
    const resting = new EmbeddedSearchIndex(folder, 10);
    await resting.put('t', base, [chunk('a', { text: 'apple' })]);
    const other = new EmbeddedSearchIndex(folder);
    await other.put('t', base, [chunk('b', { text: 'apple' })]);
    await other.close();
    // As long as the thread lives it knows its own writes only; searching starts its pause anew.
    const found = await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const ids = await search(resting, 'apple');
      return ids.length === 2 && ids;
    }, 'what the other wrote');
    expect(found.sort()).toEqual(['a', 'b']);
    await resting.close();
  });

  it('shrinks its file when most of it was replaced, and finds the same', async () => {
    const folder = newFolder();
    const index = new EmbeddedSearchIndex(folder);
    const batch = Array.from({ length: 600 }, (_, n) => chunk(`c${n}`, { text: `apple word${n}` }));
    await index.put('t', base, batch);
    const once = statSync(onlyFile(folder)).size;
    for (let round = 0; round < 3; round++) await index.put('t', base, batch);
    expect(statSync(onlyFile(folder)).size).toBeLessThan(3 * once);
    expect(await search(index, 'word17')).toEqual(['c17']);
    expect((await index.statistics('t', 'kb')).chunks).toBe(600);
    await index.close();
    const after = new EmbeddedSearchIndex(folder);
    expect(await search(after, 'word599')).toEqual(['c599']);
    await after.close();
  });
});

describe('filters of the embedded search index', () => {
  const scalar = fc.constantFrom('a', 'B', 'b', 1, 2, true, false, null);
  const metadata = fc.dictionary(
    fc.constantFrom('x', 'y', 'z'),
    fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.record({ y: scalar }, { noNullPrototype: true })),
  );
  const field = fc.oneof(
    fc.record({ operator: fc.constantFrom('eq', 'ne'), value: scalar }),
    fc.record({
      operator: fc.constantFrom('in', 'nin'),
      value: fc.array(scalar, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      operator: fc.constantFrom('gt', 'gte', 'lt', 'lte'),
      value: fc.constantFrom('a', 'b', 1, 2),
    }),
    fc.record({ operator: fc.constant('contains'), value: fc.constantFrom('a', 'b') }),
    fc.record({ operator: fc.constant('exists'), value: fc.boolean() }),
  );
  const filters = fc.letrec<{ filter: MetadataFilter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3 },
      fc
        .tuple(fc.constantFrom('x', 'y', 'x.y'), field)
        .map(([name, rest]) => ({ kind: 'field' as const, field: name, ...rest })),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        filters: fc.array(tie('filter'), { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), filter: tie('filter') }),
    ),
  })).filter;

  it('mean what the domain says they mean', () => {
    fc.assert(
      fc.property(filters, metadata, (filter, values) => {
        expect(compileFilter(filter)(values as JsonObject)).toBe(
          matchesMetadata(filter, values as JsonObject),
        );
      }),
      { numRuns: 1_000 },
    );
  });
});

it('takes a base out of memory that nobody used for half an hour, and reads it again for the next search', async () => {
  let now = 0;
  const engine = new Engine(newFolder(), () => now);
  const chunks = [chunk('c1', { text: 'apple', vector: [1, 0, 0, 0, 0, 0, 0, 0], knowledgeBaseId: 'kb' })];
  engine.put({ tenant: 't', knowledgeBaseId: 'kb', chunks });
  now += 29 * 60_000;
  expect(engine.releaseUnused()).toBe(0);
  now += 60_000;
  expect(engine.releaseUnused()).toBe(1);
  expect(engine.statistics({ tenant: 't', knowledgeBaseId: 'kb' })).toEqual({ chunks: 1, dimension: 8 });
  expect(engine.releaseUnused()).toBe(0);
});
