/**
 * Joins the answer of a repeated model call to the text that was written before the first call was cut. Most models go on
 * where the text stops; one that starts over is recognised because it repeats that text, and only what is new is kept.
 */
export class Continuation {
  private held = '';
  private deciding: boolean;

  /** @param written text that readers have already seen; nothing of it is ever yielded again */
  constructor(private readonly written: string) {
    this.deciding = written !== '';
  }

  /** The part of `text` to append now, perhaps nothing yet. */
  push(text: string): string {
    if (!this.deciding) return text;
    this.held += text;
    if (this.held.length < this.written.length && this.written.startsWith(this.held)) return '';
    this.deciding = false;
    return this.held.startsWith(this.written) ? this.held.slice(this.written.length) : this.held;
  }

  /** What was held back when the call ended before it was clear: a repetition of a beginning adds nothing. */
  end(): string {
    this.deciding = false;
    return '';
  }
}
