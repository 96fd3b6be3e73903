import type { JsonObject } from '../ports/records';
import type { QuestionItem } from '../ports/tools';

/** How long a question waits (D3: 600 s unless said). */
export const QUESTION_TIMEOUT_MS = 600_000;

interface AskedItem {
  id?: string;
  text: string;
  kind?: QuestionItem['kind'];
  options?: string[];
  required?: boolean;
}

/** The items of a question as the model asked for it; a sentence that says what is wrong when they make no sense. */
export function questionItems(args: JsonObject): QuestionItem[] | string {
  const asked = (args.questions as unknown as AskedItem[] | undefined) ?? [];
  const all: AskedItem[] = typeof args.question === 'string' ? [{ text: args.question }, ...asked] : asked;
  if (all.length === 0) return 'give `question` or `questions`';
  const items = all.map((item, index): QuestionItem => {
    const kind = item.kind ?? (item.options ? 'single_choice' : 'text');
    return {
      id: item.id ?? `q${index + 1}`,
      text: item.text,
      kind,
      ...(kind === 'single_choice' || kind === 'multi_choice' ? { options: item.options ?? [] } : {}),
      required: item.required ?? true,
    };
  });
  const ids = new Set(items.map(({ id }) => id));
  if (ids.size < items.length) return 'every question needs an id of its own';
  const empty = items.find(({ options }) => options?.length === 0);
  return empty ? `question ${empty.id} needs options` : items;
}
