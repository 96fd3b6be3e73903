import type { MetadataFilter } from '../../knowledge/metadata-filter';
import { fieldsOf } from '../../ports/search';
import type { ChunkTable } from './chunk-table';
import { compileFilter, hasValue } from './metadata';

/** Masks of a table that are kept: most searches of a base ask with the same few filters. */
const KEPT = 4;
const kept = new WeakMap<ChunkTable, Map<string, Mask>>();

/** Which slots of a table a search may see. */
export class Mask {
  private constructor(
    /** 1 for a slot that is seen. */
    readonly bits: Uint8Array,
    readonly count: number,
    /** Fields of the filter that no chunk of the table has. */
    readonly unknownFields: string[],
  ) {}

  static of(table: ChunkTable, generation: number, filter: MetadataFilter | undefined): Mask {
    const key = `${table.version} ${generation} ${filter ? JSON.stringify(filter) : ''}`;
    let masks = kept.get(table);
    if (!masks) kept.set(table, (masks = new Map<string, Mask>()));
    let mask = masks.get(key);
    if (!mask) {
      mask = Mask.build(table, generation, filter);
      const [oldest] = masks.keys();
      if (masks.size >= KEPT && oldest !== undefined) masks.delete(oldest);
      masks.set(key, mask);
    }
    return mask;
  }

  private static build(table: ChunkTable, generation: number, filter: MetadataFilter | undefined): Mask {
    const predicate = filter && compileFilter(filter);
    // Each kind of metadata is judged once, however many chunks have it.
    const fits = predicate && table.metadata.map(predicate);
    const bits = new Uint8Array(table.rows.length);
    let count = 0;
    table.rows.forEach((row, slot) => {
      if (!row || row.generation > generation || (fits && !fits[row.metadata])) return;
      bits[slot] = 1;
      count++;
    });
    const unknown = fieldsOf(filter).filter((field) => !table.metadata.some((one) => hasValue(one, field)));
    return new Mask(bits, count, unknown);
  }
}
