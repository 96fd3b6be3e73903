import { DomainError, notFound } from '../errors';
import type { KnowledgeBaseRecord, KnowledgeDocumentRecord } from '../ports/knowledge';
import type { TenantStore } from '../ports/stores';
import { nameKeyOf } from './base-form';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A living base by its id, or by its name, which is unique in the tenant. @throws DomainError `not_found` */
export async function livingBase(store: TenantStore, reference: string): Promise<KnowledgeBaseRecord> {
  const base = await findBase(store, reference);
  if (!base) throw notFound('Knowledge base', reference);
  return base;
}

export async function findBase(store: TenantStore, reference: string): Promise<KnowledgeBaseRecord | null> {
  const byId = () => store.knowledge.findBase(reference);
  const byName = () => store.knowledge.findBaseByName(nameKeyOf(reference));
  // Ids are UUIDs, and names may be: whichever is likelier goes first.
  const base = UUID.test(reference) ? ((await byId()) ?? (await byName())) : await byName();
  return base && !base.deletedAt ? base : null;
}

/**
 * Living bases in the order of the references, each once.
 * @throws DomainError `not_found` naming every one that does not exist, with `missing_knowledge_base_ids`
 */
export async function livingBases(store: TenantStore, references: string[]): Promise<KnowledgeBaseRecord[]> {
  const found = await Promise.all(references.map((reference) => findBase(store, reference)));
  const missing = references.filter((_, index) => !found[index]);
  if (missing.length > 0)
    throw new DomainError(
      'not_found',
      `${missing.length === 1 ? 'Knowledge base' : 'Knowledge bases'} ${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not exist.`,
      { extra: { missing_knowledge_base_ids: missing } },
    );
  return [...new Map(found.map((base) => [base!.id, base!])).values()];
}

/** A living document of a base. @throws DomainError `not_found` */
export async function livingDocument(
  store: TenantStore,
  base: KnowledgeBaseRecord,
  documentId: string,
): Promise<KnowledgeDocumentRecord> {
  const document = await store.knowledge.findDocument(documentId);
  if (!document || document.deletedAt || document.knowledgeBaseId !== base.id)
    throw new DomainError('not_found', `Knowledge base ${base.name} has no document ${documentId}.`);
  return document;
}
