import { createHash } from 'node:crypto';
import { living } from '../agents/agents';
import type { AgentCache } from '../agents/cache';
import { argumentErrors } from '../argument-errors';
import { exactTexts } from '../json';
import { DomainError, invalid, notFound } from '../errors';
import { newId } from '../ids';
import { ID_PATTERN } from '../limits';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import {
  type AgentRecord,
  isActive,
  type JsonObject,
  type JsonValue,
  type RunRecord,
} from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ToolBox, ToolRecord } from '../ports/tools';
import { startPart } from './events';
import type { ConversationLog } from './log';
import { canonical } from './request';
import type { RunSessions } from './sessions';
import type { RunRequest, StartedRun } from './types';

const LONGEST_KEY = 255;

/** A request to run one tool without a model. */
export interface ToolRunInput {
  /** The tool: its id or its name. */
  tool: string;
  arguments?: JsonValue;
  conversationId: string;
  messageId: string;
  idempotencyKey?: string | null;
}

export interface BesideDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  agents: AgentCache;
  tools: ToolBox;
  sessions: RunSessions;
  log: ConversationLog;
  clock: Clock;
  workerId: string;
  leaseMs: number;
}

/** Runs that do not hold their conversation: direct tool runs, and sub-agents in the background. */
export class BesideRuns {
  constructor(private readonly dependencies: BesideDependencies) {}

  /**
   * Runs a tool as the agent would, behind the same gates. What it answers is durable.
   * @throws DomainError `not_found` (agent, a tool that is not assigned to it, somebody else's conversation),
   *   `validation_failed` (arguments that do not fit the tool's schema), `idempotency_in_flight`, `idempotency_mismatch`
   */
  async startTool(principal: Principal, agentId: string, input: ToolRunInput): Promise<StartedRun> {
    const { open, agents, tools } = this.dependencies;
    const store = await open(principal.tenant);
    const agent = living(await agents.find(store, agentId), agentId);
    if (!agent.enabled)
      throw new DomainError(
        'conflict',
        `Agent ${agent.name} is disabled. ${agent.disabledReason ?? ''}`.trim(),
      );
    const offered = await tools.offered(store.tenant, agent);
    const tool = offered.find(({ id, name }) => id === input.tool || name === input.tool);
    if (!tool) throw new DomainError('not_found', `Agent ${agent.name} has no tool ${input.tool}.`);
    const args = checkedInput(input);
    const problems = tools.problems(tool, args);
    if (problems.length > 0) throw argumentErrors('arguments', problems);
    const draft = this.toolRun(principal, agent, tool, input, args);
    const earlier = await this.earlier(store, draft, input, tool);
    if (earlier) return earlier;
    await this.ensureConversation(store, principal, agent, input.conversationId);
    const run = { ...draft, ...(await this.claimed(store, draft, input, tool)) };
    return this.begin(store, run, agent);
  }

  /** Starts a sub-agent's run that goes on beside its parent's; repeating it changes nothing. */
  async launchBackground(store: TenantStore, draft: RunRecord, agent: AgentRecord): Promise<void> {
    const run = { ...draft, ...this.lease() };
    await this.dependencies.sessions.begin(store, run.id, async () => {
      if (!(await store.runs.create(run))) return;
      const request = run.request as unknown as RunRequest;
      const [start] = await this.dependencies.log.append(store, run.conversationId, [
        startPart(run, agent.name, request),
      ]);
      await this.launch(store, { ...run, startSeq: start!.seq }, agent);
    });
  }

  /** What a caller's key began before, in whichever conversation: a retry may come in one of its own. */
  private async earlier(
    store: TenantStore,
    draft: RunRecord,
    { idempotencyKey }: ToolRunInput,
    tool: ToolRecord,
  ): Promise<StartedRun | undefined> {
    if (!idempotencyKey) return undefined;
    const runId = await store.toolRunKeys.find(keyId(draft.userId, tool, idempotencyKey));
    const run = runId === null ? null : await store.runs.find(runId);
    return run ? this.repeated(run, draft) : undefined;
  }

  /** The id that all requests with one key give their run: only one of them can be stored. */
  private async claimed(
    store: TenantStore,
    draft: RunRecord,
    { idempotencyKey }: ToolRunInput,
    tool: ToolRecord,
  ): Promise<Pick<RunRecord, 'id' | 'rootRunId'>> {
    const { id, userId, createdAt } = draft;
    if (!idempotencyKey) return { id, rootRunId: id };
    const runId = await store.toolRunKeys.claim(keyId(userId, tool, idempotencyKey), id, createdAt);
    return { id: runId, rootRunId: runId };
  }

  private begin(store: TenantStore, draft: RunRecord, agent: AgentRecord): Promise<StartedRun> {
    return this.dependencies.sessions.begin(store, draft.id, async () => {
      const conversation = await store.conversations.find(draft.conversationId);
      const run = { ...draft, startSeq: conversation?.nextSeq ?? 0 };
      if (!(await store.runs.create(run))) return this.again(store, run);
      await this.launch(store, run, agent);
      return { run, started: true };
    });
  }

  private async launch(store: TenantStore, run: RunRecord, agent: AgentRecord): Promise<void> {
    const conversation = await store.conversations.find(run.conversationId);
    if (!conversation) throw notFound('Conversation', run.conversationId);
    const request = run.request as unknown as RunRequest;
    this.dependencies.sessions.launch({ store, run, agent, request, conversation, turn: 0, written: '' });
  }

  private async again(store: TenantStore, draft: RunRecord): Promise<StartedRun> {
    const run =
      (await store.runs.find(draft.id)) ??
      (await store.runs.findByMessage(draft.conversationId, draft.messageId));
    if (!run)
      throw new DomainError('conflict', 'The first request with this key is being withdrawn; send it again.');
    return this.repeated(run, draft);
  }

  /** The answer to a request whose key began `run`. @throws DomainError `idempotency_mismatch`, `idempotency_in_flight` */
  private repeated(run: RunRecord, draft: RunRecord): StartedRun {
    if (run.requestHash !== draft.requestHash)
      throw new DomainError(
        'idempotency_mismatch',
        'This idempotency_key was used for another tool run; choose another key.',
      );
    if (isActive(run.status))
      throw new DomainError(
        'idempotency_in_flight',
        `Tool run ${run.callId} with this idempotency_key is in flight.`,
        { extra: { call_id: run.callId, run_id: run.id } },
      );
    return { run, started: false };
  }

  private async ensureConversation(
    store: TenantStore,
    principal: Principal,
    agent: AgentRecord,
    id: string,
  ): Promise<void> {
    const at = this.dependencies.clock.now();
    const known = await store.conversations.find(id);
    const conversation =
      known ??
      (await store.conversations.create({
        id,
        userId: principal.userId,
        agentId: agent.id,
        title: null,
        titleSource: null,
        isActive: true,
        metadata: {},
        source: null,
        sourceRefId: null,
        nextSeq: 0,
        messageCount: 0,
        activeRunId: null,
        activeOwner: null,
        activeMessageId: null,
        queuedRuns: 0,
        compactedBefore: 0,
        summary: null,
        createdAt: at,
        updatedAt: at,
        deletedAt: null,
      })) ??
      (await store.conversations.find(id));
    if (!conversation || conversation.deletedAt || conversation.userId !== principal.userId)
      throw notFound('Conversation', id);
  }

  private lease(): Pick<RunRecord, 'leaseOwner' | 'leaseExpiresAt'> {
    const { workerId, leaseMs, clock } = this.dependencies;
    return { leaseOwner: workerId, leaseExpiresAt: new Date(clock.now().getTime() + leaseMs) };
  }

  private toolRun(
    principal: Principal,
    agent: AgentRecord,
    tool: ToolRecord,
    input: ToolRunInput,
    args: JsonObject,
  ): RunRecord {
    const at = this.dependencies.clock.now();
    const id = newId(at.getTime());
    const callId = newId(at.getTime());
    const request: RunRequest = {
      message: '',
      hidden: [],
      systemBlocks: [],
      role: 'tool',
      call: { toolId: tool.id, toolName: tool.name, arguments: args },
    };
    const meaning = canonical({ agentId: agent.id, toolId: tool.id, arguments: args });
    return {
      id,
      conversationId: input.conversationId,
      agentId: agent.id,
      userId: principal.userId,
      // A message may lead to several tool runs, so its id cannot be theirs; a caller's key can.
      messageId: `tool:${input.idempotencyKey ? sha256(input.idempotencyKey).slice(0, 40) : callId}`,
      actionId: input.messageId,
      callId,
      parentCallId: null,
      rootCallId: callId,
      kind: 'tool',
      parentRunId: null,
      rootRunId: id,
      status: 'running',
      request: request as unknown as JsonObject,
      requestHash: sha256(meaning),
      model: '',
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
      ...this.lease(),
      cancelRequestedAt: null,
      cancelReason: null,
      createdAt: at,
      startedAt: at,
      finishedAt: null,
    };
  }
}

/** One key stands for one run of a user's tool. */
const keyId = (userId: string, tool: ToolRecord, key: string): string =>
  sha256(JSON.stringify([userId, tool.id, key]));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @throws DomainError `validation_failed` naming each bad field */
function checkedInput(input: ToolRunInput): JsonObject {
  for (const [path, value] of [
    ['conversation_id', input.conversationId],
    ['message_id', input.messageId],
  ] as const)
    if (!ID_PATTERN.test(value))
      throw invalid(path, 'must be 1 to 128 of the characters A-Z a-z 0-9 _ . : -');
  const key = input.idempotencyKey;
  if (key !== undefined && key !== null && (key === '' || key.length > LONGEST_KEY))
    throw invalid('idempotency_key', `must have 1 to ${LONGEST_KEY} characters`);
  const { arguments: args } = input;
  if (args === undefined || args === null || typeof args !== 'object' || Array.isArray(args))
    throw invalid('arguments', 'must be an object');
  return exactTexts(args) as JsonObject;
}
