import { setImmediate as nextTurn } from 'node:timers/promises';
import { DomainError, invalid } from '../../errors';
import type { ModelRegistry } from '../../models/registry';
import type {
  ChatChunk,
  ChatRequest,
  EmbedResponse,
  FinishReason,
  ModelInfo,
  ModelProvider,
} from '../../ports/models';
import { Thinker } from './thinker';

export interface LocalProviderOptions {
  /** Counts tokens. */
  registry: ModelRegistry;
  /** `AGENTFLOW_LOCAL_TOKENS_PER_SECOND`: the pace of the stream. As fast as it is read when absent. */
  tokensPerSecond?: number;
}

const PROVIDER = 'agentflow';
const MODEL = 'local';
const WORDS_PER_CHUNK = 3;
const MS_PER_SECOND = 1000;
const TOKENS_PER_MESSAGE = 3;

const INFO: ModelInfo = {
  id: `${PROVIDER}/${MODEL}`,
  name: 'AgentFlow local',
  provider: PROVIDER,
  description:
    'Embedded offline model: extractive and deterministic, answers by quoting context and conversation, calls tools, fills JSON schemas.',
  capabilities: {
    contextWindow: 50_000,
    maxOutputTokens: 8192,
    supportsVision: false,
    supportsStreaming: true,
    supportsTools: true,
    supportsReasoning: false,
    supportsStructuredOutput: true,
  },
  supportedReasoningEfforts: [],
  pricing: { inputPerMillionUsd: 0, outputPerMillionUsd: 0 },
  available: true,
};

/**
 * The embedded model `agentflow/local`. The same request always gets the same answer, by these rules, first match wins:
 * tool calls that the user names (tools.ts), a JSON answer when a schema is asked for (structured.ts), else text
 * (answer.ts): report of tool results, title, summary, greeting, arithmetic, what the model is, quotation from context
 * or conversation, and plain words when nothing was found. A turn that ends in the assistant's own unfinished text is
 * continued where it stops. Tokens are counted by an estimate: the real tokenizer would cost 70 MB.
 * @throws RangeError on a pace that is not positive
 */
export function createLocalProvider(options: LocalProviderOptions): ModelProvider {
  const { registry, tokensPerSecond } = options;
  if (tokensPerSecond !== undefined && !(tokensPerSecond > 0)) {
    throw new RangeError('tokensPerSecond of the embedded model must be more than 0.');
  }
  const thinker = new Thinker();
  return {
    name: PROVIDER,
    models: () => [INFO],
    serves: (model) => model === MODEL,
    chat: (request) => chat(request, { thinker, registry, tokensPerSecond }),
    embed: (): Promise<EmbedResponse> =>
      Promise.reject(
        invalid(
          'model',
          `${INFO.id} makes no embeddings; use an embedding model of a configured provider, for example openai/text-embedding-3-small.`,
        ),
      ),
    status: () => ({ status: 'ok' }),
  };
}

async function* chat(
  request: ChatRequest,
  { thinker, registry, tokensPerSecond }: LocalProviderOptions & { thinker: Thinker },
): AsyncGenerator<ChatChunk> {
  request.signal?.throwIfAborted();
  const thought = await thinker.think(request);
  request.signal?.throwIfAborted();
  if ('problem' in thought) throw unfillable(request, thought.problem);
  if ('calls' in thought) {
    const { calls } = thought;
    for (const [index, call] of calls.entries()) {
      yield { type: 'tool_call', index, id: call.id, name: call.name, arguments: call.arguments };
    }
    const output = calls.map((call) => call.name + call.arguments).join('\n');
    yield {
      type: 'done',
      text: '',
      toolCalls: calls,
      finishReason: 'tool_calls',
      usage: count(request, output, registry),
    };
    return;
  }
  let text = '';
  let finishReason: FinishReason = 'stop';
  let tokens = 0;
  for (const piece of pieces(thought.text)) {
    const cost = registry.estimateTokens(piece);
    if (request.maxTokens !== undefined && tokens + cost > request.maxTokens) {
      finishReason = 'length';
      break;
    }
    tokens += cost;
    text += piece;
    yield { type: 'text', text: piece };
    await pause(cost, tokensPerSecond, request.signal);
  }
  yield { type: 'done', text, toolCalls: [], finishReason, usage: count(request, text, registry) };
}

function unfillable({ responseFormat }: ChatRequest, problem: string): DomainError {
  const name = typeof responseFormat === 'object' ? responseFormat.name : '';
  const message = `The embedded model cannot fill the response schema ${name}: ${problem}. Simplify the schema or choose another model.`;
  return new DomainError('validation_failed', message, {
    errors: [{ path: 'responseFormat.schema', message: problem }],
    extra: { provider: PROVIDER, retryable: false },
  });
}

/** A few words each; together exactly the text. */
function* pieces(text: string): Generator<string> {
  const parts = text.match(/\s*\S+\s*?(?=\s|$)|\s+$/g) ?? [];
  for (let i = 0; i < parts.length; i += WORDS_PER_CHUNK) yield parts.slice(i, i + WORDS_PER_CHUNK).join('');
}

/** Lets the event loop turn between chunks even without a pace: a long answer must not starve other requests. */
async function pause(
  tokens: number,
  tokensPerSecond: number | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (tokensPerSecond === undefined) await nextTurn();
  else await wait((tokens / tokensPerSecond) * MS_PER_SECOND, signal);
  signal?.throwIfAborted();
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
    if (signal?.aborted) finish();
  });
}

function count(request: ChatRequest, output: string, registry: ModelRegistry) {
  const inputTokens = request.messages.reduce(
    (sum, message) => sum + TOKENS_PER_MESSAGE + registry.estimateTokens(message.content),
    0,
  );
  return registry.usage(INFO.pricing, { inputTokens, outputTokens: registry.estimateTokens(output) });
}
