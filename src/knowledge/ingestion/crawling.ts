import { DomainError } from '../../errors';
import type { IngestionFileRecord } from '../../ports/knowledge';
import type { FileStorage } from '../../ports/files';
import type { Intake } from './intake';
import type { IncomingFile } from './uploads';
import type { Work } from './work';

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
  constructor(
    private readonly dependencies: { crawl: Crawl; intake: Intake; storage: Pick<FileStorage, 'remove'> },
  ) {}

  /** Pages that a process died over while it stored them: they are fetched again. */
  async forgetInterrupted({ store, progress }: Work): Promise<void> {
    const expected = progress.unfinished.filter(({ storageKey }) => storageKey !== null);
    const documents = await store.knowledge.findDocuments(expected.map(({ documentId }) => documentId));
    const known = new Set(documents.map(({ id }) => id));
    const interrupted = expected.filter(({ documentId }) => !known.has(documentId));
    for (const { storageKey } of interrupted) await this.dependencies.storage.remove(storageKey!);
    const ids = interrupted.map(({ id }) => id);
    await store.knowledge.removeFiles(ids);
    progress.remove(ids);
  }

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
    const { intake } = this.dependencies;
    const incoming = fileOf(page);
    const row = intake.expect(store, job, incoming, files.length);
    await store.knowledge.addFiles([row]);
    const documents = new Set(files.map(({ documentId }) => documentId));
    const file = await intake.take({ store, job, row, file: incoming, documents });
    if (!file) return undefined;
    progress.add([file]);
    return file.unchanged ? undefined : file;
  }
}

function fileOf({ url, bytes, contentType }: CrawledPage): IncomingFile {
  const { hostname, pathname, search } = new URL(url);
  const path = `${pathname}${search}`.replace(/^\/|\/$/g, '').replace(/[\\/?]/g, '_');
  const name = path === '' ? hostname : `${hostname}_${path}`;
  return { fileName: name, mimeType: contentType, bytes, url };
}
