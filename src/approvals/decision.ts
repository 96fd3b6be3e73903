import { isDeepStrictEqual } from 'node:util';
import { DomainError, invalid } from '../errors';
import { exactTexts } from '../json';
import type { JsonObject, JsonValue } from '../ports/records';
import type { ApprovalRecord } from '../ports/tools';

const REASON_CHARACTERS = 2_000;
/** Most characters of changed arguments, as JSON. */
const ARGUMENTS_CHARACTERS = 1_000_000;

export type Decision = 'approved' | 'denied';

export interface ApprovalResponse {
  status?: Decision | null;
  /** The same as `status`. */
  decision?: Decision | null;
  /** The same as `status`, in the imperative. */
  action?: 'approve' | 'deny' | null;
  reason?: string | null;
  /** Replace the proposed arguments; only with `approved`. */
  modifiedArguments?: JsonValue;
}

export interface CheckedResponse {
  status: Decision;
  reason: string | null;
  modifiedArguments: JsonObject | null;
}

/** @throws DomainError `validation_failed` naming the bad field */
export function checkResponse(response: ApprovalResponse): CheckedResponse {
  const status = statusOf(response);
  const reason = response.reason ?? null;
  if (reason !== null && reason.length > REASON_CHARACTERS)
    throw invalid('reason', `must have at most ${REASON_CHARACTERS} characters, has ${reason.length}`);
  return { status, reason, modifiedArguments: argumentsOf(response.modifiedArguments ?? null, status) };
}

function statusOf({ status, decision, action }: ApprovalResponse): Decision {
  const said = [
    ['status', status],
    ['decision', decision],
    ['action', action && (action === 'approve' ? 'approved' : 'denied')],
  ].filter((one): one is [string, Decision] => Boolean(one[1]));
  if (said.length === 0) throw invalid('status', 'must be approved or denied');
  const [first, second] = said.map(([, value]) => value) as [Decision, Decision?];
  if (said.some(([, value]) => value !== first))
    throw invalid(said[1]![0], `contradicts ${said[0]![0]}: one says ${first}, the other ${second}`);
  return first;
}

function argumentsOf(value: JsonValue, status: Decision): JsonObject | null {
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalid('modified_arguments', 'must be an object of arguments');
  if (status === 'denied')
    throw invalid('modified_arguments', 'only go with approved; a denied call has no arguments');
  if (JSON.stringify(value).length > ARGUMENTS_CHARACTERS)
    throw invalid('modified_arguments', `must have at most ${ARGUMENTS_CHARACTERS} characters as JSON`);
  return exactTexts(value) as JsonObject;
}

/** True when a second response says what the first one did. */
export const isSameDecision = (approval: ApprovalRecord, response: CheckedResponse): boolean =>
  approval.status === response.status &&
  isDeepStrictEqual(approval.modifiedArguments ?? null, response.modifiedArguments);

/** What was decided first, for the one who comes second. */
export const alreadyDecided = (approval: ApprovalRecord): DomainError =>
  new DomainError(
    'conflict',
    `Approval ${approval.id} is already ${approval.status}; start a new run to ask again.`,
    {
      extra: {
        approval: {
          id: approval.id,
          status: approval.status,
          reason: approval.reason,
          modified_arguments: approval.modifiedArguments,
          decided_by: approval.decidedBy,
          decided_at: approval.decidedAt?.toISOString() ?? null,
          expires_at: approval.expiresAt?.toISOString() ?? null,
        },
      },
    },
  );
