import type { DocumentParser } from '../documents/parse';
import type { DocumentView } from '../files/viewer';
import type { FileStorage } from '../ports/files';
import type { Principal } from '../ports/identity';
import type { TenantStore } from '../ports/stores';
import { livingBase, livingDocument } from './find';
import { bytesOf } from './ingestion/ingest-file';

/** Shows documents of knowledge bases as text; read from the file again, as the ingestion read it. */
export class KnowledgeViewer {
  constructor(
    private readonly dependencies: {
      open: (tenant: string) => Promise<TenantStore>;
      storage: FileStorage;
      parser: DocumentParser;
    },
  ) {}

  /** @throws DomainError `not_found`; `validation_failed` or `unsupported_media_type` when the file gave no text */
  async view(
    principal: Principal,
    { knowledgeBaseId, documentId }: { knowledgeBaseId: string; documentId: string },
    signal?: AbortSignal,
  ): Promise<DocumentView> {
    const { open, storage, parser } = this.dependencies;
    const store = await open(principal.tenant);
    const base = await livingBase(store, knowledgeBaseId);
    const document = await livingDocument(store, base, documentId);
    const { fileName, contentType, storageKey } = document;
    const bytes = await bytesOf(storage, storageKey);
    const turn = { tenant: principal.tenant, user: principal.userId };
    const parsed = await parser.parse({ bytes, fileName, declaredType: contentType }, { turn, signal });
    return {
      id: document.id,
      source: 'knowledge_base',
      title: parsed.title ?? fileName,
      contentType: parsed.contentType,
      text: parsed.text,
      pages: parsed.pages ?? null,
      warnings: parsed.warnings,
      metadata: document.metadata,
    };
  }
}
