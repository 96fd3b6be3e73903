import type { JsonObject, JsonValue } from '../ports/records';
import type { ApprovalRecord, QuestionRecord, ToolCallRecord } from '../ports/tools';
import type { PartDraft } from './log';
import type { RunScope } from './scope';

/** A result larger than this is not repeated in the event; clients fetch it through the cached-results routes. */
const EVENT_RESULT_CHARACTERS = 262_144;

/** A call's place in the tree: under the run that asked for it, or the root itself when it was run directly. */
const placeOf = ({ run }: RunScope, call: ToolCallRecord): Partial<PartDraft> => ({
  runId: run.id,
  agentId: run.agentId,
  callId: call.id,
  parentCallId: call.id === run.callId ? run.parentCallId : run.callId,
  rootCallId: run.rootCallId,
});

/** What a call begins with: the durable request, and `start` for streams. */
export function callStarted(scope: RunScope, call: ToolCallRecord): PartDraft[] {
  const input = JSON.stringify(call.arguments ?? {});
  const place = placeOf(scope, call);
  const content = { tool_name: call.toolName, tool_id: call.toolId, arguments: call.arguments };
  return [
    { ...place, type: 'tool_request', content },
    {
      ...place,
      type: 'start',
      content: { name: call.toolName, role: 'tool', input, tool_id: call.toolId, run_id: scope.run.id },
      metadata: { display_name: call.toolName },
    },
  ];
}

/** What a call ends with: the durable response, and `end` or `error` for streams. */
export function callEnded(scope: RunScope, call: ToolCallRecord): PartDraft[] {
  const place = placeOf(scope, call);
  const result = resultOnWire(call);
  const outcome: JsonObject = call.error === null ? { result } : { error: call.error };
  return [
    {
      ...place,
      type: 'tool_response',
      content: {
        tool_name: call.toolName,
        status: call.status,
        ...outcome,
        ...(call.cacheId ? { cache_id: call.cacheId } : {}),
      },
    },
    call.error === null
      ? {
          ...place,
          type: 'end',
          content: {
            result,
            status: call.status,
            run_id: scope.run.id,
            ...(call.cacheId ? { cache_id: call.cacheId } : {}),
          },
        }
      : { ...place, type: 'error', content: { ...(call.error as JsonObject), run_id: scope.run.id } },
  ];
}

function resultOnWire(call: ToolCallRecord): JsonValue {
  if (call.cacheId === null) return call.result;
  return JSON.stringify(call.result).length > EVENT_RESULT_CHARACTERS ? null : call.result;
}

export const progressPart = (scope: RunScope, call: ToolCallRecord, text: string): PartDraft => ({
  ...placeOf(scope, call),
  type: 'delta',
  text,
  metadata: { kind: 'tool_progress', content_type: 'text' },
});

/** A delegation is one unit: the events of the sub-agent's own run show it, these keep it in the history. */
export const delegated = (scope: RunScope, call: ToolCallRecord, agentId: string): PartDraft => ({
  ...placeOf(scope, call),
  type: 'sub_agent_request',
  content: { tool_name: call.toolName, agent_id: agentId, arguments: call.arguments },
});

export const delegationEnded = (scope: RunScope, call: ToolCallRecord): PartDraft => ({
  ...placeOf(scope, call),
  type: 'sub_agent_response',
  content: {
    tool_name: call.toolName,
    status: call.status,
    ...(call.error === null ? { result: call.result } : { error: call.error }),
  },
});

export const approvalRequired = (
  scope: RunScope,
  call: ToolCallRecord,
  approval: ApprovalRecord,
): PartDraft => ({
  ...placeOf(scope, call),
  type: 'approval_required',
  content: {
    id: approval.id,
    kind: approval.kind,
    tool_id: approval.toolId,
    tool_name: approval.toolName,
    arguments: approval.arguments,
    conversation_id: approval.conversationId,
    agent_id: approval.agentId,
    run_id: approval.runId,
    ...(approval.explanation === null ? {} : { explanation: approval.explanation }),
    ...(approval.preview === null ? {} : { preview: approval.preview }),
    expires_at: approval.expiresAt?.toISOString() ?? null,
  },
});

export const approvalResolved = (
  scope: RunScope,
  call: ToolCallRecord,
  approval: ApprovalRecord,
): PartDraft => ({
  ...placeOf(scope, call),
  type: `approval_${approval.status === 'pending' ? 'cancelled' : approval.status}`,
  content: {
    id: approval.id,
    tool_name: approval.toolName,
    approver: approval.decidedBy,
    ...(approval.policyId === null ? {} : { policy_id: approval.policyId }),
    ...(approval.reason === null ? {} : { reason: approval.reason }),
    ...(approval.modifiedArguments === null ? {} : { modified_arguments: approval.modifiedArguments }),
  },
});

export const questionRequired = (
  scope: RunScope,
  call: ToolCallRecord,
  question: QuestionRecord,
): PartDraft => ({
  ...placeOf(scope, call),
  type: 'question_required',
  content: {
    id: question.id,
    questions: question.items,
    conversation_id: question.conversationId,
    run_id: question.runId,
    expires_at: question.expiresAt?.toISOString() ?? null,
  },
});

export const questionResolved = (
  scope: RunScope,
  call: ToolCallRecord,
  question: QuestionRecord,
): PartDraft => ({
  ...placeOf(scope, call),
  type: question.status === 'answered' ? 'question_answered' : 'question_expired',
  content: {
    id: question.id,
    status: question.status,
    answers: question.answers,
    answered_by: question.answeredBy,
  },
});
