import { fieldsOf, type RetrieverAnswer, type SearchCandidate } from '../../ports/search';
import { explainNamed, type Prepared, scoresOf } from './named';
import { hasField } from './metadata';
import { cosineOfKnn, inBases, knnQuery, type WeightedTerm } from './queries';
import { COUNT, type Found, type Part, PLACE, searchAll } from './requests';

/** Both retrievers in one request, and a second one for the scores that they left open. */
export async function runSearch(prepared: Prepared, terms: WeightedTerm[]): Promise<RetrieverAnswer> {
  const { byVector, byWords, searched, unknownFields } = await retrieve(prepared);
  const candidates = new Map<string, SearchCandidate>();
  byVector.hits.forEach(({ place, score }, index) =>
    candidates.set(place.id, { ...unranked(place), cosine: cosineOfKnn(score), vectorRank: index + 1 }),
  );
  byWords.hits.forEach(({ place, score }, index) =>
    candidates.set(place.id, {
      ...(candidates.get(place.id) ?? unranked(place)),
      bm25: score,
      keywordRank: index + 1,
    }),
  );
  const [complete, named] = await Promise.all([
    withBothScores(prepared, [...candidates.values()]),
    explainNamed(prepared, prepared.query.named ?? []),
  ]);
  return { candidates: complete, searched: searched.total, terms, unknownFields, named };
}

const NOTHING: Found = { hits: [], total: 0, source: [] };

async function retrieve(prepared: Prepared): Promise<{
  byVector: Found;
  byWords: Found;
  searched: Found;
  unknownFields: string[];
}> {
  const { client, names, query, vector, filter } = prepared;
  const size = query.window;
  const words = prepared.byWords(filter);
  const fields = fieldsOf(query.filter);
  const scope = inBases(prepared.tenant, query.scopes);
  const parts: Part[] = [
    ...fields.map((field) => ({
      index: names.everything,
      body: { size: 0, track_total_hits: 1, query: { bool: { filter: [...scope, hasField(field)] } } },
    })),
    { index: names.everything, body: { ...COUNT, query: { bool: { filter } } } },
    ...(vector
      ? [
          {
            index: names.ofDimension(vector.length),
            body: { ...PLACE, size, knn: knnQuery(vector, size, filter) },
          },
        ]
      : []),
    ...(words
      ? [{ index: names.everything, body: { ...PLACE, size, track_total_hits: false, query: words } }]
      : []),
  ];
  const all = await searchAll(client, { ...prepared, parts });
  const found = all.slice(fields.length);
  return {
    unknownFields: fields.filter((_, index) => all[index]!.total === 0),
    searched: found[0]!,
    byVector: vector ? found[1]! : NOTHING,
    byWords: words ? found.at(-1)! : NOTHING,
  };
}

const unranked = (place: Found['hits'][number]['place']): SearchCandidate => ({
  ...place,
  cosine: null,
  bm25: null,
  vectorRank: null,
  keywordRank: null,
});

async function withBothScores(prepared: Prepared, candidates: SearchCandidate[]): Promise<SearchCandidate[]> {
  const { query, filter } = prepared;
  const wantsBoth = query.vector !== undefined && query.text !== undefined;
  const incomplete = candidates
    .filter(({ cosine, bm25 }) => cosine === null || bm25 === null)
    .map(({ id }) => id);
  const scores =
    wantsBoth && incomplete.length > 0
      ? await scoresOf(prepared, [...filter, { terms: { chunk_id: incomplete } }], incomplete.length)
      : { cosine: new Map<string, number>(), bm25: new Map<string, number>() };
  return candidates.map((one) => ({
    ...one,
    cosine: query.vector ? (one.cosine ?? scores.cosine.get(one.id) ?? 0) : null,
    bm25: query.text === undefined ? null : (one.bm25 ?? scores.bm25.get(one.id) ?? 0),
  }));
}
