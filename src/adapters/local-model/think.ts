import type { ChatRequest, ModelToolCall } from '../../ports/models';
import { answer, read, sourceText, type Reading } from './answer';
import { fill, type FillBudget } from './structured';
import { wantedCalls } from './tools';
import { checkAgainst } from './validate';

/** What the embedded model is asked, as it travels to a thread. */
export type Thinking = Pick<ChatRequest, 'messages' | 'tools' | 'responseFormat' | 'continueFrom'>;

/** What it would do: calls, or a text, or the reason why it cannot fill the schema. */
export type Thought = { calls: ModelToolCall[] } | { text: string } | { problem: string };

/**
 * Everything of the embedded model that takes time, without any waiting.
 * @throws FillTooLarge when the schema needs more than the budget allows
 */
export function think(request: Thinking, budget?: FillBudget): Thought {
  const reading = read(withContinuation(request));
  const calls = fresh(reading)
    ? wantedCalls(reading.question, request.tools ?? [], request.messages.length)
    : [];
  if (calls.length > 0) return { calls };
  const whole = wholeAnswer(request, reading, budget);
  const { written } = reading;
  if (typeof whole !== 'string') return whole;
  if (written === undefined) return { text: whole };
  // What was written came from this same function, so a continuation is the rest of it.
  return { text: whole.startsWith(written) ? whole.slice(written.length) : '' };
}

/** An answer that was cut is the assistant's own unfinished text. */
const withContinuation = ({ messages, continueFrom }: Thinking): ChatRequest['messages'] =>
  continueFrom ? [...messages, { role: 'assistant', content: continueFrom }] : messages;

/** Tools were not called yet in this turn, and no text was begun. */
const fresh = (reading: Reading): boolean => reading.results.length === 0 && reading.written === undefined;

function wholeAnswer(
  { responseFormat }: Thinking,
  reading: Reading,
  budget: FillBudget | undefined,
): string | { problem: string } {
  const plain = answer(reading);
  if (!responseFormat) return plain;
  if (responseFormat === 'json_object') return JSON.stringify({ answer: plain });
  const value = fill(responseFormat.schema, { text: sourceText(reading), answer: plain }, budget);
  const problem = checkAgainst(responseFormat.schema, value);
  return problem === undefined ? JSON.stringify(value) : { problem };
}
