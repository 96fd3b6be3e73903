import type { KnowledgeDocumentHead } from '../ports/knowledge';

/** What a document's first chunks are written as. */
export const FIRST_REVISION = 0;

/**
 * The revision of a document that is seen in a generation of its base, null when it has none there: what a refresh built
 * for this generation, else what is live.
 */
export function visibleRevision(document: KnowledgeDocumentHead, generation: number): number | null {
  if (document.deletedAt) return null;
  return document.stagedGeneration === generation ? document.stagedRevision : document.liveRevision;
}

/** Revisions that somebody may still see; all others can be removed. */
export function neededRevisions(document: KnowledgeDocumentHead): Set<number> {
  if (document.deletedAt) return new Set();
  return new Set([document.liveRevision, document.stagedRevision].filter((revision) => revision !== null));
}
