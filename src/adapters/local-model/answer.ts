import { solve } from '../../arithmetic';
import { best, central, rank, type Ranked } from './rank';
import { sentences, splitBlocks, terms } from './text';
import type { ModelMessage } from '../../ports/models';

/** The conversation as the rules see it. */
export interface Reading {
  /** The last user message without its hidden blocks. */
  question: string;
  /** Hidden context: tagged blocks of system messages, context blocks of user messages. */
  context: string[];
  /** Earlier user messages without hidden blocks, oldest first. */
  earlier: string[];
  /** Untagged system text. */
  instructions: string;
  /** Results that arrived after the last user message. */
  results: { tool: string; content: string }[];
  /** What the assistant already wrote in this turn before it was interrupted. */
  written: string | undefined;
  /** The whole conversation, for summaries. */
  transcript: string[];
}

export const SELF =
  "I am AgentFlow's embedded offline model, agentflow/local. I am extractive and follow plain rules: I answer from the " +
  'context and the conversation by quoting what fits, summarize text, do arithmetic, call tools that you name, and fill ' +
  'JSON schemas. I have no knowledge of my own. For a generative model set OPENAI_API_KEY or OPENAI_BASE_URL.';

/** Text beyond this, oldest first, is not read: ranking must not hold up the event loop. */
const MAX_CONTEXT_CHARS = 200_000;
const MAX_RESULT_CHARS = 4000;
/** Blocks of a user message with such a name are context; others are the user's own markup. */
const CONTEXT_TAG =
  /context|knowledge|document|memor|summary|search|result|source|fact|excerpt|skill|note|block|attach|file/i;

const WHO =
  /\b(?:who|what) (?:are|r) (?:you|u)\b|\bwhat can you do\b|\byour name\b|\bintroduce yourself\b|\bwh(?:ich|at) model\b|\bare you (?:an? )?(?:ai|bot|robot|human|person|real|chatgpt|gpt)\b|\bhelp me understand what you\b/i;
const GREETING =
  /^\W*(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening|day))(?:\s+(?:there|again|all|everyone|agent|assistant))?\W*$/i;
const THANKS = /^\W*(?:thanks?(?: you)?(?: (?:so|very) much)?|ok(?:ay)?|great|bye|goodbye)\W*$/i;
const SUMMARIZE =
  /^\W*(?:please\s+)?(?:can you\s+|could you\s+)?(?:summari[sz]e|sum up|tl;?dr|give (?:me )?a summary of)\b/i;
const TITLE =
  /^\W*(?:please\s+)?(?:write|generate|create|give|suggest|produce|make|propose)\b[^.:\n]{0,40}\btitle\b/i;

export function read(messages: ModelMessage[]): Reading {
  const last = messages.findLastIndex((message) => message.role === 'user');
  const context: string[] = [];
  const earlier: string[] = [];
  const instructions: string[] = [];
  const transcript: string[] = [];
  let question = '';
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system') {
      const { plain, blocks } = splitBlocks(message.content, () => true);
      context.push(...blocks);
      instructions.push(plain);
    } else if (message.role === 'user') {
      const { plain, blocks } = splitBlocks(
        message.content,
        (name) => CONTEXT_TAG.test(name) || index < last,
      );
      context.push(...blocks);
      if (index === last) question = plain;
      else earlier.push(plain);
      if (index !== last) transcript.push(plain);
    } else if (message.role === 'assistant' && message.content) transcript.push(message.content);
  }
  return {
    question,
    context,
    earlier,
    instructions: instructions.join('\n').trim(),
    results: resultsAfter(messages, last),
    written: writtenAfter(messages, last),
    transcript,
  };
}

function resultsAfter(messages: ModelMessage[], last: number): Reading['results'] {
  const names = new Map<string, string>();
  const results: Reading['results'] = [];
  for (const message of messages.slice(last + 1)) {
    if (message.role === 'assistant')
      for (const call of message.toolCalls ?? []) names.set(call.id, call.name);
    if (message.role !== 'tool') continue;
    results.push({ tool: names.get(message.toolCallId) ?? 'tool', content: message.content });
  }
  return results;
}

/** A turn that ends in the assistant's own text is to be continued. */
function writtenAfter(messages: ModelMessage[], last: number): string | undefined {
  const tail = messages.slice(last + 1).findLast((message) => message.role !== 'system');
  return tail?.role === 'assistant' && !tail.toolCalls?.length && tail.content ? tail.content : undefined;
}

/** The first rule that applies gives the answer. */
export function answer(reading: Reading): string {
  const { question, results } = reading;
  if (results.length > 0) return report(results);
  if (TITLE.test(question) || TITLE.test(reading.instructions)) return title(reading);
  if (SUMMARIZE.test(question)) return summarize(textToSummarize(reading));
  if (SUMMARIZE.test(reading.instructions)) return summarize(question);
  if (GREETING.test(question)) return `Hello. ${SELF}`;
  if (THANKS.test(question)) return 'You are welcome.';
  return solve(question) ?? (WHO.test(question) ? SELF : extract(reading));
}

function report(results: Reading['results']): string {
  return results
    .map(({ tool, content }) => {
      const text = content.trim();
      if (text === '') return `The tool ${tool} returned nothing.`;
      const cut = text.length > MAX_RESULT_CHARS ? `${text.slice(0, MAX_RESULT_CHARS)}…` : text;
      return `The tool ${tool} returned: ${cut}`;
    })
    .join('\n\n');
}

/** Context first, then the user's own words; the one that holds more of the question's terms wins. */
function extract(reading: Reading): string {
  const fromContext = best(rank(reading.question, sentences(bounded(reading.context))));
  const statements = sentences(bounded(reading.earlier)).filter((sentence) => !sentence.endsWith('?'));
  const fromUser = rank(reading.question, statements).slice(0, 1);
  if (coverage(fromUser) > coverage(fromContext)) return `Earlier you said: "${fromUser[0]?.sentence}"`;
  if (fromContext.length > 0) return fromContext.map(({ sentence }) => sentence).join(' ');
  return nothingFound(reading);
}

const coverage = (ranked: Ranked[]): number => Math.max(0, ...ranked.map((one) => one.coverage));

function nothingFound(reading: Reading): string {
  const subject =
    [...new Set(terms(reading.question))].length > 0 ? ` about "${firstWords(reading.question, 12)}"` : '';
  const where =
    reading.context.length > 0
      ? 'the given context and this conversation'
      : 'this conversation, and no context was given';
  return (
    `I am AgentFlow's offline extractive model and found nothing${subject} in ${where}. ` +
    'I can quote given context, summarize text, do arithmetic and call tools that you name; set OPENAI_API_KEY or ' +
    'OPENAI_BASE_URL for a generative model.'
  );
}

/** The newest texts that fit the bound, in order. */
function bounded(texts: string[]): string {
  let left = MAX_CONTEXT_CHARS;
  const kept: string[] = [];
  for (const text of [...texts].reverse()) {
    if (left <= 0) break;
    kept.unshift(text.slice(0, left));
    left -= text.length;
  }
  return kept.join('\n');
}

/** The text after `summarize:`, else the context, else the conversation. */
function textToSummarize(reading: Reading): string {
  const rest = reading.question
    .replace(SUMMARIZE, '')
    .replace(/^\s*(?:the (?:following|text|conversation)|this|it)?[^\n:]{0,60}:/i, '')
    .trim();
  if (terms(rest).length > SHORT_REQUEST_TERMS) return rest;
  if (reading.context.length > 0) return bounded(reading.context);
  return reading.transcript.length > 0 ? bounded(reading.transcript) : rest;
}

/** `summarize this conversation please` is a request without a text of its own. */
const SHORT_REQUEST_TERMS = 5;
const MIN_SUMMARY_SENTENCES = 2;
const MAX_SUMMARY_SENTENCES = 8;
const SENTENCES_PER_KEPT = 4;

function summarize(text: string): string {
  const all = sentences(text.replace(SUMMARIZE, '').replace(/^\s*:/, '').slice(0, MAX_CONTEXT_CHARS));
  if (all.length === 0) return 'There is nothing to summarize.';
  const count = Math.min(
    MAX_SUMMARY_SENTENCES,
    Math.max(MIN_SUMMARY_SENTENCES, Math.ceil(all.length / SENTENCES_PER_KEPT)),
  );
  return central(all, count).join(' ');
}

const MAX_TITLE_WORDS = 8;
const MAX_TITLE_CHARS = 80;
const FILLERS =
  /^(?:(?:user|assistant|human)\s*:\s*|(?:please|hi|hello|hey|so|well|ok|okay)\b[\s,!.]*|(?:can|could|would) you\s+(?:please\s+)?|i (?:want|need|would like) (?:you )?to\s+|tell me\s+(?:about\s+)?)+/i;

/** The first sentence of what the title is for, without pleasantries, at most eight words. */
function title(reading: Reading): string {
  const asked = TITLE.test(reading.question);
  const own = asked ? reading.question.replace(/^[^:\n]*[:\n]/, '') : reading.question;
  const about = asked && own === reading.question ? (reading.earlier[0] ?? own) : own;
  const first = sentences(about.replace(FILLERS, ''))[0] ?? 'New conversation';
  const words = firstWords(first.replace(FILLERS, ''), MAX_TITLE_WORDS)
    .slice(0, MAX_TITLE_CHARS)
    .replace(/[\s.,;:!?]+$/, '');
  return words === '' ? 'New conversation' : words.charAt(0).toUpperCase() + words.slice(1);
}

const firstWords = (text: string, count: number): string =>
  text.split(/\s+/).slice(0, count).join(' ').trim();

/** Everything that a structured answer may draw from. */
export const sourceText = (reading: Reading): string =>
  [
    reading.question,
    ...reading.results.map(({ content }) => content),
    bounded(reading.context),
    bounded(reading.earlier),
  ].join('\n');
