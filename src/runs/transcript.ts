import type { GiveBack, ModelMessage, ModelToolCall } from '../ports/models';
import type { JsonObject, JsonValue, PartRecord } from '../ports/records';
import type { ToolCallRecord } from '../ports/tools';
import { shortenedArguments, shortenedText } from './shorten';
import { joinSteps } from './step-text';

/** Of a finished run's tool calls so much stays in the history that later turns see. */
const REMEMBERED_CALLS = 12;
const REMEMBERED_CHARACTERS = 2_000;
/** What an endpoint wants back in a form that cannot be shortened is remembered up to this size, as JSON. */
const REMEMBERED_GIVE_BACK_CHARACTERS = 20_000;

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
export const transcriptOf = (steps: Step[]): ModelMessage[] =>
  steps.flatMap((step) =>
    stepMessages(
      stepText(step),
      step.map((call) => ({
        asked: {
          id: call.modelCallId,
          name: call.toolName,
          arguments: call.argumentsText,
          giveBack: givenBack(call).call,
        },
        result: call.shown ?? '',
      })),
      stepGiveBack(step),
    ),
  );

function stepMessages(
  content: string,
  calls: { asked: ModelToolCall; result: string }[],
  giveBack: GiveBack | undefined,
): ModelMessage[] {
  return [
    { role: 'assistant', content, toolCalls: calls.map(({ asked }) => asked), giveBack },
    ...calls.map(({ asked, result }): ModelMessage => ({
      role: 'tool',
      content: result,
      toolCallId: asked.id,
    })),
  ];
}

interface GivenBack {
  call?: GiveBack;
  step?: GiveBack;
}

const givenBack = ({ giveBack }: ToolCallRecord): GivenBack =>
  giveBack ? (giveBack as unknown as GivenBack) : {};

const stepGiveBack = (step: Step): GiveBack | undefined => step[0] && givenBack(step[0]).step;

/** The calls of a run in short, kept with its answer so that later turns know what was done. */
export function digestOf(calls: ToolCallRecord[]): JsonObject | null {
  if (calls.length === 0) return null;
  // A step that is remembered in part keeps what belongs to the whole of it.
  const wholes = new Map(groupSteps(calls).map((step) => [step[0]!.step, stepGiveBack(step)]));
  return {
    tool_calls: groupSteps(calls.slice(-REMEMBERED_CALLS)).flatMap((step) =>
      step.map((call, place) => digestedCall(call, place === 0 ? wholes.get(call.step) : undefined)),
    ),
  };
}

function digestedCall(call: ToolCallRecord, step: GiveBack | undefined): JsonObject {
  const given = { call: remembered(givenBack(call).call), step: remembered(step) };
  return {
    id: call.modelCallId,
    name: call.toolName,
    arguments: shortenedArguments(call.argumentsText, REMEMBERED_CHARACTERS),
    result: shortenedText(call.shown ?? '', REMEMBERED_CHARACTERS),
    step: call.step,
    ...(given.call && { give_back: given.call }),
    ...(given.step && { step_give_back: given.step }),
  };
}

/** Texts are shortened; what is no text is kept whole, since a part of it (a signature) is worth nothing. */
function remembered(giveBack: GiveBack | undefined): JsonObject | undefined {
  if (!giveBack) return undefined;
  const fields: JsonObject = {};
  for (const [name, value] of Object.entries(giveBack.fields)) {
    if (typeof value === 'string') fields[name] = shortenedText(value, REMEMBERED_CHARACTERS);
    else if (JSON.stringify(value).length <= REMEMBERED_GIVE_BACK_CHARACTERS) fields[name] = value;
  }
  return { model: giveBack.model, fields };
}

/** An assistant's message of an earlier turn with the calls that led to it. */
export function rememberedMessages(part: PartRecord): ModelMessage[] {
  const steps: DigestedCall[][] = [];
  for (const call of digestedCalls(part.content)) {
    const last = steps.at(-1);
    if (last && last[0]!.step === call.step) last.push(call);
    else steps.push([call]);
  }
  return [
    // The answer holds what the steps wrote.
    ...steps.flatMap((step) =>
      stepMessages(
        '',
        step.map(({ id, name, arguments: args, give_back: giveBack, result }) => ({
          asked: { id, name, arguments: args, giveBack },
          result,
        })),
        step[0]?.step_give_back,
      ),
    ),
    { role: 'assistant', content: part.text ?? '' },
  ];
}

interface DigestedCall {
  id: string;
  name: string;
  arguments: string;
  result: string;
  /** Of the run, from 0; missing in digests that older versions wrote, which are shown as one step. */
  step?: number;
  give_back?: GiveBack;
  step_give_back?: GiveBack;
}

function digestedCalls(content: JsonValue): DigestedCall[] {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return [];
  return Array.isArray(content.tool_calls) ? (content.tool_calls as unknown as DigestedCall[]) : [];
}
