import type { AgentRecord, ConversationRecord, RunRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { RunRequest } from './types';
import type { RunWriter } from './writer';

/** One run in the hands of this worker: the root of a tree, or a sub-agent inside it. */
export interface RunScope {
  store: TenantStore;
  run: RunRecord;
  agent: AgentRecord;
  request: RunRequest;
  writer: RunWriter;
  /** Aborts the whole tree. */
  signal: AbortSignal;
  /** The thread before this turn; null for a sub-agent, which sees only what its parent tells it. */
  history: { conversation: ConversationRecord; turn: number } | null;
  /** Ids of the agents above this one, outermost first. */
  ancestors: readonly string[];
  /** What the log shows of an earlier attempt: `type:callId`. Empty for a run that was never interrupted. */
  shown: ReadonlySet<string>;
  /** True when an earlier attempt, or the time before a pause, may have left calls. */
  resumed: boolean;
  /** A writer for a sub-agent's run inside this tree. */
  nest: (run: RunRecord, written: string) => RunWriter;
}

/** Why a run stops without an end: what it waits for. */
export type Pause = 'waiting_approval' | 'waiting_question';
