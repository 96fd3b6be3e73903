import { dataOf, expectProblem, itRefuses } from '../testkit/contract';
import { type Client, type Json, startTestServer, type TestServer } from '../testkit/server';
import { type StubProvider, startStubProvider } from '../testkit/stub-provider';
import { freshName } from './kit';

const BASES = '/api/v1/knowledge-bases';
const DAY_MS = 86_400_000;

const FIELDS = `
  documents {
    id sourceFile chunkIndex score content metadata
    scores { vector keyword fused rerank }
    neighbors { id chunkIndex content }
    explanation { vectorRank keywordRank fusedRank titleMatch freshness boostedRank finalRank }
  }
  totalResults
  searchMetadata { searchType fusion candidates rewrittenQuery expandedQueries notes }
  explanations { chunkId stage reason vectorScore keywordScore vectorRank keywordRank fusedRank fusedScore }`;

interface Text {
  fileName: string;
  content: string;
  metadata?: object;
}

/** A base of texts. @returns its id, and ids of its documents by file name */
async function makeTexts(
  client: Client,
  texts: Text[],
  settings: object = {},
): Promise<{ id: string; documents: Record<string, string> }> {
  const { createKnowledgeBase: made } = await dataOf(
    client.graphql(
      'mutation($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { id status } }',
      { input: { name: freshName(), texts, ...settings } },
    ),
  );
  expect(made.status).toBe('completed');
  const { files } = (await client.rest('GET', `${BASES}/${made.id}/files?limit=100`)).body;
  return {
    id: made.id,
    documents: Object.fromEntries(files.map((file: Json) => [file.file_name, file.id])),
  };
}

const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Enums are upper case in GraphQL. */
const toGraphQL = (fields: Record<string, unknown>): object =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      camel(name),
      name === 'search_type' || name === 'fusion' ? String(value).toUpperCase() : value,
    ]),
  );

/** The same search over REST and GraphQL; both must say the same. @returns the answer of REST */
async function search(
  client: Client,
  bases: string[],
  query: string,
  fields: Record<string, unknown> = {},
): Promise<Json> {
  const rest = await client.rest('POST', `${BASES}/search`, { knowledge_base_ids: bases, query, ...fields });
  expect({ status: rest.status, body: rest.body }).toMatchObject({ status: 200 });
  const { knowledgeSearch } = await dataOf(
    client.graphql(`query($input: KnowledgeSearchInput!) { knowledgeSearch(input: $input) { ${FIELDS} } }`, {
      input: { knowledgeBaseIds: bases, query, ...toGraphQL(fields) },
    }),
  );
  const brief = (answer: Json, spell: (name: string) => string): Json => ({
    documents: answer.documents.map((one: Json) => ({
      id: one.id,
      neighbors: (one.neighbors ?? []).map(({ id }: Json) => id),
      finalRank: one.explanation?.[spell('finalRank')],
    })),
    rewritten: answer[spell('searchMetadata')][spell('rewrittenQuery')] ?? null,
    stages: (answer.explanations ?? []).map(({ stage }: Json) => stage),
  });
  expect(brief(knowledgeSearch, (name) => name)).toEqual(brief(rest.body, snake));
  return rest.body;
}

const names = ({ documents }: Json): string[] => documents.map((one: Json) => one.source_file);

describe('searching without a model', () => {
  let server: TestServer;
  let base: { id: string; documents: Record<string, string> };
  const one = (query: string, fields: Record<string, unknown> = {}): Promise<Json> =>
    search(server.dev, [base.id], query, fields);

  beforeAll(async () => {
    server = await startTestServer();
    base = await makeTexts(server.dev, [
      {
        fileName: 'otters.md',
        content: '# Otters\n\nThe sea otter cracks clams on a stone and sleeps in kelp.',
        metadata: { team: 'sea', year: 2019, tags: ['fur', 'swims'], place: { country: 'CA' } },
      },
      {
        fileName: 'otters-copy.md',
        content: '# Otters again\n\nThe sea otter cracks clams on a stone and it sleeps in kelp.',
        metadata: { team: 'sea', year: 2020, tags: ['fur'] },
      },
      {
        fileName: 'seals.md',
        content: '# Seals\n\nThe harbour seal hunts clams and fish near the stone pier.',
        metadata: { team: 'sea', year: 2021, place: { country: 'NO' } },
      },
      {
        fileName: 'owls.md',
        content: '# Owls\n\nThe barn owl hunts mice at night and sleeps in a barn.',
        metadata: { team: 'birds', year: 2022, tags: ['flies'] },
      },
      {
        fileName: 'clams.md',
        content: '# Clam bake\n\nA feast on the beach with corn and potatoes.',
        metadata: { team: 'kitchen' },
      },
    ]);
  });
  afterAll(() => server.close());

  it('diversity puts what repeats the first result behind what differs', async () => {
    const query = 'sea otter cracks clams on a stone';
    const plain = names(await one(query, { limit: 3 }));
    expect(plain.slice(0, 2).sort()).toEqual(['otters-copy.md', 'otters.md']);
    const relevance = names(await one(query, { limit: 3, enable_mmr: true, mmr_lambda: 1 }));
    expect(relevance).toEqual(plain);
    const diverse = names(await one(query, { limit: 3, enable_mmr: true, mmr_lambda: 0.3 }));
    expect(diverse[0]).toBe(plain[0]);
    expect(diverse[1]).not.toBe(plain[1]);
  });

  it('the threshold holds for the fused score, after all boosts', async () => {
    const all = (await one('clams on stone')).documents;
    const [first, second] = all;
    expect(first.score).toBeGreaterThan(second.score);
    const above = await one('clams on stone', { similarity_threshold: second.score + 1e-6 });
    expect(above.documents.map(({ id }: Json) => id)).toEqual([first.id]);
    expect(above.total_results).toBe(1);
    const boosted = await one('clams on stone', {
      similarity_threshold: 0.99,
      freshness_boost: 1,
      freshness_half_life_days: 365,
    });
    expect(boosted.documents).toHaveLength(all.length);
  });

  it('freshness puts new documents first, by the half-life that is given', async () => {
    const { knowledge } = server.application.database.store('agentflow');
    const old = new Date(Date.now() - 60 * DAY_MS);
    const { documents } = await makeTexts(server.dev, [
      { fileName: 'old.md', content: 'The tide table of the northern harbour.' },
      { fileName: 'new.md', content: 'Some tide table of the northern harbour, briefly.' },
    ]).then(async (made) => {
      await knowledge.updateDocument(made.documents['old.md']!, { createdAt: old });
      return { documents: made.id };
    });
    const find = (fields: Record<string, unknown>): Promise<Json> =>
      search(server.dev, [documents], 'tide table of the northern harbour', { explain: true, ...fields });
    expect(names(await find({ search_type: 'keyword' }))[0]).toBe('old.md');
    const month = await find({ freshness_boost: 0.9, freshness_half_life_days: 30 });
    expect(names(month)[0]).toBe('new.md');
    const oldOne = month.documents.find((document: Json) => document.source_file === 'old.md');
    expect(oldOne.explanation.freshness).toBeCloseTo(0.25, 2);
    const years = await find({ freshness_boost: 0.9, freshness_half_life_days: 3_650 });
    expect(
      years.documents.find((document: Json) => document.source_file === 'old.md').explanation.freshness,
    ).toBeGreaterThan(0.98);
  });

  it('neighbours come with the passage, in order, none beyond the ends of the document', async () => {
    const sentences = Array.from(
      { length: 6 },
      (_, n) => `Passage ${n} tells of the lighthouse keeper number ${n}.`,
    );
    const { id } = await makeTexts(
      server.dev,
      [{ fileName: 'keeper.txt', content: sentences.join('\n\n') }],
      { chunkSize: 60, overlapPercentage: 0 },
    );
    const around = async (count: number, query: string): Promise<number[]> => {
      const fields = { limit: 1, neighboring_chunks_count: count, search_type: 'keyword' };
      const [document] = (await search(server.dev, [id], query, fields)).documents;
      return document.neighbors?.map((neighbor: Json) => neighbor.chunk_index);
    };
    expect(await around(0, 'keeper number 3')).toBeUndefined();
    expect(await around(2, 'keeper number 3')).toEqual([1, 2, 4, 5]);
    expect(await around(1, 'keeper number 0')).toEqual([1]);
    const surrounding = await search(server.dev, [id], 'keeper number 3', {
      limit: 1,
      search_type: 'keyword',
      enable_surrounding_chunks: true,
    });
    expect(surrounding.documents[0].neighbors.map((neighbor: Json) => neighbor.chunk_index)).toEqual([2, 4]);
  });

  it('fusion by reciprocal ranks is chosen by its name or its constant, and scores by ranks', async () => {
    const fused = async (fields: Record<string, unknown>): Promise<Json> => {
      const answer = await one('clams on stone', { explain: true, ...fields });
      return { fusion: answer.search_metadata.fusion, first: answer.documents[0], all: answer.documents };
    };
    expect((await fused({})).fusion).toBe('convex');
    expect((await fused({ fusion: 'rrf' })).fusion).toBe('rrf');
    for (const k of [1, 10]) {
      const { fusion, all } = await fused({ rrf_k: k, alpha: 0.25 });
      expect(fusion).toBe('rrf');
      for (const { scores, explanation } of all) {
        const share = (rank: number | null): number => (rank === null ? 0 : 1 / (k + rank));
        const expected = 0.25 * share(explanation.vector_rank) + 0.75 * share(explanation.keyword_rank);
        expect(scores.fused).toBeCloseTo(expected * (k + 1), 6);
      }
    }
    expect((await fused({ rrf_k: 10, fusion: 'convex' })).fusion).toBe('convex');
  });

  it('weights shift between meaning and words; alpha wins over them', async () => {
    const ranks = async (fields: Record<string, unknown>): Promise<string[]> =>
      (await one('clams on stone', fields)).documents.map(({ id }: Json) => id);
    const words = await ranks({ alpha: 0 });
    const meaning = await ranks({ alpha: 1 });
    expect(await ranks({ vector_weight: 0, keyword_weight: 1 })).toEqual(words);
    expect(await ranks({ vector_weight: 1, keyword_weight: 0 })).toEqual(meaning);
    expect(await ranks({ keyword_weight: 0 })).toEqual(meaning);
    expect(await ranks({ vector_weight: 1, keyword_weight: 0, alpha: 0 })).toEqual(words);
    const ofOne = await one('clams on stone', { alpha: 0.25 });
    for (const { scores, score } of ofOne.documents) expect(score).toBeCloseTo(scores.fused, 9);
  });

  it('weights of fields move a word in the title before a word in the text', async () => {
    const { id } = await makeTexts(server.dev, [
      { fileName: 'titled.md', content: '# Walrus\n\nIt rests on the ice and has long tusks.' },
      { fileName: 'told.md', content: '# Arctic\n\nA walrus met a walrus, and the walrus said: walrus.' },
    ]);
    const first = async (field_alphas: object): Promise<string> =>
      names(await search(server.dev, [id], 'walrus', { search_type: 'keyword', field_alphas }))[0]!;
    expect(await first({ title: 10, headings: 10, content: 0.1 })).toBe('titled.md');
    expect(await first({ title: 0, headings: 0, content: 1 })).toBe('told.md');
  });

  it('the weight of the title counts the words that it shares with the query, whatever their form', async () => {
    const answer = await one('seal', { title_alpha: 1, explain: true });
    expect(names(answer)[0]).toBe('seals.md');
    expect(answer.documents[0].explanation.title_match).toBe(1);
    expect(answer.documents[0].score).toBeCloseTo(1, 6);
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['a value', { team: 'birds' }, ['owls.md']],
    ['all of several', { team: 'sea', year: { gte: 2020, lt: 2021 } }, ['otters-copy.md']],
    ['one of a list', { tags: 'swims' }, ['otters.md']],
    ['a field inside another', { 'place.country': 'NO' }, ['seals.md']],
    ['or', { or: [{ team: 'birds' }, { year: 2021 }] }, ['owls.md', 'seals.md']],
    [
      'and, or and not inside each other',
      { and: [{ team: 'sea' }, { not: { or: [{ year: 2019 }, { tags: { exists: false } }] } }] },
      ['otters-copy.md'],
    ],
    ['not', { not: { team: 'sea' } }, ['clams.md', 'owls.md']],
    ['a field that few have', { year: { exists: false } }, ['clams.md']],
    ['a field that none has', { colour: 'green' }, []],
    ['none of', { team: { nin: ['sea', 'birds'] } }, ['clams.md']],
    ['a part of a text', { team: { contains: 'IRD' } }, ['owls.md']],
  ])('filters by %s, in both retrievers', async (_, metadata_filters, expected) => {
    const query = 'animals that sleep, hunt and crack clams';
    expect(names(await one(query, { metadata_filters })).sort()).toEqual(expected);
    const byMeaning = await one(query, { metadata_filters, search_type: 'semantic' });
    expect(names(byMeaning).sort()).toEqual(expected);
  });

  it('expansion adds words of the best passages', async () => {
    const { search_metadata: metadata } = await one('otter clams', { enable_query_expansion: true });
    expect(metadata.expanded_queries).toEqual(expect.arrayContaining(['kelp']));
  });

  it('says that rewriting, imagined answers and reranking need a model', async () => {
    const answer = await one('clams', {
      enable_query_rewrite: true,
      enable_hyde: true,
      enable_rerank: true,
    });
    expect(answer.search_metadata.notes).toHaveLength(2);
    expect(answer.documents[0].scores.rerank).toBeNull();
  });

  it('explains every stage of what it returns', async () => {
    const answer = await one('clams on stone', { explain: true, title_alpha: 0.2, freshness_boost: 0.1 });
    answer.documents.forEach((document: Json, index: number) => {
      const { explanation } = document;
      expect(explanation).toMatchObject({ final_rank: index + 1, boosted_rank: index + 1 });
      expect(explanation.freshness).toBeCloseTo(1, 2);
      expect(Object.keys(explanation).sort()).toEqual([
        'boosted_rank',
        'final_rank',
        'freshness',
        'fused_rank',
        'keyword_rank',
        'query_vector',
        'title_match',
        'vector_rank',
      ]);
    });
    expect((await one('clams')).documents[0]).not.toHaveProperty('explanation');
  });

  it('fuses the cosine over its range and BM25 over its best, by the weights', async () => {
    const { documents } = await one('clams on stone', { limit: 100, alpha: 0.3 });
    const of = (name: 'vector' | 'keyword'): number[] => documents.map(({ scores }: Json) => scores[name]);
    const [lowest, highest, best] = [
      Math.min(...of('vector')),
      Math.max(...of('vector')),
      Math.max(...of('keyword')),
    ];
    for (const { scores } of documents)
      expect(scores.fused).toBeCloseTo(
        (0.3 * (scores.vector - lowest)) / (highest - lowest) + (0.7 * scores.keyword) / best,
        5,
      );
  });

  it('refines the meaning of a hybrid alone, and of one that weighs both', async () => {
    const shifts = async (fields: Record<string, unknown>): Promise<number[]> =>
      (await one('clams on stone', { explain: true, ...fields })).documents.map(
        ({ scores, explanation }: Json) => Math.abs(scores.vector - explanation.query_vector),
      );
    expect(Math.max(...(await shifts({})))).toBeGreaterThan(0.1);
    for (const fields of [{ search_type: 'semantic' }, { alpha: 1 }, { alpha: 0 }, { fusion: 'rrf' }])
      expect(Math.max(...(await shifts(fields)))).toBe(0);
    const order = async (fields: Record<string, unknown>): Promise<string[]> =>
      (await one('clams on stone', fields)).documents.map(({ id }: Json) => id);
    const meaning = await order({ search_type: 'semantic' });
    expect((await order({ alpha: 1 })).slice(0, meaning.length)).toEqual(meaning);
  });

  it('says of every chunk that is missing why it is', async () => {
    const chunkOf = async (name: string): Promise<string> =>
      (await server.dev.rest('GET', `${BASES}/${base.id}/documents?document_id=${base.documents[name]}`)).body
        .documents[0].id;
    const other = await makeTexts(server.dev, [{ fileName: 'else.md', content: 'Clams elsewhere.' }]);
    const [elsewhere] = (await server.dev.rest('GET', `${BASES}/${other.id}/documents`)).body.documents;
    const wanted = {
      otters: await chunkOf('otters.md'),
      copy: await chunkOf('otters-copy.md'),
      seals: await chunkOf('seals.md'),
      owls: await chunkOf('owls.md'),
    };
    const why = async (fields: Record<string, unknown>, ...ids: string[]): Promise<Json> => {
      const answer = await one('sea otter cracks clams on a stone', { ...fields, explain_chunk_ids: ids });
      return answer.explanations.map(({ stage, reason }: Json) => `${stage}: ${reason}`);
    };
    expect(await why({}, wanted.otters)).toEqual(['returned: It is result 1.']);
    expect(await why({ limit: 1 }, wanted.seals)).toEqual(['limit: It has place 3, behind the limit of 1.']);
    expect(await why({ similarity_threshold: 0.9 }, wanted.owls)).toEqual([
      expect.stringMatching(/^threshold: Its score 0\.\d+ is below similarity_threshold 0\.9\.$/),
    ]);
    expect(await why({ metadata_filters: { team: 'birds' } }, wanted.otters)).toEqual([
      'filter: Its metadata do not fit metadata_filters.',
    ]);
    expect(await why({ search_type: 'keyword' }, wanted.owls)).toEqual([
      expect.stringMatching(/^(candidates: It has none of the words|returned)/),
    ]);
    expect(await why({ enable_mmr: true, mmr_lambda: 0.1, limit: 2 }, wanted.copy)).toEqual([
      'diversity: It is too much like results that were taken before it.',
    ]);
    expect(await why({}, elsewhere.id, 'nothing')).toEqual([
      'not_searched: It is in no knowledge base that was searched.',
      'not_found: There is no such chunk.',
    ]);
  });

  it('searches two bases as one, and a base that is named twice once', async () => {
    const recipes = await makeTexts(server.dev, [
      { fileName: 'soup.md', content: '# Soup\n\nClam chowder needs clams, milk and potatoes.' },
    ]);
    const answer = await search(server.dev, [base.id, recipes.id, base.id], 'clams', {
      search_type: 'keyword',
    });
    expect(names(answer)).toEqual(expect.arrayContaining(['soup.md', 'otters.md', 'seals.md']));
    const ids = answer.documents.map(({ id }: Json) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(answer.documents.map((document: Json) => document.knowledge_base_id))).toEqual(
      new Set([base.id, recipes.id]),
    );
  });

  it('takes a query of 10,000 characters', async () => {
    const query = `${'sea otter clams stone kelp '.repeat(400)}`.slice(0, 10_000);
    expect(query).toHaveLength(10_000);
    expect(
      names(await one(query))
        .slice(0, 2)
        .sort(),
    ).toEqual(['otters-copy.md', 'otters.md']);
  });

  it('finds nothing for a query of signs alone, and does not fail', async () => {
    expect((await one('?!… --', { search_type: 'keyword' })).documents).toEqual([]);
  });

  const GRAPHQL = 'query($input: KnowledgeSearchInput!) { knowledgeSearch(input: $input) { totalResults } }';
  const refusal = (name: string, fields: Record<string, unknown>, field: string) => ({
    name,
    rest: (): [string, string, unknown] => [
      'POST',
      `${BASES}/search`,
      { knowledge_base_ids: [base.id], query: 'clams', ...fields },
    ],
    graphql: (): [string, Record<string, unknown>] => [
      GRAPHQL,
      { input: { knowledgeBaseIds: [base.id], query: 'clams', ...toGraphQL(fields) } },
    ],
    status: 422,
    code: 'validation_failed',
    field,
  });
  itRefuses(
    () => server,
    [
      refusal('an empty query', { query: '' }, 'query'),
      refusal('a query of 20,001 characters', { query: 'x'.repeat(20_001) }, 'query'),
      refusal('a limit of 101', { limit: 101 }, 'limit'),
      refusal('a constant of 0', { rrf_k: 0 }, 'rrf_k'),
      refusal('a lambda above 1', { mmr_lambda: 1.5 }, 'mmr_lambda'),
      refusal('a half-life of 0', { freshness_half_life_days: 0 }, 'freshness_half_life_days'),
      refusal('eleven neighbours', { neighboring_chunks_count: 11 }, 'neighboring_chunks_count'),
      refusal('an unknown searched field', { field_alphas: { body: 1 } }, 'field_alphas.body'),
      refusal('an empty or', { metadata_filters: { or: [] } }, 'metadata_filters.or'),
    ],
  );

  it('names a field that it does not know', async () => {
    const route = `${BASES}/${base.id}/search`;
    expectProblem(
      await server.dev.rest('POST', route, { query: 'x', tokp: 3 }),
      422,
      'validation_failed',
      'tokp',
    );
  });
});

describe('searching with a model that helps', () => {
  let server: TestServer;
  let stub: StubProvider;
  let base: { id: string };

  const ANSWERS: [RegExp, string][] = [
    [/^Rewrite the search query/, 'harbour seal fish'],
    [/^Write 3 different/, '1. barn owl\n2. mice at night\n3. owl barn\n4. too many'],
    [/^Write a short passage/, 'An owl hunts mice at night.'],
    [/^Judge how well/, '1: 0\n2: 10\n3: 1'],
  ];

  beforeAll(async () => {
    stub = await startStubProvider();
    server = await startTestServer({ OPENAI_BASE_URL: stub.url, OPENAI_MODEL: 'stub' });
    base = await makeTexts(server.dev, [
      { fileName: 'otters.md', content: '# Otters\n\nThe sea otter cracks clams on a stone.' },
      { fileName: 'seals.md', content: '# Seals\n\nThe harbour seal hunts fish near the pier.' },
      { fileName: 'owls.md', content: '# Owls\n\nThe barn owl hunts mice at night.' },
    ]);
    stub.decide(({ messages }) => ({
      text: ANSWERS.find(([asked]) => asked.test(messages[0].content))?.[1] ?? 'unexpected',
    }));
  });
  afterAll(async () => {
    await server.close();
    await stub.close();
  });

  const one = (query: string, fields: Record<string, unknown>): Promise<Json> =>
    search(server.dev, [base.id], query, fields);

  it('rewrites the query and says so', async () => {
    const answer = await one('that blubbery thing', { enable_query_rewrite: true, search_type: 'keyword' });
    expect(answer.search_metadata.rewritten_query).toBe('harbour seal fish');
    expect(names(answer)).toEqual(['seals.md']);
  });

  it('searches further queries as well', async () => {
    const answer = await one('otter', { enable_query_expansion: true, search_type: 'keyword' });
    expect(answer.search_metadata.expanded_queries).toEqual(['barn owl', 'mice at night', 'owl barn']);
    expect(names(answer).sort()).toEqual(['otters.md', 'owls.md']);
  });

  it('searches the meaning of an imagined answer', async () => {
    const scores = async (fields: object): Promise<number> =>
      (await one('what hoots', { search_type: 'semantic', ...fields })).documents.find(
        (document: Json) => document.source_file === 'owls.md',
      ).scores.vector;
    expect(await scores({ enable_hyde: true })).toBeGreaterThan((await scores({})) + 0.1);
  });

  it('lets the model order the passages', async () => {
    const plain = names(await one('animals', {}));
    const reranked = await one('animals', { enable_rerank: true, explain: true });
    expect(names(reranked)[0]).toBe(plain[1]);
    expect(reranked.documents.map((document: Json) => document.scores.rerank).sort()).toEqual([0, 0.1, 1]);
  });

  it('goes on without a model that fails, and says so', async () => {
    stub.decide(() => ({ status: 500, error: { message: 'down' } }));
    const answer = await one('harbour seal', { enable_rerank: true, enable_query_rewrite: true });
    expect(names(answer)[0]).toBe('seals.md');
    expect(answer.search_metadata.notes[0]).toMatch(/went on without its help/);
  });
});
