import { DomainError, invalid } from '../../errors';
import type { FileInput } from '../types';
import { linksOf } from './links';
import { boundedRobots } from './robots';
import { canonicalUrl, isCandidate, siteOf } from './urls';

export const DEFAULT_CRAWL_DEPTH = 2;
export const MAX_CRAWL_DEPTH = 5;
export const DEFAULT_CRAWL_PAGES = 20;
export const MAX_CRAWL_PAGES = 500;
const PAGE_TIMEOUT_MS = 10_000;
const PAGE_BYTES = 5 * 1024 * 1024;
const ROBOTS_BYTES = 512 * 1024;
/** Of longer addresses the beginning is compared with the rules. UTF-16 code units. */
const LONGEST_ADDRESS = 2_000;
/** Requests at a time, to one site. */
const CONCURRENCY = 4;
/** Pages that fail, or are no pages, count as well: a site of dead links must end. */
const MAX_REQUESTS_PER_PAGE = 4;
/** A pause that a robots.txt asks for is kept up to this; a longer one would never end. */
const MAX_DELAY_MS = 10_000;

export const CRAWLER_NAME = 'AgentFlow';

/** What a crawl needs of the network; refuses addresses that are not public, also after redirects. */
export type CrawlFetch = (
  url: string,
  request: { timeoutMs: number; maxBytes: number; signal?: AbortSignal; headers: Record<string, string> },
) => Promise<{ status: number; headers: Record<string, string>; url: string; body: Buffer }>;

export interface CrawlOptions {
  url: string;
  /** Links to follow from the first page; 2. 0 to 5. */
  depth?: number;
  /** Pages at most; 20. 1 to 500. */
  pages?: number;
  fetch: CrawlFetch;
  signal?: AbortSignal;
}

/** A page that is there to be parsed, or one that could not be had. */
export type CrawledPage =
  | { ok: true; url: string; depth: number; file: FileInput }
  | { ok: false; url: string; depth: number; reason: string };

interface Target {
  url: URL;
  depth: number;
}

/**
 * Reads a site from a page on, breadth first, by the links of its pages, and gives each page when it comes. Stays on the
 * host; keeps to robots.txt (also its delay), `nofollow` and `noindex`; pages that are the same by their canonical address
 * come once. Failures of single pages are given and do not end the crawl.
 * @throws DomainError `validation_failed` for options out of bounds
 * @throws the signal's reason when aborted
 */
export function crawl(options: CrawlOptions): AsyncGenerator<CrawledPage> {
  return new Crawler(options).run();
}

/** A page of a site, as it was fetched. */
export interface SitePage {
  url: string;
  bytes: Uint8Array;
  contentType: string | null;
}

export interface SiteRequest {
  url: string;
  maxDepth: number;
  maxPages: number;
  signal: AbortSignal;
}

/**
 * A crawl that gives only the pages that could be had.
 * @returns a function whose iteration throws DomainError `validation_failed` with the reason when the first page cannot be had
 */
export function createSiteReader(fetch: CrawlFetch): (request: SiteRequest) => AsyncIterable<SitePage> {
  return async function* ({ url, maxDepth: depth, maxPages: pages, signal }) {
    for await (const page of crawl({ url, depth, pages, signal, fetch })) {
      if (page.ok)
        yield { url: page.url, bytes: page.file.bytes, contentType: page.file.declaredType ?? null };
      else if (page.depth === 0) throw invalid('website_url', `${url} cannot be read: ${page.reason}`);
    }
  };
}

interface Robots {
  allows(url: URL): boolean;
  delayMs: number;
}

class Crawler {
  private readonly start: URL;
  private readonly depth: number;
  private readonly maxPages: number;
  /** Canonical addresses that were asked for, or are waiting. */
  private readonly seen = new Set<string>();
  /** Canonical addresses of the pages that were given. */
  private readonly given = new Set<string>();
  private queue: Target[] = [];
  private site = '';
  private pages = 0;
  private requests = 0;
  /** By origin. */
  private readonly robots = new Map<string, Promise<Robots>>();
  private readonly stopped = new AbortController();
  private readonly signal: AbortSignal;

  constructor(private readonly options: CrawlOptions) {
    const { signal } = options;
    this.signal = signal ? AbortSignal.any([signal, this.stopped.signal]) : this.stopped.signal;
    const { depth = DEFAULT_CRAWL_DEPTH, pages = DEFAULT_CRAWL_PAGES, url } = options;
    if (!Number.isInteger(depth) || depth < 0 || depth > MAX_CRAWL_DEPTH)
      throw invalid('max_crawl_depth', `must be a whole number from 0 to ${MAX_CRAWL_DEPTH}`);
    if (!Number.isInteger(pages) || pages < 1 || pages > MAX_CRAWL_PAGES)
      throw invalid('max_crawl_pages', `must be a whole number from 1 to ${MAX_CRAWL_PAGES}`);
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw invalid('website_url', 'must be an http or https URL');
    this.start = new URL(url);
    this.depth = depth;
    this.maxPages = pages;
  }

  async *run(): AsyncGenerator<CrawledPage> {
    this.site = siteOf(this.start);
    this.enqueue(this.start, 0);
    try {
      while (this.queue.length > 0 && this.pages < this.maxPages && this.requestsLeft() > 0) {
        const { delayMs } = await this.robotsFor(this.queue[0]!.url);
        yield* this.readBatch(Math.min(delayMs > 0 ? 1 : CONCURRENCY, this.maxPages - this.pages));
        if (delayMs > 0 && this.queue.length > 0) await pause(delayMs, this.signal);
      }
    } finally {
      // Whoever stops taking pages also stops what is under way.
      this.stopped.abort();
    }
  }

  private async *readBatch(size: number): AsyncGenerator<CrawledPage> {
    const batch = this.queue.splice(0, Math.min(size, this.requestsLeft()));
    this.requests += batch.length;
    const results = batch.map((target) => this.visit(target));
    // One that fails while an earlier one is awaited is looked at in its turn.
    for (const result of results) result.catch(() => undefined);
    // In the order of the batch, so that a crawl of the same site is the same crawl.
    for (const result of results) {
      const page = await result;
      if (page?.ok) this.pages++;
      if (page) yield page;
    }
  }

  private requestsLeft(): number {
    return this.maxPages * MAX_REQUESTS_PER_PAGE - this.requests;
  }

  private enqueue(url: URL, depth: number): void {
    const canonical = canonicalUrl(url);
    if (this.seen.has(canonical)) return;
    // What cannot be asked for any more is not remembered either.
    if (this.seen.size >= this.maxPages * MAX_REQUESTS_PER_PAGE * 2) return;
    this.seen.add(canonical);
    const page = new URL(url.href);
    page.hash = '';
    this.queue.push({ url: page, depth });
  }

  private get(url: string, maxBytes: number): ReturnType<CrawlFetch> {
    const { signal } = this;
    return this.options.fetch(url, {
      timeoutMs: PAGE_TIMEOUT_MS,
      maxBytes,
      signal,
      headers: { accept: 'text/html,application/xhtml+xml,text/plain,application/pdf;q=0.9,*/*;q=0.1' },
    });
  }

  private robotsFor({ origin }: URL): Promise<Robots> {
    let robots = this.robots.get(origin);
    if (!robots) this.robots.set(origin, (robots = this.readRobots(origin)));
    return robots;
  }

  private async readRobots(origin: string): Promise<Robots> {
    const url = `${origin}/robots.txt`;
    try {
      const { status, body } = await this.get(url, ROBOTS_BYTES);
      // As RFC 9309 has it: without a file all is allowed; with one that cannot be had, nothing is.
      if (status >= 500) return { allows: () => false, delayMs: 0 };
      return status >= 400 ? ALL_ALLOWED : parseRobots(url, body.toString('utf8'));
    } catch (error) {
      this.signal.throwIfAborted();
      // The host cannot be reached or is refused, which its first page says as well; a torn answer allows nothing.
      return { allows: () => (error as { reason?: string }).reason !== 'too_large', delayMs: 0 };
    }
  }

  /** @returns null for what is no page to give: seen before, or not to be indexed */
  private async visit({ url, depth }: Target): Promise<CrawledPage | null> {
    const failed = (reason: string): CrawledPage => ({ ok: false, url: url.href, depth, reason });
    if (!(await this.robotsFor(url)).allows(url)) return failed('robots.txt of the site does not allow it');
    let answer: Awaited<ReturnType<CrawlFetch>>;
    try {
      answer = await this.get(url.href, PAGE_BYTES);
    } catch (error) {
      this.signal.throwIfAborted();
      return failed(reasonOf(error));
    }
    if (answer.status < 200 || answer.status > 299) return failed(`The site answered ${answer.status}`);
    const at = new URL(answer.url);
    // A first page that moves to another host takes the crawl along: `example.org` to `www.example.com`.
    if (depth === 0) this.site = siteOf(at);
    if (siteOf(at) !== this.site) return failed('It leads to another site');
    if (!(await this.robotsFor(at)).allows(at)) return failed('robots.txt of the site does not allow it');
    return this.take(at, depth, answer);
  }

  private take(
    at: URL,
    depth: number,
    { headers, body }: Awaited<ReturnType<CrawlFetch>>,
  ): CrawledPage | null {
    const declaredType = headers['content-type'] ?? null;
    const isHtml = declaredType === null || /^(?:text\/html|application\/xhtml\+xml)/i.test(declaredType);
    const page = isHtml ? linksOf(body.toString('utf8'), at) : null;
    if (page && depth < this.depth)
      for (const link of page.links) if (isCandidate(link, this.site)) this.enqueue(link, depth + 1);
    const own = page?.canonical && isCandidate(page.canonical, this.site) ? page.canonical : at;
    const canonical = canonicalUrl(own);
    this.seen.add(canonicalUrl(at));
    if (this.given.has(canonical) || page?.noIndex || /\bnoindex\b/i.test(headers['x-robots-tag'] ?? ''))
      return null;
    this.given.add(canonical);
    return {
      ok: true,
      url: at.href,
      depth,
      file: { bytes: body, fileName: nameOf(at, isHtml), declaredType },
    };
  }
}

/** Without the name of the field that a refused address is in: here it may be any link. */
const reasonOf = (error: unknown): string =>
  (error instanceof DomainError && error.details.errors?.[0]?.message) || (error as Error).message;

const ALL_ALLOWED: Robots = { allows: () => true, delayMs: 0 };

function parseRobots(url: string, text: string): Robots {
  /* eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded by the first crawl */
  const parse = require('robots-parser') as typeof import('robots-parser').default;
  const robots = parse(url, boundedRobots(text, CRAWLER_NAME.toLowerCase()));
  return {
    allows: (page) => robots.isAllowed(page.href.slice(0, LONGEST_ADDRESS), CRAWLER_NAME) !== false,
    delayMs: Math.min(MAX_DELAY_MS, Math.max(0, (robots.getCrawlDelay(CRAWLER_NAME) ?? 0) * 1000)),
  };
}

/** `/docs/install` -> `install.html`: the name by which the parser takes the page for what it is. */
function nameOf(url: URL, isHtml: boolean): string {
  const last = decoded(url.pathname).split('/').filter(Boolean).at(-1) ?? url.hostname;
  return isHtml && !/\.x?html?$/i.test(last) ? `${last}.html` : last;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // Not every address is well encoded; the name is only for people.
    return path;
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    if (signal?.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
