import { CHUNKING_STRATEGIES } from '../documents/types';
import { METADATA_CHARACTERS } from '../limits';
import type { KnowledgeBaseRecord } from '../ports/knowledge';
import type { JsonValue } from '../ports/records';
import { Complaints } from './complaints';
import { BASE_DEFAULTS, KNOWLEDGE_LIMITS, VECTOR_DB_TYPES } from './limits';

/** What a client says of a knowledge base; what is absent gets its default, or stays. */
export interface BaseForm {
  name?: string | null;
  description?: string | null;
  /** A list, or one text with commas, as forms have it. */
  tags?: string[] | string | null;
  metadata?: JsonValue;
  chunkSize?: number | null;
  overlapPercentage?: number | null;
  chunkingStrategy?: string | null;
  vectorDbType?: string | null;
}

export type BaseSettings = Pick<
  KnowledgeBaseRecord,
  | 'name'
  | 'nameKey'
  | 'description'
  | 'tags'
  | 'metadata'
  | 'chunkSize'
  | 'overlapPercentage'
  | 'chunkingStrategy'
  | 'vectorDbType'
>;

/** Names are compared without regard to case and to white space around them. */
export const nameKeyOf = (name: string): string => name.trim().normalize('NFC').toLowerCase();

/** @throws DomainError `validation_failed` naming every bad field */
export function newBaseSettings(form: BaseForm): BaseSettings {
  const complaints = new Complaints();
  if ((form.name ?? '').trim() === '') complaints.add('name', 'must not be empty');
  checkForm(form, complaints);
  complaints.throwIfAny();
  const name = form.name!.trim();
  return {
    name,
    nameKey: nameKeyOf(name),
    description: form.description ?? null,
    tags: tagsOf(form.tags) ?? [],
    metadata: form.metadata ?? {},
    chunkSize: form.chunkSize ?? BASE_DEFAULTS.chunkSize,
    overlapPercentage: form.overlapPercentage ?? BASE_DEFAULTS.overlapPercentage,
    chunkingStrategy: form.chunkingStrategy ?? BASE_DEFAULTS.chunkingStrategy,
    vectorDbType: form.vectorDbType ?? BASE_DEFAULTS.vectorDbType,
  };
}

/** Only what the form names. @throws DomainError `validation_failed` naming every bad field */
export function changedBaseSettings(form: BaseForm): Partial<BaseSettings> {
  const complaints = new Complaints();
  if (form.name !== undefined && (form.name ?? '').trim() === '') complaints.add('name', 'must not be empty');
  checkForm(form, complaints);
  complaints.throwIfAny();
  const changes: Partial<BaseSettings> = {};
  if (form.name) Object.assign(changes, { name: form.name.trim(), nameKey: nameKeyOf(form.name) });
  if (form.description !== undefined) changes.description = form.description;
  if (form.tags !== undefined) changes.tags = tagsOf(form.tags) ?? [];
  if (form.metadata !== undefined) changes.metadata = form.metadata ?? {};
  for (const key of ['chunkSize', 'overlapPercentage', 'chunkingStrategy', 'vectorDbType'] as const)
    if (form[key] !== undefined) Object.assign(changes, { [key]: form[key] ?? BASE_DEFAULTS[key] });
  return changes;
}

function checkForm(form: BaseForm, complaints: Complaints): void {
  complaints.text('name', form.name, KNOWLEDGE_LIMITS.nameCharacters);
  complaints.text('description', form.description, KNOWLEDGE_LIMITS.descriptionCharacters);
  complaints.range('chunk_size', form.chunkSize, { ...KNOWLEDGE_LIMITS.chunkSize, whole: true });
  complaints.range('overlap_percentage', form.overlapPercentage, KNOWLEDGE_LIMITS.overlap);
  complaints.oneOf('chunking_strategy', form.chunkingStrategy, CHUNKING_STRATEGIES);
  complaints.oneOf('vector_db_type', form.vectorDbType, VECTOR_DB_TYPES);
  checkTags(tagsOf(form.tags) ?? [], complaints);
  checkMetadata(form.metadata, complaints);
}

function checkTags(tags: string[], complaints: Complaints): void {
  if (tags.length > KNOWLEDGE_LIMITS.tags)
    complaints.add('tags', `must be at most ${KNOWLEDGE_LIMITS.tags}, are ${tags.length}`);
  const long = tags.find((tag) => tag.length > KNOWLEDGE_LIMITS.tagCharacters);
  if (long !== undefined)
    complaints.add('tags', `must have at most ${KNOWLEDGE_LIMITS.tagCharacters} characters each`);
}

export function checkMetadata(
  metadata: JsonValue | undefined,
  complaints: Complaints,
  path = 'metadata',
): void {
  if (metadata === undefined || metadata === null) return;
  if (typeof metadata !== 'object' || Array.isArray(metadata)) complaints.add(path, 'must be an object');
  else if (JSON.stringify(metadata).length > METADATA_CHARACTERS)
    complaints.add(path, `must have at most ${METADATA_CHARACTERS} characters as JSON`);
}

function tagsOf(tags: BaseForm['tags']): string[] | undefined {
  if (tags === undefined || tags === null) return undefined;
  const parts = typeof tags === 'string' ? tags.split(',') : tags;
  return [...new Set(parts.map((tag) => tag.trim()).filter((tag) => tag !== ''))];
}
