import { FetchFailed, type SafeFetch } from '../../net/safe-fetch';
import type { JsonValue } from '../../ports/records';
import { type BuiltInTool, parameters, ToolFailure } from './definition';

const LONGEST_TEXT = 60_000;

/** Reads pages of the public web. */
export const web = (fetch: SafeFetch): BuiltInTool[] => [
  {
    name: 'web_fetch',
    description: 'Fetches a public web page and returns its readable text as Markdown.',
    group: 'web',
    agents: ['MainAgent', 'ResearchAgent'],
    idempotent: true,
    parameters: parameters({ url: { type: 'string', minLength: 8, maxLength: 2000 } }, ['url']),
    run: async (args, { signal }) => readable(fetch, args.url as string, signal),
  },
];

async function readable(fetch: SafeFetch, url: string, signal: AbortSignal): Promise<JsonValue> {
  const page = await fetchPage(fetch, url, signal);
  const type = page.headers['content-type'] ?? '';
  const text = page.body.toString('utf8');
  if (page.status >= 400)
    throw new ToolFailure('http_error', `${url} answers status ${page.status}`, page.status >= 500);
  if (!/html/i.test(type)) return { url: page.url, title: null, text: text.slice(0, LONGEST_TEXT) };
  return { url: page.url, ...(await toMarkdown(text)) };
}

async function fetchPage(fetch: SafeFetch, url: string, signal: AbortSignal) {
  try {
    return await fetch(url, {
      signal,
      headers: { accept: 'text/html,text/plain,application/json;q=0.9,*/*;q=0.5' },
    });
  } catch (error) {
    if (error instanceof FetchFailed) throw new ToolFailure('fetch_failed', error.message, error.retryable);
    throw error;
  }
}

/** The article of a page without its navigation; the whole body where no article is found. */
async function toMarkdown(html: string): Promise<{ title: string | null; text: string }> {
  const [{ parseHTML }, { Readability }, { default: Turndown }] = await Promise.all([
    import('linkedom'),
    import('@mozilla/readability'),
    import('turndown'),
  ]);
  const { document } = parseHTML(html);
  const title = document.title || null;
  const article = new Readability(document as never).parse();
  const content = article?.content ?? parseHTML(html).document.body?.innerHTML ?? '';
  const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced' });
  turndown.remove(['script', 'style', 'noscript']);
  const markdown = turndown.turndown(parseHTML(`<body>${content}</body>`).document.body as never);
  return { title: article?.title ?? title, text: markdown.slice(0, LONGEST_TEXT) };
}
