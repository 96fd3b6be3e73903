import fc from 'fast-check';
import {
  diversify,
  feedbackOf,
  freshness,
  fuseConvex,
  fuseReciprocalRanks,
  lessonOf,
  mixIn,
  rankBy,
  type RankedCandidate,
  titleMatch,
} from '../../src/knowledge/ranking';

const candidate = (id: string, values: Partial<RankedCandidate> = {}): RankedCandidate => ({
  id,
  cosine: 0,
  bm25: 0,
  vectorRank: null,
  keywordRank: null,
  ...values,
});
const ids = (list: { candidate: { id: string } }[]): string[] => list.map((one) => one.candidate.id);

const candidates = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 4 }),
    cosine: fc.double({ min: -1, max: 1, noNaN: true }),
    bm25: fc.double({ min: 0, max: 50, noNaN: true }),
    vectorRank: fc.option(fc.integer({ min: 1, max: 100 })),
    keywordRank: fc.option(fc.integer({ min: 1, max: 100 })),
  }),
  { selector: ({ id }) => id, maxLength: 30 },
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('convex fusion', () => {
  it('adds the cosine over the range of the candidates and BM25 over the best one', () => {
    const ranked = fuseConvex(
      [
        candidate('a', { cosine: 0.9, bm25: 0 }),
        candidate('b', { cosine: 0.5, bm25: 10 }),
        candidate('c', { cosine: 0.1, bm25: 5 }),
      ],
      0.5,
    );
    expect(ranked.map(({ candidate: { id }, score }) => [id, score])).toEqual([
      ['b', 0.75],
      ['a', 0.5],
      ['c', 0.25],
    ]);
  });

  it('keeps every candidate once, best first, with scores from 0 to 1', () => {
    fc.assert(
      fc.property(candidates, share, (list, alpha) => {
        const ranked = fuseConvex(list, alpha);
        expect(ids(ranked).sort()).toEqual(list.map(({ id }) => id).sort());
        ranked.forEach(({ score }, index) => {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1 + 1e-9);
          if (index > 0) expect(score).toBeLessThanOrEqual(ranked[index - 1]!.score);
        });
      }),
    );
  });

  it('does not depend on the order of the candidates', () => {
    fc.assert(
      fc.property(candidates, share, (list, alpha) => {
        expect(ids(fuseConvex([...list].reverse(), alpha))).toEqual(ids(fuseConvex(list, alpha)));
      }),
    );
  });

  it('puts one candidate that is better on both sides above the other', () => {
    fc.assert(
      fc.property(candidates, share, (list, alpha) => {
        const ranked = ids(fuseConvex(list, alpha));
        for (const one of list)
          for (const other of list)
            if (one.cosine > other.cosine + 1e-6 && one.bm25 > other.bm25 + 1e-6)
              expect(ranked.indexOf(one.id)).toBeLessThan(ranked.indexOf(other.id));
      }),
    );
  });

  it('refuses shares outside 0 to 1', () => {
    expect(() => fuseConvex([], 1.1)).toThrow(RangeError);
    expect(() => fuseConvex([], NaN)).toThrow(RangeError);
  });
});

describe('reciprocal rank fusion', () => {
  it('adds weighted reciprocals of ranks', () => {
    const [first, second] = fuseReciprocalRanks(
      [candidate('a', { vectorRank: 1 }), candidate('b', { vectorRank: 2, keywordRank: 1 })],
      { alpha: 0.5, k: 60 },
    );
    expect(first).toMatchObject({ candidate: { id: 'b' } });
    expect(first!.score).toBeCloseTo(0.5 / 62 + 0.5 / 61, 12);
    expect(second!.score).toBeCloseTo(0.5 / 61, 12);
  });

  it('never lowers a candidate whose rank got better', () => {
    fc.assert(
      fc.property(candidates, share, fc.double({ min: 0.1, max: 100, noNaN: true }), (list, alpha, k) => {
        fc.pre(list.length > 0);
        const [one, ...others] = list;
        const better = { ...one!, vectorRank: 1, keywordRank: 1 };
        const before = ids(fuseReciprocalRanks(list, { alpha, k })).indexOf(one!.id);
        const after = ids(fuseReciprocalRanks([better, ...others], { alpha, k })).indexOf(one!.id);
        expect(after).toBeLessThanOrEqual(before);
      }),
    );
  });

  it('refuses a constant of 0', () => {
    expect(() => fuseReciprocalRanks([], { alpha: 0.5, k: 0 })).toThrow(RangeError);
  });
});

describe('one retriever alone', () => {
  it('ranks by its raw score and leaves out what it did not return', () => {
    const list = [
      candidate('a', { cosine: 0.2, vectorRank: 2 }),
      candidate('b', { cosine: 0.7, vectorRank: 1 }),
      candidate('c', { bm25: 3, keywordRank: 1 }),
    ];
    expect(ids(rankBy(list, 'vector'))).toEqual(['b', 'a']);
    expect(ids(rankBy(list, 'keyword'))).toEqual(['c']);
  });
});

describe('diversity', () => {
  const ranked = ['a', 'b', 'c'].map((id, index) => ({ candidate: { id }, score: 1 - index * 0.1 }));
  const vectors = [
    [1, 0],
    [1, 0],
    [0, 1],
  ].map((vector) => Float32Array.from(vector));

  it('prefers a different chunk to a repetition', () => {
    expect(ids(diversify(ranked, { lambda: 0.3, limit: 2, vectors }))).toEqual(['a', 'c']);
  });

  it('changes nothing at lambda 1', () => {
    expect(ids(diversify(ranked, { lambda: 1, limit: 3, vectors }))).toEqual(['a', 'b', 'c']);
  });

  it('picks without repetition as many as wanted, the best one first', () => {
    fc.assert(
      fc.property(candidates, share, fc.nat(40), (list, lambda, limit) => {
        const fused = fuseConvex(list, 0.5);
        const directions = fused.map((_, index) =>
          index % 5 === 4 ? null : Float32Array.of(Math.cos(index), Math.sin(index)),
        );
        const picked = ids(diversify(fused, { lambda, limit, vectors: directions }));
        expect(new Set(picked).size).toBe(Math.min(limit, list.length));
        if (picked.length > 0 && lambda > 0) expect(picked[0]).toBe(fused[0]!.candidate.id);
      }),
    );
  });

  it('refuses vectors that are not as many as the entries', () => {
    expect(() => diversify(ranked, { lambda: 0.5, limit: 1, vectors: [] })).toThrow(RangeError);
  });
});

describe('boosts', () => {
  it('halves freshness with every half-life, and counts the future as now', () => {
    const day = 86_400_000;
    expect(freshness(0, 30)).toBe(1);
    expect(freshness(30 * day, 30)).toBeCloseTo(0.5, 12);
    expect(freshness(90 * day, 30)).toBeCloseTo(0.125, 12);
    expect(freshness(-day, 30)).toBe(1);
    expect(() => freshness(day, 0)).toThrow(RangeError);
  });

  it('measures the share of the words that the title has', () => {
    expect(titleMatch(['wing', 'slipstream', 'wing'], ['wing'])).toBe(0.5);
    expect(titleMatch([], ['wing'])).toBe(0);
  });

  it('mixes an opinion into the scores and orders anew', () => {
    const ranked = [
      { candidate: { id: 'old' }, score: 0.9 },
      { candidate: { id: 'new' }, score: 0.8 },
    ];
    const mixed = mixIn(ranked, 0.5, ({ id }) => (id === 'new' ? 1 : 0));
    expect(mixed).toEqual([
      { candidate: { id: 'new' }, score: 0.9 },
      { candidate: { id: 'old' }, score: 0.45 },
    ]);
    expect(mixIn(ranked, 0, () => 1)).toEqual(ranked);
  });
});

describe('feedback', () => {
  it('asks with the eight best, by the squares of their scores', () => {
    const ranked = Array.from({ length: 12 }, (_, n) => ({
      candidate: candidate(`c${n}`),
      score: 1 - n / 100,
    }));
    const { chunks, ...rest } = feedbackOf(ranked);
    expect(rest).toEqual({ terms: 20, weight: 0.3 });
    expect(chunks.map(({ chunkId }) => chunkId)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']);
    expect(chunks[0]!.weight).toBe(1);
    expect(chunks[7]!.weight).toBeCloseTo(0.93 ** 2, 12);
  });

  it('asks with nothing that has no score', () => {
    const ranked = [0.5, 0].map((score, n) => ({ candidate: candidate(`c${n}`), score }));
    expect(feedbackOf(ranked).chunks).toEqual([{ chunkId: 'c0', weight: 0.25 }]);
  });
});

describe('refinement', () => {
  const listOf = (...scores: number[]) =>
    scores.map((score, n) => ({ candidate: candidate(`c${n}`), score }));

  it('goes to the best by the squares of their lead, and away from those after them', () => {
    const { near, far } = lessonOf(listOf(...Array.from({ length: 60 }, (_, n) => 1 - n / 100)));
    expect(near.map(({ chunkId }) => chunkId)).toEqual(Array.from({ length: 11 }, (_, n) => `c${n}`));
    near.forEach(({ weight }, n) => expect(weight).toBeCloseTo(((11 - n) / 100) ** 2, 12));
    expect(far).toEqual(Array.from({ length: 28 }, (_, n) => `c${n + 12}`));
  });

  it('lets one clear answer speak for itself', () => {
    const { near } = lessonOf(listOf(1, 0.4, 0.35, 0.3));
    const total = near.reduce((sum, { weight }) => sum + weight, 0);
    expect(near[0]!.weight / total).toBeGreaterThan(0.95);
  });

  it('goes nowhere where no chunk leads', () => {
    expect(lessonOf(listOf(0.5, 0.5, 0.5))).toEqual({ near: [], far: [] });
    expect(lessonOf(listOf(1))).toEqual({ near: [], far: [] });
    expect(lessonOf([])).toEqual({ near: [], far: [] });
  });
});
