import { parseStorable } from '../json';
import type { JsonValue } from '../ports/records';

const BYTE_ORDER_MARK = /^\uFEFF/;
/** What reasoning models write before their answer when nobody takes it out: DeepSeek, Qwen and Mistral, by their templates. */
const THOUGHT_OPENS = /^<(think|thinking|thought|reasoning)>|^\[THINK\]/i;
const THOUGHT_CLOSES = /<\/(?:think|thinking|thought|reasoning)>|\[\/THINK\]/i;
const FENCE_MARK = '```';
/** A fence with a language or none, whose end may be cut off. Bounded, so that a run of blanks is read once. */
const FENCE = /```[^\S\n]{0,8}[\w+-]{0,32}[^\S\n]{0,8}\n([\s\S]*?)(?:\n[^\S\n]{0,8}```|$)/;

/**
 * The text of a model's answer without what models put around it: a byte order mark, thoughts before it, a code fence
 * around all of it. `''` when it holds nothing but thoughts.
 */
export function plainAnswer(text: string): string {
  const answer = withoutThoughts(text);
  const whole = answer.startsWith(FENCE_MARK) && answer.endsWith(FENCE_MARK);
  return (whole ? (FENCE.exec(answer)?.[1] ?? answer) : answer).trim();
}

/** @returns the trimmed answer behind the thoughts that it begins with, also where the template has opened them */
function withoutThoughts(text: string): string {
  let answer = text.replace(BYTE_ORDER_MARK, '').trim();
  do {
    const closes = THOUGHT_CLOSES.exec(answer);
    if (!closes) return THOUGHT_OPENS.test(answer) ? '' : answer;
    answer = answer.slice(closes.index + closes[0].length).trim();
  } while (THOUGHT_OPENS.test(answer));
  return answer;
}

export interface JsonAnswer {
  value: JsonValue;
  /** The JSON alone, exactly as the model wrote it. */
  text: string;
}

/**
 * The JSON of a model's answer: the whole of it, or what is behind its thoughts, in its fence, or between its outermost
 * braces, whichever is JSON first. Undefined when none is.
 */
export function jsonAnswer(text: string): JsonAnswer | undefined {
  for (const candidate of candidatesIn(text)) {
    const value = parseStorable(candidate);
    if (value !== undefined) return { value, text: candidate };
  }
  return undefined;
}

function* candidatesIn(text: string): Generator<string> {
  // JSON may hold what looks like a thought: as it is comes first.
  const whole = text.replace(BYTE_ORDER_MARK, '').trim();
  yield whole;
  const answer = withoutThoughts(text);
  if (answer !== whole) yield answer;
  const fenced = FENCE.exec(answer)?.[1];
  if (fenced !== undefined) yield fenced.trim();
  for (const [open, close] of ['{}', '[]']) {
    const start = answer.indexOf(open!);
    const end = answer.lastIndexOf(close!);
    if (start >= 0 && end > start) yield answer.slice(start, end + 1);
  }
}
