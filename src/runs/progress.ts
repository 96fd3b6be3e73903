import type { PartRecord, RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { callsOf, isAnswerDelta, isTerminal } from './events';

const PAGE_PARTS = 500;

/** What the log says of a run that another worker began, or this one before a pause. */
export interface Progress {
  began: boolean;
  written: string;
  /** Ordinal of the user's message. */
  turn: number;
  startSeq: number | null;
  terminal: PartRecord | undefined;
  /** `type:callId` of every part, and `type:id` of what asks a human: what followers have seen. */
  shown: Set<string>;
  /** When the newest part was stored that is more than the run's beginning; null while there is none. */
  newestAt: Date | null;
}

export async function readProgress(store: TenantStore, run: RunRecord): Promise<Progress> {
  const progress: Progress = {
    began: false,
    written: '',
    turn: 0,
    startSeq: null,
    terminal: undefined,
    shown: new Set(),
    newestAt: null,
  };
  let cursor = (run.startSeq ?? 0) - 1;
  for (;;) {
    const page = await store.parts.ofRun(run.conversationId, run.id, cursor, PAGE_PARTS);
    for (const part of page) note(progress, run, part);
    if (page.length < PAGE_PARTS) return progress;
    cursor = page.at(-1)!.seq;
  }
}

/** @param id of the call, or of the approval or question: one call can ask more than once */
export const shownKey = (type: PartRecord['type'], id: string): string => `${type}:${id}`;

/** A place that recovery closed: nothing that the run got done. */
const isPlaceholder = ({ content }: PartRecord): boolean =>
  (content as { kind?: string } | null)?.kind === 'run_interrupted';

const ASKS = /^(approval|question)_/;

function note(progress: Progress, run: RunRecord, part: PartRecord): void {
  progress.startSeq ??= part.seq;
  if (part.type === 'user') progress.turn = part.messageSeq ?? 0;
  const own = part.callId === callsOf(run).callId;
  const beginning = part.type === 'user' || (own && part.type === 'start');
  if (beginning) progress.began = true;
  else if (own && isAnswerDelta(part)) progress.written += part.text ?? '';
  if (!beginning && !isPlaceholder(part)) progress.newestAt = part.createdAt;
  if (part.callId !== null) progress.shown.add(shownKey(part.type, part.callId));
  const asked = ASKS.test(part.type) ? (part.content as { id?: string } | null)?.id : undefined;
  if (asked !== undefined) progress.shown.add(shownKey(part.type, asked));
  if (isTerminal(part, run)) progress.terminal = part;
}
