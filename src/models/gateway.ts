import { invalid } from '../errors';
import type { Logger } from '../ports/logger';
import type { ChatChunk, ChatRequest, EmbedRequest, EmbedResponse } from '../ports/models';
import type { ModelGateway, ModelInfo, ModelProvider } from '../ports/models';
import { describeModel } from './catalogue';

/** The embedded model: always there, so always a last resort for the default. */
export const LOCAL_MODEL = 'agentflow/local';
const OPENAI_DEFAULT = 'gpt-4.1-mini';

export interface ModelGatewayOptions {
  /** In order of preference; names are unique. */
  providers: ModelProvider[];
  /** `provider/model`; `agentflow/local` unless the caller says. See {@link chooseDefaultModel}. */
  defaultModel?: string;
  logger: Logger;
}

export interface DefaultModelSettings {
  /** `AGENTFLOW_DEFAULT_MODEL` */
  configured?: string;
  /** `OPENAI_MODEL` */
  openAiModel?: string;
  /** `OPENAI_API_KEY` */
  openAiApiKey?: string;
  /** `OPENAI_BASE_URL` */
  openAiBaseUrl?: string;
}

/** The configured model, else OpenAI's when a key or an endpoint is set, else the embedded one. Empty strings count as unset. */
export function chooseDefaultModel(settings: DefaultModelSettings): string {
  if (settings.configured) return settings.configured;
  if (settings.openAiApiKey || settings.openAiBaseUrl)
    return `openai/${settings.openAiModel || OPENAI_DEFAULT}`;
  return LOCAL_MODEL;
}

/**
 * Routes model ids to providers.
 * @throws Error when two providers share a name or no provider serves `defaultModel`: a wrong deployment, found at start.
 */
export function createModelGateway(options: ModelGatewayOptions): ModelGateway {
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  if (providers.size !== options.providers.length) throw new Error('Two model providers share one name.');

  const route = (id: string): Route => findRoute(providers, id);
  const fallback = canonicalDefault(providers, options);

  return {
    list: () => availableFirst(options.providers.flatMap((provider) => provider.models())),
    find: (id) => findModel(providers, id),
    defaultModel: () => fallback,
    resolve: (id) => route(id).provider,
    chat: (request: ChatRequest): AsyncIterable<ChatChunk> => {
      const { provider, id } = route(request.model);
      return provider.chat(id === request.model ? request : { ...request, model: id });
    },
    embed: async (request: EmbedRequest): Promise<EmbedResponse> => {
      const { provider, id } = route(request.model);
      return provider.embed(id === request.model ? request : { ...request, model: id });
    },
    status: () => worstOf(options.providers),
  };
}

interface Route {
  provider: ModelProvider;
  /** `provider/model`, also when the caller gave a bare id. */
  id: string;
}

/**
 * `provider/model` by its prefix. Any other id, slashes included (`meta-llama/Llama-3.3-70B` on a custom endpoint), is
 * bare: it belongs to the one provider that lists it, else to the only one that can try it.
 */
function findRoute(providers: Map<string, ModelProvider>, id: string): Route {
  const slash = id.indexOf('/');
  const named = slash > 0 ? providers.get(id.slice(0, slash)) : undefined;
  if (named) {
    if (named.serves(id.slice(slash + 1))) return { provider: named, id };
    throw invalid(
      'model',
      `The provider ${named.name} does not serve the model ${id}; see the list of models.`,
    );
  }
  const able = [...providers.values()].filter((provider) => provider.serves(id));
  const listing = able.filter((provider) => provider.models().some((m) => m.id === `${provider.name}/${id}`));
  const candidates = listing.length > 0 ? listing : able;
  const [only] = candidates;
  if (only && candidates.length === 1) return { provider: only, id: `${only.name}/${id}` };
  if (candidates.length > 1) {
    const names = candidates.map((provider) => `${provider.name}/${id}`).join(' or ');
    throw invalid('model', `The model ${id} is served by several providers; say ${names}.`);
  }
  throw invalid('model', `No provider serves the model ${id}; see the list of models.`);
}

/** A served model that no list names (any id on a custom endpoint) is described by what the catalogue knows of it. */
function findModel(providers: Map<string, ModelProvider>, id: string): ModelInfo | undefined {
  for (const provider of providers.values()) {
    const found = provider.models().find((model) => model.id === id || model.id === `${provider.name}/${id}`);
    if (found) return found;
  }
  const slash = id.indexOf('/');
  const named = slash > 0 ? providers.get(id.slice(0, slash)) : undefined;
  if (!named?.serves(id.slice(slash + 1))) return undefined;
  return { ...describeModel(named.name, id.slice(slash + 1)), available: named.status().status !== 'down' };
}

function canonicalDefault(providers: Map<string, ModelProvider>, options: ModelGatewayOptions): string {
  const wanted = options.defaultModel ?? LOCAL_MODEL;
  const { id, provider } = findRoute(providers, wanted);
  options.logger.debug({ model: id, provider: provider.name }, 'default model chosen');
  return id;
}

const availableFirst = (models: ModelInfo[]): ModelInfo[] => [
  ...models.filter((model) => model.available),
  ...models.filter((model) => !model.available),
];

function worstOf(providers: ModelProvider[]): ReturnType<ModelGateway['status']> {
  const states = providers.map((provider) => ({ name: provider.name, ...provider.status() }));
  const ailing = states.filter((state) => state.status !== 'ok');
  if (ailing.length === 0) return { status: 'ok' };
  const detail = ailing.map((state) => `${state.name}: ${state.detail ?? state.status}`).join('; ');
  // One provider that answers keeps the gateway of use.
  return {
    status: ailing.length === states.length && ailing.every((s) => s.status === 'down') ? 'down' : 'degraded',
    detail,
  };
}
