/** The memory that a program shares with its watchdog: a count of heartbeats, a flag, and the names of runs under way. */
const HEADER_BYTES = 8;
const NAME_BYTES = 64;
/** Runs that are named; of more, the first. */
const MOST_NAMES = 512;

export class WatchdogMemory {
  private readonly numbers: Int32Array;
  private readonly names: Uint8Array;
  private readonly places = new Map<string, number>();
  private readonly free = Array.from({ length: MOST_NAMES }, (_, index) => MOST_NAMES - 1 - index);

  constructor(readonly buffer = new SharedArrayBuffer(HEADER_BYTES + MOST_NAMES * NAME_BYTES)) {
    this.numbers = new Int32Array(buffer, 0, 2);
    this.names = new Uint8Array(buffer, HEADER_BYTES);
  }

  /** @param isDebugged a program that stands at a breakpoint does what it should */
  beat(isDebugged: boolean): void {
    Atomics.store(this.numbers, 1, isDebugged ? 1 : 0);
    Atomics.add(this.numbers, 0, 1);
  }

  get beats(): number {
    return Atomics.load(this.numbers, 0);
  }

  get isDebugged(): boolean {
    return Atomics.load(this.numbers, 1) === 1;
  }

  enter(name: string): void {
    const place = this.free.pop();
    if (place === undefined) return;
    this.places.set(name, place);
    const bytes = Buffer.from(name).subarray(0, NAME_BYTES);
    this.names.set(bytes, place * NAME_BYTES);
  }

  leave(name: string): void {
    const place = this.places.get(name);
    if (place === undefined) return;
    this.places.delete(name);
    this.names.fill(0, place * NAME_BYTES, (place + 1) * NAME_BYTES);
    this.free.push(place);
  }

  /** Names that are entered, as another thread sees them. */
  list(): string[] {
    const names: string[] = [];
    for (let place = 0; place < MOST_NAMES; place++) {
      const bytes = Buffer.from(this.names.slice(place * NAME_BYTES, (place + 1) * NAME_BYTES));
      if (bytes[0] !== 0) names.push(bytes.toString().replaceAll('\0', ''));
    }
    return names;
  }
}
