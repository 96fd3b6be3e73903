import { plainAnswer } from '../models/answer-text';
import type { ModelGateway } from '../ports/models';
import type { PartRecord } from '../ports/records';

const TITLE_CHARACTERS = 60;
const MAX_TITLE_CHARACTERS = 200;
/** Of a model's answer so much is looked at for the title. */
const MAX_LINE_CHARACTERS = 1_000;
const EXCERPT_CHARACTERS = 4_000;
const TITLE_TOKENS = 32;

/** A first title from the user's own words: the first line, cut at a word. */
export function provisionalTitle(message: string): string {
  const line = message.trim().split('\n', 1)[0]!.replace(/\s+/g, ' ').trim();
  if (line.length <= TITLE_CHARACTERS) return line;
  const cut = line.slice(0, TITLE_CHARACTERS);
  const space = cut.lastIndexOf(' ');
  return `${(space > TITLE_CHARACTERS / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** Asks `model` for a title of the messages. */
export async function generateTitle(
  models: ModelGateway,
  model: string,
  messages: PartRecord[],
): Promise<string> {
  const excerpt = messages
    .map((part) => `${part.type === 'user' ? 'User' : 'Assistant'}: ${part.text ?? ''}`)
    .join('\n')
    .slice(0, EXCERPT_CHARACTERS);
  const request = {
    model,
    maxTokens: TITLE_TOKENS,
    messages: [
      {
        role: 'system' as const,
        content:
          'Write a title of at most eight words for the conversation. Answer with the title alone, in the language of the conversation.',
      },
      { role: 'user' as const, content: excerpt },
    ],
  };
  for await (const chunk of models.chat(request))
    if (chunk.type === 'done') return cleanTitle(chunk.text, messages);
  return cleanTitle('', messages);
}

function cleanTitle(text: string, messages: PartRecord[]): string {
  const line = plainAnswer(text)
    .split('\n', 1)[0]!
    .slice(0, MAX_LINE_CHARACTERS)
    .replace(/^["'#*\s]+|["'*\s.]+$/g, '');
  const title =
    line === ''
      ? provisionalTitle(messages.find((part) => part.type === 'user')?.text ?? 'Conversation')
      : line;
  return title.slice(0, MAX_TITLE_CHARACTERS);
}
