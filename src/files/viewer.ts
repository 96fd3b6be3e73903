import type { DocumentPage } from '../documents/types';
import { invalid } from '../errors';
import type { Principal } from '../ports/identity';
import type { JsonValue } from '../ports/records';
import type { Attachments } from './attachments';

/** A document's text with what is needed to show passages of it. */
export interface DocumentView {
  id: string;
  source: 'attachment' | 'knowledge_base';
  title: string;
  contentType: string;
  text: string;
  pages: DocumentPage[] | null;
  /** What was left out of the text or could not be read, in sentences for the user. */
  warnings: string[];
  metadata: JsonValue;
}

/** What the viewer needs of the knowledge bases. */
export interface KnowledgeDocuments {
  /** @throws DomainError `not_found` */
  view(
    principal: Principal,
    document: { knowledgeBaseId: string; documentId: string },
    signal?: AbortSignal,
  ): Promise<DocumentView>;
}

export interface DocumentQuery {
  attachmentId?: string | null;
  documentId?: string | null;
  knowledgeBaseId?: string | null;
}

/** Shows the parsed text of attachments and of documents of knowledge bases. */
export class DocumentViewer {
  constructor(
    private readonly attachments: Attachments,
    private readonly knowledge: KnowledgeDocuments | undefined,
  ) {}

  /** @throws DomainError `validation_failed` unless exactly one document is named, `not_found` */
  async view(principal: Principal, query: DocumentQuery, signal?: AbortSignal): Promise<DocumentView> {
    const { attachmentId, documentId, knowledgeBaseId } = query;
    if (attachmentId && (documentId || knowledgeBaseId))
      throw invalid('query.attachment_id', 'stands alone; leave out document_id and knowledge_base_id');
    if (attachmentId) return this.attachment(principal, attachmentId);
    if (!documentId)
      throw invalid('query.attachment_id', 'is required, or document_id with knowledge_base_id');
    if (!knowledgeBaseId) throw invalid('query.knowledge_base_id', 'is required with document_id');
    if (!this.knowledge)
      throw invalid('query.document_id', 'names nothing: there are no knowledge bases here');
    return this.knowledge.view(principal, { knowledgeBaseId, documentId }, signal);
  }

  private async attachment(principal: Principal, id: string): Promise<DocumentView> {
    const { attachment, text } = await this.attachments.content(principal, id);
    return {
      id,
      source: 'attachment',
      title: attachment.title ?? attachment.fileName,
      contentType: attachment.contentType,
      text,
      pages: attachment.pages as unknown as DocumentPage[] | null,
      // Attachments of earlier versions have none.
      warnings: attachment.warnings ?? [],
      metadata: attachment.metadata,
    };
  }
}
