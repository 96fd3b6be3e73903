/** What a look at the heartbeat says; `quiet` when there is nothing to do. */
export type Verdict = 'quiet' | 'suspicious' | 'moving again' | 'over';

/** A standstill that is worth a note; ordinary work never keeps the event loop for so long. */
const SUSPICIOUS_MS = 5_000;
/** A watchdog that slept so much longer than it meant to was itself stopped, with the machine or the process. */
const OVERSLEPT = 4;

/** Tells a program that stands still from one that was suspended together with its watchdog. */
export class Standstill {
  private last: number | undefined;
  private since = 0;
  private beats = -1;
  private noted = false;

  constructor(private readonly options: { limitMs: number; lookEveryMs: number }) {}

  /** @param now milliseconds of a clock that does not jump; `beats` grows while the program runs */
  look(now: number, beats: number, isDebugged: boolean): Verdict {
    const { limitMs, lookEveryMs } = this.options;
    const wasStopped = this.last !== undefined && now - this.last > lookEveryMs * OVERSLEPT;
    this.last = now;
    if (beats !== this.beats || wasStopped || isDebugged) {
      const moved = beats !== this.beats;
      this.beats = beats;
      this.since = now;
      if (!this.noted || !moved) return 'quiet';
      this.noted = false;
      return 'moving again';
    }
    const stoodMs = now - this.since;
    if (stoodMs >= limitMs && this.noted) return 'over';
    if (this.noted || stoodMs < Math.min(SUSPICIOUS_MS, limitMs / 2)) return 'quiet';
    this.noted = true;
    return 'suspicious';
  }
}
