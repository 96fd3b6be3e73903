import { DomainError } from '../errors';
import type { Principal } from '../ports/identity';
import type { AgentRecord, JsonValue } from '../ports/records';
import { wrapBlock } from './request';
import type { ResolvedContext } from './engine';
import type { ChatInput } from './types';

/** The text of an attachment, or why there is none. */
export interface AttachmentContext {
  id: string;
  fileName: string;
  text: string | null;
  truncated: boolean;
  reason: string | null;
}

export interface ContextSources {
  attachments: (principal: Principal, ids: readonly string[]) => Promise<AttachmentContext[]>;
  /** Searches knowledge bases. @throws DomainError `validation_failed` on `knowledge_bases.<index>` */
  knowledge: (
    principal: Principal,
    search: { knowledgeBases: string[]; query: string; options: JsonValue },
  ) => Promise<{ hidden: string[]; citations: JsonValue[] }>;
}

/** Finds what a message refers to, as hidden context of its turn. */
export async function resolveContext(
  sources: ContextSources,
  principal: Principal,
  agent: AgentRecord,
  input: ChatInput,
): Promise<ResolvedContext> {
  const attachments = await sources.attachments(principal, input.attachmentIds ?? []);
  const named = input.knowledgeBases ?? [];
  const knowledgeBases = named.length > 0 ? named : agent.enableRetrieval ? agent.knowledgeBaseIds : [];
  const found =
    knowledgeBases.length === 0
      ? { hidden: [], citations: [] }
      : await sources.knowledge(principal, {
          knowledgeBases,
          query: input.message,
          options: searchOptions(input),
        });
  return { hidden: [...attachments.map(render), ...found.hidden], citations: found.citations };
}

function searchOptions({ retrievalOptions, enableQueryRewrite }: ChatInput): JsonValue {
  const options = retrievalOptions ?? {};
  if (typeof options !== 'object' || Array.isArray(options))
    throw new DomainError('validation_failed', 'retrieval_options: must be an object', {
      errors: [{ path: 'retrieval_options', message: 'must be an object' }],
    });
  return enableQueryRewrite === undefined || enableQueryRewrite === null
    ? options
    : { enable_query_rewrite: enableQueryRewrite, ...options };
}

function render({ fileName, text, truncated, reason }: AttachmentContext): string {
  const body = text ?? `(no text: ${reason ?? 'the file has none'})`;
  return wrapBlock('attachment', `${fileName}${truncated ? ' (shortened)' : ''}:\n${body}`);
}
