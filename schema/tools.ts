import * as resolve from '../resolvers/tools';
import type { JsonValue } from '../src/ports/records';
import type { SandboxOutcome } from '../src/ports/sandbox';
import type { GeneratedTool as GeneratedToolData } from '../src/tools/generate';
import { builder } from './builder';
import { Deleted } from './common';
import { ToolCall } from './tool-calls';

const ToolKind = builder.enumType('ToolKind', {
  description: 'What a tool runs.',
  values: {
    PYTHON: { value: 'python', description: 'One Python function, in the sandbox.' },
    JAVASCRIPT: { value: 'javascript', description: 'One JavaScript function, in the sandbox.' },
    HTTP: { value: 'http', description: 'A request to an HTTP API.' },
    MCP: { value: 'mcp', description: "A tool of an MCP server that the deployment's operator allows." },
    BUILTIN: { value: 'builtin', description: 'Comes with the product.' },
  } as const,
});

const ToolLanguage = builder.enumType('ToolLanguage', {
  description: 'Language of a source.',
  values: {
    PYTHON: { value: 'python', description: 'Python (Pyodide).' },
    JAVASCRIPT: { value: 'javascript', description: 'JavaScript (QuickJS).' },
  } as const,
});

const ToolStatus = builder.enumType('ToolStatus', {
  description: 'Whether a tool would run.',
  values: {
    READY: { value: 'ready', description: 'It runs.' },
    NOT_CONFIGURED: {
      value: 'not_configured',
      description: 'Its connection is not configured in this deployment; it says so when it is called.',
    },
  } as const,
});

const kindOf = (kind: string) => kind as 'python' | 'javascript' | 'http' | 'mcp' | 'builtin';

builder.prismaObject('Tool', {
  description: 'What an agent can do beside answering. One definition per name, shared by the tenant.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'UUID of the tool; stays when the tool changes.' }),
    name: t.exposeString('name', { description: 'Name that the model sees, unique in the tenant.' }),
    description: t.exposeString('description', { description: 'Tells the model when to call it.' }),
    kind: t.field({
      type: ToolKind,
      description: 'What it runs.',
      select: { kind: true },
      resolve: (tool) => kindOf(tool.kind),
    }),
    language: t.field({
      type: ToolLanguage,
      nullable: true,
      description: 'Language of its source; null for tools without one.',
      select: { kind: true },
      resolve: ({ kind }) => (kind === 'python' || kind === 'javascript' ? kind : null),
    }),
    status: t.field({
      type: ToolStatus,
      description: 'Whether it would run.',
      select: { kind: true, name: true },
      resolve: resolve.toolStatus,
    }),
    functionCode: t.exposeString('functionCode', {
      nullable: true,
      description: 'Its source: one function. Null for tools without one.',
    }),
    parameters: t.field({
      type: 'JSON',
      description: 'JSON schema of its arguments.',
      select: { parameters: true },
      resolve: (tool) => tool.parameters as JsonValue,
    }),
    config: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What a tool of kind HTTP or MCP calls.',
      select: { config: true },
      resolve: (tool) => tool.config as JsonValue,
    }),
    tags: t.exposeStringList('tags', { description: 'Words to find it by.' }),
    group: t.exposeString('group', { nullable: true, description: 'Group in user interfaces.' }),
    icon: t.exposeString('icon', { nullable: true, description: 'Icon in user interfaces.' }),
    iconType: t.exposeString('iconType', { nullable: true, description: 'Kind of icon.' }),
    iconColor: t.exposeString('iconColor', { nullable: true, description: 'Colour of the icon.' }),
    iconVariant: t.exposeString('iconVariant', { nullable: true, description: 'Variant of the icon.' }),
    requireApproval: t.exposeBoolean('requireApproval', { description: 'A human decides on every call.' }),
    approvalTimeoutSeconds: t.exposeInt('approvalTimeoutSeconds', {
      description: 'Seconds that a human has to decide; the call is denied after that.',
    }),
    secureExecution: t.exposeBoolean('secureExecution', {
      description: 'Always true: code runs in the sandbox and nowhere else.',
    }),
    executionTimeout: t.exposeFloat('executionTimeout', { description: 'Seconds that one call may take.' }),
    idempotent: t.exposeBoolean('idempotent', {
      description: 'A call may be repeated after a failure or when its outcome is unknown.',
    }),
    supportsPreview: t.exposeBoolean('supportsPreview', {
      description: 'Says what a call would do without doing it; code does so when `dry_run` is true.',
    }),
    maxRetries: t.exposeInt('maxRetries', {
      description: 'Repetitions of a failed call at most; only for idempotent tools.',
    }),
    retryDelay: t.exposeFloat('retryDelay', { description: 'Seconds before the first repetition.' }),
    backoffFactor: t.exposeFloat('backoffFactor', { description: 'Each further pause is this much longer.' }),
    llmUsage: t.field({
      type: 'JSON',
      nullable: true,
      description: "The owner's notes on the tool's use of models; kept as they are.",
      select: { llmUsage: true },
      resolve: (tool) => tool.llmUsage as JsonValue,
    }),
    hasCredentials: t.boolean({
      description: 'True when secrets are kept for it; they are never answered.',
      select: { credentials: true },
      resolve: (tool) => tool.credentials !== null,
    }),
    version: t.exposeInt('version', { description: 'Rises with each change.' }),
    createdBy: t.exposeString('createdBy', {
      description: 'The user who registered it; `system` for built-in tools.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

const SandboxError = builder.objectRef<NonNullable<SandboxOutcome['error']>>('SandboxError').implement({
  description: 'Why code failed.',
  fields: (t) => ({
    type: t.exposeString('type', {
      description: 'Name of the exception, or `timeout`, `memory_limit`, `output_limit`, `sandbox_lost`.',
    }),
    message: t.exposeString('message', { description: 'What went wrong.' }),
    line: t.exposeInt('line', { nullable: true, description: 'Line of the source, from 1.' }),
  }),
});

const ToolDryRun = builder.objectRef<SandboxOutcome>('ToolDryRun').implement({
  description: 'What code did in the sandbox. Nothing is kept.',
  fields: (t) => ({
    ok: t.exposeBoolean('ok', { description: 'True when it returned.' }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it returned.',
      resolve: (run) => run.result,
    }),
    logs: t.exposeString('logs', { description: 'What it printed, cut at 1 MiB.' }),
    error: t.field({
      type: SandboxError,
      nullable: true,
      description: 'Why it failed; null when it returned.',
      resolve: (run) => run.error,
    }),
    durationMs: t.exposeFloat('durationMs', { description: 'Milliseconds it took.' }),
    memoryBytes: t.exposeFloat('memoryBytes', {
      nullable: true,
      description: "Peak of the interpreter's memory in bytes; null when unknown.",
    }),
  }),
});

const GeneratedTool = builder.objectRef<GeneratedToolData>('GeneratedTool').implement({
  description:
    'A tool that a model wrote. It is not kept: try it with `dryRunTool`, keep it with `registerTool`.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the tool.' }),
    description: t.exposeString('description', { description: 'Tells models when to call it.' }),
    functionCode: t.exposeString('functionCode', { description: 'Its source: one function that compiles.' }),
    argsSchema: t.field({
      type: 'JSON',
      description: 'JSON schema of its arguments, read from the source.',
      resolve: (tool) => tool.argsSchema,
    }),
    language: t.field({
      type: ToolLanguage,
      description: 'Language of the source.',
      resolve: (tool) => tool.language,
    }),
    model: t.exposeString('model', { description: 'The model that wrote it.' }),
  }),
});

const text = {
  agentId: 'UUID or unique name of the agent.',
  parentId: 'When given, the agent must be a sub-agent of this one.',
  tool: 'Id or name of the tool.',
  name: 'Name for the model: `^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$`.',
  description: 'Tells the model when to call it; 1 to 4,000 characters.',
  functionCode: 'Source that holds exactly one top-level function; it may be async.',
  parameters: 'What the arguments are: a JSON schema, or `{name: {type, description}}`, or `{name: text}`.',
  argsSchema: 'JSON schema of the arguments, of type `object`; read from the source without it.',
  paramDescriptions: 'Text for single parameters: `{name: text}`.',
  config:
    'What a tool of kind HTTP or MCP calls. HTTP: `{method, url, headers, query, body, body_template, allow_hosts, response: {path}}`, in whose texts `{name}` is an argument and `{credential.NAME}` (headers and query only) a secret of `credentials`; or `{openapi, operation_id}`. MCP: `{server, tool}` or `{url, tool}`.',
  credentials: 'Secrets by name; encrypted, never answered. Null removes them.',
  executionTimeout: 'Seconds that one call may take, 0.1 to 300; 30 unless said.',
  approvalTimeoutSeconds: 'Seconds that a human has to decide, 1 to 604,800; 300 unless said.',
  maxRetries: 'Repetitions of a failed call, 0 to 10; 3 unless said. Only for idempotent tools.',
  retryDelay: 'Seconds before the first repetition, 0 to 60; 1 unless said.',
  backoffFactor: 'Each further pause is this much longer, 1 to 10; 2 unless said.',
  secureExecution: 'Only true is accepted: code runs in the sandbox.',
  supportsPreview: 'It can say what a call would do; code takes a parameter `dry_run` for that.',
};

const RegisterToolInput = builder.inputType('RegisterToolInput', {
  description: 'A tool to make, or to change when the tenant has one of that name; its id then stays.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `The agent that gets it. ${text.agentId}` }),
    name: t.string({ required: true, description: text.name }),
    description: t.string({ required: true, description: text.description }),
    kind: t.field({ type: ToolKind, description: 'What it runs; told by the source unless said.' }),
    language: t.field({ type: ToolLanguage, description: 'Language of the source; inferred unless said.' }),
    functionCode: t.string({ description: text.functionCode }),
    parameters: t.field({ type: 'JSON', description: text.parameters }),
    argsSchema: t.field({ type: 'JSON', description: text.argsSchema }),
    paramDescriptions: t.field({ type: 'JSON', description: text.paramDescriptions }),
    config: t.field({ type: 'JSON', description: text.config }),
    tags: t.stringList({ description: 'Words to find it by; at most 50.' }),
    group: t.string({ description: 'Group in user interfaces.' }),
    icon: t.string({ description: 'Icon in user interfaces.' }),
    iconType: t.string({ description: 'Kind of icon.' }),
    iconColor: t.string({ description: 'Colour of the icon.' }),
    iconVariant: t.string({ description: 'Variant of the icon.' }),
    requireApproval: t.boolean({ description: 'A human decides on every call.' }),
    approvalTimeoutSeconds: t.int({ description: text.approvalTimeoutSeconds }),
    secureExecution: t.boolean({ description: text.secureExecution }),
    executionTimeout: t.float({ description: text.executionTimeout }),
    idempotent: t.boolean({ description: 'A call may be repeated.' }),
    supportsPreview: t.boolean({ description: text.supportsPreview }),
    maxRetries: t.int({ description: text.maxRetries }),
    retryDelay: t.float({ description: text.retryDelay }),
    backoffFactor: t.float({ description: text.backoffFactor }),
    llmUsage: t.field({ type: 'JSON', description: 'Notes of the owner, kept as they are.' }),
    credentials: t.field({ type: 'JSON', description: text.credentials }),
    targetSubAgentId: t.id({ description: 'A further agent that gets it.' }),
    targetAgentIds: t.idList({ description: 'Further agents that get it.' }),
  }),
});

const UpdateToolInput = builder.inputType('UpdateToolInput', {
  description: 'Changes of a tool; what is absent stays.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `An agent that has it. ${text.agentId}` }),
    tool: t.id({ required: true, description: text.tool }),
    expectedVersion: t.int({
      description: 'The version that the change is based on; refused when the tool has another by now.',
    }),
    name: t.string({ description: text.name }),
    description: t.string({ description: text.description }),
    kind: t.field({ type: ToolKind, description: 'Only between PYTHON and JAVASCRIPT.' }),
    language: t.field({ type: ToolLanguage, description: 'Language of the source; inferred unless said.' }),
    functionCode: t.string({ description: text.functionCode }),
    parameters: t.field({ type: 'JSON', description: text.parameters }),
    argsSchema: t.field({ type: 'JSON', description: text.argsSchema }),
    paramDescriptions: t.field({ type: 'JSON', description: text.paramDescriptions }),
    config: t.field({ type: 'JSON', description: text.config }),
    tags: t.stringList({ description: 'Words to find it by; at most 50.' }),
    group: t.string({ description: 'Group in user interfaces.' }),
    icon: t.string({ description: 'Icon in user interfaces.' }),
    iconType: t.string({ description: 'Kind of icon.' }),
    iconColor: t.string({ description: 'Colour of the icon.' }),
    iconVariant: t.string({ description: 'Variant of the icon.' }),
    requireApproval: t.boolean({ description: 'A human decides on every call.' }),
    approvalTimeoutSeconds: t.int({ description: text.approvalTimeoutSeconds }),
    secureExecution: t.boolean({ description: text.secureExecution }),
    executionTimeout: t.float({ description: text.executionTimeout }),
    idempotent: t.boolean({ description: 'A call may be repeated.' }),
    supportsPreview: t.boolean({ description: text.supportsPreview }),
    maxRetries: t.int({ description: text.maxRetries }),
    retryDelay: t.float({ description: text.retryDelay }),
    backoffFactor: t.float({ description: text.backoffFactor }),
    llmUsage: t.field({ type: 'JSON', description: 'Notes of the owner, kept as they are.' }),
    credentials: t.field({ type: 'JSON', description: text.credentials }),
  }),
});

const ConfigureToolApprovalInput = builder.inputType('ConfigureToolApprovalInput', {
  description: 'Whether a human decides on the calls of a tool.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `An agent that has it. ${text.agentId}` }),
    tool: t.id({ required: true, description: text.tool }),
    enabled: t.boolean({ required: true, description: 'True when a human decides.' }),
    timeoutSeconds: t.int({ description: 'Seconds to decide, 1 to 604,800; what it was unless said.' }),
  }),
});

const AssignToolInput = builder.inputType('AssignToolInput', {
  description: 'A tool for an agent.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `The agent that gets it. ${text.agentId}` }),
    parentId: t.id({ description: text.parentId }),
    toolId: t.id({ required: true, description: text.tool }),
  }),
});

const RemoveToolInput = builder.inputType('RemoveToolInput', {
  description: 'A tool to take from an agent.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `The agent that loses it. ${text.agentId}` }),
    parentId: t.id({ description: text.parentId }),
    tool: t.id({ required: true, description: text.tool }),
  }),
});

const GenerateToolInput = builder.inputType('GenerateToolInput', {
  description: 'What a tool should do.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: `The agent that will use it. ${text.agentId}` }),
    description: t.string({ required: true, description: 'What it should do; 1 to 10,000 characters.' }),
    language: t.field({ type: ToolLanguage, description: 'PYTHON unless said.' }),
    parameters: t.field({ type: 'JSON', description: 'What is known of its parameters, as an object.' }),
    model: t.string({ description: "Model that writes it; the user's preferred one unless said." }),
  }),
});

const DryRunToolInput = builder.inputType('DryRunToolInput', {
  description: 'Code to try: a source, or a tool of the agent.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: text.agentId }),
    functionCode: t.string({ description: `${text.functionCode} Wins over \`tool\`.` }),
    tool: t.id({ description: 'Id or name of a code tool of the agent.' }),
    language: t.field({ type: ToolLanguage, description: 'Language of the source; inferred unless said.' }),
    arguments: t.field({ type: 'JSON', description: 'Arguments by name, as an object; none unless said.' }),
  }),
});

const member = { authenticated: true };

builder.queryFields((t) => ({
  tools: t.prismaField({
    type: ['Tool'],
    authScopes: member,
    description: "The tenant's tools by name.",
    resolve: resolve.tools,
  }),
  agentTools: t.prismaField({
    type: ['Tool'],
    authScopes: member,
    description: 'The tools of an agent by name. Errors: `not_found`.',
    args: {
      agentId: t.arg.id({ required: true, description: text.agentId }),
      parentId: t.arg.id({ description: text.parentId }),
    },
    resolve: resolve.agentTools,
  }),
  agentTool: t.prismaField({
    type: 'Tool',
    authScopes: member,
    description: 'One tool of an agent. Errors: `not_found`, also for tools that the agent does not have.',
    args: {
      agentId: t.arg.id({ required: true, description: text.agentId }),
      tool: t.arg.id({ required: true, description: text.tool }),
    },
    resolve: resolve.agentTool,
  }),
  availableTools: t.prismaField({
    type: ['Tool'],
    authScopes: member,
    description: 'The tools that an agent does not have yet, by name. Errors: `not_found`.',
    args: {
      agentId: t.arg.id({ required: true, description: text.agentId }),
      parentId: t.arg.id({ description: text.parentId }),
    },
    resolve: resolve.availableTools,
  }),
  toolCalls: t.field({
    type: [ToolCall],
    authScopes: member,
    description: "The ledger of a run's tool calls, in order; own runs only. Errors: `not_found`.",
    args: { runId: t.arg.id({ required: true, description: 'The run.' }) },
    resolve: resolve.toolCalls,
  }),
}));

const input = { required: true, description: 'What to do.' } as const;

builder.mutationFields((t) => ({
  registerTool: t.prismaField({
    type: 'Tool',
    authScopes: member,
    description:
      'Makes a tool, or changes the one of that name, and assigns it. Errors: `not_found` (agent), `validation_failed` (also for a source that does not compile, with its line), `conflict` (name of a built-in tool, of a call of the engine or of a sub-agent of the agent).',
    args: { input: t.arg({ type: RegisterToolInput, ...input }) },
    resolve: resolve.registerTool,
  }),
  updateTool: t.prismaField({
    type: 'Tool',
    authScopes: member,
    description:
      'Changes a tool of an agent, for all agents that have it. Errors: `not_found`, `validation_failed`, `conflict` (name; built-in tool), `precondition_failed`.',
    args: { input: t.arg({ type: UpdateToolInput, ...input }) },
    resolve: resolve.updateTool,
  }),
  configureToolApproval: t.prismaField({
    type: 'Tool',
    authScopes: member,
    description: 'Gates the calls of a tool, or frees them. Errors: `not_found`, `validation_failed`.',
    args: { input: t.arg({ type: ConfigureToolApprovalInput, ...input }) },
    resolve: resolve.configureToolApproval,
  }),
  assignTool: t.prismaField({
    type: 'Tool',
    authScopes: member,
    description: 'Gives an agent a tool that exists; safe to repeat. Errors: `not_found`.',
    args: { input: t.arg({ type: AssignToolInput, ...input }) },
    resolve: resolve.assignTool,
  }),
  removeTool: t.field({
    type: Deleted,
    authScopes: member,
    description:
      'Takes a tool from an agent; a tool that no agent has any more is deleted, built-in ones never. Errors: `not_found`.',
    args: { input: t.arg({ type: RemoveToolInput, ...input }) },
    resolve: resolve.removeTool,
  }),
  generateTool: t.field({
    type: GeneratedTool,
    authScopes: member,
    description:
      'Lets a model write a tool. Errors: `not_found` (agent), `validation_failed`, `connector_not_configured` without a generative model, `output_invalid` when the model wrote none that compiles, `provider_error`, `provider_timeout`.',
    args: { input: t.arg({ type: GenerateToolInput, ...input }) },
    resolve: resolve.generateTool,
  }),
  dryRunTool: t.field({
    type: ToolDryRun,
    authScopes: member,
    description:
      'Runs a source, or a code tool, once in the sandbox. Errors: `not_found`, `validation_failed`; what the code itself does is an answer.',
    args: { input: t.arg({ type: DryRunToolInput, ...input }) },
    resolve: resolve.dryRunTool,
  }),
}));
