import * as resolve from '../resolvers/system';
import type { ModelInfo } from '../src/ports/models';
import type { PreferenceRecord } from '../src/ports/records';
import type { Check, HealthReport } from '../src/system/health';
import { builder } from './builder';

const HealthCheck = builder.objectRef<Check & { names?: string[] }>('HealthCheck').implement({
  description: 'One component.',
  fields: (t) => ({
    status: t.exposeString('status', { description: '`ok`, `degraded`, `down` or `not_configured`.' }),
    latencyMs: t.exposeFloat('latencyMs', { description: 'How long it took to answer, milliseconds.' }),
    backend: t.string({
      nullable: true,
      description: 'What is behind it.',
      resolve: (check) => check.backend ?? null,
    }),
    detail: t.string({
      nullable: true,
      description: 'What is wrong.',
      resolve: (check) => check.detail ?? null,
    }),
    names: t.stringList({
      nullable: true,
      description: 'Names of the jobs.',
      resolve: (check) => check.names ?? null,
    }),
  }),
});

const MemoryCheck = builder.objectRef<HealthReport['checks']['memory']>('MemoryCheck').implement({
  description: 'Memory of the process.',
  fields: (t) => ({
    status: t.exposeString('status', { description: 'Always `ok`.' }),
    rssBytes: t.exposeFloat('rssBytes', { description: 'Resident memory, bytes.' }),
    heapUsedBytes: t.exposeFloat('heapUsedBytes', { description: 'JavaScript heap in use, bytes.' }),
  }),
});

const HealthChecks = builder.objectRef<HealthReport['checks']>('HealthChecks').implement({
  description: 'The components.',
  fields: (t) => ({
    api: t.field({ type: HealthCheck, description: 'This server.', resolve: (checks) => checks.api }),
    database: t.field({
      type: HealthCheck,
      description: 'MongoDB, or the embedded database.',
      resolve: (checks) => checks.database,
    }),
    search: t.field({
      type: HealthCheck,
      description: 'Elasticsearch, or the embedded index.',
      resolve: (checks) => checks.search,
    }),
    jobs: t.field({ type: HealthCheck, description: 'Background jobs.', resolve: (checks) => checks.jobs }),
    llm: t.field({ type: HealthCheck, description: 'Language models.', resolve: (checks) => checks.llm }),
    memory: t.field({
      type: MemoryCheck,
      description: 'Memory of the process.',
      resolve: (checks) => checks.memory,
    }),
  }),
});

const HealthType = builder.objectRef<HealthReport>('Health').implement({
  description: 'Health of the server and what it depends on.',
  fields: (t) => ({
    status: t.exposeString('status', { description: '`ok`, `degraded` or `down`.' }),
    version: t.exposeString('version', { description: 'Version of the server.' }),
    checks: t.field({
      type: HealthChecks,
      description: 'The components.',
      resolve: (report) => report.checks,
    }),
    uptimeSeconds: t.exposeInt('uptimeSeconds', { description: 'Seconds since the start.' }),
  }),
});

const ServerInfo = builder.objectRef<ReturnType<typeof resolve.server>>('ServerInfo').implement({
  description: 'Says that the API is up.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the product.' }),
    status: t.exposeString('status', { description: 'Always `ok`.' }),
    version: t.exposeString('version', { description: 'Version of the server.' }),
    time: t.expose('time', { type: 'DateTime', description: "The server's clock." }),
  }),
});

const Readiness = builder.objectRef<{ ready: boolean }>('Readiness').implement({
  description: 'Says that requests can be served.',
  fields: (t) => ({
    ready: t.exposeBoolean('ready', { description: 'Always true; otherwise the error `not_ready`.' }),
  }),
});

const ModelCapabilities = builder.objectRef<ModelInfo['capabilities']>('ModelCapabilities').implement({
  description: 'What a model can do.',
  fields: (t) => ({
    contextWindow: t.exposeInt('contextWindow', { description: 'Most tokens of prompt and answer.' }),
    maxOutputTokens: t.exposeInt('maxOutputTokens', { description: 'Most tokens of an answer.' }),
    supportsVision: t.exposeBoolean('supportsVision', { description: 'Sees images.' }),
    supportsStreaming: t.exposeBoolean('supportsStreaming', { description: 'Streams answers.' }),
    supportsTools: t.exposeBoolean('supportsTools', { description: 'Calls tools.' }),
    supportsReasoning: t.exposeBoolean('supportsReasoning', { description: 'Reasons before it answers.' }),
    supportsStructuredOutput: t.exposeBoolean('supportsStructuredOutput', {
      description: 'Answers JSON by a schema.',
    }),
  }),
});

const ModelPricing = builder.objectRef<ModelInfo['pricing']>('ModelPricing').implement({
  description: 'US dollars per million tokens.',
  fields: (t) => ({
    inputPerMillionUsd: t.exposeFloat('inputPerMillionUsd', { description: 'Prompt tokens.' }),
    outputPerMillionUsd: t.exposeFloat('outputPerMillionUsd', { description: 'Answer tokens.' }),
    cachedInputPerMillionUsd: t.float({
      nullable: true,
      description: 'Prompt tokens from the cache.',
      resolve: (pricing) => pricing.cachedInputPerMillionUsd ?? null,
    }),
  }),
});

const Model = builder.objectRef<ModelInfo & { defaultFor: string[] }>('Model').implement({
  description: 'A language model.',
  fields: (t) => ({
    id: t.exposeID('id', { description: '`provider/model`.' }),
    name: t.exposeString('name', { description: 'Name for people.' }),
    provider: t.exposeString('provider', { description: 'Who serves it.' }),
    description: t.exposeString('description', { description: 'What it is.' }),
    capabilities: t.field({
      type: ModelCapabilities,
      description: 'What it can do.',
      resolve: (model) => model.capabilities,
    }),
    supportedReasoningEfforts: t.exposeStringList('supportedReasoningEfforts', {
      description: 'Values of `reasoningEffort` it takes.',
    }),
    pricing: t.field({
      type: ModelPricing,
      description: 'What it costs.',
      resolve: (model) => model.pricing,
    }),
    available: t.exposeBoolean('available', { description: 'True when this deployment can call it now.' }),
    defaultFor: t.exposeStringList('defaultFor', {
      description: 'Uses it is the default of: `agent_chat`, `titles`.',
    }),
  }),
});

const ModelPreferences = builder.objectRef<PreferenceRecord>('ModelPreferences').implement({
  description: 'Which models a user chose; the request and the agent come first.',
  fields: (t) => ({
    selectedModel: t.exposeString('selectedModel', {
      nullable: true,
      description: 'Model for all agent work.',
    }),
    pinnedDefaultModel: t.exposeString('pinnedDefaultModel', {
      nullable: true,
      description: 'Used when none is selected.',
    }),
    backgroundModel: t.exposeString('backgroundModel', {
      nullable: true,
      description: 'Model for titles and summaries.',
    }),
  }),
});

const ModelPreferencesInput = builder.inputType('UpdateModelPreferencesInput', {
  description: 'What is absent stays, null resets.',
  fields: (t) => ({
    selectedModel: t.string({ description: 'Model for all agent work.' }),
    pinnedDefaultModel: t.string({ description: 'Used when none is selected.' }),
    backgroundModel: t.string({ description: 'Model for titles and summaries.' }),
  }),
});

const member = { authenticated: true };

builder.queryFields((t) => ({
  server: t.field({
    type: ServerInfo,
    description: 'Says that the API is up. Needs no token.',
    resolve: resolve.server,
  }),
  health: t.field({
    type: HealthType,
    description: 'Health of the server and what it depends on. Needs no token.',
    resolve: resolve.health,
  }),
  ready: t.field({
    type: Readiness,
    description: 'Whether requests can be served. Needs no token. Errors: `not_ready`.',
    resolve: resolve.ready,
  }),
  models: t.field({
    type: [Model],
    authScopes: member,
    description: 'The models with capabilities and prices, available ones first.',
    resolve: resolve.models,
  }),
  modelPreferences: t.field({
    type: ModelPreferences,
    authScopes: member,
    description: "The caller's choice of models.",
    resolve: resolve.modelPreferences,
  }),
}));

builder.mutationFields((t) => ({
  updateModelPreferences: t.field({
    type: ModelPreferences,
    authScopes: member,
    description:
      "Changes the caller's choice of models. Errors: `validation_failed` for a model that nobody serves.",
    args: { input: t.arg({ type: ModelPreferencesInput, required: true, description: 'The choice.' }) },
    resolve: resolve.updateModelPreferences,
  }),
}));
