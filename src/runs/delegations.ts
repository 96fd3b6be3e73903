import { AGENT_LIMITS } from '../agents/defaults';
import { DomainError } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { AgentRecord, JsonObject, RunRecord } from '../ports/records';
import { isActive } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ToolCallRecord } from '../ports/tools';
import { sourceFields, sourcesOf, storedSources } from './citations';
import { endPart, errorPart, startPart, type RunFailure } from './events';
import { failure, type Receipt } from './ledger';
import { FencedError } from './log';
import { delay } from './patience';
import { readProgress } from './progress';
import type { Pause, RunScope } from './scope';
import { delegated, delegationEnded } from './tool-events';
import type { LoopEnd } from './agent-loop';
import type { RunRequest } from './types';

const MS_PER_SECOND = 1_000;
const POLL_MS = 250;
/** `send_and_wait` and `get_background_sub_agent_result` wait at most so long. */
const LONGEST_WAIT_MS = 120_000;
const TASK_TEXT_CHARACTERS = 50_000;

export interface DelegationDependencies {
  /** Runs an agent's loop; given later, since loops delegate and delegations loop. */
  loop: (scope: RunScope) => Promise<LoopEnd>;
  /** Starts a run beside its conversation, with a lease of its own. */
  launchBackground: (store: TenantStore, run: RunRecord, agent: AgentRecord) => Promise<void>;
  toFailure: (run: RunRecord, error: unknown) => RunFailure;
  clock: Clock;
}

/** Sub-agents as tools: inside the run of their parent, or in the background. */
export class Delegations {
  constructor(private readonly dependencies: DelegationDependencies) {}

  /**
   * Runs a sub-agent for a call, or takes its run up where it was.
   * @returns what the call came to, or what the whole tree has to wait for
   */
  async run(scope: RunScope, call: ToolCallRecord, agent: AgentRecord): Promise<Receipt | Pause> {
    const args = call.arguments as { message: string; background?: boolean };
    const chain = [...scope.ancestors, scope.agent.id];
    if (chain.includes(agent.id))
      return failure('cycle', `${agent.name} is already at work above you; it cannot be called again`);
    if (chain.length >= AGENT_LIMITS.depth)
      return failure('too_deep', `sub-agents nest at most ${AGENT_LIMITS.depth} levels deep`);
    if (args.background) return this.inBackground(scope, call, agent, { message: args.message });
    const known = await this.childRun(scope, call, agent);
    if (known.status === 'completed') return succeeded(known);
    if (known.status === 'failed') return failedRun(known);
    return this.inside(scope, call, agent, known);
  }

  private async inside(
    scope: RunScope,
    call: ToolCallRecord,
    agent: AgentRecord,
    child: RunRecord,
  ): Promise<Receipt | Pause> {
    const { store } = scope;
    const { loop, toFailure } = this.dependencies;
    const progress = scope.resumed ? await readProgress(store, child) : undefined;
    const request = child.request as unknown as RunRequest;
    const writer = scope.nest(child, progress?.written ?? '');
    if (!progress?.began)
      await writer.checkpoint([delegated(scope, call, agent.id), startPart(child, agent.name, request)]);
    const childScope: RunScope = {
      ...scope,
      run: child,
      agent,
      request,
      writer,
      history: null,
      ancestors: [...scope.ancestors, scope.agent.id],
      shown: progress?.shown ?? new Set(),
    };
    try {
      const end = await loop(childScope);
      if (end.kind === 'paused') {
        await store.runs.transition(child.id, ['running', 'waiting_approval', 'waiting_question'], {
          status: end.pause,
          ...end.usage,
        });
        return end.pause;
      }
      return await this.finish(childScope, call, {
        status: 'completed',
        text: writer.text,
        finishReason: end.finishReason,
        ...end.usage,
        ...sourceFields(sourcesOf(request, end.calls, writer.text)),
      });
    } catch (error) {
      if (scope.signal.aborted || error instanceof FencedError) throw error;
      return this.finish(childScope, call, {
        status: 'failed',
        text: writer.text,
        finishReason: 'error',
        error: { ...toFailure(child, error) },
      });
    }
  }

  private async finish(scope: RunScope, call: ToolCallRecord, changes: Partial<RunRecord>): Promise<Receipt> {
    const { store, run, writer } = scope;
    const finished = await store.runs.transition(
      run.id,
      ['running', 'waiting_approval', 'waiting_question'],
      {
        ...changes,
        finishedAt: this.dependencies.clock.now(),
      },
    );
    if (!finished) throw new FencedError(run.rootRunId);
    const receipt = finished.status === 'failed' ? failedRun(finished) : succeeded(finished);
    const ended = {
      ...call,
      status: receipt.status,
      result: receipt.result ?? null,
      error: receipt.error ? { code: receipt.error.code, message: receipt.error.message } : null,
    };
    const part =
      finished.status === 'failed'
        ? errorPart(run, finished.error as unknown as RunFailure)
        : endPart(run, {
            text: writer.text,
            finishReason: finished.finishReason ?? 'stop',
            usage: finished,
            sources: storedSources(finished),
          });
    await writer.checkpoint([part, delegationEnded(scope, ended)]);
    return receipt;
  }

  /** The child's run is made once for its call; a call that is taken up again finds it. */
  private async childRun(scope: RunScope, call: ToolCallRecord, agent: AgentRecord): Promise<RunRecord> {
    const { message } = call.arguments as { message: string };
    const draft = this.draft(scope, call, agent, { message });
    const created = await scope.store.runs.create(draft);
    if (created) return created;
    const known = await scope.store.runs.find(draft.id);
    if (!known) throw new DomainError('conflict', `The run of call ${call.id} cannot be found.`);
    if (known.status === 'waiting_approval' || known.status === 'waiting_question')
      await scope.store.runs.transition(known.id, [known.status], { status: 'running' });
    return known.status === 'completed' || known.status === 'failed'
      ? known
      : { ...known, status: 'running' };
  }

  private draft(
    scope: RunScope,
    call: ToolCallRecord,
    agent: AgentRecord,
    request: Pick<RunRequest, 'message' | 'thread'>,
  ): RunRecord {
    const at = this.dependencies.clock.now();
    const { run } = scope;
    const full: RunRequest = { hidden: [], systemBlocks: [], role: 'sub_agent', ...request };
    return {
      ...run,
      id: call.childRunId ?? newId(at.getTime()),
      agentId: agent.id,
      messageId: call.id,
      callId: call.id,
      parentCallId: run.callId,
      kind: 'sub_agent',
      parentRunId: run.id,
      status: 'running',
      request: full as unknown as RunRecord['request'],
      requestHash: '',
      model: agent.llmModel ?? run.model,
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
      leaseOwner: null,
      leaseExpiresAt: null,
      cancelRequestedAt: null,
      cancelReason: null,
      createdAt: at,
      startedAt: at,
      finishedAt: null,
    };
  }

  // --- background work

  private async inBackground(
    scope: RunScope,
    call: ToolCallRecord,
    agent: AgentRecord,
    request: Pick<RunRequest, 'message' | 'thread'>,
  ): Promise<Receipt> {
    const draft = this.draft(scope, call, agent, request);
    const run: RunRecord = { ...draft, kind: 'background', rootRunId: draft.id };
    await this.dependencies.launchBackground(scope.store, run, agent);
    const result = { task_id: run.id, agent: agent.name, status: 'running' };
    return { status: 'succeeded', result, shown: JSON.stringify(result) };
  }

  /** The tools that steer background work. */
  async control(scope: RunScope, call: ToolCallRecord): Promise<Receipt> {
    const args = call.arguments as JsonObject & { task_id: string };
    const task = await this.task(scope, args.task_id);
    if (!task)
      return failure('task_unknown', `there is no background task ${args.task_id} in this conversation`);
    if (call.toolName === 'message_sub_agent') return this.message(scope, call, task);
    const waitMs =
      call.toolName === 'get_background_sub_agent_result' && typeof args.wait_seconds === 'number'
        ? args.wait_seconds * MS_PER_SECOND
        : 0;
    return taskReceipt(await this.wait(scope, task, waitMs));
  }

  private async task(scope: RunScope, id: string): Promise<RunRecord | null> {
    const run = await scope.store.runs.find(id);
    const reachable =
      run?.kind === 'background' &&
      run.conversationId === scope.run.conversationId &&
      run.userId === scope.run.userId;
    return reachable ? run : null;
  }

  private async wait(scope: RunScope, task: RunRecord, waitMs: number): Promise<RunRecord> {
    const until = this.dependencies.clock.now().getTime() + Math.min(waitMs, LONGEST_WAIT_MS);
    let run = task;
    while (isActive(run.status) && this.dependencies.clock.now().getTime() < until) {
      await delay(POLL_MS, scope.signal);
      scope.signal.throwIfAborted();
      run = (await scope.store.runs.find(task.id)) ?? run;
    }
    return run;
  }

  private async message(scope: RunScope, call: ToolCallRecord, task: RunRecord): Promise<Receipt> {
    const { message, mode } = call.arguments as { message: string; mode?: string };
    const waitMs = mode === 'send_and_wait' ? LONGEST_WAIT_MS : 0;
    if (isActive(task.status)) {
      await scope.writer.checkpoint([messagePart(task, call, message)]);
      return taskReceipt(await this.wait(scope, task, waitMs));
    }
    const agent = await scope.store.agents.find(task.agentId);
    if (!agent || agent.deletedAt) return failure('sub_agent_removed', 'the agent of that task was deleted');
    const before = task.request as unknown as RunRequest;
    const started = await this.inBackground(scope, { ...call, childRunId: call.childRunId }, agent, {
      message,
      thread: [
        ...(before.thread ?? []),
        { role: 'user', content: before.message },
        { role: 'assistant', content: task.text ?? '' },
      ],
    });
    if (waitMs === 0) return started;
    const { task_id: id } = started.result as { task_id: string };
    const next = await this.task(scope, id);
    return next ? taskReceipt(await this.wait(scope, next, waitMs)) : started;
  }
}

/** A message to background work that is under way; it reads it before its next model call. */
const messagePart = (task: RunRecord, call: ToolCallRecord, text: string) => ({
  runId: task.id,
  agentId: task.agentId,
  callId: task.callId,
  parentCallId: task.parentCallId,
  rootCallId: task.rootCallId,
  type: 'system_event' as const,
  content: { kind: SUB_AGENT_MESSAGE, text, from_call_id: call.id },
});

export const SUB_AGENT_MESSAGE = 'sub_agent_message';

function taskReceipt(run: RunRecord): Receipt {
  const result = {
    task_id: run.id,
    status: run.status,
    text: (run.text ?? '').slice(0, TASK_TEXT_CHARACTERS),
    ...(run.error === null ? {} : { error: run.error }),
  };
  return { status: 'succeeded', result, shown: JSON.stringify(result) };
}

const succeeded = (run: RunRecord): Receipt => ({
  status: 'succeeded',
  result: run.text ?? '',
  shown: run.text === null || run.text === '' ? '(the sub-agent answered nothing)' : run.text,
});

function failedRun(run: RunRecord): Receipt {
  const { code, message } = run.error as unknown as RunFailure;
  return failure(code, message, `The sub-agent failed with ${code}: ${message}`);
}
