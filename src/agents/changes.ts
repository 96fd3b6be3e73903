import { type FieldError, throwIfInvalid } from '../errors';
import type { AgentRecord } from '../ports/records';
import { AGENT_LIMITS } from './defaults';

export interface LlmConfigChanges {
  model?: string | null;
  temperature?: number | null;
  maxTokens?: number | null;
}

/** What a client may change of an agent; what is absent stays. `llmConfig` merges key by key, null resets a key. */
export interface AgentChanges {
  name?: string | null;
  description?: string | null;
  systemPrompt?: string | null;
  llmConfig?: LlmConfigChanges | null;
  reasoningEffort?: string | null;
  enablePlanning?: boolean | null;
  enableReflection?: boolean | null;
  enableRetrieval?: boolean | null;
  maxTurns?: number | null;
  maxConversationMessages?: number | null;
  targetConversationMessages?: number | null;
  preserveRecentTurns?: number | null;
  knowledgeBases?: string[] | null;
  toolAssignments?: string[] | null;
}

const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 _.-]*$/;

class Complaints {
  readonly errors: FieldError[] = [];

  add(path: string, message: string): void {
    this.errors.push({ path, message });
  }

  text(path: string, value: string | null | undefined, max: number, required: boolean): void {
    if (value === undefined || value === null) return;
    if (required && value.trim() === '') this.add(path, 'must not be empty');
    if (value.length > max) this.add(path, `must have at most ${max} characters, has ${value.length}`);
  }

  range(path: string, value: number | null | undefined, bounds: { min: number; max: number }): void {
    if (value === undefined || value === null) return;
    if (!Number.isFinite(value) || value < bounds.min || value > bounds.max)
      this.add(path, `must be between ${bounds.min} and ${bounds.max}, is ${value}`);
  }

  throwIfAny(): void {
    throwIfInvalid(this.errors);
  }
}

function check(changes: AgentChanges): void {
  const complaints = new Complaints();
  complaints.text('name', changes.name, AGENT_LIMITS.nameCharacters, true);
  if (changes.name && !NAME_PATTERN.test(changes.name))
    complaints.add('name', 'must start with a letter or digit and hold only letters, digits, space, _ . -');
  complaints.text('description', changes.description, AGENT_LIMITS.descriptionCharacters, false);
  complaints.text('system_prompt', changes.systemPrompt, AGENT_LIMITS.promptCharacters, true);
  complaints.range('llm_config.temperature', changes.llmConfig?.temperature, AGENT_LIMITS.temperature);
  complaints.range('llm_config.max_tokens', changes.llmConfig?.maxTokens, AGENT_LIMITS.maxTokens);
  complaints.range('max_turns', changes.maxTurns, AGENT_LIMITS.maxTurns);
  complaints.range(
    'max_conversation_messages',
    changes.maxConversationMessages,
    AGENT_LIMITS.historyMessages,
  );
  complaints.range(
    'target_conversation_messages',
    changes.targetConversationMessages,
    AGENT_LIMITS.historyMessages,
  );
  complaints.range('preserve_recent_turns', changes.preserveRecentTurns, AGENT_LIMITS.historyMessages);
  if (changes.reasoningEffort && !REASONING_EFFORTS.includes(changes.reasoningEffort))
    complaints.add('reasoning_effort', `must be one of ${REASONING_EFFORTS.join(', ')}`);
  complaints.throwIfAny();
}

const present = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

/**
 * The row changes that `changes` asks for. A null resets what may be empty (`llm_config.*`, `reasoning_effort`) and is
 * ignored elsewhere, as existing clients send it for "not set".
 * @throws DomainError `validation_failed` with one entry for each bad value
 */
export function toRowChanges(changes: AgentChanges): Partial<AgentRecord> {
  check(changes);
  const row: Partial<AgentRecord> = {};
  const llm = changes.llmConfig;
  if (llm) {
    if (llm.model !== undefined) row.llmModel = llm.model;
    if (llm.temperature !== undefined) row.llmTemperature = llm.temperature;
    if (llm.maxTokens !== undefined) row.llmMaxTokens = llm.maxTokens;
  }
  if (changes.reasoningEffort !== undefined) row.reasoningEffort = changes.reasoningEffort;
  if (present(changes.name)) {
    row.name = changes.name;
    row.nameKey = changes.name;
  }
  if (present(changes.description)) row.description = changes.description;
  if (present(changes.systemPrompt)) row.systemPrompt = changes.systemPrompt;
  if (present(changes.enablePlanning)) row.enablePlanning = changes.enablePlanning;
  if (present(changes.enableReflection)) row.enableReflection = changes.enableReflection;
  if (present(changes.enableRetrieval)) row.enableRetrieval = changes.enableRetrieval;
  if (present(changes.maxTurns)) row.maxTurns = changes.maxTurns;
  if (present(changes.maxConversationMessages)) row.maxConversationMessages = changes.maxConversationMessages;
  if (present(changes.targetConversationMessages))
    row.targetConversationMessages = changes.targetConversationMessages;
  if (present(changes.preserveRecentTurns)) row.preserveRecentTurns = changes.preserveRecentTurns;
  if (present(changes.knowledgeBases)) row.knowledgeBaseIds = changes.knowledgeBases;
  return row;
}
