import { newId } from '../ids';
import { JsonProblem, readExactJson, storableJson } from '../json';
import type { Clock } from '../ports/clock';
import type { GiveBack, ModelToolCall } from '../ports/models';
import type { JsonObject, JsonValue } from '../ports/records';
import type { ToolCallKind, ToolCallRecord, ToolCallStatus } from '../ports/tools';
import type { Offered } from './offer';
import { engineProblems } from './offer';
import type { RunScope } from './scope';

/** States of a call that has no receipt yet. */
export const OPEN_CALL_STATUSES: readonly ToolCallStatus[] = [
  'waiting_approval',
  'waiting_question',
  'executing',
];

export const hasReceipt = ({ status }: ToolCallRecord): boolean => !OPEN_CALL_STATUSES.includes(status);

/** One call as the model asked for it, with what it means here. */
export interface PlannedCall {
  asked: ModelToolCall;
  offered: Offered | undefined;
  /** Undefined when the text is no JSON object. */
  args: JsonObject | undefined;
  problems: string[];
}

/** Reads what the model wrote: finds the tool, parses and checks the arguments. */
export function planCall(
  asked: ModelToolCall,
  offers: Offered[],
  check: (offered: Extract<Offered, { kind: 'tool' }>, args: JsonValue) => string[],
): PlannedCall {
  const offered = offers.find(({ name }) => name === asked.name);
  const args = parseArguments(asked.arguments);
  if (!offered) {
    const known = typeof args === 'string' ? undefined : args;
    return { asked, offered, args: known, problems: [unknownTool(asked.name, offers)] };
  }
  if (typeof args === 'string') return { asked, offered, args: undefined, problems: [args] };
  const problems = offered.kind === 'tool' ? check(offered, args) : engineProblems(offered, args);
  return { asked, offered, args, problems };
}

const unknownTool = (name: string, offers: Offered[]): string =>
  `there is no tool ${name}; you can call ${offers.map((offer) => offer.name).join(', ') || 'no tool'}`;

/** The arguments, every number as the model wrote it; what is wrong where they cannot be taken. None at all are as good as none. */
function parseArguments(text: string): JsonObject | string {
  if (text.trim() === '') return {};
  try {
    const value = storableJson(readExactJson(text));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof JsonProblem)
      return error.path === '' ? `the arguments: ${error.reason}` : error.message;
    if (!(error instanceof SyntaxError)) throw error;
  }
  return 'the arguments are no JSON object';
}

const kindOf = (offered: Offered | undefined): ToolCallKind =>
  offered === undefined ? 'unknown' : offered.kind === 'tool' ? offered.tool.kind : offered.kind;

/** In the form of the ledger; nothing where an endpoint wants nothing back. */
function givenWith(call: GiveBack | undefined, step: GiveBack | undefined): JsonValue {
  if (!call && !step) return null;
  return { ...(call && { call: { ...call } }), ...(step && { step: { ...step } }) };
}

/** The intent: a row that says what is about to happen, before it does. */
export function intentOf(
  scope: RunScope,
  planned: PlannedCall,
  place: { step: number; position: number; stepText: string; giveBack?: GiveBack },
  clock: Clock,
): ToolCallRecord {
  const { run } = scope;
  const at = clock.now();
  const id = newId(at.getTime());
  const { asked, offered, args } = planned;
  return {
    id,
    runId: run.id,
    rootRunId: run.rootRunId,
    conversationId: run.conversationId,
    agentId: run.agentId,
    userId: run.userId,
    step: place.step,
    position: place.position,
    stepText: place.position === 0 ? place.stepText : null,
    modelCallId: asked.id,
    toolId: offered?.kind === 'tool' ? offered.tool.id : null,
    toolName: asked.name,
    kind: kindOf(offered),
    argumentsText: asked.arguments,
    giveBack: givenWith(asked.giveBack, place.position === 0 ? place.giveBack : undefined),
    arguments: args ?? null,
    status: 'executing',
    // The engine's own calls go on where they were: a sub-agent's run has a ledger of its own.
    idempotent: offered?.kind === 'tool' ? offered.tool.idempotent : true,
    idempotencyKey: id,
    attempts: 0,
    approvalId: null,
    questionId: null,
    childRunId: offered?.kind === 'sub_agent' ? newId(at.getTime()) : null,
    result: null,
    error: null,
    shown: null,
    cacheId: null,
    createdAt: at,
    startedAt: null,
    finishedAt: null,
  };
}

/** A receipt: how a call ended and what the model is told. */
export interface Receipt {
  status: Exclude<ToolCallStatus, 'waiting_approval' | 'waiting_question' | 'executing'>;
  result?: JsonValue;
  /** `type` is the name of what the tool's code threw. */
  error?: { code: string; type?: string; message: string; retryable?: boolean; line?: number | null };
  shown: string;
  cacheId?: string | null;
}

export const receiptChanges = (receipt: Receipt, at: Date): Partial<ToolCallRecord> => ({
  status: receipt.status,
  result: receipt.result ?? null,
  error: receipt.error
    ? {
        code: receipt.error.code,
        ...(receipt.error.type === undefined ? {} : { type: receipt.error.type }),
        message: receipt.error.message,
        retryable: receipt.error.retryable ?? false,
        ...(typeof receipt.error.line === 'number' ? { line: receipt.error.line } : {}),
      }
    : null,
  shown: receipt.shown,
  cacheId: receipt.cacheId ?? null,
  finishedAt: at,
});

export const failure = (code: string, message: string, shown = `The call failed: ${message}`): Receipt => ({
  status: 'failed',
  error: { code, message },
  shown,
});
