import { living } from '../agents/agents';
import { DomainError, notFound } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { Logger } from '../ports/logger';
import type { ModelGateway } from '../ports/models';
import type { AgentRecord, ConversationRecord, JsonValue, RunRecord } from '../ports/records';
import type { Allocated, TenantStore } from '../ports/stores';
import { provisionalTitle } from '../conversations/titles';
import type { AgentCache } from '../agents/cache';
import type { ConversationBus } from './bus';
import { startPart, userPart } from './events';
import { type ConversationLog } from './log';
import type { Offers } from './offer';
import { delay } from './patience';
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
    const [model, conversation] = await Promise.all([
      this.chooseModel(store, principal, agent, input),
      store.conversations.find(input.conversationId),
    ]);
    if (conversation && (conversation.userId !== principal.userId || conversation.deletedAt))
      throw notFound('Conversation', input.conversationId);
    if (input.callId) await this.refuseUsedCall(store, input.callId, input);
    // A retry must be known as one whatever the search finds today: the hash is of what was asked.
    const hash = requestHash(agent.id, request, input.model);
    if (request.references || agent.enableRetrieval) await this.addContext(principal, agent, input, request);
    const draft = this.newRun({ principal, agent, input, request, model, hash });
    return this.dependencies.sessions.begin(store, draft.id, async () => {
      const beginning = { store, agent, input, request, run: draft, principal };
      // Two rows of one beginning at once; that only one of them arrives is mended below, or by whoever finds it.
      const [run, made] = await Promise.all([
        store.runs.create(draft),
        conversation ? null : this.makeConversation(beginning),
      ]);
      if (!run) {
        if (made) await store.conversations.withdraw(made.id, draft.id);
        return this.attach(store, input, hash);
      }
      return this.begin(beginning, conversation, made);
    });
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

  private async begin(
    beginning: Beginning,
    known: ConversationRecord | null,
    made: ConversationRecord | null,
  ): Promise<StartedRun> {
    const { store, agent, input, request, run } = beginning;
    const title = known?.title ? undefined : provisionalTitle(input.message);
    const allocated = made
      ? { seq: 0, messageSeq: 0, conversation: made }
      : known
        ? await this.claim(store, run, title)
        : await this.claimForeignMade(beginning);
    if (!allocated) return this.busy(beginning);
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

  private makeConversation({
    store,
    input,
    run,
    principal,
    agent,
  }: Beginning): Promise<ConversationRecord | null> {
    const at = this.dependencies.clock.now();
    const title = provisionalTitle(input.message);
    return store.conversations.create({
      id: input.conversationId,
      userId: principal.userId,
      agentId: agent.id,
      title,
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
    });
  }

  /** The conversation was made by another request in the meantime: it is claimed like any that exists. */
  private async claimForeignMade(beginning: Beginning): Promise<Allocated | null> {
    const { store, input, run, principal } = beginning;
    const conversation = await store.conversations.find(input.conversationId);
    if (!conversation) return this.afterWithdrawal(beginning);
    if (conversation.userId !== principal.userId) {
      await store.runs.remove(run.id);
      throw notFound('Conversation', input.conversationId);
    }
    return (await this.claim(store, run, undefined)) ?? this.claimFromNobody(beginning);
  }

  /** A request that had made the conversation found that its run was ours, and took it back. */
  private async afterWithdrawal(beginning: Beginning): Promise<Allocated | null> {
    const made = await this.makeConversation(beginning);
    return made ? { seq: 0, messageSeq: 0, conversation: made } : this.claimForeignMade(beginning);
  }

  /**
   * A conversation may be held by a run that does not exist: of two requests with the first message, one made the run and the
   * other the conversation, or the process died between the two. It is made anew.
   * @returns null when a run really holds it
   */
  private async claimFromNobody(beginning: Beginning): Promise<Allocated | null> {
    const { store, run } = beginning;
    const { clock } = this.dependencies;
    for (;;) {
      const conversation = await store.conversations.find(run.conversationId);
      if (!conversation) return this.afterWithdrawal(beginning);
      const holder = conversation.activeRunId;
      if (holder === null) return this.claim(store, run, undefined);
      if (await store.runs.find(holder)) return null;
      if (clock.now().getTime() - conversation.updatedAt.getTime() > ORPHANED_AFTER_MS)
        await store.conversations.withdraw(conversation.id, holder);
      else await delay(ORPHAN_RETRY_MS);
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
    if (citations.length > 0) request.citations = citations;
  }

  private async beginAfterNobody(beginning: Beginning): Promise<StartedRun> {
    const { store, agent, request, run } = beginning;
    const allocated = await this.claimFromNobody(beginning);
    if (!allocated) return this.busy(beginning);
    await this.write(store, run, agent, request, allocated);
    return { run: { ...run, startSeq: allocated.seq }, started: true };
  }

  private async attach(store: TenantStore, input: ChatInput, hash: string): Promise<StartedRun> {
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

  private async refuseUnknownTools(store: TenantStore, agent: AgentRecord, names: string[]): Promise<void> {
    const offered = new Set((await this.dependencies.offers.of(store, agent)).map(({ name }) => name));
    const errors = names.flatMap((name, index) =>
      offered.has(name)
        ? []
        : [{ path: `selected_tools.${index}`, message: `agent ${agent.name} has no tool ${name}` }],
    );
    if (errors.length > 0)
      throw new DomainError('validation_failed', `${errors[0]!.path}: ${errors[0]!.message}`, { errors });
  }

  /** A call id of the caller's own cancels a run, so it may name only one. */
  private async refuseUsedCall(store: TenantStore, callId: string, input: ChatInput): Promise<void> {
    const known = await store.runs.findByCall(callId);
    if (!known) return;
    if (known.conversationId === input.conversationId && known.messageId === input.messageId) return;
    throw new DomainError(
      'conflict',
      `Call id ${callId} names another run; leave it out or choose another.`,
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
