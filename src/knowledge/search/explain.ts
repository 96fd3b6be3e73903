import type { NamedChunk } from '../../ports/search';
import type { TenantStore } from '../../ports/stores';
import type { Ranked, Trail } from './search';
import type { ChunkExplanation } from './types';

type Verdict = Pick<ChunkExplanation, 'stage' | 'reason'>;

/** For each named chunk: where it stands, or which stage it did not survive. */
export async function explainChunks(
  store: TenantStore,
  chunkIds: string[],
  trail: Trail,
): Promise<ChunkExplanation[]> {
  const ranked = new Map(trail.ranked.map((item) => [item.candidate.id, item]));
  const named = new Map(
    trail.round.named.filter(({ state }) => state !== 'not_indexed').map((item) => [item.id, item]),
  );
  const stored = new Set((await store.knowledge.findChunks(chunkIds)).map(({ id }) => id));
  return chunkIds.map((chunkId) => {
    const item = ranked.get(chunkId);
    const known = named.get(chunkId);
    const verdict = item ? verdictOf(item, trail) : absence(chunkId, known, stored);
    return {
      chunkId,
      ...verdict,
      vectorScore: item?.candidate.cosine ?? known?.cosine ?? null,
      keywordScore: item?.candidate.bm25 ?? known?.bm25 ?? null,
      vectorRank: item?.candidate.vectorRank ?? known?.vectorRank ?? null,
      keywordRank: item?.candidate.keywordRank ?? known?.keywordRank ?? null,
      refinedScore: item?.refined ?? null,
      fusedRank: item?.fusedRank ?? null,
      fusedScore: item?.fused ?? null,
    };
  });
}

function verdictOf(item: Ranked, { aboveThreshold, chosen, options }: Trail): Verdict {
  const place = chosen.indexOf(item);
  if (place >= 0) return { stage: 'returned', reason: `It is result ${place + 1}.` };
  if (!aboveThreshold.includes(item))
    return {
      stage: 'threshold',
      reason: `Its score ${item.score.toFixed(4)} is below similarity_threshold ${options.similarityThreshold}.`,
    };
  if (options.enableMmr && item.boostedRank <= options.limit)
    return { stage: 'diversity', reason: 'It is too much like results that were taken before it.' };
  return {
    stage: 'limit',
    reason: `It has place ${item.boostedRank}, behind the limit of ${options.limit}.`,
  };
}

function absence(chunkId: string, known: NamedChunk | undefined, stored: ReadonlySet<string>): Verdict {
  if (!known)
    return stored.has(chunkId)
      ? { stage: 'not_searched', reason: 'It is in no knowledge base that was searched.' }
      : { stage: 'not_found', reason: 'There is no such chunk.' };
  if (known.state === 'filtered')
    return { stage: 'filter', reason: 'Its metadata do not fit metadata_filters.' };
  if (known.state === 'later_generation')
    return { stage: 'not_searched', reason: 'It belongs to a refresh that is not live yet.' };
  const places = [
    ...(known.vectorRank === null ? [] : [`place ${known.vectorRank} by meaning`]),
    ...(known.keywordRank === null ? [] : [`place ${known.keywordRank} by words`]),
  ].join(' and ');
  return {
    stage: 'candidates',
    reason: places
      ? `It has ${places}: outside the candidates, or of a revision that has been replaced.`
      : 'It has none of the words of the query.',
  };
}
