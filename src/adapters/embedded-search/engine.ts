import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unit } from '../../ports/embeddings';
import type { JsonObject } from '../../ports/records';
import { type IndexedChunk, refinedDirection, searchedHeadings } from '../../ports/search';
import { Analyzer } from './analysis';
import { ChunkLog } from './chunk-log';
import { type AnalysedChunk, type ChunkTable, packFrequencies } from './chunk-table';
import type { OperationName, Operations } from './messages';
import { packCandidates, packNumbers } from './packing';
import { dotAt, Retrieval, type SearchedTable } from './retrieval';

const SUFFIX = '.chunks';

/** A base that nobody used for so long leaves memory; its next use reads it again. Milliseconds. */
const KEPT_UNUSED_MS = 30 * 60_000;

/** A base has a table for each length of vectors: while a refresh changes the model, there are two. */
type Base = Map<number, ChunkLog>;

type Handlers = { [Name in OperationName]: (input: Operations[Name]['input']) => Operations[Name]['output'] };

/** The index itself, in whatever thread it runs. Everything is synchronous: operations never overlap. */
export class Engine implements Handlers {
  private readonly analyzer = new Analyzer();
  private readonly bases = new Map<string, { tables: Base; usedAt: number }>();

  /**
   * @param folder where the bases are kept; made when the first chunk comes
   * @param now milliseconds since the epoch
   */
  constructor(
    private readonly folder: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** Takes bases out of memory that nobody used lately. @returns how many */
  releaseUnused(): number {
    const before = this.now() - KEPT_UNUSED_MS;
    const unused = [...this.bases].filter(([, { usedAt }]) => usedAt <= before);
    for (const [key] of unused) this.release(key);
    return unused.length;
  }

  private release(key: string): void {
    for (const { table } of this.bases.get(key)?.tables.values() ?? []) table.release();
    this.bases.delete(key);
  }

  put({ tenant, knowledgeBaseId, chunks }: Operations['put']['input']): null {
    const [first] = chunks;
    if (!first) return null;
    const base = this.base(tenant, knowledgeBaseId);
    const dimension = first.vector.length;
    let log = base.get(dimension);
    if (!log)
      base.set(
        dimension,
        (log = ChunkLog.open(join(this.path(tenant, knowledgeBaseId), `${dimension}${SUFFIX}`))),
      );
    // The last of equal ids counts.
    const distinct = [...new Map(chunks.map((chunk) => [chunk.record.id, chunk])).values()];
    const { table } = log;
    log.put(distinct.map((chunk) => analyse(chunk, table, this.analyzer)));
    for (const [otherDimension, other] of base)
      if (otherDimension !== dimension) other.remove(distinct.map(({ record }) => record.id));
    return null;
  }

  remove({ tenant, knowledgeBaseId, chunkIds }: Operations['remove']['input']): null {
    for (const log of this.base(tenant, knowledgeBaseId).values()) log.remove(chunkIds);
    return null;
  }

  removeBase({ tenant, knowledgeBaseId }: Operations['removeBase']['input']): null {
    const path = this.path(tenant, knowledgeBaseId);
    this.release(keyOf(tenant, knowledgeBaseId));
    rmSync(path, { recursive: true, force: true });
    return null;
  }

  search({ tenant, query }: Operations['search']['input']): Operations['search']['output'] {
    const tables = query.scopes.flatMap(({ knowledgeBaseId, generation }): SearchedTable[] =>
      [...this.base(tenant, knowledgeBaseId).values()].map(({ table }) => ({
        knowledgeBaseId,
        table,
        generation,
      })),
    );
    const directed = query.vector ? { ...query, vector: unit(query.vector) } : query;
    const answer = new Retrieval(tables, directed, this.analyzer).run();
    return { ...answer, candidates: packCandidates(answer.candidates) };
  }

  vectors({ tenant, knowledgeBaseIds, chunkIds }: Operations['vectors']['input']): (Float32Array | null)[] {
    const tables = this.tables(tenant, knowledgeBaseIds);
    return chunkIds.map((id) => {
      const place = placeOf(tables, id);
      return place ? place.table.vectorAt(place.slot).slice() : null;
    });
  }

  refine({
    tenant,
    knowledgeBaseIds,
    refinement,
    chunkIds,
  }: Operations['refine']['input']): Operations['refine']['output'] {
    const { length } = refinement.vector;
    const tables = this.tables(tenant, knowledgeBaseIds).filter(({ dimension }) => dimension === length);
    const direction = refinedDirection(refinement, (id) => {
      const place = placeOf(tables, id);
      return place?.table.vectorAt(place.slot);
    });
    return packNumbers(
      chunkIds.map((id) => {
        const place = placeOf(tables, id);
        return place ? dotAt(place.table, place.slot, direction) : null;
      }),
    );
  }

  statistics({
    tenant,
    knowledgeBaseId,
  }: Operations['statistics']['input']): Operations['statistics']['output'] {
    const tables = [...this.base(tenant, knowledgeBaseId).values()].map(({ table }) => table);
    const [largest] = tables
      .filter(({ living }) => living > 0)
      .sort((one, other) => other.living - one.living);
    return {
      chunks: tables.reduce((sum, { living }) => sum + living, 0),
      dimension: largest?.dimension ?? null,
    };
  }

  private tables(tenant: string, knowledgeBaseIds: string[]): ChunkTable[] {
    return knowledgeBaseIds.flatMap((id) => [...this.base(tenant, id).values()].map(({ table }) => table));
  }

  /** Loaded by the first operation on it. */
  private base(tenant: string, knowledgeBaseId: string): Base {
    const key = keyOf(tenant, knowledgeBaseId);
    const usedAt = this.now();
    const known = this.bases.get(key);
    if (known) {
      known.usedAt = usedAt;
      return known.tables;
    }
    const tables: Base = new Map();
    const path = this.path(tenant, knowledgeBaseId);
    const files = existsSync(path) ? readdirSync(path) : [];
    for (const file of files) {
      const dimension = Number(file.slice(0, -SUFFIX.length));
      if (file.endsWith(SUFFIX) && Number.isInteger(dimension))
        tables.set(dimension, ChunkLog.open(join(path, file)));
    }
    this.bases.set(key, { tables, usedAt });
    return tables;
  }

  /** Names come from outside: a hash leads nowhere else. */
  private path(tenant: string, knowledgeBaseId: string): string {
    return join(this.folder, hashed(tenant), hashed(knowledgeBaseId));
  }
}

const keyOf = (tenant: string, knowledgeBaseId: string): string => JSON.stringify([tenant, knowledgeBaseId]);

const hashed = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 32);

function placeOf(tables: ChunkTable[], chunkId: string): { table: ChunkTable; slot: number } | undefined {
  for (const table of tables) {
    const slot = table.slotOf(chunkId);
    if (slot !== undefined) return { table, slot };
  }
  return undefined;
}

function analyse(
  { record, vector, title }: IndexedChunk,
  table: ChunkTable,
  analyzer: Analyzer,
): AnalysedChunk {
  const metadata = (record.metadata ?? {}) as JsonObject;
  const fields = [record.text, title, searchedHeadings(metadata, title)].map((text) => analyzer.text(text));
  const frequencies = new Map<number, [number, number, number]>();
  fields.forEach(({ terms: own, extras }, field) => {
    for (const term of [...own, ...extras]) {
      const number = table.termNumber(term);
      let counts = frequencies.get(number);
      if (!counts) frequencies.set(number, (counts = [0, 0, 0]));
      counts[field]!++;
    }
  });
  const terms = new Uint32Array(frequencies.size * 2);
  [...frequencies]
    .sort(([one], [other]) => one - other)
    .forEach(([number, counts], index) => {
      terms[index * 2] = number;
      terms[index * 2 + 1] = packFrequencies(...counts);
    });
  return {
    id: record.id,
    documentId: record.documentId,
    revision: record.revision,
    generation: record.generation,
    position: record.position,
    metadata,
    lengths: fields.map(({ terms: own }) => own.length) as [number, number, number],
    terms,
    vector: unit(vector),
  };
}
