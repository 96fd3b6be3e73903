import { DomainError, invalid } from '../../errors';
import type {
  ChatChunk,
  ChatRequest,
  EmbedRequest,
  EmbedResponse,
  ModelInfo,
  ModelProvider,
} from '../../ports/models';
import { Attempt, AttemptFailed, loadClient, type Client } from './client';
import type { ChatStream } from './chat-stream';
import { EmbeddingBatches } from './embedding-batches';
import { MAX_EMBED_INPUTS, readEmbeddings } from './embeddings';
import type { CallContext, Failure } from './errors';
import { createHttpClient, type HttpClient } from './http-client';
import { Limiter } from './limiter';
import { abortableDelay, backoffMs, checkLimits, DEFAULT_LIMITS } from './options';
import type { OpenAiLimits, OpenAiProviderOptions } from './options';
import { toWireRequest } from './request';
import { countUsage } from './usage';

export interface OpenAiProvider extends ModelProvider {
  /** Calls running and waiting, and sockets open: for tests, metrics and health. */
  load(): { active: number; queued: number; openSockets: number };
  /** Closes every connection. Calls still running fail as cut off. */
  close(): void;
}

const OFFICIAL_HOST = 'api.openai.com';
const OFFICIAL_MODELS = /^(gpt-|chatgpt-|o\d|text-embedding-|ft:|codex-)/;
const MODEL_ID = /^[^\s\p{Cc}]{1,200}$/u;
/** Failures in a row after which `/health` calls the provider degraded. */
const DEGRADED_AFTER = 3;

/**
 * Any OpenAI-compatible endpoint as a model provider.
 * @throws RangeError on a bad limit; TypeError on a `baseUrl` that is no http(s) URL
 */
export function createOpenAiProvider(options: OpenAiProviderOptions): OpenAiProvider {
  return new Provider(options);
}

class Provider implements OpenAiProvider {
  readonly name: string;
  private readonly registry: OpenAiProviderOptions['registry'];
  private readonly limits: OpenAiLimits;
  private readonly limiter: Limiter;
  private readonly http: HttpClient = createHttpClient();
  private readonly official: boolean;
  private readonly listed: ModelInfo[];
  private readonly infos = new Map<string, ModelInfo>();
  private client: Promise<Client> | undefined;
  private failuresInARow = 0;
  private readonly batches: EmbeddingBatches;

  constructor(private readonly options: OpenAiProviderOptions) {
    this.name = options.name;
    this.registry = options.registry;
    this.limits = checkLimits({ ...DEFAULT_LIMITS, ...options.limits });
    const { maxConcurrency, maxQueue, totalTimeoutMs } = this.limits;
    this.limiter = new Limiter(this.name, { maxConcurrency, maxQueue, maxWaitMs: totalTimeoutMs });
    this.batches = new EmbeddingBatches({
      mostTexts: Math.min(options.embeddingBatchSize ?? MAX_EMBED_INPUTS, MAX_EMBED_INPUTS),
      send: (model, input, signal) => this.embedBatch(model, input, signal),
      logger: options.logger,
      provider: options.name,
    });
    this.official = options.baseUrl === undefined || checkUrl(options.baseUrl).hostname === OFFICIAL_HOST;
    this.listed = this.listModels();
  }

  models(): ModelInfo[] {
    return this.listed;
  }

  serves(model: string): boolean {
    if (!MODEL_ID.test(model)) return false;
    return !this.official || OFFICIAL_MODELS.test(model) || this.options.models?.includes(model) === true;
  }

  async *chat(request: ChatRequest): AsyncGenerator<ChatChunk, void, undefined> {
    const { signal } = request;
    const model = this.wireModel(request.model);
    const release = await this.enter(signal, request.turn);
    let stream: ChatStream | undefined;
    const abort = (): void => {
      stream?.close();
      release();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      stream = await this.openStream(request, model);
      // A for-await over another generator would cost a second promise for every delta.
      for (let delta = await stream.next(); delta; delta = await stream.next()) {
        signal?.throwIfAborted();
        yield delta;
      }
      signal?.throwIfAborted();
      if (stream.failure) throw this.failed(stream.failure, model);
      const { result } = stream;
      const counts = await countUsage(request, result, this.registry);
      this.failuresInARow = 0;
      yield {
        type: 'done',
        text: result.text,
        toolCalls: result.toolCalls,
        finishReason: result.finishReason,
        usage: this.registry.usage(this.describe(model).pricing, counts),
        ...(result.giveBack && { giveBack: result.giveBack }),
      };
    } finally {
      signal?.removeEventListener('abort', abort);
      stream?.close();
      release();
    }
  }

  async embed(request: EmbedRequest): Promise<EmbedResponse> {
    const model = this.wireModel(request.model);
    if (request.input.length === 0) throw invalid('input', 'At least one text is needed.');
    const release = await this.enter(request.signal);
    try {
      const { vectors, inputTokens } = await this.batches.embed(model, request.input, request.signal);
      this.failuresInARow = 0;
      return {
        vectors,
        usage: this.registry.usage(this.describe(model).pricing, { inputTokens, outputTokens: 0 }),
      };
    } finally {
      release();
    }
  }

  status(): { status: 'ok' | 'degraded' | 'down'; detail?: string } {
    if (!this.hasAccess()) return { status: 'down', detail: 'no API key' };
    if (this.failuresInARow < DEGRADED_AFTER) return { status: 'ok' };
    return { status: 'degraded', detail: `the last ${this.failuresInARow} calls failed` };
  }

  load(): { active: number; queued: number; openSockets: number } {
    return { active: this.limiter.active, queued: this.limiter.queued, openSockets: this.http.openSockets() };
  }

  close(): void {
    this.http.close();
  }

  private enter(signal: AbortSignal | undefined, turn?: ChatRequest['turn']): Promise<() => void> {
    if (this.hasAccess()) return this.limiter.acquire(signal, turn);
    const message = `The provider ${this.name} has no API key; set one or choose another model.`;
    const extra = { provider: this.name, retryable: false };
    return Promise.reject(new DomainError('provider_error', message, { extra }));
  }

  private async openStream(request: ChatRequest, model: string): Promise<ChatStream> {
    const body = toWireRequest(request, { model, info: this.describe(model), official: this.official });
    const expected = { model: request.model, mayBeEmpty: hasBegun(request) };
    return this.withRetries(model, request.signal, (client, attempt) =>
      attempt.openStream((signal) => client.streamChat(body, signal), expected),
    );
  }

  private embedBatch(model: string, input: string[], signal: AbortSignal | undefined) {
    return this.withRetries(model, signal, async (client, attempt, context) => {
      const params = { model, input, encoding_format: 'base64' } as const;
      const wire = await attempt.run((bound) => client.openai.embeddings.create(params, { signal: bound }));
      const { vectors, inputTokens } = readEmbeddings(wire, input.length, context);
      const counted = inputTokens ?? input.reduce((sum, text) => sum + this.registry.estimateTokens(text), 0);
      return { vectors, inputTokens: counted };
    });
  }

  /** Tries until it works, the failure is final, the attempts are used up, or the next pause would pass the total time. */
  private async withRetries<T>(
    model: string,
    signal: AbortSignal | undefined,
    work: (client: Client, attempt: Attempt, context: CallContext) => Promise<T>,
  ): Promise<T> {
    const client = await (this.client ??= loadClient(
      { baseUrl: this.options.baseUrl, apiKey: this.options.apiKey },
      this.http,
    ));
    const deadline = this.now() + this.limits.totalTimeoutMs;
    for (let count = 1; ; count += 1) {
      signal?.throwIfAborted();
      const context = { provider: this.name, model, nowMs: this.now() };
      const attempt = new Attempt(context, this.limits, signal);
      try {
        return await work(client, attempt, context);
      } catch (error) {
        if (!(error instanceof AttemptFailed)) throw error;
        const { failure } = error;
        const pauseMs = this.pauseAfter(count, failure);
        const last = count >= this.limits.maxAttempts || this.now() + pauseMs >= deadline;
        if (!failure.retryable || last) throw this.failed(failure, model);
        this.options.logger.warn(
          { provider: this.name, model, attempt: count, code: failure.error.code, pauseMs },
          'model call failed, trying again',
        );
        await (this.options.delay ?? abortableDelay)(pauseMs, signal);
      } finally {
        attempt.detach();
      }
    }
  }

  private pauseAfter(attempt: number, failure: Failure): number {
    const asked = failure.error.details.retryAfterMs;
    return asked ?? backoffMs(attempt, this.limits, this.options.random ?? Math.random);
  }

  /** Counts what speaks against the provider's health: a request of the caller's that it refused does not. */
  private failed(failure: Failure, model: string): DomainError {
    const { error } = failure;
    if (error.code !== 'validation_failed') {
      this.failuresInARow += 1;
      this.options.logger.warn({ provider: this.name, model, code: error.code }, 'model call failed');
    }
    return error;
  }

  private describe(model: string): ModelInfo {
    const known = this.infos.get(model);
    if (known) return known;
    const info = { ...this.registry.describe(this.name, model), available: this.hasAccess() };
    if (this.official && !this.registry.hasKnownPrice(model)) {
      this.options.logger.warn(
        { provider: this.name, model },
        'model without a known price: its cost counts as 0',
      );
    }
    // Ids come from callers: without a bound they would fill memory.
    if (this.infos.size >= MAX_REMEMBERED_MODELS) this.infos.clear();
    this.infos.set(model, info);
    return info;
  }

  private listModels(): ModelInfo[] {
    const available = this.hasAccess();
    const own = (this.options.models ?? []).map((model) => this.registry.describe(this.name, model));
    const known = this.official ? this.registry.list(this.name) : [];
    const extra = own.filter((model) => !known.some((other) => other.id === model.id));
    return [...extra, ...known].map((model) => ({ ...model, available }));
  }

  private wireModel(id: string): string {
    const prefix = `${this.name}/`;
    return id.startsWith(prefix) ? id.slice(prefix.length) : id;
  }

  /** An endpoint of one's own may need no key; OpenAI's always does. */
  private hasAccess(): boolean {
    return !this.official || Boolean(this.options.apiKey);
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}

/** True when the answer has text already: before it was cut, or beside the calls of this turn. */
function hasBegun({ messages, continueFrom }: ChatRequest): boolean {
  if (continueFrom?.trim()) return true;
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1);
  return turn.some(({ role, content }) => role === 'assistant' && content.trim() !== '');
}

const MAX_REMEMBERED_MODELS = 1000;

function checkUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new TypeError('The base URL of a model provider must be an http or https URL.');
}
