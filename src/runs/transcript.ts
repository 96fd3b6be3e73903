import type { ModelMessage } from '../ports/models';
import type { JsonObject, JsonValue, PartRecord } from '../ports/records';
import type { ToolCallRecord } from '../ports/tools';
import { joinSteps } from './step-text';

/** Of a finished run's tool calls so much stays in the history that later turns see. */
const REMEMBERED_CALLS = 12;
const REMEMBERED_CHARACTERS = 2_000;

/** The calls of one model step in the order of position. */
export type Step = ToolCallRecord[];

export function groupSteps(calls: ToolCallRecord[]): Step[] {
  const steps: Step[] = [];
  for (const call of calls) {
    const last = steps.at(-1);
    if (last && last[0]!.step === call.step) last.push(call);
    else steps.push([call]);
  }
  return steps;
}

export const stepText = (step: Step): string => step[0]?.stepText ?? '';

/** The answer that the finished steps wrote. */
export const textOfSteps = (steps: Step[]): string => joinSteps(steps.map(stepText));

/** What the model sees of the steps so far: its own calls, and what it was told of their outcomes. */
export function transcriptOf(steps: Step[]): ModelMessage[] {
  return steps.flatMap((step): ModelMessage[] => [
    {
      role: 'assistant',
      content: stepText(step),
      toolCalls: step.map(({ modelCallId, toolName, argumentsText }) => ({
        id: modelCallId,
        name: toolName,
        arguments: argumentsText,
      })),
    },
    ...step.map(({ modelCallId, shown }): ModelMessage => ({
      role: 'tool',
      content: shown ?? '',
      toolCallId: modelCallId,
    })),
  ]);
}

/** The calls of a run in short, kept with its answer so that later turns know what was done. */
export function digestOf(calls: ToolCallRecord[]): JsonObject | null {
  if (calls.length === 0) return null;
  return {
    tool_calls: calls.slice(-REMEMBERED_CALLS).map((call) => ({
      id: call.modelCallId,
      name: call.toolName,
      arguments: shorten(call.argumentsText),
      result: shorten(call.shown ?? ''),
    })),
  };
}

const shorten = (text: string): string =>
  text.length > REMEMBERED_CHARACTERS ? `${text.slice(0, REMEMBERED_CHARACTERS)}… (shortened)` : text;

/** An assistant's message of an earlier turn with the calls that led to it. */
export function rememberedMessages(part: PartRecord): ModelMessage[] {
  const answer: ModelMessage = { role: 'assistant', content: part.text ?? '' };
  const calls = digestedCalls(part.content);
  if (calls.length === 0) return [answer];
  return [
    {
      role: 'assistant',
      content: '',
      toolCalls: calls.map(({ id, name, arguments: args }) => ({ id, name, arguments: args })),
    },
    ...calls.map(({ id, result }): ModelMessage => ({ role: 'tool', content: result, toolCallId: id })),
    answer,
  ];
}

interface DigestedCall {
  id: string;
  name: string;
  arguments: string;
  result: string;
}

function digestedCalls(content: JsonValue): DigestedCall[] {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return [];
  return Array.isArray(content.tool_calls) ? (content.tool_calls as unknown as DigestedCall[]) : [];
}
