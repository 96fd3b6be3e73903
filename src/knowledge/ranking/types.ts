/** What ranking needs of a candidate; `SearchCandidate` of the search port fits. */
export interface RankedCandidate {
  id: string;
  /** Cosine similarity, -1 to 1; null when there was no vector retriever. */
  cosine: number | null;
  /** BM25, 0 or more; null when there was no keyword retriever. */
  bm25: number | null;
  /** Place of the vector retriever, from 1; null when it did not return the candidate. */
  vectorRank: number | null;
  /** Place of the keyword retriever, from 1; null when it did not return the candidate. */
  keywordRank: number | null;
}

export interface Scored<T> {
  candidate: T;
  score: number;
}

/** Best first; equal scores in the order of ids, so that the same search gives the same list. */
export function byScore<T extends { id: string }>(list: Scored<T>[]): Scored<T>[] {
  return [...list].sort(
    (one, other) =>
      other.score - one.score ||
      (one.candidate.id < other.candidate.id ? -1 : one.candidate.id > other.candidate.id ? 1 : 0),
  );
}
