import { DomainError } from '../../errors';
import type { Clock } from '../../ports/clock';
import type { IngestionFileRecord } from '../../ports/knowledge';
import type { IncomingFile, Uploads } from './uploads';
import { fileRow, type Work } from './work';

/** One page of a site, as it was fetched. */
export interface CrawledPage {
  url: string;
  bytes: Uint8Array;
  contentType: string | null;
}

export interface CrawlRequest {
  url: string;
  /** Links followed from the first page at most. */
  maxDepth: number;
  maxPages: number;
  signal: AbortSignal;
}

/** Reads a site: the first page, then what it links to on the same host. @throws DomainError when the first page fails */
export type Crawl = (request: CrawlRequest) => AsyncIterable<CrawledPage>;

/** Brings the pages of a site into a job, one by one. */
export class Crawling {
  constructor(private readonly dependencies: { crawl: Crawl; uploads: Uploads; clock: Clock }) {}

  /** Files of the job that are new. A crawl that was interrupted starts over; pages that are there already cost nothing. */
  async *files(work: Work): AsyncGenerator<IngestionFileRecord> {
    const { base, progress, signal } = work;
    let pages = 0;
    for await (const page of this.dependencies.crawl({
      url: base.websiteUrl!,
      maxDepth: base.maxCrawlDepth!,
      maxPages: base.maxCrawlPages!,
      signal,
    })) {
      pages++;
      const file = await this.take(work, page);
      if (file) yield file;
    }
    if (pages === 0 && progress.state.files.length === 0)
      throw new DomainError('validation_failed', `No page of ${base.websiteUrl!} could be read.`);
  }

  private async take(work: Work, page: CrawledPage): Promise<IngestionFileRecord | undefined> {
    const { store, progress } = work;
    const { job, files } = progress.state;
    const { document, unchanged } = await this.dependencies.uploads.take(
      store,
      job.knowledgeBaseId,
      job.createdBy,
      fileOf(page),
    );
    if (files.some(({ documentId }) => documentId === document.id)) return undefined;
    const revision = unchanged ? document.liveRevision : await store.knowledge.takeRevision(document.id);
    if (revision === null) return undefined;
    const { id: documentId, fileName } = document;
    const createdAt = this.dependencies.clock.now();
    const file = fileRow(job, {
      documentId,
      fileName,
      position: files.length,
      revision,
      unchanged,
      createdAt,
    });
    await store.knowledge.addFiles([file]);
    progress.add([file]);
    return unchanged ? undefined : file;
  }
}

function fileOf({ url, bytes, contentType }: CrawledPage): IncomingFile {
  const { hostname, pathname, search } = new URL(url);
  const path = `${pathname}${search}`.replace(/^\/|\/$/g, '').replace(/[\\/?]/g, '_');
  const name = path === '' ? hostname : `${hostname}_${path}`;
  return { fileName: name, mimeType: contentType, bytes, url };
}
