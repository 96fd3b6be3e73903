import type { JsonObject, PartRecord, RunRecord, StreamEventType } from '../ports/records';
import { type Sources, sourceFields } from './citations';
import type { PartDraft } from './log';
import type { RunRequest } from './types';

/** Everything a stream shows; the other parts are durable history that the stream shows in another form. */
export const STREAM_EVENT_TYPES: readonly StreamEventType[] = [
  'start',
  'delta',
  'end',
  'error',
  'run_cancelled',
  'approval_required',
  'approval_approved',
  'approval_denied',
  'approval_expired',
  'approval_cancelled',
  'question_required',
  'question_answered',
  'question_expired',
  'artifact_started',
  'artifact_delta',
  'artifact_completed',
  'artifact_failed',
  'refinement_started',
  'refinement_completed',
];

const STREAMED: ReadonlySet<string> = new Set(STREAM_EVENT_TYPES);

export const isStreamed = (part: PartRecord): boolean => STREAMED.has(part.type);

/** True for the part after which a run's stream closes. */
export const isTerminal = (part: PartRecord, run: Pick<RunRecord, 'callId'>): boolean =>
  part.callId === run.callId && (part.type === 'end' || part.type === 'error');

/** True for events that a client has to act on, or that answer such a one, and for artifacts. */
export const isForHumans = (part: PartRecord): boolean => /^(approval|question|artifact)_/.test(part.type);

const DELTA_METADATA = { kind: 'text', content_type: 'markdown' };

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  costUsd: number;
}

export const usageOnWire = (usage: Usage): JsonObject => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  total_tokens: usage.totalTokens,
  cost_usd: usage.costUsd,
});

type Calls = Pick<PartDraft, 'runId' | 'agentId' | 'callId' | 'parentCallId' | 'rootCallId'>;

export const callsOf = (run: RunRecord): Calls => ({
  runId: run.id,
  agentId: run.agentId,
  callId: run.callId,
  parentCallId: run.parentCallId,
  rootCallId: run.rootCallId,
});

export const userPart = (run: RunRecord, request: RunRequest): PartDraft => ({
  ...callsOf(run),
  type: 'user',
  messageId: run.messageId,
  text: request.message,
  content: request.hidden.length > 0 ? { hidden: request.hidden } : null,
});

export const startPart = (run: RunRecord, agentName: string, request: RunRequest): PartDraft => ({
  ...callsOf(run),
  type: 'start',
  content: {
    name: agentName,
    role: request.role,
    agent_id: run.agentId,
    message_id: run.messageId,
    run_id: run.id,
  },
  metadata: { display_name: agentName },
});

export const deltaPart = (run: RunRecord, text: string): PartDraft => ({
  ...callsOf(run),
  type: 'delta',
  text,
  metadata: DELTA_METADATA,
});

export const reasoningPart = (run: RunRecord, text: string): PartDraft => ({
  ...callsOf(run),
  type: 'delta',
  text,
  metadata: { kind: 'reasoning', content_type: 'markdown' },
});

/** The assistant's message; `partial` when the run ended before the answer did. */
export const answerPart = (
  run: RunRecord,
  text: string,
  partial: boolean,
  /** The tool calls that led to it, in short. */
  calls: JsonObject | null = null,
  sources?: Sources,
): PartDraft => ({
  ...callsOf(run),
  type: 'agent_text',
  text,
  content: sources ? { ...calls, ...sourceFields(sources) } : calls,
  metadata: partial ? { partial: true } : null,
});

export interface EndFacts {
  text: string;
  output?: JsonObject[string];
  finishReason: string;
  usage: Usage;
  sources?: Sources;
}

export const endPart = (run: RunRecord, facts: EndFacts): PartDraft => ({
  ...callsOf(run),
  type: 'end',
  content: {
    text: facts.text,
    ...(facts.output === undefined ? {} : { output: facts.output }),
    ...sourceFields(facts.sources),
    finish_reason: facts.finishReason,
    usage: usageOnWire(facts.usage),
    run_id: run.id,
  },
});

export interface RunFailure {
  code: string;
  message: string;
  retryable: boolean;
}

export const errorPart = (run: RunRecord, failure: RunFailure): PartDraft => ({
  ...callsOf(run),
  type: 'error',
  content: { ...failure, run_id: run.id },
});

export const cancelledPart = (run: RunRecord, reason: string): PartDraft => ({
  ...callsOf(run),
  type: 'run_cancelled',
  content: { reason, run_id: run.id },
});

/** True for a text delta of the answer, false for reasoning, tool output and other kinds. */
export function isAnswerDelta(part: PartRecord): boolean {
  const metadata = part.metadata;
  const kind =
    metadata !== null && typeof metadata === 'object' && !Array.isArray(metadata) ? metadata.kind : undefined;
  return part.type === 'delta' && (kind === undefined || kind === 'text');
}
