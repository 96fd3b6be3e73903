/** What every search index must do, whatever is behind it. */
import type { JsonObject, JsonValue } from '../../src/ports/records';
import type { IndexedChunk, Refinement, RetrieverQuery, SearchIndex } from '../../src/ports/search';
import { parseMetadataFilter } from '../../src/knowledge/metadata-filter';

const DIMENSION = 4;
const BASE = { id: 'kb-1', embeddingModel: 'test/model', dimension: DIMENSION };
const TENANT = 'tenant-1';

interface ChunkForm {
  text: string;
  vector?: number[];
  title?: string;
  metadata?: JsonObject;
  generation?: number;
  revision?: number;
  documentId?: string;
  knowledgeBaseId?: string;
}

export function chunk(id: string, form: ChunkForm): IndexedChunk {
  return {
    record: {
      id,
      knowledgeBaseId: form.knowledgeBaseId ?? BASE.id,
      documentId: form.documentId ?? `doc-of-${id}`,
      generation: form.generation ?? 1,
      revision: form.revision ?? 1,
      position: 0,
      text: form.text,
      vectorHash: '',
      start: 0,
      end: form.text.length,
      tokens: 1,
      metadata: form.metadata ?? {},
      createdAt: new Date(0),
    },
    title: form.title ?? '',
    vector: Float32Array.from(form.vector ?? [1, 0, 0, 0]),
  };
}

const ANIMALS = [
  chunk('fox', {
    text: 'The quick brown fox jumps over lazy dogs every single day.',
    vector: [1, 0, 0, 0],
    metadata: { kind: 'mammal', legs: 4, tags: ['red', 'wild'], seen: '2024-05-01' },
  }),
  chunk('hen', {
    text: 'Hens lay eggs. A fox in a henhouse is trouble.',
    vector: [0.8, 0.6, 0, 0],
    metadata: { kind: 'bird', legs: 2, tags: ['farm'], seen: '2025-01-15' },
  }),
  chunk('carp', {
    text: 'Carp swim in ponds and eat plants.',
    vector: [0, 0, 1, 0],
    metadata: { kind: 'fish', legs: 0, habitat: { water: 'fresh' } },
  }),
  chunk('cjk', { text: '東京都は日本の首都です', vector: [0, 0, 0, 1], metadata: { kind: 'city' } }),
  chunk('rtl', { text: 'הספרייה הלאומית בירושלים', vector: [0, 1, 0, 0], metadata: {} }),
  chunk('cafe', { text: 'Un café crème à Zürich', vector: [0, 0.6, 0.8, 0], metadata: { kind: 'place' } }),
];

export function describeSearchIndex(name: string, create: () => Promise<SearchIndex>): void {
  describe(`search index: ${name}`, () => {
    let index: SearchIndex;

    beforeEach(async () => {
      index = await create();
      await index.put(TENANT, BASE, ANIMALS);
    });
    afterEach(() => index.close());

    const query = (form: Partial<RetrieverQuery>): RetrieverQuery => ({
      scopes: [{ knowledgeBaseId: BASE.id, generation: 1 }],
      window: 10,
      ...form,
    });
    const found = async (form: Partial<RetrieverQuery>, tenant = TENANT): Promise<string[]> =>
      (await index.search(tenant, query(form))).candidates.map(({ id }) => id);
    const filtered = async (filter: JsonValue): Promise<string[]> => {
      const parsed = parseMetadataFilter(filter, 'metadata_filters')!;
      return (await found({ vector: Float32Array.of(1, 1, 1, 1), filter: parsed })).sort();
    };

    it('finds words in any form of English, the best first', async () => {
      expect(await found({ text: 'foxes jumping' })).toEqual(['fox', 'hen']);
    });

    it.each([
      ['pairs of characters in Japanese', '首都', 'cjk'],
      ['Hebrew words', 'בירושלים', 'rtl'],
      ['words without their accents', 'cafe ZURICH', 'cafe'],
    ])('finds %s', async (_name, text, id) => {
      expect(await found({ text })).toEqual([id]);
    });

    it('ranks by cosine', async () => {
      const { candidates } = await index.search(
        TENANT,
        query({ vector: Float32Array.of(2, 0, 0, 0), window: 2 }),
      );
      expect(candidates.map(({ id, vectorRank }) => [id, vectorRank])).toEqual([
        ['fox', 1],
        ['hen', 2],
      ]);
      expect(candidates[1]!.cosine).toBeCloseTo(0.8, 5);
      expect(candidates[1]!.bm25).toBeNull();
    });

    it('takes cosines to a direction that good chunks refine', async () => {
      const vector = Float32Array.of(2, 0, 0, 0);
      const near = [
        { chunkId: 'carp', weight: 1 },
        { chunkId: 'nothing', weight: 5 },
      ];
      const refinement = { vector, near, share: 0.5, far: [], repulsion: 0 };
      const refine = (share: number, ids: string[]) =>
        index.refine(TENANT, [BASE.id], { ...refinement, share }, ids);

      const [fox, carp, hen, unknown] = await refine(0.5, ['fox', 'carp', 'hen', 'nothing']);
      expect(fox).toBeCloseTo(Math.SQRT1_2, 5);
      expect(carp).toBeCloseTo(Math.SQRT1_2, 5);
      expect(hen).toBeCloseTo(0.8 * Math.SQRT1_2, 5);
      expect(unknown).toBeNull();
      expect((await refine(0, ['fox']))[0]).toBeCloseTo(1, 5);
      expect((await refine(1, ['fox']))[0]).toBeCloseTo(0, 5);
      expect(await index.refine('tenant-2', [BASE.id], refinement, ['fox'])).toEqual([null]);
      expect(
        await index.refine(TENANT, [BASE.id], { ...refinement, vector: Float32Array.of(1, 0) }, ['fox']),
      ).toEqual([null]);
    });

    it('turns the direction by the weights of good chunks and away from far ones', async () => {
      const vector = Float32Array.of(1, 0, 0, 0);
      const cosines = (refinement: Partial<Refinement>) =>
        index.refine(
          TENANT,
          [BASE.id],
          { vector, near: [], share: 1, far: [], repulsion: 0, ...refinement },
          ['fox', 'carp', 'hen'],
        );

      const near = [
        { chunkId: 'fox', weight: 3 },
        { chunkId: 'carp', weight: 4 },
      ];
      const weighed = await cosines({ near });
      expect(weighed[0]).toBeCloseTo(0.6, 5);
      expect(weighed[1]).toBeCloseTo(0.8, 5);

      const good = [{ chunkId: 'fox', weight: 1 }];
      const pushed = await cosines({ near: good, far: ['carp', 'nothing'], repulsion: 0.75 });
      expect(pushed[0]).toBeCloseTo(0.8, 5);
      expect(pushed[1]).toBeCloseTo(-0.6, 5);
      expect(pushed[2]).toBeCloseTo(0.64, 5);

      // What is far says nothing while nothing is known to be near.
      const untaught = await cosines({ far: ['carp'], repulsion: 0.75 });
      expect(untaught[0]).toBeCloseTo(1, 5);
      expect(untaught[1]).toBeCloseTo(0, 5);
    });

    it('searches a heading that is the title once', async () => {
      const text = 'A passage about nothing in particular.';
      await index.put(TENANT, BASE, [
        chunk('same', { text, title: 'Zebras', metadata: { headings: ['Zebras'] } }),
        chunk('other', { text, title: 'Zebras', metadata: { headings: ['Zebras', 'Zebras of today'] } }),
      ]);
      const fieldWeights = { content: 0, title: 0, headings: 1 };
      expect(await found({ text: 'zebras', fieldWeights })).toEqual(['other']);
    });

    it('gives both scores to a candidate that one retriever alone returned', async () => {
      const { candidates } = await index.search(
        TENANT,
        query({ text: 'carp', vector: Float32Array.of(1, 0, 0, 0), window: 1 }),
      );
      const carp = candidates.find(({ id }) => id === 'carp')!;
      const fox = candidates.find(({ id }) => id === 'fox')!;
      expect(carp).toMatchObject({ vectorRank: null, keywordRank: 1 });
      expect(carp.cosine).toBeCloseTo(0, 5);
      expect(carp.bm25).toBeGreaterThan(0);
      expect(fox).toMatchObject({ vectorRank: 1, keywordRank: null, bm25: 0 });
    });

    it.each<[string, JsonValue, string[]]>([
      ['equality', { kind: 'bird' }, ['hen']],
      ['a list of values', { kind: { in: ['bird', 'fish'] } }, ['carp', 'hen']],
      ['absence from a list', { kind: { nin: ['bird', 'fish'] } }, ['cafe', 'cjk', 'fox', 'rtl']],
      [
        'inequality, also where the field is missing',
        { kind: { ne: 'bird' } },
        ['cafe', 'carp', 'cjk', 'fox', 'rtl'],
      ],
      ['ranges of numbers', { legs: { gte: 2, lt: 4 } }, ['hen']],
      ['ranges of dates', { seen: { gt: '2024-12-31' } }, ['hen']],
      ['an element of a list', { tags: 'wild' }, ['fox']],
      ['a part of a text', { kind: { contains: 'MAM' } }, ['fox']],
      ['existence', { legs: { exists: false } }, ['cafe', 'cjk', 'rtl']],
      ['a field of an object', { 'habitat.water': 'fresh' }, ['carp']],
      ['or', { or: [{ kind: 'bird' }, { legs: 0 }] }, ['carp', 'hen']],
      ['not', { not: { legs: { exists: true } } }, ['cafe', 'cjk', 'rtl']],
      ['and', { and: [{ legs: { gt: 0 } }, { not: { kind: 'bird' } }] }, ['fox']],
      ['a field that nothing has', { colour: 'blue' }, []],
    ])('filters by %s', async (_name, filter, expected) => {
      expect(await filtered(filter)).toEqual(expected);
    });

    it('tells which fields of a filter nothing has', async () => {
      const unknown = async (filter: JsonValue): Promise<string[]> => {
        const parsed = parseMetadataFilter(filter, 'f')!;
        return (await index.search(TENANT, query({ text: 'fox', filter: parsed }))).unknownFields;
      };
      expect(
        await unknown({ or: [{ kind: 'bird' }, { colour: 'blue' }, { not: { 'habitat.salt': 1 } }] }),
      ).toEqual(['colour', 'habitat.salt']);
      expect(await unknown({ kind: 'nothing', 'habitat.water': 'salt' })).toEqual([]);
      expect((await index.search(TENANT, query({ text: 'fox' }))).unknownFields).toEqual([]);
    });

    it('finds what scripts and names of all kinds are asked by', async () => {
      const texts: Record<string, string> = {
        korean: '학교에서 점심을 먹었다. 서울은 큰 도시다.',
        cat: '黒い猫が公園で寝ている',
        permit: 'Die Grund\u00adstücks\u00adverkehrs\u00adgenehmigung liegt im Amt.',
        hidden: 'Donau\u200bdampf\u2060schiff auf\ufeffgabe',
        street: 'Die große Straße in Łódź, ışık, smørrebrød, Đà Nẵng',
        cpp: 'We write C++ every day',
        csharp: 'We write C# every day',
        plain: 'We write C every day',
        net: 'The .NET runtime',
        fishing: 'A fishing net',
        hamlet: 'To be, or not to be',
        band: 'The Who',
        party: 'Hooray 🎉',
        wide: 'Ｆｕｌｌｗｉｄｔｈ',
        accents: 'Cafe\u0301 noir',
      };
      await index.put(
        TENANT,
        { ...BASE, id: 'kb-scripts' },
        Object.entries(texts).map(([id, text]) => chunk(id, { text, knowledgeBaseId: 'kb-scripts' })),
      );
      const scopes = [{ knowledgeBaseId: 'kb-scripts', generation: 1 }];
      const asked: Record<string, string> = {
        서울: 'korean',
        학교: 'korean',
        먹: 'korean',
        猫: 'cat',
        公園: 'cat',
        Grundstücksverkehrsgenehmigung: 'permit',
        Donaudampfschiff: 'hidden',
        Aufgabe: 'hidden',
        STRASSE: 'street',
        lodz: 'street',
        isik: 'street',
        smorrebrod: 'street',
        'da nang': 'street',
        'C++': 'cpp',
        'c#': 'csharp',
        C: 'plain',
        '.net': 'net',
        net: 'fishing',
        'to be or not to be': 'hamlet',
        'the who': 'band',
        '🎉': 'party',
        fullwidth: 'wide',
        café: 'accents',
      };
      for (const [text, id] of Object.entries(asked))
        expect([text, (await found({ scopes, text }))[0]]).toEqual([text, id]);
      for (const text of ['C++', 'c#', 'C', '.net', 'net', '猫', '🎉'])
        expect([text, await found({ scopes, text })]).toEqual([text, [asked[text]]]);
    });

    it('filters before the window is cut', async () => {
      const filter = parseMetadataFilter({ kind: 'fish' }, 'f')!;
      expect(await found({ vector: Float32Array.of(1, 0, 0, 0), window: 1, filter })).toEqual(['carp']);
    });

    it('shows a tenant nothing of another', async () => {
      expect(await found({ text: 'fox' }, 'tenant-2')).toEqual([]);
      await index.removeBase('tenant-2', BASE.id);
      expect(await found({ text: 'fox' })).toEqual(['hen', 'fox']);
    });

    it('searches several bases at once, and unknown ones as empty', async () => {
      await index.put(TENANT, { ...BASE, id: 'kb-2' }, [
        chunk('wolf', { text: 'wolf and fox', knowledgeBaseId: 'kb-2' }),
      ]);
      const scopes = ['kb-1', 'kb-2', 'kb-3'].map((knowledgeBaseId) => ({ knowledgeBaseId, generation: 1 }));
      expect((await found({ scopes, text: 'fox' })).sort()).toEqual(['fox', 'hen', 'wolf']);
    });

    it('hides a later generation until it is asked for', async () => {
      await index.put(TENANT, BASE, [chunk('fox-2', { text: 'A new fox', generation: 2 })]);
      expect(await found({ text: 'fox' })).not.toContain('fox-2');
      expect(await found({ text: 'fox', scopes: [{ knowledgeBaseId: BASE.id, generation: 2 }] })).toContain(
        'fox-2',
      );
    });

    it('finds a base by words while its vectors change their length', async () => {
      const refreshed = { ...BASE, dimension: 2 };
      await index.put(TENANT, refreshed, [
        chunk('fox-2', { text: 'A new fox', generation: 2, vector: [0, 1] }),
      ]);
      const scopes = [{ knowledgeBaseId: BASE.id, generation: 2 }];
      const { candidates } = await index.search(
        TENANT,
        query({ scopes, text: 'fox', vector: Float32Array.of(0, 1) }),
      );
      expect(candidates[0]).toMatchObject({ id: 'fox-2', vectorRank: 1 });
      expect(candidates.find(({ id }) => id === 'fox')).toMatchObject({ vectorRank: null, cosine: 0 });
    });

    it('replaces a chunk by its id', async () => {
      await index.put(TENANT, BASE, [chunk('fox', { text: 'An otter', vector: [0, 0, 0, 1] })]);
      expect(await found({ text: 'fox' })).toEqual(['hen']);
      expect(await found({ text: 'otter' })).toEqual(['fox']);
      expect(await index.statistics(TENANT, BASE.id)).toEqual({
        chunks: ANIMALS.length,
        dimension: DIMENSION,
      });
    });

    it('finds removed chunks no more, and passes over unknown ones', async () => {
      await index.remove(TENANT, BASE.id, ['fox', 'nobody']);
      expect(await found({ text: 'fox', vector: Float32Array.of(1, 0, 0, 0), window: 1 })).toEqual(['hen']);
      await index.removeBase(TENANT, BASE.id);
      expect(await index.statistics(TENANT, BASE.id)).toEqual({ chunks: 0, dimension: null });
    });

    it('weighs fields', async () => {
      await index.put(TENANT, BASE, [
        chunk('in-title', { text: 'nothing here', title: 'Badgers' }),
        chunk('in-text', { text: 'badgers here', title: 'Nothing' }),
      ]);
      expect((await found({ text: 'badger', fieldWeights: { title: 5 } }))[0]).toBe('in-title');
      expect(await found({ text: 'badger', fieldWeights: { title: 0 } })).toEqual(['in-text']);
    });

    it('says of named chunks how they stand or why they cannot be found', async () => {
      await index.put(TENANT, BASE, [chunk('later', { text: 'fox', generation: 2 })]);
      const { named } = await index.search(
        TENANT,
        query({
          text: 'fox',
          vector: Float32Array.of(1, 0, 0, 0),
          window: 1,
          filter: parseMetadataFilter({ kind: { ne: 'fish' } }, 'f')!,
          named: ['fox', 'carp', 'later', 'nobody'],
        }),
      );
      expect(named.map(({ id, state }) => [id, state])).toEqual([
        ['fox', 'seen'],
        ['carp', 'filtered'],
        ['later', 'later_generation'],
        ['nobody', 'not_indexed'],
      ]);
      expect(named[0]).toMatchObject({ vectorRank: 1, keywordRank: 2 });
    });

    it('adds words of good chunks to the query', async () => {
      expect(await found({ text: 'jumps' })).toEqual(['fox']);
      const chunks = [
        { chunkId: 'hen', weight: 1 },
        { chunkId: 'nobody', weight: 1 },
      ];
      const feedback = { chunks, terms: 5, weight: 0.3 };
      const answer = await index.search(TENANT, query({ text: 'jumps', feedback }));
      expect(answer.candidates.map(({ id }) => id)).toEqual(['fox', 'hen']);
      expect(answer.terms.length).toBeGreaterThan(1);
    });

    it('adds words of good chunks by the weights of these', async () => {
      await index.put(TENANT, BASE, [
        chunk('yak', { text: 'yaks graze quietly' }),
        chunk('emu', { text: 'emus sprint fast' }),
      ]);
      const added = async (yak: number, emu: number): Promise<Record<string, number>> => {
        const chunks = [
          { chunkId: 'yak', weight: yak },
          { chunkId: 'emu', weight: emu },
        ];
        const feedback = { chunks, terms: 6, weight: 0.3 };
        const { terms } = await index.search(TENANT, query({ text: 'jumps', feedback }));
        return Object.fromEntries(terms.map(({ term, weight }) => [term, weight]));
      };
      const even = await added(1, 1);
      expect(even.yak).toBeCloseTo(0.3 / 6, 5);
      expect(even.emus ?? even.emu).toBeCloseTo(0.3 / 6, 5);
      const uneven = await added(3, 1);
      expect(uneven.yak).toBeCloseTo((0.3 / 6) * 1.5, 5);
      expect(uneven.emus ?? uneven.emu).toBeCloseTo((0.3 / 6) * 0.5, 5);
    });

    it('gives unit vectors for diversity', async () => {
      const [fox, nobody] = await index.vectors(TENANT, [BASE.id], ['fox', 'nobody']);
      expect([...fox!]).toEqual([1, 0, 0, 0]);
      expect(nobody).toBeNull();
    });

    it.each<[string, Partial<RetrieverQuery>, string]>([
      ['no base', { scopes: [], text: 'x' }, 'scopes'],
      ['no side', {}, 'text'],
      ['a window of nothing', { text: 'x', window: 0 }, 'window'],
      ['a vector that is no direction', { vector: Float32Array.of(NaN, 1, 1, 1) }, 'vector'],
    ])('refuses a query with %s', async (_name, form, path) => {
      await expect(index.search(TENANT, query(form))).rejects.toMatchObject({
        code: 'validation_failed',
        details: { errors: [{ path }] },
      });
    });

    it('refuses a batch with one bad vector and takes nothing of it', async () => {
      const batch = [chunk('good', { text: 'zebra' }), chunk('bad', { text: 'zebra', vector: [1, 2] })];
      await expect(index.put(TENANT, BASE, batch)).rejects.toMatchObject({ code: 'validation_failed' });
      expect(await found({ text: 'zebra' })).toEqual([]);
    });

    it('answers queries of stop words, signs and 10,000 characters', async () => {
      expect((await found({ text: 'the of and' })).sort()).toEqual(['carp', 'fox']);
      expect(await found({ text: '?!… ()' })).toEqual([]);
      expect(await found({ text: 'fox '.repeat(2_500) })).toEqual(['hen', 'fox']);
    });
  });
}
