/** The stored entities as the domains see them: plain rows, dates as `Date`, ids as strings. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export type AgentKind = 'BUILT_IN' | 'DYNAMIC';

export interface AgentRecord {
  id: string;
  name: string;
  nameKey: string;
  kind: AgentKind;
  description: string;
  hidden: boolean;
  enabled: boolean;
  disabledReason: string | null;
  systemPrompt: string;
  llmModel: string | null;
  llmTemperature: number | null;
  llmMaxTokens: number | null;
  reasoningEffort: string | null;
  enablePlanning: boolean;
  enableReflection: boolean;
  enableRetrieval: boolean;
  maxTurns: number;
  maxConversationMessages: number;
  targetConversationMessages: number;
  preserveRecentTurns: number;
  knowledgeBaseIds: string[];
  version: number;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

export interface ConversationRecord {
  id: string;
  userId: string;
  agentId: string;
  title: string | null;
  titleSource: string | null;
  isActive: boolean;
  metadata: JsonValue;
  source: string | null;
  sourceRefId: string | null;
  nextSeq: number;
  messageCount: number;
  activeRunId: string | null;
  activeOwner: string | null;
  activeMessageId: string | null;
  queuedRuns: number;
  compactedBefore: number;
  summary: string | null;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

export type MessagePartType = 'user' | 'agent_text';

export type PartType =
  | MessagePartType
  | 'tool_request'
  | 'tool_response'
  | 'sub_agent_request'
  | 'sub_agent_response'
  | 'system_event'
  | StreamEventType;

/** Types that a run's stream shows; the other parts are the durable history. */
export type StreamEventType =
  | 'start'
  | 'delta'
  | 'end'
  | 'error'
  | 'run_cancelled'
  | 'approval_required'
  | 'approval_approved'
  | 'approval_denied'
  | 'approval_expired'
  | 'approval_cancelled'
  | 'question_required'
  | 'question_answered'
  | 'question_expired'
  | 'artifact_started'
  | 'artifact_delta'
  | 'artifact_completed'
  | 'artifact_failed'
  | 'refinement_started'
  | 'refinement_completed';

export interface PartRecord {
  id: string;
  conversationId: string;
  seq: number;
  messageSeq: number | null;
  type: PartType;
  runId: string | null;
  agentId: string | null;
  callId: string | null;
  parentCallId: string | null;
  rootCallId: string | null;
  messageId: string | null;
  text: string | null;
  content: JsonValue;
  metadata: JsonValue;
  createdAt: Date;
}

export type RunStatus =
  | 'queued'
  | 'running'
  | 'waiting_approval'
  | 'waiting_question'
  | 'cancelling'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'expired';

/** `chat` holds the conversation; `sub_agent` runs inside its parent's run; `background` and `tool` run beside it. */
export type RunKind = 'chat' | 'sub_agent' | 'background' | 'tool';

export interface RunRecord {
  id: string;
  conversationId: string;
  agentId: string;
  userId: string;
  messageId: string;
  /** The caller's id of the user action, where `messageId` is one of our own: direct tool runs. */
  actionId?: string | null;
  callId: string;
  parentCallId: string | null;
  rootCallId: string;
  kind: RunKind;
  parentRunId: string | null;
  rootRunId: string;
  status: RunStatus;
  request: JsonValue;
  requestHash: string;
  model: string;
  startSeq: number | null;
  endSeq: number | null;
  step: number;
  /** How often a worker took the run up: 1 for a run that was never interrupted. */
  attempts: number;
  /** Attempts that do not count against the run: it got something done since, or an orderly stop ended them. */
  excusedAttempts?: number | null;
  /** When a worker that took the run up last found something new of it; absent while none did. */
  progressAt?: Date | null;
  text: string | null;
  output: JsonValue;
  /** Sources that the answer used, and those that it was given besides; absent where nothing was looked for. */
  citations?: JsonValue[] | null;
  retrieved?: JsonValue[] | null;
  finishReason: string | null;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  costUsd: number;
  error: JsonValue;
  leaseOwner: string | null;
  leaseExpiresAt: Date | null;
  cancelRequestedAt: Date | null;
  cancelReason: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface PreferenceRecord {
  id: string;
  selectedModel: string | null;
  pinnedDefaultModel: string | null;
  backgroundModel: string | null;
  updatedAt: Date;
}

export const ACTIVE_RUN_STATUSES: readonly RunStatus[] = [
  'queued',
  'running',
  'waiting_approval',
  'waiting_question',
  'cancelling',
];

export const isActive = (status: RunStatus): boolean => ACTIVE_RUN_STATUSES.includes(status);
