import type { Client, estypes } from '@elastic/elasticsearch';
import { invalid } from '../../errors';
import { unit } from '../../ports/embeddings';
import type { KnowledgeBaseRecord } from '../../ports/knowledge';
import {
  type IndexedChunk,
  type IndexStatistics,
  isExtra,
  refinedDirection,
  type Refinement,
  type RetrieverAnswer,
  type RetrieverQuery,
  type SearchIndex,
  type TextAnalysis,
} from '../../ports/search';
import { BulkWriter } from './bulk';
import { documentOf, rawChunk, type RawChunk, routingOf, serverId, vectorOf } from './documents';
import { domainErrorOf } from './failures';
import { countTerms, expand, relevanceModel } from './feedback';
import { Indices } from './indices';
import { IndexNames } from './mapping';
import { type Prepared, scoresOf } from './named';
import { inBases, keywordQuery, type Query, visible, type WeightedTerm } from './queries';
import { type Corrections, rarityCorrections } from './rarity';
import { PLACE, searchAll } from './requests';
import { runSearch } from './search';

const SCOPES_AT_MOST = 50;
const WINDOW_AT_MOST = 1_000;
/** Ids in one condition; the server takes 65,536. */
const IDS_AT_ONCE = 1_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Removing a large base takes its time. */
const REMOVAL_TIMEOUT_MS = 300_000;
const BULK = { concurrency: 2, attempts: 8, firstPauseMs: 200 };

export interface ElasticsearchOptions {
  /** With user and password when the cluster wants them. */
  url: string;
  /** Start of the names of all indices, lower case; deployments that share a cluster have different ones. */
  prefix: string;
  analysis: TextAnalysis;
  /** Rises when `analysis` gives other terms for the same text. */
  analysisVersion: number;
  /** How writes are paced; for tests. */
  bulk?: Partial<typeof BULK>;
}

/**
 * The index on an Elasticsearch cluster (basic licence, 8.x or 9.x). Words are analysed here, so that it ranks as the
 * embedded index does; three things differ and shift scores a little: statistics of words are those of the whole index
 * and not of the searched bases, the server keeps lengths of texts in 8 bits, and its vector search is approximate (HNSW).
 */
export class ElasticsearchIndex implements SearchIndex {
  private connection: Promise<Client> | undefined;
  private readonly names: IndexNames;
  private readonly bulk: BulkWriter;
  private readonly indices: Indices;
  private trouble: { message: string; isDown: boolean } | undefined;

  constructor(private readonly options: ElasticsearchOptions) {
    const client = (): Promise<Client> => this.client();
    this.names = new IndexNames(options.prefix, options.analysisVersion);
    this.bulk = new BulkWriter(client, { ...BULK, ...options.bulk });
    this.indices = new Indices({ client, names: this.names, bulk: this.bulk, analysis: options.analysis });
  }

  /**
   * Searchable when it resolves. The server knows no batches: when it refuses one half-way, what was taken stays, unseen
   * until the same batch is put again, because its revision is not published.
   */
  async put(
    tenant: string,
    base: Pick<KnowledgeBaseRecord, 'id' | 'embeddingModel' | 'dimension'>,
    chunks: IndexedChunk[],
  ): Promise<void> {
    chunks.forEach(({ vector }, index) => checkVector(vector, base.dimension, `chunks.${index}.vector`));
    if (chunks.length === 0) return;
    await this.guarded(async () => {
      await this.indices.ensure(base.dimension);
      const target = this.names.ofDimension(base.dimension);
      // The last of equal ids counts.
      const distinct = [...new Map(chunks.map((chunk) => [chunk.record.id, chunk])).values()];
      await this.bulk.write(
        distinct.map((chunk) => ({
          target,
          id: serverId(tenant, base.id, chunk.record.id),
          routing: routingOf(tenant),
          source: documentOf(rawChunk(tenant, withBase(chunk, base.id)), this.options.analysis),
        })),
      );
      await this.indices.refresh();
      await this.removeFromOthers(tenant, base, distinct);
    });
  }

  async remove(tenant: string, knowledgeBaseId: string, chunkIds: string[]): Promise<void> {
    await this.guarded(async () => {
      await this.indices.open();
      for (let from = 0; from < chunkIds.length; from += IDS_AT_ONCE)
        await this.delete(this.names.everything, tenant, [
          ...inBase(tenant, knowledgeBaseId),
          { terms: { chunk_id: chunkIds.slice(from, from + IDS_AT_ONCE) } },
        ]);
    });
  }

  async removeBase(tenant: string, knowledgeBaseId: string): Promise<void> {
    await this.guarded(async () => {
      await this.indices.open();
      await this.delete(this.names.everything, tenant, inBase(tenant, knowledgeBaseId));
    });
  }

  async search(tenant: string, query: RetrieverQuery, signal?: AbortSignal): Promise<RetrieverAnswer> {
    signal?.throwIfAborted();
    checkQuery(query);
    return this.guarded(async () => {
      await this.indices.open();
      const prepared = { ...(await this.prepare(tenant, query)), signal };
      const terms = await this.termsOf(prepared);
      const corrections = await this.correctionsOf(prepared, terms);
      const { fieldWeights } = query;
      prepared.byWords = (filter) =>
        keywordQuery(terms, { fieldWeights, ...(corrections ? { corrections } : {}) }, filter);
      const answer = await runSearch(prepared, terms);
      signal?.throwIfAborted();
      return answer;
    }, signal);
  }

  async vectors(
    tenant: string,
    knowledgeBaseIds: string[],
    chunkIds: string[],
  ): Promise<(Float32Array | null)[]> {
    const scopes = knowledgeBaseIds.map((knowledgeBaseId) => ({ knowledgeBaseId, generation: 0 }));
    return this.guarded(async () => {
      await this.indices.open();
      const vectors = new Map<string, Float32Array>();
      for (let from = 0; from < chunkIds.length; from += IDS_AT_ONCE) {
        const ids = chunkIds.slice(from, from + IDS_AT_ONCE);
        const body: estypes.SearchSearchRequestBody = {
          size: ids.length,
          _source: ['raw.record.id', 'raw.vector'],
          query: { bool: { filter: [...inBases(tenant, scopes), { terms: { chunk_id: ids } }] } },
        };
        const parts = [{ index: this.names.everything, body }];
        const [found] = await searchAll(await this.client(), { routing: routingOf(tenant), parts });
        for (const { _source } of found!.source) {
          const { raw } = _source as { raw: RawChunk };
          vectors.set(raw.record.id, vectorOf(raw.vector));
        }
      }
      return chunkIds.map((id) => vectors.get(id) ?? null);
    });
  }

  async refine(
    tenant: string,
    knowledgeBaseIds: string[],
    refinement: Refinement,
    chunkIds: string[],
  ): Promise<(number | null)[]> {
    const ids = [...refinement.near.map(({ chunkId }) => chunkId), ...refinement.far];
    const found = await this.vectors(tenant, knowledgeBaseIds, ids);
    const vectors = new Map(ids.map((id, index) => [id, found[index]]));
    const scopes = knowledgeBaseIds.map((knowledgeBaseId) => ({ knowledgeBaseId, generation: 0 }));
    return this.guarded(async () => {
      const direction = refinedDirection(refinement, (id) => vectors.get(id));
      const prepared = {
        ...(await this.prepare(tenant, { scopes, window: 1, vector: direction })),
        vector: direction,
      };
      const filter = [...inBases(tenant, scopes), { terms: { chunk_id: chunkIds } }];
      const { cosine } = await scoresOf(prepared, filter, chunkIds.length);
      return chunkIds.map((id) => cosine.get(id) ?? null);
    });
  }

  async statistics(tenant: string, knowledgeBaseId: string): Promise<IndexStatistics> {
    return this.guarded(async () => {
      await this.indices.open();
      const client = await this.client();
      const { aggregations } = await client.search({
        index: this.names.everything,
        ignore_unavailable: true,
        routing: routingOf(tenant),
        size: 0,
        query: { bool: { filter: inBase(tenant, knowledgeBaseId) } },
        aggs: { indices: { terms: { field: '_index', size: 100 } } },
      });
      const buckets = (aggregations?.indices as { buckets: { key: string; doc_count: number }[] } | undefined)
        ?.buckets;
      // Most chunks first, as the aggregation orders them.
      const [largest] = buckets ?? [];
      return {
        chunks: (buckets ?? []).reduce((sum, { doc_count: count }) => sum + count, 0),
        dimension: largest ? (this.names.dimensionOf(largest.key) ?? null) : null,
      };
    });
  }

  status(): { status: 'ok' | 'degraded' | 'down'; backend: string; detail?: string } {
    const backend = 'elasticsearch';
    if (!this.trouble) return { status: 'ok', backend };
    return { status: this.trouble.isDown ? 'down' : 'degraded', backend, detail: this.trouble.message };
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    await (await connection)?.close();
  }

  private client(): Promise<Client> {
    return (this.connection ??= Promise.resolve().then(() => connect(this.options.url)));
  }

  private async prepare(tenant: string, query: RetrieverQuery): Promise<Prepared> {
    return {
      client: await this.client(),
      names: this.names,
      tenant,
      routing: routingOf(tenant),
      query,
      vector: query.vector && directionOf(query.vector),
      filter: visible(tenant, query),
      byWords: () => undefined,
      signal: undefined,
    };
  }

  private async termsOf({ client, names, tenant, routing, query }: Prepared): Promise<WeightedTerm[]> {
    const { text, feedback, scopes } = query;
    if (text === undefined) return [];
    const terms = countTerms(this.options.analysis.query(text));
    if (!feedback || feedback.chunks.length === 0) return terms;
    const weights = new Map(feedback.chunks.map(({ chunkId, weight }) => [chunkId, weight]));
    const filter: Query[] = [...inBases(tenant, scopes), { terms: { chunk_id: [...weights.keys()] } }];
    const body = { ...PLACE, size: weights.size, query: { bool: { filter } } };
    const [found] = await searchAll(client, { routing, parts: [{ index: names.everything, body }] });
    const documents = found!.source.map(({ _index: index }, place) => {
      const { id, knowledgeBaseId } = found!.hits[place]!.place;
      return { index, id: serverId(tenant, knowledgeBaseId, id), routing, weight: weights.get(id) ?? 0 };
    });
    return expand(terms, await relevanceModel(client, documents, feedback), feedback);
  }

  /** Undefined while there is nothing to search. */
  private async correctionsOf(
    { client, routing, query }: Prepared,
    terms: WeightedTerm[],
  ): Promise<Corrections | undefined> {
    const words = terms.filter(({ term }) => !isExtra(term));
    if (words.length === 0) return undefined;
    const dimensions = await this.indices.dimensions();
    const wanted = query.vector?.length;
    // While a refresh changes the model there are two indices; one tells enough.
    const dimension = dimensions.find((one) => one === wanted) ?? dimensions[0];
    if (dimension === undefined) return undefined;
    return rarityCorrections(client, { index: this.names.ofDimension(dimension), routing, terms: words });
  }

  /** A chunk is in one index: a refresh with another model moves it. */
  private async removeFromOthers(
    tenant: string,
    base: Pick<KnowledgeBaseRecord, 'id' | 'dimension'>,
    chunks: IndexedChunk[],
  ): Promise<void> {
    const ids = chunks.map(({ record }) => record.id);
    for (const dimension of await this.indices.dimensions()) {
      if (dimension === base.dimension) continue;
      for (let from = 0; from < ids.length; from += IDS_AT_ONCE)
        await this.delete(this.names.ofDimension(dimension), tenant, [
          ...inBase(tenant, base.id),
          { terms: { chunk_id: ids.slice(from, from + IDS_AT_ONCE) } },
        ]);
    }
  }

  private async delete(index: string, tenant: string, filter: Query[]): Promise<void> {
    const client = await this.client();
    await client.deleteByQuery(
      {
        index,
        ignore_unavailable: true,
        routing: routingOf(tenant),
        conflicts: 'proceed',
        refresh: true,
        query: { bool: { filter } },
      },
      { requestTimeout: REMOVAL_TIMEOUT_MS },
    );
  }

  /** Translates failures and remembers the last one for `status`. */
  private async guarded<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const result = await work();
      this.trouble = undefined;
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (isMissingAlias(error)) this.indices.forget();
      const failure = domainErrorOf(error);
      this.trouble = { message: failure.message, isDown: isUnreachable(error) };
      throw failure;
    }
  }
}

function connect(url: string): Client {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a large package that most deployments do not use
  const elasticsearch = require('@elastic/elasticsearch') as typeof import('@elastic/elasticsearch');
  return new elasticsearch.Client({ node: url, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 2 });
}

const inBase = (tenant: string, knowledgeBaseId: string): Query[] =>
  inBases(tenant, [{ knowledgeBaseId, generation: 0 }]);

const withBase = (chunk: IndexedChunk, knowledgeBaseId: string): IndexedChunk => ({
  ...chunk,
  record: { ...chunk.record, knowledgeBaseId },
});

/** Undefined for zeros, which point nowhere: then words alone are searched. */
function directionOf(vector: Float32Array): Float32Array | undefined {
  return vector.some((value) => value !== 0) ? unit(vector) : undefined;
}

const isUnreachable = (error: unknown): boolean =>
  ['ConnectionError', 'NoLivingConnectionsError', 'TimeoutError'].includes((error as Error).name);

/** Somebody removed an index that this process knew: the next write makes it again. */
const isMissingAlias = (error: unknown): boolean =>
  JSON.stringify((error as { details?: { cause?: unknown } }).details?.cause ?? '').includes(
    'index_not_found',
  );

function checkQuery({ scopes, text, vector, window }: RetrieverQuery): void {
  if (scopes.length === 0 || scopes.length > SCOPES_AT_MOST)
    throw invalid('scopes', `must be 1 to ${SCOPES_AT_MOST} knowledge bases`);
  if (!Number.isInteger(window) || window < 1 || window > WINDOW_AT_MOST)
    throw invalid('window', `must be a whole number from 1 to ${WINDOW_AT_MOST}`);
  if (text === undefined && vector === undefined) throw invalid('text', 'must be given where vector is not');
  if (vector) checkVector(vector, vector.length, 'vector');
}

function checkVector(vector: Float32Array, dimension: number, path: string): void {
  if (vector.length !== dimension || dimension === 0)
    throw invalid(path, `has ${vector.length} numbers, the knowledge base needs ${dimension}`);
  if (!vector.every(Number.isFinite)) throw invalid(path, 'must be finite numbers');
}
