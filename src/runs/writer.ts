import type { Logger } from '../ports/logger';
import type { PartRecord, RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ConversationBus } from './bus';
import { deltaPart, reasoningPart } from './events';
import { type ConversationLog, type RunEnd, FencedError, type PartDraft, type Writer } from './log';

/** Tokens that arrive together with the first one share its write. */
const FIRST_FLUSH_MS = 2;
/** Pause between flushes that somebody watches; writes in flight merge what arrives meanwhile anyway. */
const WATCHED_FLUSH_MS = 20;
/** Pause when nobody watches; below the promised 250 ms. */
const UNWATCHED_FLUSH_MS = 200;
/** Unstored text past which the model's stream is no longer read: the database is slow or gone. */
const MAX_UNSTORED_CHARACTERS = 262_144;

type Segment = { kind: 'text' | 'reasoning'; text: string } | { kind: 'part'; draft: PartDraft };

export interface WriterDependencies {
  log: ConversationLog;
  bus: ConversationBus;
  logger: Logger;
  /** How the tree of runs that this one belongs to may write. */
  fence: (release: boolean) => Writer;
  /** Resolves when what comes before this writer's first part is stored. */
  begun?: Promise<unknown>;
}

/**
 * Stores the text of one run as it arrives: stored first, shown then, merged while a write is in flight. Waits for a
 * database that is gone; stops for good when another worker took the run over.
 */
export class RunWriter {
  private pending: Segment[] = [];
  private flushing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private flushed = false;
  private closed = false;
  /** Set when the run may write no more. */
  private failure: Error | undefined;

  /** @param onLost called once when the run is lost: to another worker, or because the database stayed away too long */
  constructor(
    private readonly dependencies: WriterDependencies,
    private readonly store: TenantStore,
    private readonly run: RunRecord,
    /** The whole answer so far; starts with what an earlier attempt stored. */
    public text: string,
    private readonly onLost: (error: Error) => void,
  ) {}

  /** Takes text of the answer; it is stored soon. */
  write(text: string): void {
    if (text === '' || this.closed) return;
    this.text += text;
    this.add('text', text);
  }

  /** Takes text of the model's reasoning: shown in the stream, no part of the answer. */
  writeReasoning(text: string): void {
    if (text !== '' && !this.closed) this.add('reasoning', text);
  }

  /** Takes a part that need not be stored at once: the progress of a tool. */
  note(draft: PartDraft): void {
    if (this.closed) return;
    this.pending.push({ kind: 'part', draft });
    this.schedule();
  }

  /** Resolves when there is room for more text. */
  async room(): Promise<void> {
    while (this.pendingCharacters() > MAX_UNSTORED_CHARACTERS && this.flushing) await this.flushing;
    if (this.failure) throw this.failure;
  }

  /** Stores what is pending together with `drafts` and the run's end, and frees the conversation. Nothing is written after that. */
  async finish(drafts: PartDraft[], ending: RunEnd): Promise<PartRecord[]> {
    await this.settle();
    const all = this.takePending(drafts);
    return this.append(all, true, ending);
  }

  /** Stores pending text and `drafts`; the run goes on. */
  async checkpoint(drafts: PartDraft[]): Promise<void> {
    await this.settle(false);
    const all = this.takePending(drafts);
    if (all.length > 0) await this.append(all, false);
  }

  private add(kind: 'text' | 'reasoning', text: string): void {
    const last = this.pending.at(-1);
    if (last && last.kind !== 'part' && last.kind === kind) last.text += text;
    else this.pending.push({ kind, text });
    this.schedule();
  }

  private pendingCharacters(): number {
    return this.pending.reduce((sum, segment) => sum + textOf(segment).length, 0);
  }

  private takePending(drafts: PartDraft[]): PartDraft[] {
    const segments = this.pending.splice(0);
    return [
      ...segments.map((segment) => {
        if (segment.kind === 'part') return segment.draft;
        return (segment.kind === 'text' ? deltaPart : reasoningPart)(this.run, segment.text);
      }),
      ...drafts,
    ];
  }

  private async settle(close = true): Promise<void> {
    this.closed = close;
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.flushing) await this.flushing;
    if (this.failure) throw this.failure;
  }

  private schedule(): void {
    if (this.timer || this.flushing || this.closed) return;
    this.timer = setTimeout(() => this.flush(), this.pauseMs());
  }

  private pauseMs(): number {
    const watched = this.dependencies.bus.hasListeners(this.store.tenant, this.run.conversationId);
    if (!watched) return UNWATCHED_FLUSH_MS;
    return this.flushed ? WATCHED_FLUSH_MS : FIRST_FLUSH_MS;
  }

  private flush(): void {
    this.timer = undefined;
    this.flushed = true;
    const drafts = this.takePending([]);
    if (drafts.length === 0) return;
    this.flushing = this.append(drafts, false)
      .then(() => undefined)
      .catch((error: unknown) => this.lose(error as Error))
      .finally(() => {
        this.flushing = undefined;
        if (this.pending.length > 0 && !this.failure) this.schedule();
      });
  }

  private async append(drafts: PartDraft[], release: boolean, ending?: RunEnd): Promise<PartRecord[]> {
    const { log, fence, begun } = this.dependencies;
    await begun;
    return log.append(this.store, this.run.conversationId, drafts, fence(release), ending);
  }

  private lose(error: Error): void {
    this.failure = error;
    if (!(error instanceof FencedError))
      this.dependencies.logger.error({ runId: this.run.id, err: error }, 'run text could not be stored');
    this.onLost(error);
  }
}

const textOf = (segment: Segment): string =>
  segment.kind === 'part' ? (segment.draft.text ?? '') : segment.text;
