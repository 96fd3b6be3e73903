import type { JsonObject } from './records';

/**
 * The language-model port. Adapters: any OpenAI-compatible endpoint, and the embedded offline model.
 * Shapes follow OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat) in camelCase.
 */
export type JsonSchema = Record<string, unknown>;

/**
 * What an endpoint wants back with what it said, unread by anybody else: the signature of a thought, the reasoning of a
 * step with calls.
 */
export interface GiveBack {
  /** `provider/model` that gave it; others refuse fields that they do not know. */
  model: string;
  /** In the endpoint's own form. */
  fields: JsonObject;
}

export interface ModelToolCall {
  id: string;
  name: string;
  /** Arguments exactly as the model wrote them: JSON text, perhaps invalid. */
  arguments: string;
  giveBack?: GiveBack;
}

export type ModelMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string; toolCalls?: ModelToolCall[]; giveBack?: GiveBack }
  | { role: 'tool'; content: string; toolCallId: string };

export interface ModelTool {
  name: string;
  description: string;
  parameters: JsonSchema;
}

export interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  /** US dollars by the model registry's price; 0 for a model without one. */
  costUsd: number;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

export interface ChatRequest {
  /** `provider/model`, for example `openai/gpt-4.1-mini` or `agentflow/local`. */
  model: string;
  messages: ModelMessage[];
  tools?: ModelTool[];
  /** 0 to 2. */
  temperature?: number;
  maxTokens?: number;
  topP?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  reasoningEffort?: string;
  /** Structured output: the answer's text is JSON that fits `schema`. */
  responseFormat?: { name: string; schema: JsonSchema; strict?: boolean } | 'json_object';
  /**
   * Text that this model wrote already before the call was cut: the answer goes on behind it. The provider yields only
   * what follows. A model that starts over instead of going on is recognised by the caller (it repeats this text).
   */
  continueFrom?: string;
  /** Aborts the call; the iterator then throws the signal's reason. */
  signal?: AbortSignal;
  /** Whose turn it is where calls wait for one another: tenants take turns, then their users. */
  turn?: { tenant?: string; user?: string };
}

/** What a streaming call yields, in order: any number of deltas, then exactly one `done`. */
export type ChatChunk =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool_call'; index: number; id?: string; name?: string; arguments?: string }
  | {
      type: 'done';
      text: string;
      toolCalls: ModelToolCall[];
      finishReason: FinishReason;
      usage: ModelUsage;
      giveBack?: GiveBack;
    };

export interface ModelInfo {
  /** `provider/model`. */
  id: string;
  name: string;
  provider: string;
  description: string;
  capabilities: {
    contextWindow: number;
    maxOutputTokens: number;
    supportsVision: boolean;
    supportsStreaming: boolean;
    supportsTools: boolean;
    supportsReasoning: boolean;
    supportsStructuredOutput: boolean;
  };
  supportedReasoningEfforts: string[];
  /** US dollars per million tokens. */
  pricing: { inputPerMillionUsd: number; outputPerMillionUsd: number; cachedInputPerMillionUsd?: number };
  /** True when this deployment can call it now (its provider has a key, or it is embedded). */
  available: boolean;
}

/** One provider: the part of a model id before the slash. */
export interface ModelProvider {
  readonly name: string;
  models(): ModelInfo[];
  /** True when this provider can try `model` (the id's part after the slash). */
  serves(model: string): boolean;
  /**
   * Streams one completion.
   * @throws DomainError `provider_error` (after retries), `provider_timeout`, `rate_limited` (provider 429 after retries, with
   *   `retryAfterMs`), `validation_failed` (the provider refused the request as malformed); the abort reason when aborted.
   *   `details.extra.retryable` says whether the same call may succeed later.
   */
  chat(request: ChatRequest): AsyncIterable<ChatChunk>;
  embed(request: EmbedRequest): Promise<EmbedResponse>;
  /** Cheap liveness for `/health`: never a paid call. */
  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string };
}

export interface EmbedRequest {
  model: string;
  input: string[];
  signal?: AbortSignal;
}

export interface EmbedResponse {
  vectors: Float32Array[];
  usage: ModelUsage;
}

/** Routes a `provider/model` id to its provider. */
export interface ModelGateway {
  /** Every model, available ones first. */
  list(): ModelInfo[];
  find(id: string): ModelInfo | undefined;
  /** The deployment's default: the configured one, else the provider's when a key is set, else `agentflow/local`. */
  defaultModel(): string;
  /** @throws DomainError `validation_failed` naming `model` when no provider serves the id. */
  resolve(id: string): ModelProvider;
  chat(request: ChatRequest): AsyncIterable<ChatChunk>;
  embed(request: EmbedRequest): Promise<EmbedResponse>;
  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string };
}
