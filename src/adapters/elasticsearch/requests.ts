import type { Client, estypes } from '@elastic/elasticsearch';
import type { SearchCandidate } from '../../ports/search';
import { ofReason } from './failures';

/** One search of several that are sent together. */
export interface Part {
  index: string;
  body: estypes.SearchSearchRequestBody;
}

export interface Hit {
  place: Pick<
    SearchCandidate,
    'id' | 'knowledgeBaseId' | 'documentId' | 'revision' | 'generation' | 'position'
  >;
  score: number;
}

export interface Found {
  hits: Hit[];
  total: number;
  source: estypes.SearchHit<unknown>[];
}

/** Columns are read instead of `_source`, which holds the vector and the text. */
export const PLACE = {
  _source: false,
  docvalue_fields: ['chunk_id', 'knowledge_base_id', 'document_id', 'revision', 'generation', 'position'],
} satisfies estypes.SearchSearchRequestBody;

/** Counts without looking at results. */
export const COUNT = { size: 0, track_total_hits: true } satisfies estypes.SearchSearchRequestBody;

/** Sends searches in one request. @throws DomainError when one of them fails */
export async function searchAll(
  client: Client,
  { routing, parts, signal }: { routing: string; parts: Part[]; signal?: AbortSignal | undefined },
): Promise<Found[]> {
  if (parts.length === 0) return [];
  const searches = parts.flatMap(({ index, body }) => [
    // An index that does not exist yet is an empty one.
    { index, routing, ignore_unavailable: true, allow_no_indices: true },
    body,
  ]);
  const { responses } = await client.msearch({ searches }, signal ? { signal } : {});
  return responses.map((response) => {
    if ('error' in response)
      throw ofReason(
        { status: response.status, type: response.error.type, reason: response.error.reason ?? '' },
        response.error,
      );
    const { hits, total } = response.hits;
    return {
      hits: hits.map(hitOf),
      total: typeof total === 'number' ? total : (total?.value ?? 0),
      source: hits,
    };
  });
}

function hitOf({ fields, _score }: estypes.SearchHit<unknown>): Hit {
  const first = (name: string): unknown => (fields?.[name] as unknown[] | undefined)?.[0];
  return {
    place: {
      id: String(first('chunk_id')),
      knowledgeBaseId: String(first('knowledge_base_id')),
      documentId: String(first('document_id')),
      revision: Number(first('revision')),
      generation: Number(first('generation')),
      position: Number(first('position')),
    },
    score: _score ?? 0,
  };
}
