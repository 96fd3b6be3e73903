/** A list of 32-bit numbers without a box around each: postings of 100,000 chunks would not fit otherwise. */
export class Uint32List {
  private items: Uint32Array;
  length = 0;

  constructor(capacity = 4) {
    this.items = new Uint32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.grow(this.length + 1);
    this.items[this.length++] = value;
  }

  pushTwo(first: number, second: number): void {
    if (this.length + 2 > this.items.length) this.grow(this.length + 2);
    this.items[this.length++] = first;
    this.items[this.length++] = second;
  }

  pushAll(values: ArrayLike<number>): void {
    if (this.length + values.length > this.items.length) this.grow(this.length + values.length);
    this.items.set(values, this.length);
    this.length += values.length;
  }

  /** The storage itself: valid until the next push, and longer than `length`. */
  get raw(): Uint32Array {
    return this.items;
  }

  private grow(needed: number): void {
    const next = new Uint32Array(Math.max(needed, Math.ceil(this.items.length * 1.5)));
    next.set(this.items);
    this.items = next;
  }
}

/** Keeps the best of many scored slots; equal scores are decided by the lower slot, so that searches repeat. */
export class TopSlots {
  readonly slots: Uint32Array;
  readonly scores: Float64Array;
  size = 0;

  constructor(private readonly capacity: number) {
    this.slots = new Uint32Array(capacity);
    this.scores = new Float64Array(capacity);
  }

  /** What a score must exceed to get in; the loop around asks before it calls. */
  get floor(): number {
    return this.size < this.capacity ? -Infinity : this.scores[0]!;
  }

  offer(slot: number, score: number): void {
    if (this.size < this.capacity) {
      this.rise(this.size++, slot, score);
    } else if (score > this.scores[0]!) this.sink(slot, score);
  }

  /** Takes all out, best first. */
  drain(): { slot: number; score: number }[] {
    const list = Array.from({ length: this.size }, () => ({ slot: 0, score: 0 }));
    while (this.size > 0) {
      const worst = list[--this.size]!;
      worst.slot = this.slots[0]!;
      worst.score = this.scores[0]!;
      this.sink(this.slots[this.size]!, this.scores[this.size]!);
    }
    return list;
  }

  private isWorse(slot: number, score: number, index: number): boolean {
    const other = this.scores[index]!;
    return score < other || (score === other && slot > this.slots[index]!);
  }

  private rise(start: number, slot: number, score: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.isWorse(slot, score, parent)) break;
      this.place(index, this.slots[parent]!, this.scores[parent]!);
      index = parent;
    }
    this.place(index, slot, score);
  }

  private sink(slot: number, score: number): void {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.size) break;
      const right = child + 1;
      if (right < this.size && this.isWorse(this.slots[right]!, this.scores[right]!, child)) child = right;
      if (this.isWorse(slot, score, child)) break;
      this.place(index, this.slots[child]!, this.scores[child]!);
      index = child;
    }
    this.place(index, slot, score);
  }

  private place(index: number, slot: number, score: number): void {
    this.slots[index] = slot;
    this.scores[index] = score;
  }
}
