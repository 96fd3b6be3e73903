import type { Clock } from '../../ports/clock';
import type { Principal } from '../../ports/identity';
import type { ChunkWithoutVector } from '../../ports/knowledge';
import type { SearchIndex, TextAnalysis } from '../../ports/search';
import type { TenantStore } from '../../ports/stores';
import { assertBaseCount } from '../bases';
import { livingBases } from '../find';
import { diversify, feedbackOf, freshness, titleMatch } from '../ranking';
import { explainChunks } from './explain';
import { Highlighter } from './highlights';
import type { IndexKeeper } from './index-keeper';
import { acceptSearch, diversityPool, RERANKED, type SearchFields, type SearchOptions } from './options';
import { Passages } from './passages';
import type { ProcessedQuery, QueryProcessing } from './query-processing';
import type { Found, RetrievalRounds, Round, SearchedBase } from './retrieval-round';
import type { Neighbour, SearchAnswer, SearchResult } from './types';

/** How often a search looks while refreshes switch its bases under it. */
const MOST_LOOKS = 4;
/** Share of the reranking model's word in the score. */
const RERANK_SHARE = 0.7;

export interface SearchDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  rounds: RetrievalRounds;
  index: SearchIndex;
  keeper: IndexKeeper;
  processing: QueryProcessing;
  /** The model that helps with queries. */
  model: (store: TenantStore, userId: string) => Promise<string>;
  /** Text to the terms that the index compares. */
  analysis: TextAnalysis;
  clock: Clock;
}

/** A candidate with everything that its place depends on. */
export interface Ranked extends Found {
  fusedRank: number;
  /** Share of the query's words that the title has. */
  titleMatch: number;
  /** 1 for a document of now, halved with every half-life. */
  freshness: number;
  rerank: number | null;
  score: number;
  boostedRank: number;
}

/** What a search went through, for its explanation. */
export interface Trail {
  round: Round;
  ranked: Ranked[];
  aboveThreshold: Ranked[];
  chosen: Ranked[];
  options: SearchOptions;
}

/** Searches knowledge bases: find, fuse, rerank and boost, threshold, diversity, cut. */
export class KnowledgeSearch {
  private readonly passages = new Passages();

  constructor(private readonly dependencies: SearchDependencies) {}

  /**
   * @param references 1 to 50 bases by id or name
   * @throws DomainError `validation_failed`, `not_found` naming every unknown base
   */
  async search(
    principal: Principal,
    references: string[],
    query: string,
    fields: SearchFields,
  ): Promise<SearchAnswer> {
    assertBaseCount(references);
    const options = acceptSearch(query, fields);
    const store = await this.dependencies.open(principal.tenant);
    for (let look = 1; ; look++) {
      const bases = (await livingBases(store, references)).map((base) => ({
        base,
        generation: base.generation,
      }));
      const { answer, gone } = await this.look(store, bases, query, options, principal.userId);
      if (gone === 'nothing' || look === MOST_LOOKS) return answer;
      if (gone === 'perhaps' && !(await areSwitched(store, bases))) return answer;
    }
  }

  async searchIn(
    store: TenantStore,
    bases: SearchedBase[],
    query: string,
    options: SearchOptions,
    userId: string,
  ): Promise<SearchAnswer> {
    return (await this.look(store, bases, query, options, userId)).answer;
  }

  /**
   * @returns the answer, and what of its findings had gone when they were looked at: `perhaps` where a switch of the base
   *   would explain what is missing, `chunks` where chunks were replaced since they were found visible
   */
  private async look(
    store: TenantStore,
    bases: SearchedBase[],
    query: string,
    options: SearchOptions,
    userId: string,
  ): Promise<{ answer: SearchAnswer; gone: 'nothing' | 'perhaps' | 'chunks' }> {
    const started = performance.now();
    await Promise.all(bases.map(({ base }) => this.dependencies.keeper.ensure(store, base)));
    const model = await this.dependencies.model(store, userId);
    const processed = await this.dependencies.processing.process(model, query, {
      rewrite: options.enableQueryRewrite,
      expand: options.enableQueryExpansion,
      hyde: options.enableHyde,
    });
    const { round, addedTerms } = await this.retrieve(store, bases, processed, options, model);
    const trail = await this.rank(store, round, processed, options, model);
    const documents = await this.results(store, trail, processed.query);
    const expanded = addedTerms.length > 0 ? addedTerms : processed.expansions;
    const answer = {
      documents,
      totalResults: documents.length,
      searchMetadata: {
        tookMs: Math.round((performance.now() - started) * 10) / 10,
        searchType: options.searchType,
        fusion: options.searchType === 'hybrid' ? options.fusion : null,
        candidates: round.candidates,
        embeddingModel: [...new Set(bases.map(({ base }) => base.embeddingModel))].join(', '),
        rewrittenQuery: processed.rewritten,
        expandedQueries: expanded.length > 0 ? expanded : null,
        notes: [...processed.notes, ...this.notesOn(processed.query, round, options)],
      },
      explanations:
        options.explainChunkIds.length > 0
          ? await explainChunks(store, options.explainChunkIds, trail)
          : null,
    };
    if (documents.length < trail.chosen.length) return { answer, gone: 'chunks' };
    return { answer, gone: round.hidden > 0 || documents.length === 0 ? 'perhaps' : 'nothing' };
  }

  /** What a search could not do with its query and its filter. */
  private notesOn(query: string, { unknownFields }: Round, { searchType }: SearchOptions): string[] {
    const notes = unknownFields.map(
      (field) => `No document has the field ${field}, which metadata_filters names; see metadata-schema.`,
    );
    if (searchType !== 'semantic' && this.dependencies.analysis.query(query).length === 0)
      notes.push(
        searchType === 'keyword'
          ? 'The query has no word to search for, so that nothing can be found by words.'
          : 'The query has no word to search for; it was searched by meaning alone.',
      );
    return notes;
  }

  /** Without a model that writes, expansion looks a second time, with words of the best passages. */
  private async retrieve(
    store: TenantStore,
    bases: SearchedBase[],
    processed: ProcessedQuery,
    options: SearchOptions,
    model: string,
  ): Promise<{ round: Round; addedTerms: string[] }> {
    const { rounds, processing } = this.dependencies;
    const queries = [processed.query, ...processed.expansions];
    const request = { store, bases, queries, hypothesis: processed.hypothesis, options };
    const first = await rounds.run(request);
    const wantsFeedback = options.enableQueryExpansion && !processing.canWrite(model);
    if (!wantsFeedback || options.searchType === 'semantic' || first.found.length === 0)
      return { round: first, addedTerms: [] };
    const round = await rounds.run({
      ...request,
      feedback: feedbackOf(first.found.map(({ candidate, fused }) => ({ candidate, score: fused }))),
      lesson: first.lesson,
    });
    const before = new Set(first.terms);
    return { round, addedTerms: round.terms.filter((term) => !before.has(term)) };
  }

  private async rank(
    store: TenantStore,
    round: Round,
    processed: ProcessedQuery,
    options: SearchOptions,
    model: string,
  ): Promise<Trail> {
    const matchOf = this.titleMatcher(processed.query, options);
    const now = this.dependencies.clock.now().getTime();
    const boosted = round.found.map((found, index): Ranked => {
      const { document, fused } = found;
      const title = matchOf(document.title ?? document.fileName);
      const youth = freshness(now - document.createdAt.getTime(), options.freshnessHalfLifeDays);
      const score = mixed(mixed(fused, options.titleAlpha, title), options.freshnessBoost, youth);
      const stages = { fusedRank: index + 1, titleMatch: title, freshness: youth, rerank: null };
      return { ...found, ...stages, score, boostedRank: 0 };
    });
    boosted.sort(byFinalScore);
    if (options.enableRerank) await this.rerank(store, boosted, processed, model);
    boosted.forEach((item, index) => (item.boostedRank = index + 1));
    const { similarityThreshold: threshold } = options;
    const aboveThreshold = threshold === 0 ? boosted : boosted.filter(({ score }) => score >= threshold);
    const chosen = options.enableMmr
      ? await this.diversified(store, aboveThreshold, options)
      : aboveThreshold.slice(0, options.limit);
    return { round, ranked: boosted, aboveThreshold, chosen, options };
  }

  /** Titles are compared once each, and only where it matters. */
  private titleMatcher(query: string, { titleAlpha, explain }: SearchOptions): (title: string) => number {
    if (titleAlpha === 0 && !explain) return () => 0;
    const { analysis } = this.dependencies;
    const words = analysis.query(query);
    const known = new Map<string, number>();
    return (title) => {
      const { terms, extras } = analysis.text(title);
      const match = known.get(title) ?? titleMatch(words, [...terms, ...extras]);
      known.set(title, match);
      return match;
    };
  }

  private async rerank(
    store: TenantStore,
    ranked: Ranked[],
    { query, notes }: ProcessedQuery,
    model: string,
  ): Promise<void> {
    const best = ranked.slice(0, RERANKED);
    const texts = await this.textsOf(store, best);
    const passages = best.map(({ candidate }) => texts.get(candidate.id)?.text ?? '');
    const scores = await this.dependencies.processing.rerank(model, query, passages, notes);
    if (!scores) return;
    best.forEach((item, index) => (item.rerank = scores[index] ?? null));
    for (const item of ranked) item.score = mixed(item.score, RERANK_SHARE, item.rerank ?? 0);
    ranked.sort(byFinalScore);
  }

  private async diversified(store: TenantStore, ranked: Ranked[], options: SearchOptions): Promise<Ranked[]> {
    const pool = ranked.slice(0, diversityPool(options.limit));
    const ids = pool.map(({ candidate }) => candidate.id);
    const bases = [...new Set(pool.map(({ candidate }) => candidate.knowledgeBaseId))];
    const vectors = ids.length > 0 ? await this.dependencies.index.vectors(store.tenant, bases, ids) : [];
    return diversify(
      pool.map((candidate) => ({ candidate, score: candidate.score })),
      { lambda: options.mmrLambda, limit: options.limit, vectors },
    ).map(({ candidate }) => candidate);
  }

  private async results(
    store: TenantStore,
    { chosen, options }: Trail,
    query: string,
  ): Promise<SearchResult[]> {
    const texts = await this.textsOf(store, chosen);
    // A chunk that was removed since it was found is no result.
    const present = chosen.filter(({ candidate }) => texts.has(candidate.id));
    const marker = new Highlighter(query, this.dependencies.analysis);
    return Promise.all(
      present.map(async (ranked, index) => {
        const chunk = texts.get(ranked.candidate.id)!;
        const neighbors =
          options.neighbours > 0 ? await neighboursOf(store, chunk, options.neighbours) : null;
        return toResult(ranked, chunk, { marker, neighbors, finalRank: index + 1, explain: options.explain });
      }),
    );
  }

  private textsOf(store: TenantStore, ranked: Ranked[]): Promise<Map<string, ChunkWithoutVector>> {
    return this.passages.find(
      store,
      ranked.map(({ candidate }) => candidate.id),
    );
  }
}

/**
 * A refresh may make another generation live between the look at a base and the look at its documents: what the old
 * generation found is then hidden, and the answer has a gap that neither generation has.
 */
async function areSwitched(store: TenantStore, bases: SearchedBase[]): Promise<boolean> {
  const now = await store.knowledge.findBases(bases.map(({ base }) => base.id));
  const generations = new Map(now.map(({ id, generation }) => [id, generation]));
  return bases.some(({ base, generation }) => generations.get(base.id) !== generation);
}

/** A second opinion, 0 to 1, with its weight in the score. */
const mixed = (score: number, weight: number, opinion: number): number =>
  (1 - weight) * score + weight * opinion;

const byFinalScore = (a: Ranked, b: Ranked): number => b.score - a.score || a.fusedRank - b.fusedRank;

async function neighboursOf(
  store: TenantStore,
  chunk: ChunkWithoutVector,
  count: number,
): Promise<Neighbour[]> {
  const { documentId, revision, position } = chunk;
  const around = await store.knowledge.chunksOf(
    { documentId, revision },
    position - count,
    position + count + 1,
  );
  return around
    .filter(({ id }) => id !== chunk.id)
    .map(({ id, position: chunkIndex, text }) => ({ id, chunkIndex, content: text }));
}

function toResult(
  ranked: Ranked,
  chunk: ChunkWithoutVector,
  extra: { marker: Highlighter; neighbors: Neighbour[] | null; finalRank: number; explain: boolean },
): SearchResult {
  const { candidate, document, fused, rerank, score } = ranked;
  return {
    id: chunk.id,
    knowledgeBaseId: chunk.knowledgeBaseId,
    documentId: chunk.documentId,
    sourceFile: document.fileName,
    title: document.title ?? document.fileName,
    content: chunk.text,
    chunkIndex: chunk.position,
    start: chunk.start,
    end: chunk.end,
    score,
    scores: { vector: ranked.refined ?? candidate.cosine, keyword: candidate.bm25, fused, rerank },
    metadata: chunk.metadata,
    neighbors: extra.neighbors,
    highlights: extra.marker.mark(chunk.text),
    explanation: extra.explain
      ? {
          vectorRank: candidate.vectorRank,
          keywordRank: candidate.keywordRank,
          queryVector: candidate.cosine,
          fusedRank: ranked.fusedRank,
          titleMatch: ranked.titleMatch,
          freshness: ranked.freshness,
          boostedRank: ranked.boostedRank,
          finalRank: extra.finalRank,
        }
      : null,
  };
}
