import type { RunWriter } from './writer';

/** Stands between the texts of two steps of one answer. */
export const STEP_SEPARATOR = '\n\n';

/** The answer so far: the texts of the steps that wrote any. */
export const joinSteps = (texts: string[]): string =>
  texts.filter((text) => text !== '').join(STEP_SEPARATOR);

/**
 * The text of one model step within the answer of a run. The concatenation of all deltas is the run's text, so what
 * separates two steps is written as text as well.
 */
export class StepText {
  /** What this step wrote, without the separator before it. */
  value: string;
  private separated: boolean;

  /** @param before the answer that earlier steps wrote; the rest of the writer's text is this step's, interrupted */
  constructor(
    private readonly writer: RunWriter,
    before: string,
  ) {
    const own = writer.text.slice(before.length);
    const separated = before !== '' && own.startsWith(STEP_SEPARATOR);
    this.value = separated ? own.slice(STEP_SEPARATOR.length) : own;
    this.separated = separated || before === '';
  }

  /** Characters of the whole answer. */
  get total(): number {
    return this.writer.text.length;
  }

  write(text: string): void {
    if (text === '') return;
    if (!this.separated) this.writer.write(STEP_SEPARATOR);
    this.separated = true;
    this.value += text;
    this.writer.write(text);
  }

  writeReasoning(text: string): void {
    this.writer.writeReasoning(text);
  }

  room(): Promise<void> {
    return this.writer.room();
  }
}
