import { cut, trim, type Block, type Span } from './spans';

/** Less text than this below a heading is not worth a chunk of its own. Code units. */
const MIN_SECTION = 200;
/** A block that does not fit goes to the next chunk whole when this one is filled to this share. */
const FILLED_ENOUGH = 0.5;
/** Units that must stay whole may be so many chunks long; past that they are cut all the same. */
const KEEP_UP_TO = 4;

/** So long are the pieces of what must be cut anywhere: chunks come out full to within a tenth. */
export const pieceOf = (size: number): number => Math.max(8, Math.floor(size / 10));

export interface Packed extends Span {
  headings: string[];
  /** What is repeated in front of the chunk. */
  prefix: string;
}

interface Open extends Packed {
  units: Span[];
  /** Code units that are no headings. */
  body: number;
}

export interface PackOptions {
  /** Code units of a chunk, with its prefix. */
  size: number;
  /** Code units that a chunk repeats of the one before it. */
  overlap: number;
}

/** Fills chunks with blocks, in order. Chunks end at a heading, else between blocks, else between units, else anywhere. */
export function pack(text: string, blocks: Block[], options: PackOptions): Packed[] {
  const packer = new Packer(text, options);
  for (const block of blocks) packer.add(block);
  return packer.end();
}

class Packer {
  private readonly chunks: Packed[] = [];
  private open: Open | null = null;
  /** What may be repeated in the next chunk. */
  private last: Open | null = null;

  constructor(
    private readonly text: string,
    private readonly options: PackOptions,
  ) {}

  end(): Packed[] {
    this.flush();
    return this.chunks;
  }

  add(block: Block): void {
    const { size } = this.options;
    if (block.isHeading && this.open && this.open.body >= Math.min(MIN_SECTION, size / 4)) {
      this.flush();
      // What is under another heading is another matter: nothing of it is repeated.
      this.last = null;
    }
    if (this.fits(block)) return this.take(block, block, block.units);
    const isSmall = block.end - block.start <= size;
    if (isSmall && this.open && this.open.body >= size * FILLED_ENOUGH) {
      this.flush();
      return this.take(block, block, block.units);
    }
    for (const unit of block.units) this.addUnit(block, unit);
  }

  private fits({ end }: Span): boolean {
    return this.open !== null && end - this.open.start + this.open.prefix.length <= this.options.size;
  }

  private addUnit(block: Block, unit: Span): void {
    if (!this.fits(unit)) this.flush();
    const { size } = this.options;
    const length = unit.end - unit.start;
    if (length <= size || (block.keepUnits && length <= size * KEEP_UP_TO))
      return this.take(block, unit, [unit]);
    for (const piece of cut(this.text, unit, pieceOf(size))) {
      if (!this.fits(piece)) this.flush();
      this.take(block, piece, [piece]);
    }
  }

  /** Puts a span into the open chunk, or begins one with it. */
  private take(block: Block, span: Span, units: Span[]): void {
    this.open ??= this.begin(block, span);
    this.open.end = span.end;
    for (const unit of units) this.open.units.push(unit);
    // A chunk is under the first heading that has text in it.
    if (this.open.body === 0) this.open.headings = block.headings;
    if (!block.isHeading) this.open.body += span.end - span.start;
  }

  private begin(block: Block, span: Span): Open {
    const isInside = span.start > block.start;
    const prefix = isInside ? (block.prefix ?? '') : '';
    const room = this.options.size - (span.end - span.start);
    // A table's chunk has its header again; rows of the chunk before would be taken for rows of this one.
    const start = block.keepUnits ? span.start : this.overlapStart(span.start, room);
    return { start, end: span.end, headings: block.headings, prefix, units: [], body: 0 };
  }

  /** Where the repeated text begins: at a unit if one begins there, else at a word. */
  private overlapStart(start: number, room: number): number {
    const { last } = this;
    if (!last) return start;
    const gap = start - last.end;
    const wanted = Math.min(this.options.overlap, room - gap);
    const earliest = Math.max(last.end - wanted, last.start + 1);
    if (wanted <= 0) return start;
    const unit = last.units.find((candidate) => candidate.start >= earliest && candidate.start < last.end);
    if (unit) return unit.start;
    const word = /\s(?=\S)/g;
    word.lastIndex = earliest - 1;
    const match = word.exec(this.text);
    return match && match.index + 1 < last.end ? match.index + 1 : start;
  }

  private flush(): void {
    const { open } = this;
    this.open = null;
    if (!open) return;
    this.last = open;
    const span = trim(this.text, open);
    // Blanks at the beginning of code are its indentation.
    if (span) this.chunks.push({ ...span, headings: open.headings, prefix: open.prefix });
  }
}
