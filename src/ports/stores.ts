import type {
  AgentRecord,
  ConversationRecord,
  JsonObject,
  PartRecord,
  PreferenceRecord,
  RunRecord,
  RunStatus,
} from './records';
import type { KnowledgeStore } from './knowledge';
import type { AttachmentStore } from './files';
import type {
  ApprovalPolicyStore,
  ApprovalStore,
  CachedResultStore,
  ToolRunKeyStore,
  QuestionStore,
  ToolCallStore,
  ToolStore,
} from './tools';

/**
 * What a caller wants of a row besides the row itself: made by the GraphQL layer, understood by the store, opaque to the
 * domains that hand it on.
 */
export type Projection = object | undefined;

/** A page of a list ordered newest first; `after` is the position behind which the page starts. */
export interface Page {
  limit: number;
  offset?: number;
  after?: { at: Date; id: string };
}

export interface AgentStore {
  find(id: string, projection?: Projection): Promise<AgentRecord | null>;
  findByName(name: string): Promise<AgentRecord | null>;
  /** Living agents by name; hidden ones only when asked. */
  list(options: { includeHidden: boolean }, projection?: Projection): Promise<AgentRecord[]>;
  /** @throws DomainError `conflict` when the name is taken. */
  create(agent: AgentRecord): Promise<AgentRecord>;
  /** Writes `changes` and raises `version`, only when the stored version is `expectedVersion`. Null when it was not. */
  update(id: string, expectedVersion: number, changes: Partial<AgentRecord>): Promise<AgentRecord | null>;

  link(parentId: string, childId: string, at: Date): Promise<void>;
  unlink(parentId: string, childId: string): Promise<boolean>;
  isLinked(parentId: string, childId: string): Promise<boolean>;
  parentsOf(childId: string): Promise<string[]>;
  children(parentId: string, projection?: Projection): Promise<AgentRecord[]>;
  /** Every parent -> child pair of the tenant; a small set, read to refuse cycles. */
  links(): Promise<{ parentId: string; childId: string }[]>;
}

export interface ConversationFilter {
  userId?: string;
  agentId?: string;
  source?: string;
  excludeSource?: string;
  sourceRefId?: string;
}

/** What moves together when parts are appended: one atomic increment decides the seqs. */
export interface Allocation {
  parts: number;
  messages: number;
}

export interface Allocated {
  /** seq of the first of the allocated parts. */
  seq: number;
  /** Ordinal of the first of the allocated messages. */
  messageSeq: number;
  conversation: ConversationRecord;
}

/** Who may write for a run. */
export interface Holder {
  runId: string;
  /** The worker. */
  owner: string;
}

export interface ConversationStore {
  find(id: string, projection?: Projection): Promise<ConversationRecord | null>;
  /** The same without a read for an id that this process never saw: null, though somebody else may have made it. */
  findMet(id: string): Promise<ConversationRecord | null>;
  /** Inserts a conversation; null when the id is taken. */
  create(conversation: ConversationRecord): Promise<ConversationRecord | null>;
  list(filter: ConversationFilter, page: Page, projection?: Projection): Promise<ConversationRecord[]>;
  count(filter: ConversationFilter): Promise<number>;
  update(id: string, changes: Partial<ConversationRecord>): Promise<ConversationRecord | null>;
  /**
   * Allocates seqs for parts that no run writes (manual appends, system events). Null when the conversation is gone, or is
   * another user's than `userId`.
   */
  allocate(id: string, allocation: Allocation, at: Date, userId?: string): Promise<Allocated | null>;
  /**
   * Takes an idle conversation for a run and allocates its first seqs in the same write.
   * Null when the conversation is gone or another run holds it.
   */
  claim(
    id: string,
    run: {
      runId: string;
      owner: string;
      messageId: string;
      /** Set with the claim, for a conversation without one. */ title?: string;
    },
    allocation: Allocation,
    at: Date,
  ): Promise<Allocated | null>;
  /** Allocates for the run that holds the conversation. Null when this owner no longer does: the fence. */
  allocateForRun(
    id: string,
    run: Holder,
    allocation: Allocation,
    at: Date,
    release?: boolean,
  ): Promise<Allocated | null>;
  /** Another worker takes the active run over: from now on the old owner's writes are refused. */
  reown(id: string, runId: string, owner: string): Promise<boolean>;
  /** Takes back a conversation that was made for `runId` and has nothing but its allocated beginning. */
  withdraw(id: string, runId: string): Promise<void>;
  /** Frees the conversation if `runId` still holds it. */
  release(id: string, runId: string): Promise<void>;
  /** Sets the number of messages, if nothing was allocated since `nextSeq` was read. */
  settleMessageCount(id: string, nextSeq: number, messageCount: number): Promise<void>;
  addQueued(id: string, delta: number): Promise<ConversationRecord | null>;
  /** Removes the conversation with all its parts and runs. */
  remove(id: string): Promise<void>;
  /** Deleted conversations whose removal was interrupted. */
  deletedBefore(at: Date, limit: number): Promise<string[]>;
  /** nextSeq of each id, for watchers of other processes' writes. */
  positions(ids: string[]): Promise<Map<string, number>>;
}

/** What tells a conversation from another one that had its id before. */
export type Conversed = Pick<ConversationRecord, 'id' | 'createdAt'>;

/** Parts whose places others have: the gap that they were to fill was closed, since their writer seemed dead. */
export class PlaceTakenError extends Error {
  constructor(readonly parts: PartRecord[]) {
    super(`Part ${parts[0]?.seq} of conversation ${parts[0]?.conversationId} is taken by another one.`);
    this.name = 'PlaceTakenError';
  }
}

export interface PartStore {
  /**
   * Inserts parts with allocated seqs; parts that are there already (the same ids) are left alone, so that an insert whose
   * outcome is unknown can be repeated.
   * @throws DomainError `database_unavailable`; PlaceTakenError naming those whose places others have, the rest is stored
   */
  insert(parts: PartRecord[]): Promise<void>;
  /** Inserts those of the parts whose seq is still free. */
  insertWhereFree(parts: PartRecord[]): Promise<void>;
  /** Parts with `seq > afterSeq`, oldest first. */
  after(conversationId: string, afterSeq: number, limit: number): Promise<PartRecord[]>;
  /** Parts of one run with `seq > afterSeq`, oldest first. */
  ofRun(conversationId: string, runId: string, afterSeq: number, limit: number): Promise<PartRecord[]>;
  /** Messages by ordinal: `from` included, `to` excluded. They may come from memory: `conversation` was read just now. */
  messages(conversation: Conversed, from: number, to: number, order: 'asc' | 'desc'): Promise<PartRecord[]>;
  findByMessageId(conversationId: string, messageId: string): Promise<PartRecord | null>;
  /** Parts of the given types in `seq` order. */
  ofTypes(
    conversationId: string,
    types: PartRecord['type'][],
    afterSeq: number,
    limit: number,
  ): Promise<PartRecord[]>;
  /** Ids of the user's conversations with a message that holds `text` (any case). */
  searchMessages(conversationIds: string[], text: string, limit: number): Promise<string[]>;
}

export interface RunFilter {
  conversationId?: string;
  userId?: string;
  agentId?: string;
  statuses?: readonly RunStatus[];
  messageId?: string;
  /** Leaves out the runs of sub-agents inside another run. */
  roots?: boolean;
  /** The runs that these called. */
  parentRunId?: string;
}

export interface RunStore {
  /** Inserts a run; null when the conversation has one for this message id already. */
  create(run: RunRecord): Promise<RunRecord | null>;
  find(id: string, projection?: Projection): Promise<RunRecord | null>;
  findByMessage(conversationId: string, messageId: string): Promise<RunRecord | null>;
  /** The newest run of a call id; ids that clients choose are unique for a user, at most. */
  findByCall(callId: string, userId?: string): Promise<RunRecord | null>;
  list(filter: RunFilter, page: Page, projection?: Projection): Promise<RunRecord[]>;
  count(filter: RunFilter): Promise<number>;
  remove(id: string): Promise<void>;
  /**
   * Changes a run that `owner` holds (and that is in `status`, when it is given). False when another worker holds it or it
   * is finished: the fence.
   */
  updateOwned(id: string, owner: string, changes: Partial<RunRecord>, status?: RunStatus): Promise<boolean>;
  /** Changes a run in one of `statuses`; null when it is in another. */
  transition(
    id: string,
    statuses: readonly RunStatus[],
    changes: Partial<RunRecord>,
  ): Promise<RunRecord | null>;
  /** Moves the lease of those of the runs that `owner` still holds. */
  renewLeases(owner: string, ids: string[], until: Date): Promise<void>;
  /** Runs of `owner` that somebody asked to cancel. */
  cancelling(owner: string): Promise<{ id: string; cancelReason: string | null }[]>;
  /** Active runs without a living lease at `now`, oldest first; those behind `afterId` when it is given. */
  abandoned(now: Date, limit: number, afterId?: string): Promise<RunRecord[]>;
  /** Takes an abandoned run: true for exactly one of several workers that try. */
  takeOver(
    id: string,
    previous: { owner: string | null; expiresAt: Date | null },
    owner: string,
    until: Date,
  ): Promise<RunRecord | null>;
  /** Runs that wait for a human, oldest first; those behind `afterId` when it is given. */
  waiting(limit: number, afterId?: string): Promise<RunRecord[]>;
  /** Active runs of sub-agents inside a root run. */
  activeChildren(rootRunId: string): Promise<RunRecord[]>;
  /** The oldest queued run of a conversation. */
  nextQueued(conversationId: string): Promise<RunRecord | null>;
  /** Per agent: runs, failures and tokens since `since`. */
  statsSince(since: Date): Promise<{ agentId: string; runs: number; failures: number; tokens: number }[]>;
}

/** A run as it begins: its conversation as it is then, and its first parts. */
export interface Beginning {
  conversation: ConversationRecord;
  run: RunRecord;
  parts: PartRecord[];
}

/** Parts that a run adds to the conversation it holds. */
export interface RunEntry {
  conversationId: string;
  holder: Holder;
  allocation: Allocation;
  /** Given, the conversation is freed with them. */
  releaseAt?: Date;
  /** The parts in their places. */
  place: (allocated: Allocated) => PartRecord[];
  /** What the run's own row becomes, once they are stored. */
  ending?: (parts: PartRecord[]) => Partial<RunRecord>;
}

/** Where the log of a user's conversation ends. */
export type LogEnd = Pick<ConversationRecord, 'id' | 'userId' | 'nextSeq' | 'messageCount'>;

/** Where a log ends behind what is allocated at its end. */
export const endBehind = (
  { nextSeq, messageCount }: Pick<LogEnd, 'nextSeq' | 'messageCount'>,
  { parts, messages }: Allocation,
): Pick<LogEnd, 'nextSeq' | 'messageCount'> => ({
  nextSeq: nextSeq + parts,
  messageCount: messageCount + messages,
});

/** Parts that a user adds, and no run. */
export interface UserEntry {
  allocation: Allocation;
  /** The parts in their places: for the same place the same parts. */
  place: (position: Pick<Allocated, 'seq' | 'messageSeq'>) => PartRecord[];
  at: Date;
  /** The answer to an earlier attempt was lost: it may be stored already. */
  repeated: boolean;
}

/**
 * Writes of runs that go together, each only if the one before it happened: the same as one by one through the other stores,
 * in one round trip where the database can. A process that dies between two of them leaves what the single writes would.
 */
export interface RunLogStore {
  /** Makes a conversation for its first run, then the run, then its parts. */
  beginNew(beginning: Beginning): Promise<'stored' | 'conversation_exists' | 'run_exists'>;
  /**
   * Makes a run, then takes the conversation for it, which is as `known` still, then stores its parts.
   * `not_claimed` leaves the run: another one holds the conversation, or something else was written to it.
   */
  beginIn(known: ConversationRecord, beginning: Beginning): Promise<'stored' | 'run_exists' | 'not_claimed'>;
  /**
   * Allocates, stores the parts, ends the run. Null when this process does not know the conversation's state, so that the
   * steps have to be taken one by one; so they have after `database_unavailable` and `storage_full`, beginning with the same
   * allocation.
   */
  append(entry: RunEntry): Promise<PartRecord[] | null>;
  /**
   * Allocates and stores a user's parts behind `end`; null when the conversation is gone, another user's, or ends elsewhere:
   * nothing is stored then. After `database_unavailable` the same entry can be given again, and is stored once.
   */
  appendBehind(end: LogEnd, entry: UserEntry): Promise<PartRecord[] | null>;
}

export interface PreferenceStore {
  find(userId: string): Promise<PreferenceRecord | null>;
  save(preference: PreferenceRecord): Promise<PreferenceRecord>;
}

/** Everything that one tenant owns; there is no way from here to another tenant. */
export interface TenantStore {
  readonly tenant: string;
  readonly agents: AgentStore;
  readonly conversations: ConversationStore;
  readonly parts: PartStore;
  readonly runs: RunStore;
  readonly runLog: RunLogStore;
  readonly preferences: PreferenceStore;
  readonly tools: ToolStore;
  readonly toolCalls: ToolCallStore;
  readonly approvals: ApprovalStore;
  readonly policies: ApprovalPolicyStore;
  readonly questions: QuestionStore;
  readonly cachedResults: CachedResultStore;
  readonly toolRunKeys: ToolRunKeyStore;
  readonly attachments: AttachmentStore;
  readonly knowledge: KnowledgeStore;
}

export interface TenantRecord {
  id: string;
  database: string;
  schemaVersion: number;
  createdAt: Date;
  provisionedAt: Date | null;
}

/** The control database: which tenants exist. */
export interface TenantDirectory {
  find(tenant: string): Promise<TenantRecord | null>;
  /** Inserts, or answers the record that another worker inserted first. */
  register(tenant: string, at: Date): Promise<TenantRecord>;
  markProvisioned(tenant: string, schemaVersion: number, at: Date): Promise<void>;
  list(): Promise<TenantRecord[]>;
}

export interface Database {
  readonly directory: TenantDirectory;
  store(tenant: string): TenantStore;
  /** Creates the tenant's collections and indexes; safe to repeat and to run twice at once. */
  ensureIndexes(tenant: string): Promise<void>;
  /** @throws when the database does not answer within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
}

/** Anything that can be remembered for an `Idempotency-Key`: an HTTP answer. */
export type StoredAnswer = JsonObject;
