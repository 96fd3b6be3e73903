import type { AgentRecord } from '../ports/records';

/** Configuration of an agent that says nothing else. `maxTurns` and history limits are the documented defaults. */
export const AGENT_DEFAULTS: Omit<
  AgentRecord,
  | 'id'
  | 'name'
  | 'nameKey'
  | 'kind'
  | 'description'
  | 'systemPrompt'
  | 'createdBy'
  | 'createdAt'
  | 'updatedAt'
> = {
  hidden: false,
  enabled: true,
  disabledReason: null,
  llmModel: null,
  llmTemperature: null,
  llmMaxTokens: null,
  reasoningEffort: null,
  enablePlanning: true,
  enableReflection: false,
  enableRetrieval: false,
  maxTurns: 10,
  maxConversationMessages: 50,
  targetConversationMessages: 30,
  preserveRecentTurns: 10,
  knowledgeBaseIds: [],
  version: 1,
  deletedAt: null,
};

/** Bounds of what a client may set. */
export const AGENT_LIMITS = {
  nameCharacters: 100,
  descriptionCharacters: 2_000,
  promptCharacters: 100_000,
  temperature: { min: 0, max: 2 },
  maxTokens: { min: 1, max: 1_000_000 },
  maxTurns: { min: 1, max: 100 },
  historyMessages: { min: 1, max: 1_000 },
  /** Parents above a sub-agent, the root included. */
  depth: 5,
} as const;
