import type {
  NamedChunk,
  RetrieverAnswer,
  RetrieverQuery,
  SearchCandidate,
  SearchedField,
} from '../../ports/search';
import { SEARCHED_FIELDS } from '../../ports/search';
import type { Analyzer } from './analysis';
import type { ChunkTable } from './chunk-table';
import { type ExpandedTerm, expandQuery } from './feedback';
import { TopSlots } from './growable';
import { Mask } from './mask';

/**
 * BM25 as Lucene computes it (Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009): k1 = 1.2, b = 0.75,
 * idf = ln(1 + (N - n + 0.5) / (n + 0.5)). Every field is scored for itself, against its own average length, and the scores
 * are added by weight; how rare a word is, is taken over all fields together.
 */
const K1 = 1.2;
const B = 0.75;

/** A table with what of it is searched. */
export interface SearchedTable {
  knowledgeBaseId: string;
  table: ChunkTable;
  generation: number;
}

interface Part extends SearchedTable {
  mask: Mask;
  /** Of every slot, once the whole table was compared with the query. */
  cosines?: Float32Array;
}

interface Statistics {
  chunks: number;
  averageLengths: number[];
  weights: number[];
}

interface WeightedTerm {
  term: string;
  /** Weight in the query times inverse document frequency. */
  factor: number;
}

interface Hit {
  part: Part;
  slot: number;
  score: number;
}

/** Runs both retrievers over some tables. Holds no state: everything is in the tables. */
export class Retrieval {
  private readonly parts: Part[];
  private readonly statistics: Statistics;
  private readonly expanded: ExpandedTerm[];
  private readonly terms: WeightedTerm[];
  private readonly scores = new Map<ChunkTable, Float64Array>();

  constructor(
    tables: SearchedTable[],
    private readonly query: RetrieverQuery,
    analyzer: Analyzer,
  ) {
    this.parts = tables.map((one) => ({ ...one, mask: Mask.of(one.table, one.generation, query.filter) }));
    this.statistics = statisticsOf(tables, query.fieldWeights ?? {});
    this.expanded =
      query.text === undefined
        ? []
        : expandQuery({
            terms: analyzer.query(query.text),
            tables: tables.map(({ table }) => table),
            feedback: query.feedback,
          });
    this.terms = this.expanded.flatMap(({ term, weight }) => {
      const documents = documentsWith(tables, term);
      if (documents === 0) return [];
      const { chunks } = this.statistics;
      return [{ term, factor: weight * Math.log(1 + (chunks - documents + 0.5) / (documents + 0.5)) }];
    });
  }

  run(): RetrieverAnswer {
    const byVector = this.vectorHits();
    const byKeyword = this.keywordHits();
    const candidates = new Map<string, SearchCandidate>();
    byVector.forEach((hit, index) => {
      const candidate = this.candidate(hit.part, hit.slot, hit.score);
      candidate.vectorRank = index + 1;
      candidates.set(candidate.id, candidate);
    });
    byKeyword.forEach((hit, index) => {
      const id = hit.part.table.rows[hit.slot]!.id;
      const candidate = candidates.get(id) ?? this.candidate(hit.part, hit.slot);
      candidate.keywordRank = index + 1;
      candidates.set(id, candidate);
    });
    return {
      candidates: [...candidates.values()],
      searched: this.parts.reduce((sum, { mask }) => sum + mask.count, 0),
      terms: this.expanded,
      unknownFields: unknownIn(this.parts),
      named: (this.query.named ?? []).map((id) => this.named(id)),
    };
  }

  private vectorHits(): Hit[] {
    const { vector, window } = this.query;
    if (!vector) return [];
    const hits = this.parts.flatMap((part) => {
      if (part.table.dimension !== vector.length) return [];
      const top = new TopSlots(window);
      scanVectors(part, vector, top);
      return hitsOf(part, top);
    });
    return best(hits, window);
  }

  private keywordHits(): Hit[] {
    const { window } = this.query;
    if (this.terms.length === 0) return [];
    const hits = this.parts.flatMap((part) => {
      const top = new TopSlots(window);
      const scores = this.keywordScores(part);
      const { bits } = part.mask;
      for (let slot = 0; slot < bits.length; slot++) {
        const score = scores[slot]!;
        if (score > 0 && score > top.floor && bits[slot]) top.offer(slot, score);
      }
      return hitsOf(part, top);
    });
    return best(hits, window);
  }

  /** BM25 of every slot of a table; computed once for a search. */
  private keywordScores({ table }: Part): Float64Array {
    const known = this.scores.get(table);
    if (known) return known;
    const scores = new Float64Array(table.rows.length);
    this.scores.set(table, scores);
    for (const { term, factor } of this.terms) {
      const postings = table.postingsOf(term);
      if (!postings) continue;
      const { raw, length } = postings.pairs;
      for (let index = 0; index < length; index += 2) {
        const slot = raw[index]!;
        scores[slot]! += factor * this.saturated(table, slot, raw[index + 1]!);
      }
    }
    return scores;
  }

  private saturated(table: ChunkTable, slot: number, packed: number): number {
    return (
      this.saturatedIn(0, packed >>> 16, table.lengths[0].raw[slot]!) +
      this.saturatedIn(1, (packed >>> 8) & 0xff, table.lengths[1].raw[slot]!) +
      this.saturatedIn(2, packed & 0xff, table.lengths[2].raw[slot]!)
    );
  }

  private saturatedIn(field: number, frequency: number, length: number): number {
    if (frequency === 0) return 0;
    const { weights, averageLengths } = this.statistics;
    const average = averageLengths[field]!;
    // A field of stop words alone has no length; where none has, all are alike.
    const norm = K1 * (1 - B + (average > 0 ? (B * length) / average : 0));
    return (weights[field]! * frequency) / (frequency + norm);
  }

  private cosineOf({ table, cosines }: Part, slot: number): number {
    if (cosines) return cosines[slot]!;
    const { vector } = this.query;
    return vector && table.dimension === vector.length ? dotAt(table, slot, vector) : 0;
  }

  private candidate(part: Part, slot: number, cosine?: number): SearchCandidate {
    const { id, documentId, revision, generation, position } = part.table.rows[slot]!;
    return {
      id,
      knowledgeBaseId: part.knowledgeBaseId,
      documentId,
      revision,
      generation,
      position,
      cosine: this.query.vector ? (cosine ?? this.cosineOf(part, slot)) : null,
      bm25: this.query.text === undefined ? null : this.keywordScores(part)[slot]!,
      vectorRank: null,
      keywordRank: null,
    };
  }

  private named(id: string): NamedChunk {
    const part = this.parts.find(({ table }) => table.slotOf(id) !== undefined);
    if (!part) return { ...UNKNOWN, id };
    const slot = part.table.slotOf(id)!;
    const found = this.candidate(part, slot);
    if (found.generation > part.generation) return { ...found, state: 'later_generation' };
    if (!part.mask.bits[slot]) return { ...found, state: 'filtered' };
    return { ...found, ...this.exactRanks(found), state: 'seen' };
  }

  private exactRanks({ cosine, bm25 }: SearchCandidate): {
    vectorRank: number | null;
    keywordRank: number | null;
  } {
    let byVector = 1;
    let byKeyword = 1;
    for (const part of this.parts) {
      const scores = bm25 ? this.keywordScores(part) : undefined;
      for (let slot = 0; slot < part.mask.bits.length; slot++) {
        if (!part.mask.bits[slot]) continue;
        if (scores && scores[slot]! > bm25!) byKeyword++;
        if (cosine !== null && this.cosineOf(part, slot) > cosine) byVector++;
      }
    }
    return { vectorRank: cosine === null ? null : byVector, keywordRank: bm25 ? byKeyword : null };
  }
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

/** Fields of the filter that no table knows. */
function unknownIn(parts: Part[]): string[] {
  const [first, ...others] = parts.map(({ mask }) => mask.unknownFields);
  return (first ?? []).filter((field) => others.every((unknown) => unknown.includes(field)));
}

function statisticsOf(
  tables: SearchedTable[],
  fieldWeights: Partial<Record<SearchedField, number>>,
): Statistics {
  const sum = (of: (table: ChunkTable) => number): number =>
    tables.reduce((total, { table }) => total + of(table), 0);
  return {
    chunks: sum(({ living }) => living),
    // Over the chunks that have the field; where none has, nothing is divided by it.
    averageLengths: SEARCHED_FIELDS.map(
      (_, field) =>
        sum(({ totals }) => totals[field]!) /
        Math.max(
          1,
          sum(({ filled }) => filled[field]!),
        ),
    ),
    weights: SEARCHED_FIELDS.map((field) => fieldWeights[field] ?? 1),
  };
}

const documentsWith = (tables: SearchedTable[], term: string): number =>
  tables.reduce((sum, { table }) => sum + (table.postingsOf(term)?.documents ?? 0), 0);

/** With fewer than one of so many rows seen, single products cost less than those of the whole block. */
const SPARSE = 8;

function scanVectors(part: Part, vector: Float32Array, top: TopSlots): void {
  const { table, mask } = part;
  const { bits } = mask;
  const isSparse = mask.count * SPARSE < bits.length;
  const cosines = new Float32Array(isSparse ? 0 : bits.length);
  let known = 0;
  for (let first = 0; first < bits.length; first += table.rowsPerBlock) {
    const index = first / table.rowsPerBlock;
    const rows = Math.min(bits.length - first, table.rowsPerBlock);
    const products = isSparse ? undefined : table.compareBlock(index, vector, rows);
    const block = table.vectorBlock(index)!;
    if (products) {
      cosines.set(products.subarray(0, rows), first);
      known += rows;
    }
    for (let row = 0; row < rows; row++) {
      if (!bits[first + row]) continue;
      const score = products ? products[row]! : dot(vector, block, row * vector.length);
      if (score > top.floor) top.offer(first + row, score);
    }
  }
  if (known > 0 && known === bits.length) part.cosines = cosines;
}

/** Four sums at once: a single one would make every addition wait for the one before. */
function dot(vector: Float32Array, block: Float32Array, from: number): number {
  const { length } = vector;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let index = 0;
  for (; index + 3 < length; index += 4) {
    a += vector[index]! * block[from + index]!;
    b += vector[index + 1]! * block[from + index + 1]!;
    c += vector[index + 2]! * block[from + index + 2]!;
    d += vector[index + 3]! * block[from + index + 3]!;
  }
  for (; index < length; index++) a += vector[index]! * block[from + index]!;
  return a + b + c + d;
}

/** Dot product with the vector of a slot, without a view of it. */
export const dotAt = (table: ChunkTable, slot: number, vector: Float32Array): number =>
  dot(
    vector,
    table.vectorBlock(Math.floor(slot / table.rowsPerBlock))!,
    (slot % table.rowsPerBlock) * vector.length,
  );

const hitsOf = (part: Part, top: TopSlots): Hit[] =>
  top.drain().map(({ slot, score }) => ({ part, slot, score }));

const best = (hits: Hit[], window: number): Hit[] =>
  hits.sort((one, other) => other.score - one.score).slice(0, window);
