import type { Client } from '@elastic/elasticsearch';
import type { NamedChunk, RetrieverQuery } from '../../ports/search';
import type { IndexNames } from './mapping';
import { cosineOfScript, cosineQuery, inBases, type Query } from './queries';
import { COUNT, type Hit, type Part, PLACE, searchAll } from './requests';

/** What a search has worked out of its query. */
export interface Prepared {
  client: Client;
  names: IndexNames;
  tenant: string;
  routing: string;
  query: RetrieverQuery;
  /** The query's vector of unit length. */
  vector: Float32Array | undefined;
  /** What it may see. */
  filter: Query[];
  /** The keyword query that sees what fits `filter`; undefined when no word is left. */
  byWords: (filter: Query[]) => Query | undefined;
  signal: AbortSignal | undefined;
}

const UNKNOWN: Omit<NamedChunk, 'id'> = {
  knowledgeBaseId: '',
  documentId: '',
  revision: 0,
  generation: 0,
  position: 0,
  cosine: null,
  bm25: null,
  vectorRank: null,
  keywordRank: null,
  state: 'not_indexed',
};

/** Explains named chunks: their scores, and exact places by counting what scores better. */
export async function explainNamed(prepared: Prepared, ids: string[]): Promise<NamedChunk[]> {
  if (ids.length === 0) return [];
  const { tenant, query, filter } = prepared;
  const only: Query = { terms: { chunk_id: ids } };
  const scope = [...inBases(tenant, query.scopes), only];
  const [known, fitting, scores] = await Promise.all([
    places(prepared, scope, ids.length),
    places(prepared, [...filter, only], ids.length),
    scoresOf(prepared, scope, ids.length),
  ]);
  const fits = new Set(fitting.map(({ place }) => place.id));
  const generations = new Map(query.scopes.map((one) => [one.knowledgeBaseId, one.generation]));
  const named = ids.map((id): NamedChunk => {
    const place = known.find((one) => one.place.id === id)?.place;
    if (!place) return { ...UNKNOWN, id };
    const isLater = place.generation > generations.get(place.knowledgeBaseId)!;
    const state = isLater ? 'later_generation' : fits.has(id) ? 'seen' : 'filtered';
    return {
      ...place,
      cosine: query.vector ? (scores.cosine.get(id) ?? 0) : null,
      bm25: query.text === undefined ? null : (scores.bm25.get(id) ?? 0),
      vectorRank: null,
      keywordRank: null,
      state,
    };
  });
  return withRanks(prepared, named);
}

/** Cosine and BM25 of the chunks that fit, by id; what is missing scores 0. */
export async function scoresOf(
  prepared: Prepared,
  filter: Query[],
  size: number,
): Promise<{ cosine: Map<string, number>; bm25: Map<string, number> }> {
  const { vector, names } = prepared;
  const words = prepared.byWords(filter);
  const parts: Part[] = [
    ...(vector
      ? [
          {
            index: names.ofDimension(vector.length),
            body: { ...PLACE, size, query: cosineQuery(vector, filter) },
          },
        ]
      : []),
    ...(words ? [{ index: names.everything, body: { ...PLACE, size, query: words } }] : []),
  ];
  const found = await searchAll(prepared.client, { ...prepared, parts });
  const byVector = vector ? found[0]!.hits : [];
  const byWords = words ? found.at(-1)!.hits : [];
  return {
    cosine: new Map(byVector.map(({ place, score }) => [place.id, cosineOfScript(score)])),
    bm25: new Map(byWords.map(({ place, score }) => [place.id, score])),
  };
}

async function places(prepared: Prepared, filter: Query[], size: number): Promise<Hit[]> {
  const parts = [{ index: prepared.names.everything, body: { ...PLACE, size, query: { bool: { filter } } } }];
  const [found] = await searchAll(prepared.client, { ...prepared, parts });
  return found!.hits;
}

async function withRanks(prepared: Prepared, named: NamedChunk[]): Promise<NamedChunk[]> {
  const { vector, filter, names } = prepared;
  const words = prepared.byWords(filter);
  const counts: { part: Part; note: (one: NamedChunk, rank: number) => NamedChunk; of: number }[] = [];
  named.forEach(({ state, cosine, bm25 }, of) => {
    if (state !== 'seen') return;
    if (vector && cosine !== null)
      counts.push({
        part: {
          index: names.ofDimension(vector.length),
          body: { ...COUNT, query: cosineQuery(vector, filter), min_score: above(cosine + 1) },
        },
        note: (one, vectorRank) => ({ ...one, vectorRank }),
        of,
      });
    if (words && bm25)
      counts.push({
        part: { index: names.everything, body: { ...COUNT, query: words, min_score: above(bm25) } },
        note: (one, keywordRank) => ({ ...one, keywordRank }),
        of,
      });
  });
  const found = await searchAll(prepared.client, { ...prepared, parts: counts.map(({ part }) => part) });
  const ranked = [...named];
  counts.forEach(({ note, of }, index) => (ranked[of] = note(ranked[of]!, found[index]!.total + 1)));
  return ranked;
}

/** A little more than the score, which the server knows in 32 bits. */
const above = (score: number): number => score + Math.max(1e-6, Math.abs(score) * 2 ** -22);
