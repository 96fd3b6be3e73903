import { throwIfInvalid, withinField } from '../errors';
import type { Principal } from '../ports/identity';
import type { JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { toBlock } from './blocks';
import { findBase } from './find';
import { KNOWLEDGE_LIMITS } from './limits';
import { searchFieldsOf } from './search/options';
import type { KnowledgeSearch } from './search/search';
import type { SearchResult } from './search/types';

/** Passages for a chat where its request does not say: enough to answer from, few enough to be read. */
const CHAT_LIMIT = 6;
/** All passages together; what comes after it is left out. UTF-16 code units. */
const CHAT_CHARACTERS = 24_000;
const QUOTE_CHARACTERS = 300;

export interface ChatRetrieval {
  knowledgeBases: string[];
  query: string;
  /** Search fields as JSON, snake_case. */
  options: JsonValue;
}

/** Passages for a model, and what they are for the reader. */
export interface RetrievedContext {
  /** One block of hidden context for each passage, numbered as the citations. */
  hidden: string[];
  /** `{index, knowledge_base_id, document_id, chunk_id, source_file, title, quote, start, end, page?, url?, score}`. */
  citations: JsonValue[];
}

/** Finds what a chat should know before it answers. */
export class Retrieval {
  constructor(
    private readonly dependencies: {
      open: (tenant: string) => Promise<TenantStore>;
      search: KnowledgeSearch;
    },
  ) {}

  /** @throws DomainError `validation_failed` naming `knowledge_bases.<index>` or the bad part of `retrieval_options` */
  async forChat(
    principal: Principal,
    { knowledgeBases, query, options }: ChatRetrieval,
  ): Promise<RetrievedContext> {
    const fields = searchFieldsOf(options, 'retrieval_options');
    await this.assertKnown(principal, knowledgeBases);
    const { documents } = await this.dependencies.search
      .search(principal, knowledgeBases, query.slice(0, KNOWLEDGE_LIMITS.queryCharacters), {
        limit: CHAT_LIMIT,
        ...fields,
      })
      .catch((error: unknown) => {
        throw withinField(error, 'retrieval_options');
      });
    const shown = withinBudget(documents);
    return { hidden: shown.map(toBlock), citations: shown.map(toCitation) };
  }

  private async assertKnown(principal: Principal, references: string[]): Promise<void> {
    const store = await this.dependencies.open(principal.tenant);
    const found = await Promise.all(references.map((reference) => findBase(store, reference)));
    const errors = references.flatMap((reference, index) =>
      found[index]
        ? []
        : [{ path: `knowledge_bases.${index}`, message: `there is no knowledge base ${reference}` }],
    );
    throwIfInvalid(errors);
  }
}

function withinBudget(documents: SearchResult[]): SearchResult[] {
  let characters = 0;
  return documents.filter(({ content }, index) => {
    characters += content.length;
    return index === 0 || characters <= CHAT_CHARACTERS;
  });
}

function toCitation(result: SearchResult, index: number): JsonValue {
  const { page, url } = (result.metadata ?? {}) as { page?: number; url?: string };
  return {
    index: index + 1,
    knowledge_base_id: result.knowledgeBaseId,
    document_id: result.documentId,
    chunk_id: result.id,
    source_file: result.sourceFile,
    title: result.title,
    quote: result.content.slice(0, QUOTE_CHARACTERS),
    start: result.start,
    end: result.end,
    ...(page === undefined ? {} : { page }),
    ...(url === undefined ? {} : { url }),
    score: result.score,
  };
}
