import { DomainError, type FieldError } from '../errors';
import type { JsonObject, JsonValue } from '../ports/records';
import type { QuestionItem } from '../ports/tools';

const TEXT_CHARACTERS = 10_000;

/**
 * The answers by item id, without those that are null: an optional item may stay open.
 * @throws DomainError `validation_failed` with one entry for each bad answer, each naming `answers.<item id>`
 */
export function checkAnswers(items: QuestionItem[], answers: JsonValue): JsonObject {
  if (typeof answers !== 'object' || answers === null || Array.isArray(answers))
    throw refused([{ path: 'answers', message: 'must be an object of answers by item id' }]);
  const byId = new Map(items.map((item) => [item.id, item]));
  const given = new Map(Object.entries(answers).filter(([, value]) => value !== null && value !== undefined));
  const errors: FieldError[] = [];
  for (const [id, value] of Object.entries(answers)) {
    const item = byId.get(id);
    const complaint = item
      ? given.has(id)
        ? complaintAbout(item, value)
        : undefined
      : `is no item of this question; it has ${items.map((one) => one.id).join(', ')}`;
    if (complaint !== undefined) errors.push({ path: `answers.${id}`, message: complaint });
  }
  for (const item of items)
    if (item.required && !given.has(item.id))
      errors.push({ path: `answers.${item.id}`, message: 'needs an answer' });
  if (errors.length > 0) throw refused(errors);
  return Object.fromEntries<JsonValue | undefined>(given) as JsonObject;
}

const refused = (errors: FieldError[]): DomainError =>
  new DomainError('validation_failed', errors.map(({ path, message }) => `${path}: ${message}`).join('; '), {
    errors,
  });

function complaintAbout(item: QuestionItem, value: JsonValue | undefined): string | undefined {
  switch (item.kind) {
    case 'text':
      return aboutText(value);
    case 'confirm':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'single_choice':
      return typeof value === 'string' && item.options?.includes(value)
        ? undefined
        : `must be one of ${listed(item)}`;
    case 'multi_choice':
      return aboutChoices(item, value);
  }
}

function aboutText(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  if (value.trim() === '') return 'must not be empty';
  return value.length > TEXT_CHARACTERS
    ? `must have at most ${TEXT_CHARACTERS} characters, has ${value.length}`
    : undefined;
}

function aboutChoices(item: QuestionItem, value: JsonValue | undefined): string | undefined {
  if (!Array.isArray(value)) return `must be a list of ${listed(item)}`;
  if (value.some((one) => typeof one !== 'string' || !item.options?.includes(one)))
    return `must hold only ${listed(item)}`;
  if (new Set(value).size < value.length) return 'must not hold a choice twice';
  return item.required && value.length === 0 ? 'needs at least one choice' : undefined;
}

const listed = ({ options = [] }: QuestionItem): string =>
  options.map((option) => JSON.stringify(option)).join(', ');
