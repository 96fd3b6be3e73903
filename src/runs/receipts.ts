import type { ApprovalRecord, ToolCallRecord, ToolOutcome } from '../ports/tools';
import { failure, type PlannedCall, type Receipt } from './ledger';

const STABLE_CODE = /^[a-z][a-z0-9_]*$/;

/** The tool ran and failed. */
export function failed({
  type,
  message,
  line,
  retryable,
}: Extract<ToolOutcome, { ok: false }>['error']): Receipt {
  const where = typeof line === 'number' ? ` (line ${line})` : '';
  // Codes are stable; what the tool's own code throws has a name of its own.
  const named = STABLE_CODE.test(type)
    ? { code: type, message }
    : { code: 'tool_failed', type, message: `${type}: ${message}` };
  return {
    status: 'failed',
    error: { ...named, retryable, line },
    shown: `The call failed with ${type}${where}: ${message}`,
  };
}

/** Arguments that do not fit, or a tool that the agent does not have. */
export function rejected(call: ToolCallRecord, { offered, problems }: PlannedCall): Receipt {
  const message = problems.join('; ');
  if (!offered) return failure('tool_unknown', message);
  return failure(
    'arguments_invalid',
    message,
    `The arguments of ${call.toolName} do not fit: ${message}. Nothing was executed; correct them and call again.`,
  );
}

export const deniedBefore = (call: ToolCallRecord): Receipt => ({
  status: 'denied',
  error: {
    code: 'approval_denied',
    message: `this call of ${call.toolName} was denied already in this run; nobody was asked again`,
  },
  shown: `A human has already denied this very call of ${call.toolName}. Do not repeat it; find another way or say what is missing.`,
});

/** A human said no, nobody said anything, or nobody knows what an interrupted call did. */
export function refusal(call: ToolCallRecord, approval: ApprovalRecord): Receipt {
  const because = approval.reason ? ` Reason: ${approval.reason}` : '';
  if (approval.kind === 'outcome_unknown')
    return {
      status: 'unknown',
      error: {
        code: 'outcome_unknown',
        message: 'the call was interrupted; whether it took effect is unknown',
      },
      shown: `The outcome of this call is unknown: it was interrupted and may or may not have taken effect. It was not repeated.${because}`,
    };
  if (approval.status === 'expired')
    return {
      status: 'expired',
      error: { code: 'approval_expired', message: 'nobody decided in time' },
      shown: `Nobody approved the call of ${call.toolName} in time, so it was not executed. Treat that as a denial.`,
    };
  const cancelled = approval.status === 'cancelled';
  return {
    status: 'denied',
    error: {
      code: cancelled ? 'approval_cancelled' : 'approval_denied',
      message: approval.reason ?? (cancelled ? 'the request was withdrawn' : 'a human denied the call'),
    },
    shown: `A human ${cancelled ? 'withdrew' : 'denied'} the call of ${call.toolName}; it was not executed.${because}`,
  };
}
