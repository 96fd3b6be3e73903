import { DomainError } from '../errors';
import { FairSemaphore } from '../fair-semaphore';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Logger } from '../ports/logger';
import type { JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type {
  ApprovalPolicyRecord,
  ApprovalRecord,
  QuestionRecord,
  ToolBox,
  ToolCallContext,
  ToolCallRecord,
  ToolCallStatus,
  ToolOutcome,
  ToolRecord,
} from '../ports/tools';
import type { Delegations } from './delegations';
import { withNumbers } from './citations';
import { failure, hasReceipt, type PlannedCall, type Receipt, receiptChanges } from './ledger';
import { FencedError, type PartDraft } from './log';
import type { Offered } from './offer';
import { shownKey } from './progress';
import { questionItems, QUESTION_TIMEOUT_MS } from './questions';
import { deniedBefore, failed, refusal, rejected } from './receipts';
import type { Pause, RunScope } from './scope';
import {
  approvalRequired,
  approvalResolved,
  callEnded,
  callStarted,
  progressPart,
  questionRequired,
  questionResolved,
} from './tool-events';

/** Calls of one step that run at the same time. */
const PARALLEL_CALLS = 8;
const MS_PER_SECOND = 1_000;

/** What became of a result: what the model is told, and where the whole of it is kept when it is large. */
export interface Presented {
  shown: string;
  cacheId: string | null;
}

export interface ToolRunnerDependencies {
  tools: ToolBox;
  delegations: Delegations;
  /** Makes the text for the model, and keeps large results. */
  present: (store: TenantStore, call: ToolCallRecord, result: JsonValue) => Promise<Presented>;
  /** The policy that approves this call in place of a human, when there is one. */
  policyFor: (
    store: TenantStore,
    call: { toolName: string; agentId: string; arguments: JsonObject },
  ) => Promise<ApprovalPolicyRecord | null>;
  /** Told of each approval and question that waits for somebody. */
  onApproval: (tenant: string, approval: ApprovalRecord) => void;
  onQuestion: (tenant: string, question: QuestionRecord) => void;
  clock: Clock;
  logger: Logger;
}

/** The calls of one step on their way to a receipt each. */
export interface Settling {
  scope: RunScope;
  offers: Offered[];
  /** Aborts tools: at once for a cancelled run, a moment later when the server stops. */
  signal: AbortSignal;
  /** The run's calls so far, to know what was denied already. */
  earlier: ToolCallRecord[];
  /** True for calls whose intent was written just now: nothing of them can have happened yet. */
  fresh: boolean;
  /** Policies that approved calls of this step, by call id. */
  policies: Map<string, ApprovalPolicyRecord>;
  /** True when the end of the call is the end of the run, which shows both at once: a direct run. */
  endsWithRun?: boolean;
}

/**
 * Takes tool calls from intent to receipt: asks humans where a tool is gated, executes, and writes how it ended. A call with
 * a receipt is never executed again; one that was interrupted is repeated only when its tool says that it may be.
 */
export class ToolRunner {
  constructor(private readonly dependencies: ToolRunnerDependencies) {}

  /**
   * Reads how a call may begin: at once, after a human, or not at all. Before its intent is stored.
   * @returns the call as its intent has to be stored
   */
  async prepare(settling: Settling, call: ToolCallRecord, planned: PlannedCall): Promise<ToolCallRecord> {
    const { offered, problems } = planned;
    const now = this.dependencies.clock.now();
    if (problems.length > 0) return { ...call, ...receiptChanges(rejected(call, planned), now) };
    if (offered?.kind !== 'tool' || !offered.tool.requireApproval) return call;
    if (settling.earlier.some((other) => other.status === 'denied' && sameCall(other, call)))
      return { ...call, ...receiptChanges(deniedBefore(call), now) };
    const policy = await this.dependencies.policyFor(settling.scope.store, {
      toolName: call.toolName,
      agentId: call.agentId,
      arguments: call.arguments as JsonObject,
    });
    if (policy) settling.policies.set(call.id, policy);
    return { ...call, approvalId: newId(), status: policy ? 'executing' : 'waiting_approval' };
  }

  /** @returns the calls as they are now, and what the run has to wait for, if anything */
  async settle(
    settling: Settling,
    calls: ToolCallRecord[],
  ): Promise<{ calls: ToolCallRecord[]; pause: Pause | null }> {
    if (settling.fresh) await this.show(settling, calls);
    const places = new FairSemaphore(PARALLEL_CALLS);
    const outcomes = await Promise.allSettled(
      calls.map(async (call) => {
        const release = await places.acquire({ signal: settling.signal });
        try {
          return await this.drive(settling, call);
        } finally {
          release();
        }
      }),
    );
    const settled = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
    return { calls: settled, pause: pauseOf(settled) };
  }

  /** Shows what begins now, and what was refused before it began. */
  private async show({ scope, endsWithRun, policies }: Settling, calls: ToolCallRecord[]): Promise<void> {
    const drafts = calls.filter(isTool).flatMap((call): PartDraft[] => {
      if (hasReceipt(call))
        return [...callStarted(scope, call), ...(endsWithRun ? [] : callEnded(scope, call))];
      return call.status === 'executing' && !policies.has(call.id) ? callStarted(scope, call) : [];
    });
    if (drafts.length > 0) await scope.writer.checkpoint(drafts);
  }

  private async drive(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    if (hasReceipt(call)) return this.showMissing(settling, call);
    if (settling.fresh) return this.begin(settling, call);
    if (call.status === 'waiting_approval') return this.afterApproval(settling, call);
    if (call.status === 'waiting_question') return this.afterQuestion(settling, call);
    if (isTool(call)) await this.showStart(settling.scope, call);
    return call.idempotent ? this.execute(settling, call) : this.unknown(settling, call);
  }

  private async showStart(scope: RunScope, call: ToolCallRecord): Promise<void> {
    if (!scope.shown.has(shownKey('start', call.id))) await scope.writer.checkpoint(callStarted(scope, call));
  }

  /** Shows what a request to a human has come to, unless the log has it from before an interruption. */
  private async showOnce(scope: RunScope, draft: PartDraft, requestId: string): Promise<void> {
    if (!scope.shown.has(shownKey(draft.type, requestId))) await scope.writer.checkpoint([draft]);
  }

  private async begin(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    if (call.status === 'waiting_approval') {
      await this.ask(settling, call, 'tool');
      return call;
    }
    const policy = settling.policies.get(call.id);
    if (policy) {
      await this.ask(settling, call, 'tool', policy);
      await settling.scope.writer.checkpoint(callStarted(settling.scope, call));
    }
    return this.execute(settling, call, true);
  }

  /** The worker died between the receipt and the event that shows it. */
  private async showMissing(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const { scope, endsWithRun } = settling;
    if (endsWithRun || !isTool(call) || !scope.resumed) return call;
    const shown = (type: 'start' | 'end' | 'error'): boolean => scope.shown.has(shownKey(type, call.id));
    if (shown('start') && !shown('end') && !shown('error'))
      await scope.writer.checkpoint(callEnded(scope, call));
    return call;
  }

  // --- approvals

  /** Writes the approval of a call whose intent is stored, and asks. Safe to repeat. */
  private async ask(
    settling: Settling,
    call: ToolCallRecord,
    kind: ApprovalRecord['kind'],
    decision?: ApprovalPolicyRecord | null,
  ): Promise<ApprovalRecord> {
    const { scope, offers } = settling;
    const tool = toolOf(offers, call);
    const preview = kind === 'tool' && !decision && tool?.supportsPreview;
    const effect = preview ? await this.preview(settling, call) : null;
    // The time to decide begins when there is something to decide on.
    const at = this.dependencies.clock.now();
    const seconds = tool?.approvalTimeoutSeconds ?? DEFAULT_APPROVAL_SECONDS;
    const approval: ApprovalRecord = {
      id: call.approvalId!,
      kind,
      status: decision ? 'approved' : 'pending',
      toolId: call.toolId,
      toolName: call.toolName,
      toolCallId: call.id,
      arguments: call.arguments,
      modifiedArguments: null,
      explanation: kind === 'outcome_unknown' ? OUTCOME_UNKNOWN : null,
      preview: effect,
      reason: decision ? `approved by policy ${decision.name}` : null,
      agentId: call.agentId,
      runId: call.runId,
      rootRunId: call.rootRunId,
      callId: call.id,
      conversationId: call.conversationId,
      requestedBy: call.userId,
      decidedBy: null,
      policyId: decision?.id ?? null,
      createdAt: at,
      expiresAt: decision ? null : new Date(at.getTime() + seconds * MS_PER_SECOND),
      decidedAt: decision ? at : null,
    };
    await scope.store.approvals.create(approval);
    await scope.writer.checkpoint([
      decision ? approvalResolved(scope, call, approval) : approvalRequired(scope, call, approval),
    ]);
    if (!decision) this.dependencies.onApproval(scope.store.tenant, approval);
    return approval;
  }

  /** What the call would do; a tool that cannot say holds nobody up. */
  private async preview(settling: Settling, call: ToolCallRecord): Promise<JsonValue> {
    const tool = toolOf(settling.offers, call);
    if (!tool) return null;
    return this.dependencies.tools.preview(tool, call.arguments as JsonObject, this.context(settling, call));
  }

  private async afterApproval(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const { scope } = settling;
    const approval = await scope.store.approvals.find(call.approvalId!);
    if (!approval) {
      // The worker died before it asked. A call that was tried before waits because its outcome is unknown.
      await this.ask(settling, call, call.attempts > 0 ? 'outcome_unknown' : 'tool');
      return call;
    }
    if (approval.status === 'pending') {
      await this.showOnce(scope, approvalRequired(scope, call, approval), approval.id);
      return call;
    }
    await this.showOnce(scope, approvalResolved(scope, call, approval), approval.id);
    if (approval.status !== 'approved') {
      // An interrupted call has begun for those who follow: it ends for them, too.
      const begun = scope.shown.has(shownKey('start', call.id));
      return this.receive(settling, call, refusal(call, approval), ['waiting_approval'], begun);
    }
    const args = (approval.modifiedArguments ?? call.arguments) as JsonObject;
    const executing = await this.move(scope, call, ['waiting_approval'], {
      status: 'executing',
      arguments: args,
      attempts: call.attempts + 1,
      startedAt: this.dependencies.clock.now(),
    });
    await this.showStart(scope, executing);
    return this.execute(settling, executing, true);
  }

  /** The call may have happened: nobody but a human can say whether it may happen again. */
  private async unknown(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const waiting = await this.move(settling.scope, call, ['executing'], {
      status: 'waiting_approval',
      approvalId: newId(),
      attempts: Math.max(1, call.attempts),
    });
    await this.ask(settling, waiting, 'outcome_unknown');
    return waiting;
  }

  // --- execution

  /** @param marked true when the stored intent already counts this attempt */
  private async execute(settling: Settling, call: ToolCallRecord, marked = false): Promise<ToolCallRecord> {
    const { scope, offers } = settling;
    if (call.kind === 'question') return this.askUser(settling, call);
    if (call.kind === 'sub_agent') {
      const offered = offers.find(({ name }) => name === call.toolName);
      if (offered?.kind !== 'sub_agent')
        return this.receive(
          settling,
          call,
          failure('sub_agent_removed', `${call.toolName} is no sub-agent any more`),
        );
      const receipt = await this.dependencies.delegations.run(scope, call, offered.agent);
      return typeof receipt === 'string'
        ? { ...call, status: receipt }
        : this.receive(settling, call, receipt);
    }
    if (call.kind === 'control')
      return this.receive(settling, call, await this.dependencies.delegations.control(scope, call));
    return this.executeTool(settling, marked ? call : await this.mark(scope, call));
  }

  /** An attempt that repeats one whose outcome is unknown is written before it begins. */
  private mark(scope: RunScope, call: ToolCallRecord): Promise<ToolCallRecord> {
    const changes = { attempts: call.attempts + 1, startedAt: this.dependencies.clock.now() };
    return this.move(scope, call, ['executing'], changes);
  }

  private async executeTool(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const { offers } = settling;
    const { tools } = this.dependencies;
    const tool = toolOf(offers, call);
    if (!tool)
      return this.receive(
        settling,
        call,
        failure('tool_removed', `the tool ${call.toolName} is not assigned to this agent any more`),
      );
    const args = call.arguments as JsonObject;
    const problems = tools.problems(tool, args);
    if (problems.length > 0)
      return this.receive(settling, call, failure('arguments_invalid', problems.join('; ')));
    const outcome = await this.outcomeOf(settling, call, tool);
    return this.receive(settling, call, await this.receiptOf(settling, call, outcome));
  }

  /** A fault of the tool's runtime is an outcome of this call, not the end of the run. */
  private async outcomeOf(settling: Settling, call: ToolCallRecord, tool: ToolRecord): Promise<ToolOutcome> {
    try {
      const args = call.arguments as JsonObject;
      return await this.dependencies.tools.execute(tool, args, this.context(settling, call));
    } catch (error) {
      if (settling.signal.aborted || error instanceof FencedError) throw error;
      this.dependencies.logger.error(
        { err: error, callId: call.id, toolName: call.toolName },
        'tool call broke',
      );
      const message = error instanceof DomainError ? error.message : `unexpected error in call ${call.id}`;
      return { ok: false, error: { type: 'tool_error', message } };
    }
  }

  private context({ scope, signal }: Settling, call: ToolCallRecord): ToolCallContext {
    return {
      tenant: scope.store.tenant,
      userId: call.userId,
      agent: scope.agent,
      conversationId: call.conversationId,
      runId: call.runId,
      callId: call.id,
      idempotencyKey: call.idempotencyKey,
      signal,
      onProgress: (text) => scope.writer.note(progressPart(scope, call, text)),
    };
  }

  private async receiptOf(
    { scope, earlier, endsWithRun }: Settling,
    call: ToolCallRecord,
    outcome: ToolOutcome,
  ): Promise<Receipt> {
    if (!outcome.ok) return failed(outcome.error);
    const result = endsWithRun ? outcome.result : withNumbers(scope.request, earlier, call, outcome.result);
    const presented = await this.dependencies.present(scope.store, call, result);
    return { status: 'succeeded', result, ...presented };
  }

  /** Writes the receipt, then shows it. */
  private async receive(
    settling: Settling,
    call: ToolCallRecord,
    receipt: Receipt,
    from: readonly ToolCallStatus[] = ['executing'],
    show = true,
  ): Promise<ToolCallRecord> {
    const { scope, endsWithRun } = settling;
    const done = await this.move(scope, call, from, receiptChanges(receipt, this.dependencies.clock.now()));
    if (show && isTool(call) && !endsWithRun) await scope.writer.checkpoint(callEnded(scope, done));
    return done;
  }

  /** @throws FencedError when the call is not where this worker left it: somebody else has the run */
  private async move(
    scope: RunScope,
    call: ToolCallRecord,
    from: readonly ToolCallStatus[],
    changes: Partial<ToolCallRecord>,
  ): Promise<ToolCallRecord> {
    const moved = await scope.store.toolCalls.transition(call.id, from, changes);
    if (!moved) throw new FencedError(call.rootRunId);
    return moved;
  }

  // --- questions

  private async askUser(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const { scope } = settling;
    const { clock } = this.dependencies;
    const items = questionItems(call.arguments as JsonObject);
    if (typeof items === 'string') return this.receive(settling, call, failure('arguments_invalid', items));
    const at = clock.now();
    const question: QuestionRecord = {
      id: call.questionId ?? newId(at.getTime()),
      status: 'pending',
      items: items as unknown as JsonValue,
      answers: null,
      agentId: call.agentId,
      runId: call.runId,
      rootRunId: call.rootRunId,
      callId: call.id,
      conversationId: call.conversationId,
      requestedBy: call.userId,
      answeredBy: null,
      createdAt: at,
      expiresAt: new Date(at.getTime() + QUESTION_TIMEOUT_MS),
      answeredAt: null,
    };
    const waiting = await this.move(scope, call, ['executing'], {
      status: 'waiting_question',
      questionId: question.id,
    });
    await this.publishQuestion(scope, waiting, question);
    return waiting;
  }

  private async publishQuestion(
    scope: RunScope,
    call: ToolCallRecord,
    question: QuestionRecord,
  ): Promise<void> {
    await scope.store.questions.create(question);
    await scope.writer.checkpoint([questionRequired(scope, call, question)]);
    this.dependencies.onQuestion(scope.store.tenant, question);
  }

  private async afterQuestion(settling: Settling, call: ToolCallRecord): Promise<ToolCallRecord> {
    const { scope } = settling;
    const question = await scope.store.questions.find(call.questionId!);
    if (!question)
      return this.askUser(
        settling,
        await this.move(scope, call, ['waiting_question'], { status: 'executing' }),
      );
    if (question.status === 'pending') {
      await this.showOnce(scope, questionRequired(scope, call, question), question.id);
      return call;
    }
    await this.showOnce(scope, questionResolved(scope, call, question), question.id);
    const receipt: Receipt =
      question.status === 'answered'
        ? { status: 'succeeded', result: question.answers, shown: JSON.stringify(question.answers) }
        : {
            status: 'expired',
            error: { code: 'question_expired', message: 'nobody answered in time' },
            shown: 'The user did not answer in time. Go on without the answer, or say what you cannot do.',
          };
    return this.receive(settling, call, receipt, ['waiting_question']);
  }
}

const DEFAULT_APPROVAL_SECONDS = 300;

const OUTCOME_UNKNOWN =
  'Outcome unknown: the server stopped while this call was running, so it may have taken effect. ' +
  'Approve to run it again, deny to go on without it.';

/** Calls of the engine itself have no events of their own. */
const isTool = (call: ToolCallRecord): boolean =>
  call.kind !== 'sub_agent' && call.kind !== 'control' && call.kind !== 'question';

const toolOf = (offers: Offered[], call: ToolCallRecord) => {
  const offered = offers.find((offer) => offer.kind === 'tool' && offer.tool.id === call.toolId);
  return offered?.kind === 'tool' ? offered.tool : undefined;
};

const sameCall = (a: ToolCallRecord, b: ToolCallRecord): boolean =>
  a.toolName === b.toolName && JSON.stringify(a.arguments) === JSON.stringify(b.arguments);

function pauseOf(calls: ToolCallRecord[]): Pause | null {
  if (calls.some(({ status }) => status === 'waiting_approval')) return 'waiting_approval';
  return calls.some(({ status }) => status === 'waiting_question') ? 'waiting_question' : null;
}
