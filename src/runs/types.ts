import type { ModelMessage } from '../ports/models';
import type { ApprovalRecord, QuestionRecord } from '../ports/tools';
import type { JsonObject, JsonValue, PartRecord, RunRecord } from '../ports/records';

export type IfActive = 'reject' | 'enqueue' | 'interrupt';

/** A block of prompt text that comes with one request and is registered nowhere. */
export interface InlinePromptBlock {
  name: string;
  body: string;
  /** Where it goes: the system messages, or the hidden context of this user turn. */
  message?: 'system' | 'user' | null;
  order?: number | null;
  enabled?: boolean | null;
}

export interface ContextRef {
  type: string;
  id?: string | null;
  text?: string | null;
  label?: string | null;
}

export interface ResponseFormat {
  type: string;
  jsonSchema?: { name: string; schema?: JsonValue; strict?: boolean | null } | null;
}

/** Generation settings of one request; each beats the agent's. */
export interface ModelOverrides {
  model?: string | null;
  temperature?: number | null;
  maxTokens?: number | null;
  topP?: number | null;
  frequencyPenalty?: number | null;
  presencePenalty?: number | null;
  maxTurns?: number | null;
  reasoningEffort?: string | null;
}

export interface ChatInput extends ModelOverrides {
  message: string;
  conversationId: string;
  messageId: string;
  verbose?: boolean | null;
  callId?: string | null;
  ifActive?: IfActive | null;
  promptBlocks?: InlinePromptBlock[] | null;
  contextRefs?: ContextRef[] | null;
  knowledgeBases?: string[] | null;
  /** Search fields for the search in `knowledgeBases`. */
  retrievalOptions?: JsonValue;
  enableQueryRewrite?: boolean | null;
  attachmentIds?: string[] | null;
  skills?: string[] | null;
  artifacts?: string[] | null;
  selectedTools?: string[] | null;
  sessionContext?: JsonValue;
  responseFormat?: ResponseFormat | null;
  clientTimezone?: string | null;
  source?: string | null;
  sourceId?: string | null;
  sourceMetadata?: JsonValue;
}

/** The request as a run keeps it: what the model call needs, validated and rendered. */
export interface RunRequest {
  message: string;
  /** Rendered hidden context of this turn, stored with the user's message and replayed in later turns. */
  hidden: string[];
  /** Rendered inline blocks for the system messages of this run. */
  systemBlocks: string[];
  role: 'agent' | 'sub_agent' | 'tool';
  /** Names of the tools to offer, instead of all. */
  selectedTools?: string[];
  /** Sources that the hidden context quotes; shown with the answer. */
  citations?: JsonValue[];
  /** Names of what was resolved into hidden context, for telling a retry from another message. */
  references?: { knowledgeBases: string[]; attachmentIds: string[]; retrievalOptions: JsonValue };
  /** What a sub-agent that is asked again said and heard before. */
  thread?: ModelMessage[];
  /** The call of a direct tool run. */
  call?: { toolId: string; toolName: string; arguments: JsonObject };
  temperature?: number;
  maxTokens?: number;
  topP?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  maxTurns?: number;
  reasoningEffort?: string;
  responseFormat?: { name: string; schema: JsonObject; strict?: boolean } | 'json_object';
}

export interface StartedRun {
  run: RunRecord;
  /** False when the same `message_id` had been accepted before: its stream is replayed. */
  started: boolean;
}

/** A finished or paused run with its events, as a caller that does not stream gets it. */
export interface RunOutcome {
  run: RunRecord;
  events: PartRecord[];
  /** What a paused run waits for, oldest first. */
  approvals: ApprovalRecord[];
  questions: QuestionRecord[];
}
