/** Tools, their calls and what humans decide on them, as the domains see them. */
import type { AgentRecord, JsonObject, JsonValue } from './records';
import type { Page, Projection } from './stores';

export type ToolKind = 'python' | 'javascript' | 'http' | 'mcp' | 'builtin';

export interface ToolRecord {
  id: string;
  name: string;
  nameKey: string;
  kind: ToolKind;
  description: string;
  functionCode: string | null;
  parameters: JsonValue;
  config: JsonValue;
  tags: string[];
  group: string | null;
  icon: string | null;
  iconType: string | null;
  iconColor: string | null;
  iconVariant: string | null;
  requireApproval: boolean;
  approvalTimeoutSeconds: number;
  secureExecution: boolean;
  executionTimeout: number;
  idempotent: boolean;
  supportsPreview: boolean;
  maxRetries: number;
  retryDelay: number;
  backoffFactor: number;
  llmUsage: JsonValue;
  credentials: JsonValue;
  version: number;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  deletedAt: Date | null;
}

export interface ToolStore {
  find(id: string, projection?: Projection): Promise<ToolRecord | null>;
  findByName(name: string): Promise<ToolRecord | null>;
  findMany(ids: string[]): Promise<ToolRecord[]>;
  /** Living tools by name. */
  list(projection?: Projection): Promise<ToolRecord[]>;
  /** Inserts a tool; null when a living one has the name. */
  create(tool: ToolRecord): Promise<ToolRecord | null>;
  /** Writes `changes` and raises `version` when the stored version is `expectedVersion`; null when it is not. */
  update(id: string, expectedVersion: number, changes: Partial<ToolRecord>): Promise<ToolRecord | null>;
  /** True when the assignment is new. */
  assign(toolId: string, agentId: string, at: Date): Promise<boolean>;
  /** True when there was an assignment. */
  unassign(toolId: string, agentId: string): Promise<boolean>;
  isAssigned(toolId: string, agentId: string): Promise<boolean>;
  /** Living tools of an agent by name. */
  ofAgent(agentId: string, projection?: Projection): Promise<ToolRecord[]>;
  countAssignments(toolId: string): Promise<number>;
}

/** `sub_agent`, `question` and `control` calls are the engine's own; `unknown` names a tool that does not exist. */
export type ToolCallKind = ToolKind | 'sub_agent' | 'question' | 'control' | 'unknown';

/**
 * `executing` is the intent: written before the call runs. The last seven are receipts: such a call never runs again.
 * `unknown`: the worker died in the middle of a call that may not be repeated, and nobody allowed it.
 */
export const TOOL_CALL_STATUSES = [
  'waiting_approval',
  'waiting_question',
  'executing',
  'succeeded',
  'failed',
  'denied',
  'expired',
  'cancelled',
  'unknown',
] as const;

export type ToolCallStatus = (typeof TOOL_CALL_STATUSES)[number];

export interface ToolCallRecord {
  id: string;
  runId: string;
  rootRunId: string;
  conversationId: string;
  agentId: string;
  userId: string;
  step: number;
  position: number;
  stepText: string | null;
  modelCallId: string;
  toolId: string | null;
  toolName: string;
  kind: ToolCallKind;
  argumentsText: string;
  /** `{call?, step?}`, each a `GiveBack` of the model port; that of the step on the call at position 0 only. */
  giveBack?: JsonValue;
  arguments: JsonValue;
  status: ToolCallStatus;
  idempotent: boolean;
  idempotencyKey: string;
  attempts: number;
  approvalId: string | null;
  questionId: string | null;
  childRunId: string | null;
  result: JsonValue;
  error: JsonValue;
  shown: string | null;
  cacheId: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface ToolCallStore {
  /** Inserts calls; those that are there already (same id) are left alone. */
  insert(calls: ToolCallRecord[]): Promise<void>;
  find(id: string): Promise<ToolCallRecord | null>;
  /** Calls of one run in the order of step and position. */
  ofRun(runId: string): Promise<ToolCallRecord[]>;
  /** Calls of a tree of runs in one of `statuses`. */
  ofTree(rootRunId: string, statuses: readonly ToolCallStatus[]): Promise<ToolCallRecord[]>;
  /** Changes a call in one of `statuses`; null when it is in another: a receipt is never overwritten. */
  transition(
    id: string,
    statuses: readonly ToolCallStatus[],
    changes: Partial<ToolCallRecord>,
  ): Promise<ToolCallRecord | null>;
}

export type ApprovalStatus = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled';

export interface ApprovalRecord {
  id: string;
  kind: 'tool' | 'outcome_unknown';
  status: ApprovalStatus;
  toolId: string | null;
  toolName: string;
  toolCallId: string;
  arguments: JsonValue;
  modifiedArguments: JsonValue;
  explanation: string | null;
  preview: JsonValue;
  reason: string | null;
  agentId: string;
  runId: string;
  rootRunId: string;
  callId: string;
  conversationId: string;
  requestedBy: string;
  decidedBy: string | null;
  policyId: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  decidedAt: Date | null;
}

export interface ApprovalFilter {
  status?: ApprovalStatus;
  toolId?: string;
  toolName?: string;
  requestedBy?: string;
  rootRunId?: string;
  /** Decided by a human (no policy). */
  decidedSince?: Date;
  /** Leaves out those whose time has run out by then. */
  aliveAt?: Date;
}

export interface ApprovalStore {
  /** Inserts; one that is there already (same id) is left alone. */
  create(approval: ApprovalRecord): Promise<void>;
  find(id: string, projection?: Projection): Promise<ApprovalRecord | null>;
  list(filter: ApprovalFilter, page: Page, projection?: Projection): Promise<ApprovalRecord[]>;
  count(filter: ApprovalFilter): Promise<number>;
  /** One conditional update decides: null when it is no longer pending. */
  decide(id: string, changes: Partial<ApprovalRecord>): Promise<ApprovalRecord | null>;
  /** Pending ones whose time ran out at `now`, oldest first. */
  overdue(now: Date, limit: number): Promise<ApprovalRecord[]>;
  /** Pending ones of a tree of runs. */
  pendingOf(rootRunId: string): Promise<ApprovalRecord[]>;
  /** Those that were made, or decided, at `since` or later, oldest such change first. */
  changedSince(change: 'created' | 'decided', since: Date, limit: number): Promise<ApprovalRecord[]>;
  /** How long humans took to approve or deny, milliseconds; the latest `limit` of those that match. */
  decisionTimes(filter: ApprovalFilter, limit: number): Promise<number[]>;
  /** When the oldest pending one was asked for. */
  oldestPending(filter: ApprovalFilter): Promise<Date | null>;
  /** Counts by tool and status. */
  counts(
    filter: ApprovalFilter,
  ): Promise<{ toolId: string | null; toolName: string; status: ApprovalStatus; count: number }[]>;
}

/** What holds for a value of the arguments: exactly one of the comparisons. */
export interface PolicyCondition {
  /** Dotted path into the arguments: `amount`, `to.0.email`. */
  path: string;
  operator: 'eq' | 'ne' | 'in' | 'nin' | 'gt' | 'gte' | 'lt' | 'lte' | 'contains' | 'matches' | 'exists';
  value: JsonValue;
}

export interface ApprovalPolicyRecord {
  id: string;
  name: string;
  description: string | null;
  enabled: boolean;
  toolNames: string[];
  agentIds: string[];
  conditions: JsonValue;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface ApprovalPolicyStore {
  list(): Promise<ApprovalPolicyRecord[]>;
  find(id: string): Promise<ApprovalPolicyRecord | null>;
  /** Null when the name is taken. */
  create(policy: ApprovalPolicyRecord): Promise<ApprovalPolicyRecord | null>;
  /** @throws DomainError `conflict` when the name is taken. */
  update(id: string, changes: Partial<ApprovalPolicyRecord>): Promise<ApprovalPolicyRecord | null>;
  remove(id: string): Promise<boolean>;
}

export type QuestionStatus = 'pending' | 'answered' | 'expired' | 'cancelled';

export interface QuestionItem {
  id: string;
  text: string;
  kind: 'text' | 'single_choice' | 'multi_choice' | 'confirm';
  options?: string[];
  required: boolean;
}

export interface QuestionRecord {
  id: string;
  status: QuestionStatus;
  /** `QuestionItem[]`. */
  items: JsonValue;
  answers: JsonValue;
  agentId: string;
  runId: string;
  rootRunId: string;
  callId: string;
  conversationId: string;
  requestedBy: string;
  answeredBy: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  answeredAt: Date | null;
}

export interface QuestionFilter {
  requestedBy?: string;
  /** Leaves out those whose time has run out by then. */
  aliveAt?: Date;
}

export interface QuestionStore {
  create(question: QuestionRecord): Promise<void>;
  find(id: string, projection?: Projection): Promise<QuestionRecord | null>;
  decide(id: string, changes: Partial<QuestionRecord>): Promise<QuestionRecord | null>;
  overdue(now: Date, limit: number): Promise<QuestionRecord[]>;
  pendingOf(rootRunId: string): Promise<QuestionRecord[]>;
  /** Pending ones, newest first. */
  pending(filter: QuestionFilter, page: Page, projection?: Projection): Promise<QuestionRecord[]>;
  countPending(filter: QuestionFilter): Promise<number>;
  /** Those that were asked at `since` or later, oldest first. */
  askedSince(since: Date, limit: number): Promise<QuestionRecord[]>;
}

export interface CachedResultRecord {
  id: string;
  conversationId: string;
  toolCallId: string;
  toolName: string;
  value: JsonValue;
  itemCount: number;
  bytes: number;
  createdAt: Date;
}

export interface CachedResultStore {
  /** Inserts; one that is there already (same id) is left alone. */
  create(result: CachedResultRecord): Promise<void>;
  find(id: string): Promise<CachedResultRecord | null>;
}

/** Which run a caller's idempotency key stands for. */
export interface ToolRunKeyStore {
  find(id: string): Promise<string | null>;
  /** Keeps `runId` for the key unless another one has it. @returns the id of the run that has the key */
  claim(id: string, runId: string, at: Date): Promise<string>;
}

/** How a call ended. `retryable` failures may be repeated when the tool is idempotent. */
export type ToolOutcome =
  | { ok: true; result: JsonValue; logs?: string }
  | {
      ok: false;
      error: { type: string; message: string; line?: number | null; retryable?: boolean };
      logs?: string;
    };

/** The circumstances of one call. */
export interface ToolCallContext {
  tenant: string;
  userId: string;
  agent: AgentRecord;
  conversationId: string;
  runId: string;
  callId: string;
  /** The same for every attempt of the call. */
  idempotencyKey: string;
  /** Aborts the call hard. */
  signal: AbortSignal;
  /** Shows text while the tool works. */
  onProgress?: (text: string) => void;
}

/** Runs tools of some kinds. Never throws for what the tool did: that is an outcome. */
export interface ToolExecutor {
  /** @throws the signal's reason when aborted */
  execute(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome>;
  /** What the call would do, without doing it; for tools with `supportsPreview`. */
  preview?(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome>;
}

/** What the runs know of tools. */
export interface ToolBox {
  /** The agent's assigned, living tools; cached, so that a chat costs no read. */
  offered(tenant: string, agent: AgentRecord): Promise<ToolRecord[]>;
  /** Complaints about arguments, in words that help the one who wrote them; empty when they fit. */
  problems(tool: ToolRecord, args: JsonValue): string[];
  /** Executes with the tool's time-out and, for idempotent tools, its retries. */
  execute(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<ToolOutcome>;
  /** Null when the tool cannot say. */
  preview(tool: ToolRecord, args: JsonObject, context: ToolCallContext): Promise<JsonValue>;
}
