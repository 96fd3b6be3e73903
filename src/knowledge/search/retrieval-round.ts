import { assertDimension, type Embeddings } from '../../ports/embeddings';
import type { KnowledgeBaseRecord, KnowledgeDocumentHead } from '../../ports/knowledge';
import type {
  FeedbackRequest,
  NamedChunk,
  RetrieverAnswer,
  SearchCandidate,
  SearchIndex,
} from '../../ports/search';
import type { TenantStore } from '../../ports/stores';
import { type Lesson, lessonOf, REFINEMENT, type Scored } from '../ranking';
import { visibleRevision } from '../visibility';
import { diversityPool, RERANKED, type SearchOptions } from './options';
import { fuse } from './rank';

const LEAST_WINDOW = 100;
const WINDOW_FACTOR = 5;
const MOST_WINDOW = 1_000;
/** Relevance feedback reads less than so many. */
const FEEDBACK_DEPTH = 10;

/** A base as one search sees it: a refresh that is being judged looks at the generation that is not live yet. */
export interface SearchedBase {
  base: KnowledgeBaseRecord;
  generation: number;
}

/** A visible candidate with its document and its fused score. */
export interface Found {
  candidate: SearchCandidate;
  document: KnowledgeDocumentHead;
  /** Cosine to the direction that the best of both retrievers point to; null where nothing was refined. */
  refined: number | null;
  fused: number;
}

export interface Round {
  found: Found[];
  /** How many were fused, as far as is known without those that nobody may see. */
  candidates: number;
  /** Of the best, how many nobody may see (any more). */
  hidden: number;
  /** What the meaning of the query was refined by. */
  lesson: Lesson;
  named: NamedChunk[];
  terms: string[];
  /** Fields of the filter that nothing in the bases has. */
  unknownFields: string[];
}

export interface RoundRequest {
  store: TenantStore;
  bases: SearchedBase[];
  /** The query, and further ones whose findings count as well. */
  queries: string[];
  /** A text whose meaning is searched beside the query's. */
  hypothesis: string | null;
  options: SearchOptions;
  feedback?: FeedbackRequest;
  /** What an earlier round refined by: this one begins there. */
  lesson?: Lesson;
}

/** Asks the index, leaves out what nobody may see, and fuses the scores of both retrievers. */
export class RetrievalRounds {
  constructor(private readonly dependencies: { index: SearchIndex; embeddings: Embeddings }) {}

  async run(request: RoundRequest): Promise<Round> {
    const groups = groupByModel(request.bases);
    const rounds = await Promise.all(groups.map((bases) => this.ofGroup({ ...request, bases })));
    return {
      found: rounds.flatMap(({ found }) => found).sort(byScore),
      candidates: rounds.reduce((sum, { candidates }) => sum + candidates, 0),
      hidden: rounds.reduce((sum, { hidden }) => sum + hidden, 0),
      lesson: {
        near: rounds.flatMap(({ lesson }) => lesson.near),
        far: rounds.flatMap(({ lesson }) => lesson.far),
      },
      named: rounds.flatMap(({ named }) => named),
      terms: [...new Set(rounds.flatMap(({ terms }) => terms))],
      unknownFields: inAll(rounds.map(({ unknownFields }) => unknownFields)),
    };
  }

  /** Bases whose vectors are of one model: their scores can be compared. */
  private async ofGroup(request: RoundRequest): Promise<Round> {
    const { options } = request;
    for (let window = Math.max(LEAST_WINDOW, WINDOW_FACTOR * options.limit); ; window *= 2) {
      const size = Math.min(window, MOST_WINDOW);
      const answers = await this.ask(request, size);
      const candidates = merged(answers);
      const { lesson, cosines: refined } = await this.refine(request, candidates);
      const fused = fuse(withCosines(candidates, refined), options);
      const { found, hidden } = await visibleOf(request, fused, depthOf(options));
      // Revisions on their way out may take the places of living ones: then more are asked for.
      if (found.length < options.limit && hidden > 0 && size < MOST_WINDOW) continue;
      const byId = new Map(candidates.map((one) => [one.id, one]));
      return {
        lesson,
        candidates: candidates.length - hidden,
        hidden,
        found: found.map(({ candidate: { id }, document, score }) => ({
          candidate: byId.get(id)!,
          document,
          refined: refined.get(id) ?? null,
          fused: score,
        })),
        named: answers[0]!.named,
        terms: answers.flatMap(({ terms }) => terms.map(({ term }) => term)),
        unknownFields: answers[0]!.unknownFields,
      };
    }
  }

  /**
   * In a hybrid the two retrievers teach each other: the best of both say better than the query's few words where its
   * meaning lies, and the cosines are taken to there. Ranks alone (RRF) do not use it.
   * @returns refined cosines by chunk; empty where there is nothing to refine
   */
  private async refine(
    request: RoundRequest,
    candidates: SearchCandidate[],
  ): Promise<{ lesson: Lesson; cosines: Map<string, number> }> {
    const { searchType, fusion, alpha } = request.options;
    const isHybrid = searchType === 'hybrid' && fusion === 'convex' && alpha > 0 && alpha < 1;
    if (!isHybrid || candidates.length === 0) return { lesson: { near: [], far: [] }, cosines: new Map() };
    const known = request.lesson
      ? await this.cosinesAfter(request, request.lesson, candidates)
      : new Map<string, number>();
    const lesson = lessonOf(fuse(withCosines(candidates, known), request.options));
    return { lesson, cosines: await this.cosinesAfter(request, lesson, candidates) };
  }

  private async cosinesAfter(
    request: RoundRequest,
    { near, far }: Lesson,
    candidates: SearchCandidate[],
  ): Promise<Map<string, number>> {
    const { store, bases, queries } = request;
    const vector = await this.vectorOf(request, queries[0]!, true);
    const ids = candidates.map(({ id }) => id);
    const cosines = await this.dependencies.index.refine(
      store.tenant,
      bases.map(({ base }) => base.id),
      { vector, near, share: REFINEMENT.share, far, repulsion: REFINEMENT.repulsion },
      ids,
    );
    const known = new Map<string, number>();
    cosines.forEach((cosine, index) => cosine !== null && known.set(ids[index]!, cosine));
    return known;
  }

  private async ask(request: RoundRequest, window: number): Promise<RetrieverAnswer[]> {
    const { store, bases, queries, options, feedback } = request;
    const scopes = bases.map(({ base, generation }) => ({ knowledgeBaseId: base.id, generation }));
    return Promise.all(
      queries.map(async (text, index) => {
        const vector =
          options.searchType === 'keyword' ? undefined : await this.vectorOf(request, text, index === 0);
        return this.dependencies.index.search(store.tenant, {
          scopes,
          window,
          ...(options.searchType === 'semantic' ? {} : { text }),
          ...(vector ? { vector } : {}),
          ...(options.filter ? { filter: options.filter } : {}),
          fieldWeights: options.fieldAlphas,
          ...(feedback && options.searchType !== 'semantic' ? { feedback } : {}),
          ...(index === 0 && options.explainChunkIds.length > 0 ? { named: options.explainChunkIds } : {}),
        });
      }),
    );
  }

  private async vectorOf(
    { bases, hypothesis }: RoundRequest,
    text: string,
    isFirst: boolean,
  ): Promise<Float32Array> {
    const { base } = bases[0]!;
    const model = base.embeddingModel;
    const query = await this.dependencies.embeddings.embedQuery(model, text);
    assertDimension([query], base);
    if (!isFirst || hypothesis === null) return query;
    const imagined = await this.dependencies.embeddings.embedQuery(model, hypothesis);
    // The mean of both; the index brings it to unit length.
    return query.map((value, index) => (value + imagined[index]!) / 2);
  }
}

const inAll = ([first = [], ...others]: string[][]): string[] =>
  first.filter((field) => others.every((fields) => fields.includes(field)));

const withCosines = (candidates: SearchCandidate[], cosines: Map<string, number>): SearchCandidate[] =>
  cosines.size === 0
    ? candidates
    : candidates.map((one) => ({ ...one, cosine: cosines.get(one.id) ?? one.cosine }));

export const byScore = (a: Found, b: Found): number =>
  b.fused - a.fused || (a.candidate.id < b.candidate.id ? -1 : 1);

function groupByModel(bases: SearchedBase[]): SearchedBase[][] {
  const groups = new Map<string, SearchedBase[]>();
  for (const one of bases) {
    const group = groups.get(one.base.embeddingModel);
    if (group) group.push(one);
    else groups.set(one.base.embeddingModel, [one]);
  }
  return [...groups.values()];
}

/** Each chunk once, with the best of what the queries say of it. */
function merged(answers: RetrieverAnswer[]): SearchCandidate[] {
  if (answers.length === 1) return answers[0]!.candidates;
  const best = new Map<string, SearchCandidate>();
  for (const candidate of answers.flatMap(({ candidates }) => candidates)) {
    const known = best.get(candidate.id);
    best.set(candidate.id, known ? bestOf(known, candidate) : candidate);
  }
  return [...best.values()];
}

const bestOf = (a: SearchCandidate, b: SearchCandidate): SearchCandidate => ({
  ...a,
  cosine: greatest(a.cosine, b.cosine),
  bm25: greatest(a.bm25, b.bm25),
  vectorRank: smallest(a.vectorRank, b.vectorRank),
  keywordRank: smallest(a.keywordRank, b.keywordRank),
});

const greatest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);
const smallest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** So many of the best may be asked for by what comes after fusion; the rest need not be looked up. */
function depthOf(options: SearchOptions): number {
  const { limit, enableMmr, enableRerank, enableQueryExpansion } = options;
  const { explain, explainChunkIds, titleAlpha, freshnessBoost } = options;
  if (explain || explainChunkIds.length > 0 || titleAlpha > 0 || freshnessBoost > 0) return Infinity;
  return Math.max(
    enableMmr ? diversityPool(limit) : limit,
    enableRerank ? RERANKED : 0,
    enableQueryExpansion ? FEEDBACK_DEPTH : 0,
  );
}

/**
 * The best that anybody may see, with their documents, and how many were found hidden on the way: of a deleted document, or
 * of a revision that is replaced. Most are visible, so that little more is looked up than is wanted.
 */
async function visibleOf(
  { store, bases }: RoundRequest,
  fused: Scored<SearchCandidate>[],
  depth: number,
): Promise<{ found: (Scored<SearchCandidate> & { document: KnowledgeDocumentHead })[]; hidden: number }> {
  const generations = new Map(bases.map(({ base, generation }) => [base.id, generation]));
  const found: (Scored<SearchCandidate> & { document: KnowledgeDocumentHead })[] = [];
  let seen = 0;
  for (let step = depth; found.length < depth && seen < fused.length; step *= 2) {
    const some = fused.slice(seen, seen + step);
    seen += some.length;
    const ids = [...new Set(some.map(({ candidate }) => candidate.documentId))];
    const documents = new Map((await store.knowledge.documentHeads(ids)).map((one) => [one.id, one]));
    for (const one of some) {
      const document = documents.get(one.candidate.documentId);
      const generation = generations.get(one.candidate.knowledgeBaseId);
      if (
        document &&
        generation !== undefined &&
        visibleRevision(document, generation) === one.candidate.revision
      )
        found.push({ ...one, document });
    }
  }
  return { found, hidden: seen - found.length };
}
