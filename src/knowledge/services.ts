import type { AgentKnowledge } from './agents';
import type { KnowledgeBases } from './bases';
import type { KnowledgeDocuments } from './documents';
import type { Ingestion } from './ingestion/ingestion';
import type { IngestionJobs } from './ingestion/jobs';
import type { ChunkingPreviews } from './preview';
import type { KnowledgeSearch } from './search/search';

/** What resolvers reach of the knowledge bases. */
export interface KnowledgeServices {
  bases: KnowledgeBases;
  documents: KnowledgeDocuments;
  ingestion: Ingestion;
  jobs: IngestionJobs;
  search: KnowledgeSearch;
  agents: AgentKnowledge;
  previews: ChunkingPreviews;
  /** Where vectors are: `embedded` or `elasticsearch`. */
  vectorStore: () => string;
}
