/** Files up to this size count once; their text and vectors take little memory. Bytes. */
const SMALL_FILE_BYTES = 64 * 1024;
/** So many small files are worked on at once in a process, */
const PLACES = 64;
/** and so many larger ones: each takes several places. */
const LARGE_FILES = 8;

/** Bounds how many files are in memory at once, over all jobs of a process: many small ones, few large ones. */
export class Room {
  private free = PLACES;
  private readonly waiting: { places: number; enter: () => void }[] = [];

  /** Runs `work` when there is room for a file of so many bytes; files enter in the order in which they come. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const places = bytes <= SMALL_FILE_BYTES ? 1 : PLACES / LARGE_FILES;
    await new Promise<void>((enter) => {
      this.waiting.push({ places, enter });
      this.admit();
    });
    try {
      return await work();
    } finally {
      this.free += places;
      this.admit();
    }
  }

  private admit(): void {
    for (let first = this.waiting[0]; first && first.places <= this.free; first = this.waiting[0]) {
      this.waiting.shift();
      this.free -= first.places;
      first.enter();
    }
  }
}
