import type { JsonValue } from '../ports/records';
import type { ToolOutcome } from '../ports/tools';
import { JsonProblem, readExactJson } from './read';
import { checkJson, storableJson } from './storable';

/**
 * What a tool gave as it can be kept: numbers by their text. Values with equal keys in one object, with too many levels
 * or keys go on as their text; a number beyond doubles makes the call a failed one.
 * @param text JSON, else the text is the result
 */
export function outcomeOfText(text: string): ToolOutcome {
  try {
    return { ok: true, result: readExactJson(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: true, result: text };
    return textOrFailure(error, () => text);
  }
}

/** The same of a value that was parsed already. */
export function keptOutcome(outcome: Extract<ToolOutcome, { ok: true }>): ToolOutcome {
  try {
    checkJson(outcome.result);
    return { ...outcome, result: storableJson(outcome.result) };
  } catch (error) {
    const kept = textOrFailure(error, () => JSON.stringify(outcome.result));
    return outcome.logs === undefined ? kept : { ...kept, logs: outcome.logs };
  }
}

function textOrFailure(error: unknown, text: () => JsonValue): ToolOutcome {
  if (!(error instanceof JsonProblem)) throw error;
  if (error.kind !== 'number') return { ok: true, result: text() };
  return {
    ok: false,
    error: { type: 'result_out_of_range', message: `the result cannot be kept: ${error.message}` },
  };
}
