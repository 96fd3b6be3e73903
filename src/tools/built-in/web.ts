import type { DocumentParser } from '../../documents/parse';
import type { Turn } from '../../fair-semaphore';
import { FetchFailed, type SafeFetch } from '../../net/safe-fetch';
import type { JsonValue } from '../../ports/records';
import { type BuiltInTool, parameters, ToolFailure } from './definition';

const LONGEST_TEXT = 60_000;
const MOST_BYTES = 5 * 1024 * 1024;
const TIMEOUT_MS = 20_000;

/** Reads pages of the public web. */
export const web = (fetch: SafeFetch, parser: Pick<DocumentParser, 'parse'>): BuiltInTool[] => [
  {
    name: 'web_fetch',
    description:
      'Fetches a public web page, PDF or other document and returns its readable text as Markdown.',
    group: 'web',
    agents: ['MainAgent', 'ResearchAgent'],
    idempotent: true,
    parameters: parameters({ url: { type: 'string', minLength: 8, maxLength: 2000 } }, ['url']),
    run: (args, { tenant, userId: user, signal }) =>
      readable({ fetch, parser, url: args.url as string, turn: { tenant, user }, signal }),
  },
];

interface Reading {
  fetch: SafeFetch;
  parser: Pick<DocumentParser, 'parse'>;
  url: string;
  turn: Turn;
  signal: AbortSignal;
}

async function readable({ fetch, parser, url, turn, signal }: Reading): Promise<JsonValue> {
  const page = await fetchPage(fetch, url, signal);
  if (page.status >= 400)
    throw new ToolFailure('http_error', `${url} answers status ${page.status}`, page.status >= 500);
  const declaredType = page.headers['content-type'] ?? null;
  const fileName = new URL(page.url).pathname.split('/').at(-1) ?? '';
  const document = await parser.parse({ bytes: page.body, fileName, declaredType }, { turn, signal });
  return {
    url: page.url,
    title: document.title,
    content_type: document.contentType,
    text: document.text.slice(0, LONGEST_TEXT),
    cut: document.text.length > LONGEST_TEXT,
  };
}

async function fetchPage(fetch: SafeFetch, url: string, signal: AbortSignal) {
  try {
    return await fetch(url, {
      signal,
      maxBytes: MOST_BYTES,
      timeoutMs: TIMEOUT_MS,
      headers: { accept: 'text/html,text/plain,application/json;q=0.9,*/*;q=0.5' },
    });
  } catch (error) {
    if (error instanceof FetchFailed) throw new ToolFailure('fetch_failed', error.message, error.retryable);
    throw error;
  }
}
