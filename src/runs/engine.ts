import { living } from '../agents/agents';
import { DomainError, notFound, throwIfInvalid } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { Logger } from '../ports/logger';
import type { ModelGateway } from '../ports/models';
import type { AgentRecord, ConversationRecord, JsonValue, RunRecord } from '../ports/records';
import {
  type Allocated,
  type Beginning as StoredBeginning,
  endBehind,
  type TenantStore,
} from '../ports/stores';
import { provisionalTitle } from '../conversations/titles';
import type { AgentCache } from '../agents/cache';
import type { ConversationBus } from './bus';
import { startPart, userPart } from './events';
import { type ConversationLog } from './log';
import type { Offers } from './offer';
import { delay } from './patience';
import { CITE_PASSAGES } from './prompt';
import { acceptRequest, requestHash } from './request';
import { type RunSessions } from './sessions';
import type { ChatInput, RunRequest, StartedRun } from './types';

export interface EngineDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  agents: AgentCache;
  /** The user's own choice of model, when there is one. */
  preferredModel: (store: TenantStore, userId: string) => Promise<string | null>;
  models: ModelGateway;
  bus: ConversationBus;
  log: ConversationLog;
  sessions: RunSessions;
  clock: Clock;
  logger: Logger;
  workerId: string;
  leaseMs: number;
  /** Cancels the active run of a conversation, for `if_active: interrupt`. */
  interrupt: (store: TenantStore, runId: string, reason: string) => Promise<unknown>;
  offers: Offers;
  /**
   * Resolves what a message refers to (knowledge bases, attachments) into hidden context.
   * @throws DomainError `validation_failed` naming what does not exist
   */
  resolveContext: (principal: Principal, agent: AgentRecord, input: ChatInput) => Promise<ResolvedContext>;
}

export interface ResolvedContext {
  hidden: string[];
  citations: JsonValue[];
}

/** Parts and messages that a run's beginning adds: the user's message and `start`. */
const BEGINNING = { parts: 2, messages: 1 };
/** The run of a beginning may appear so much later than its conversation; then nobody will make it any more. */
const ORPHANED_AFTER_MS = 2_000;
const ORPHAN_RETRY_MS = 25;

/** Accepts messages: makes each a durable run, once, and starts it. */
export class RunEngine {
  constructor(private readonly dependencies: EngineDependencies) {}

  /**
   * Accepts one message for an agent. What it answers is durable: the run goes on whatever happens to the caller.
   * @throws DomainError `not_found` (agent, or a conversation of somebody else), `validation_failed`,
   *   `conversation_busy`, `message_id_reused`
   */
  async start(
    principal: Principal,
    agentId: string,
    input: ChatInput,
    role: RunRequest['role'] = 'agent',
  ): Promise<StartedRun> {
    const store = await this.dependencies.open(principal.tenant);
    const agent = living(await this.dependencies.agents.find(store, agentId), agentId);
    if (!agent.enabled)
      throw new DomainError(
        'conflict',
        `Agent ${agent.name} is disabled. ${agent.disabledReason ?? ''}`.trim(),
      );
    const request = acceptRequest(input, role);
    if (request.selectedTools) await this.refuseUnknownTools(store, agent, request.selectedTools);
    const [model, known] = await Promise.all([
      this.chooseModel(store, principal, agent, input),
      store.conversations.findMet(input.conversationId),
    ]);
    if (known) assertOwn(principal, known);
    if (input.callId) await this.refuseUsedCall(store, principal, input);
    // A retry must be known as one whatever the search finds today: the hash is of what was asked.
    const hash = requestHash(agent.id, request, input.model);
    if (request.references || agent.enableRetrieval) await this.addContext(principal, agent, input, request);
    const run = this.newRun({ principal, agent, input, request, model, hash });
    const beginning: Beginning = { store, agent, input, request, run, principal };
    return this.dependencies.sessions.begin(store, run.id, () => this.begin(beginning, known));
  }

  /** The next queued run of an idle conversation starts; harmless when there is none or another worker was quicker. */
  async promote(store: TenantStore, conversationId: string): Promise<void> {
    const run = await store.runs.nextQueued(conversationId);
    if (!run) return;
    await this.dependencies.sessions.begin(store, run.id, () => this.startQueued(store, run));
  }

  private async startQueued(store: TenantStore, run: RunRecord): Promise<void> {
    const { conversationId } = run;
    const agent = await this.dependencies.agents.find(store, run.agentId);
    const allocated = await this.claim(store, run, undefined);
    if (!allocated) return;
    const at = this.dependencies.clock.now();
    const started = await store.runs.transition(run.id, ['queued'], {
      ...this.lease(at),
      status: 'running',
      startedAt: at,
      startSeq: allocated.seq,
    });
    if (!started || !agent) {
      await store.conversations.release(conversationId, run.id);
      return;
    }
    await store.conversations.addQueued(conversationId, -1);
    const request = started.request as unknown as RunRequest;
    await this.write(store, started, agent, request, allocated);
  }

  /** The conversation may be made, and taken back, by others while this looks at it. */
  private async begin(beginning: Beginning, known: ConversationRecord | null): Promise<StartedRun> {
    const { store, input, principal } = beginning;
    for (let conversation = known; ;) {
      const started = conversation
        ? await this.beginIn(beginning, conversation)
        : await this.beginNew(beginning);
      if (started) return started;
      conversation = await store.conversations.find(input.conversationId);
      if (conversation) assertOwn(principal, conversation);
    }
  }

  /** Null when the conversation exists. */
  private async beginNew(beginning: Beginning): Promise<StartedRun | null> {
    const { store, run } = beginning;
    const first = this.first(beginning, this.newConversation(beginning), { seq: 0, messageSeq: 0 });
    const outcome = await store.runLog.beginNew(first);
    if (outcome === 'conversation_exists') return null;
    if (outcome === 'stored') return this.started(beginning, first);
    await store.conversations.withdraw(run.conversationId, run.id);
    return this.attach(beginning);
  }

  private async beginIn(beginning: Beginning, known: ConversationRecord): Promise<StartedRun> {
    const { store, run, input } = beginning;
    await this.refuseAppendedMessage(beginning);
    const { nextSeq: seq, messageCount: messageSeq } = known;
    const title = known.title ? undefined : provisionalTitle(input.message);
    const first = this.first(beginning, this.claimed(known, run, title), { seq, messageSeq });
    const outcome = await store.runLog.beginIn(known, first);
    if (outcome === 'stored') return this.started(beginning, first);
    if (outcome === 'run_exists') return this.attach(beginning);
    // Somebody may have appended to it meanwhile.
    const allocated = known.activeRunId ? null : await this.claim(store, run, title);
    return allocated ? this.continued(beginning, allocated) : this.busy(beginning);
  }

  /** The first parts of a run, with the conversation as it is when they are stored. */
  private first(
    { run, agent, request }: Beginning,
    conversation: ConversationRecord,
    position: Pick<Allocated, 'seq' | 'messageSeq'>,
  ): First {
    const { log } = this.dependencies;
    const drafts = [userPart(run, request), startPart(run, agent.name, request)];
    const parts = log.place(run.conversationId, drafts)(position);
    return { conversation, run: { ...run, startSeq: position.seq }, parts, turn: position.messageSeq };
  }

  private started(
    { store, agent, request }: Beginning,
    { conversation, run, parts, turn }: First,
  ): StartedRun {
    const { bus, log, sessions } = this.dependencies;
    bus.keep(store.tenant, run.conversationId);
    sessions.launch({ store, run, agent, request, conversation, turn, written: '' });
    log.show(store, run.conversationId, parts);
    return { run, started: true };
  }

  private async continued(beginning: Beginning, allocated: Allocated): Promise<StartedRun> {
    const { store, agent, request, run } = beginning;
    await this.write(store, run, agent, request, allocated);
    return { run: { ...run, startSeq: allocated.seq }, started: true };
  }

  private async write(
    store: TenantStore,
    run: RunRecord,
    agent: AgentRecord,
    request: RunRequest,
    allocated: Allocated,
  ): Promise<void> {
    const { bus, log, sessions } = this.dependencies;
    bus.keep(store.tenant, run.conversationId);
    // The model is asked while the beginning is stored; nothing of its answer is stored, or seen, before that.
    const begun = log.store(store, run.conversationId, allocated, [
      userPart(run, request),
      startPart(run, agent.name, request),
    ]);
    sessions.launch({
      store,
      run: { ...run, startSeq: allocated.seq },
      agent,
      request,
      conversation: allocated.conversation,
      turn: allocated.messageSeq,
      written: '',
      begun,
    });
    await begun;
  }

  private claim(store: TenantStore, run: RunRecord, title: string | undefined): Promise<Allocated | null> {
    const holder = { runId: run.id, owner: this.dependencies.workerId, messageId: run.messageId, title };
    return store.conversations.claim(run.conversationId, holder, BEGINNING, this.dependencies.clock.now());
  }

  /** What a claim makes of an idle conversation, if nobody changes it meanwhile. */
  private claimed(known: ConversationRecord, run: RunRecord, title: string | undefined): ConversationRecord {
    return {
      ...known,
      ...(title === undefined ? {} : { title, titleSource: 'message' as const }),
      ...endBehind(known, BEGINNING),
      activeRunId: run.id,
      activeOwner: this.dependencies.workerId,
      activeMessageId: run.messageId,
      updatedAt: this.dependencies.clock.now(),
    };
  }

  private newConversation({ input, run, principal, agent }: Beginning): ConversationRecord {
    const at = this.dependencies.clock.now();
    return {
      id: input.conversationId,
      userId: principal.userId,
      agentId: agent.id,
      title: provisionalTitle(input.message),
      titleSource: 'message',
      isActive: true,
      metadata: input.sourceMetadata ?? {},
      source: input.source ?? null,
      sourceRefId: input.sourceId ?? null,
      nextSeq: BEGINNING.parts,
      messageCount: BEGINNING.messages,
      activeRunId: run.id,
      activeOwner: this.dependencies.workerId,
      activeMessageId: run.messageId,
      queuedRuns: 0,
      compactedBefore: 0,
      summary: null,
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
    };
  }

  /**
   * A conversation may be held by a run that does not exist: it is being made or taken back, or the process died between
   * making the two. It is made anew.
   * @returns null when a run really holds it
   */
  private async claimFromNobody(beginning: Beginning): Promise<Allocated | null> {
    const { store, run } = beginning;
    const { clock } = this.dependencies;
    for (;;) {
      const conversation = await store.conversations.find(run.conversationId);
      if (!conversation) {
        const made = await store.conversations.create(this.newConversation(beginning));
        if (made) return { seq: 0, messageSeq: 0, conversation: made };
        continue;
      }
      const holder = conversation.activeRunId;
      if (!holder) return this.claim(store, run, undefined);
      if (await store.runs.find(holder)) return null;
      if (clock.now().getTime() - conversation.updatedAt.getTime() > ORPHANED_AFTER_MS) {
        await store.conversations.withdraw(conversation.id, holder);
        // Where somebody has appended since, it stays, and is free.
        await store.conversations.release(conversation.id, holder);
      } else await delay(ORPHAN_RETRY_MS);
    }
  }

  /** The conversation is held by another run: refuse, wait behind it, or end it first. */
  private async busy(beginning: Beginning): Promise<StartedRun> {
    const { store, input, run } = beginning;
    const conversation = await store.conversations.find(run.conversationId);
    const holder = conversation?.activeRunId;
    if (conversation && !conversation.deletedAt && holder && !(await store.runs.find(holder)))
      return this.beginAfterNobody(beginning);
    if (!conversation || conversation.deletedAt) {
      await store.runs.remove(run.id);
      throw notFound('Conversation', run.conversationId);
    }
    const mode = input.ifActive ?? 'reject';
    if (mode === 'reject') {
      await store.runs.remove(run.id);
      throw new DomainError(
        'conversation_busy',
        `Conversation ${run.conversationId} has an active run; wait for it, or send if_active "enqueue" or "interrupt".`,
        { extra: { active_run_id: conversation.activeRunId } },
      );
    }
    await store.runs.transition(run.id, ['running'], {
      status: 'queued',
      leaseOwner: null,
      leaseExpiresAt: null,
      startedAt: null,
    });
    await store.conversations.addQueued(run.conversationId, 1);
    if (mode === 'interrupt' && conversation.activeRunId)
      await this.dependencies.interrupt(store, conversation.activeRunId, 'interrupted by a newer message');
    // The active run may have ended before the queue was marked; then nobody else starts this one.
    const now = await store.conversations.find(run.conversationId);
    if (now && !now.activeRunId) await this.promote(store, run.conversationId);
    return { run: (await store.runs.find(run.id)) ?? run, started: true };
  }

  private async addContext(
    principal: Principal,
    agent: AgentRecord,
    input: ChatInput,
    request: RunRequest,
  ): Promise<void> {
    const { hidden, citations } = await this.dependencies.resolveContext(principal, agent, input);
    request.hidden = [...request.hidden, ...hidden];
    if (citations.length === 0) return;
    request.citations = citations;
    // A structured answer has no place for markers: its sources are found by its words.
    if (!request.responseFormat) request.systemBlocks = [...request.systemBlocks, CITE_PASSAGES];
  }

  private async beginAfterNobody(beginning: Beginning): Promise<StartedRun> {
    const allocated = await this.claimFromNobody(beginning);
    return allocated ? this.continued(beginning, allocated) : this.busy(beginning);
  }

  private async attach({ store, input, run: { requestHash: hash } }: Beginning): Promise<StartedRun> {
    const run = await store.runs.findByMessage(input.conversationId, input.messageId);
    if (!run)
      throw new DomainError('conflict', `Message ${input.messageId} is being withdrawn; send it again.`);
    if (run.requestHash !== hash)
      throw new DomainError(
        'message_id_reused',
        `Message id ${input.messageId} was already used for another message in conversation ${input.conversationId}.`,
      );
    return { run, started: false };
  }

  /** A message of this id that was appended without a run: it is said already, and no run of it can be found again. */
  private async refuseAppendedMessage({ store, input }: Beginning): Promise<void> {
    const part = await store.parts.findByMessageId(input.conversationId, input.messageId);
    if (part?.runId === null)
      throw new DomainError(
        'message_id_reused',
        `Message id ${input.messageId} was already used for a message that was appended to conversation ${input.conversationId}.`,
      );
  }

  private async refuseUnknownTools(store: TenantStore, agent: AgentRecord, names: string[]): Promise<void> {
    const offered = new Set((await this.dependencies.offers.of(store, agent)).map(({ name }) => name));
    const errors = names.flatMap((name, index) =>
      offered.has(name)
        ? []
        : [{ path: `selected_tools.${index}`, message: `agent ${agent.name} has no tool ${name}` }],
    );
    throwIfInvalid(errors);
  }

  /** A call id of the caller's own cancels a run, so it may name only one of theirs; those of others are none of theirs. */
  private async refuseUsedCall(store: TenantStore, principal: Principal, input: ChatInput): Promise<void> {
    const callId = input.callId!;
    const known = await store.runs.findByCall(callId, principal.userId);
    if (!known) return;
    if (known.conversationId === input.conversationId && known.messageId === input.messageId) return;
    throw new DomainError(
      'conflict',
      `Call id ${callId} names another run of yours; leave it out or choose another.`,
      {
        errors: [{ path: 'call_id', message: 'is taken' }],
      },
    );
  }

  private async chooseModel(
    store: TenantStore,
    principal: Principal,
    agent: AgentRecord,
    input: ChatInput,
  ): Promise<string> {
    const { models, preferredModel } = this.dependencies;
    const id =
      input.model ??
      agent.llmModel ??
      (await preferredModel(store, principal.userId)) ??
      models.defaultModel();
    models.resolve(id);
    return id;
  }

  private lease(at: Date): Pick<RunRecord, 'leaseOwner' | 'leaseExpiresAt'> {
    const { workerId, leaseMs } = this.dependencies;
    return { leaseOwner: workerId, leaseExpiresAt: new Date(at.getTime() + leaseMs) };
  }

  private newRun({ principal, agent, input, request, model, hash }: Draft): RunRecord {
    const at = this.dependencies.clock.now();
    const id = newId(at.getTime());
    const callId = input.callId ?? newId(at.getTime());
    return {
      id,
      conversationId: input.conversationId,
      agentId: agent.id,
      userId: principal.userId,
      messageId: input.messageId,
      callId,
      parentCallId: null,
      rootCallId: callId,
      kind: 'chat',
      parentRunId: null,
      rootRunId: id,
      status: 'running',
      request: request as unknown as RunRecord['request'],
      requestHash: hash,
      model,
      startSeq: null,
      endSeq: null,
      step: 0,
      attempts: 1,
      text: null,
      output: null,
      finishReason: null,
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
      costUsd: 0,
      error: null,
      ...this.lease(at),
      cancelRequestedAt: null,
      cancelReason: null,
      createdAt: at,
      startedAt: at,
      finishedAt: null,
    };
  }
}

function assertOwn(principal: Principal, { id, userId, deletedAt }: ConversationRecord): void {
  if (userId !== principal.userId || deletedAt) throw notFound('Conversation', id);
}

/** A run's beginning with the ordinal of its message. */
type First = StoredBeginning & { turn: number };

interface Draft {
  principal: Principal;
  agent: AgentRecord;
  input: ChatInput;
  request: RunRequest;
  model: string;
  hash: string;
}

interface Beginning {
  store: TenantStore;
  agent: AgentRecord;
  input: ChatInput;
  request: RunRequest;
  run: RunRecord;
  principal: Principal;
}
