import type { estypes } from '@elastic/elasticsearch';

/** Rises when the mapping below changes: indices of an earlier one are copied into a new one when they are opened. */
const MAPPING_VERSION = 2;
/** Chunks of earlier versions lack what a newer one filters by: they are not copied, the database fills the index again. */
const OLDEST_COPIED = 2;

export const FIELDS = {
  /** All words of a chunk: tells how rare they are. */
  all: 'all',
  content: 'content',
  title: 'title',
  headings: 'headings',
  /** Stop words, single characters and the like of all three. */
  extras: 'extras',
  vector: 'vector',
} as const;

/** Names of one deployment's indices. Reads and writes go to aliases; behind each stands one versioned index. */
export class IndexNames {
  /**
   * @param prefix          lower case; deployments that share a cluster have different ones
   * @param analysisVersion rises when the same text gives other terms
   */
  constructor(
    private readonly prefix: string,
    private readonly analysisVersion: number,
  ) {}

  /** All chunks, whatever the length of their vectors. */
  get everything(): string {
    return `${this.prefix}-chunks`;
  }

  /** Chunks with vectors of one length. */
  ofDimension(dimension: number): string {
    return `${this.prefix}-chunks-d${dimension}`;
  }

  /** The index behind `ofDimension`. */
  concrete(dimension: number): string {
    return `${this.ofDimension(dimension)}-v${MAPPING_VERSION}-${this.analysisVersion}`;
  }

  /** The dimension that an index of this deployment is for, also one of another version. */
  dimensionOf(index: string): number | undefined {
    return this.parse(index)?.dimension;
  }

  /** Whether the chunks of an index have all that this version searches. */
  canBeCopied(index: string): boolean {
    return (this.parse(index)?.mapping ?? 0) >= OLDEST_COPIED;
  }

  private parse(index: string): { dimension: number; mapping: number } | undefined {
    const start = `${this.prefix}-chunks-d`;
    const match = index.startsWith(start) ? /^(\d+)-v(\d+)-\d+$/.exec(index.slice(start.length)) : null;
    return match ? { dimension: Number(match[1]), mapping: Number(match[2]) } : undefined;
  }
}

const keyword: estypes.MappingProperty = { type: 'keyword' };
const terms = (more: Partial<estypes.MappingTextProperty> = {}): estypes.MappingProperty => ({
  type: 'text',
  analyzer: 'terms',
  ...more,
});

/** Text arrives as terms (`TextAnalysis`), so that every adapter finds the same; the server only splits it at blanks. */
export const SETTINGS: estypes.IndicesIndexSettings = {
  // Routing by tenant leads a search to one shard; one shard also keeps the statistics of words together.
  number_of_shards: 1,
  auto_expand_replicas: '0-1',
  refresh_interval: '1s',
  analysis: { analyzer: { terms: { type: 'custom', tokenizer: 'whitespace' } } },
};

/** `_source` holds the raw chunk alone, of which everything else can be derived again. */
export const mappingsFor = (dimension: number): estypes.MappingTypeMapping => ({
  dynamic: false,
  _routing: { required: true },
  _source: { includes: ['raw'] },
  properties: {
    tenant: keyword,
    knowledge_base_id: keyword,
    chunk_id: keyword,
    document_id: keyword,
    revision: { type: 'long' },
    generation: { type: 'long' },
    position: { type: 'long' },
    [FIELDS.all]: terms(),
    [FIELDS.content]: terms({ term_vector: 'yes' }),
    [FIELDS.title]: terms(),
    [FIELDS.headings]: terms(),
    [FIELDS.extras]: terms(),
    // Float vectors and not the quantised default: results must be those of exact search.
    [FIELDS.vector]: {
      type: 'dense_vector',
      dims: dimension,
      index: true,
      similarity: 'dot_product',
      index_options: { type: 'hnsw', m: 16, ef_construction: 100 },
    },
    // What is said of a field of the metadata, one entry for each value; see metadata.ts.
    paths: keyword,
    facts: keyword,
    values: {
      type: 'nested',
      properties: { path: keyword, text: keyword, number: { type: 'double' }, folded: keyword },
    },
    raw: { type: 'object', enabled: false },
  },
});
