import * as resolve from '../resolvers/agents';
import { builder } from './builder';
import { Deleted, WORK } from './common';

export const AgentKind = builder.enumType('AgentKind', {
  description: 'Where an agent comes from.',
  values: {
    BUILT_IN: { value: 'BUILT_IN', description: 'Comes with the product; can be edited, not deleted.' },
    DYNAMIC: { value: 'DYNAMIC', description: 'Made through the API.' },
  } as const,
});

const LlmConfig = builder
  .objectRef<{ llmModel: string | null; llmTemperature: number | null; llmMaxTokens: number | null }>(
    'LlmConfig',
  )
  .implement({
    description:
      'How an agent calls its model; what is null is left to the user, the deployment and the model.',
    fields: (t) => ({
      model: t.exposeString('llmModel', { nullable: true, description: 'Model id, `provider/model`.' }),
      temperature: t.exposeFloat('llmTemperature', {
        nullable: true,
        description: 'Sampling temperature, 0 to 2.',
      }),
      maxTokens: t.exposeInt('llmMaxTokens', {
        nullable: true,
        description: 'Most tokens of one answer, 1 to 1,000,000.',
      }),
    }),
  });

const TOOL_NAMES = {
  toolAssignments: {
    select: { tool: { select: { name: true, deletedAt: true } } },
    orderBy: { createdAt: 'asc' },
  },
} as const;

const toolNames = (agent: {
  toolAssignments: { tool: { name: string; deletedAt: Date | null } }[];
}): string[] => agent.toolAssignments.flatMap(({ tool }) => (tool.deletedAt ? [] : [tool.name]));

builder.prismaObject('Agent', {
  description: 'An agent: a system prompt, a model and limits that together answer messages.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'UUID of the agent.' }),
    name: t.exposeString('name', { description: 'Unique name in the tenant.' }),
    description: t.exposeString('description', {
      description: 'What the agent is for; parents read it to decide whom to call.',
    }),
    kind: t.field({
      type: AgentKind,
      description: 'Where the agent comes from.',
      resolve: (agent) => agent.kind,
    }),
    hidden: t.exposeBoolean('hidden', { description: 'Listed only for admins who ask.' }),
    enabled: t.exposeBoolean('enabled', { description: 'False when the agent refuses to run.' }),
    disabledReason: t.exposeString('disabledReason', {
      nullable: true,
      description: 'Why it is disabled, and what enables it.',
    }),
    systemPrompt: t.exposeString('systemPrompt', {
      description: 'Instructions that precede every conversation.',
    }),
    llmConfig: t.field({
      type: LlmConfig,
      description: 'How the agent calls its model.',
      resolve: (agent) => agent,
    }),
    reasoningEffort: t.exposeString('reasoningEffort', {
      nullable: true,
      description: '`low`, `medium` or `high`, for models that reason.',
    }),
    enablePlanning: t.exposeBoolean('enablePlanning', {
      description: 'Splits complex requests into steps first.',
    }),
    enableReflection: t.exposeBoolean('enableReflection', { description: 'Reviews its own answers.' }),
    enableRetrieval: t.exposeBoolean('enableRetrieval', {
      description: 'Searches its knowledge bases before it answers.',
    }),
    maxTurns: t.exposeInt('maxTurns', { description: 'Most model calls in one run.' }),
    maxConversationMessages: t.exposeInt('maxConversationMessages', {
      description: 'Most messages of history in a prompt.',
    }),
    targetConversationMessages: t.exposeInt('targetConversationMessages', {
      description: 'Messages left after history was compacted.',
    }),
    preserveRecentTurns: t.exposeInt('preserveRecentTurns', {
      description: 'Recent turns that compaction never touches.',
    }),
    tools: t.field({
      type: ['String'],
      description: 'Names of the tools it may call.',
      select: TOOL_NAMES,
      resolve: toolNames,
    }),
    knowledgeBases: t.exposeStringList('knowledgeBaseIds', { description: 'Ids of its knowledge bases.' }),
    subAgents: t.field({
      type: ['String'],
      description: 'Names of the agents it may call.',
      select: {
        subAgents: {
          select: { child: { select: { name: true, deletedAt: true } } },
          orderBy: { createdAt: 'asc' },
        },
      },
      resolve: (agent) => agent.subAgents.flatMap(({ child }) => (child.deletedAt ? [] : [child.name])),
    }),
    parentIds: t.field({
      type: ['ID'],
      description: 'Ids of the agents that may call it.',
      select: { parents: { select: { parentId: true } } },
      resolve: (agent) => agent.parents.map((link) => link.parentId),
    }),
    version: t.exposeInt('version', { description: 'Rises with each change of the configuration.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

export const AgentConfig = builder.prismaObject('Agent', {
  variant: 'AgentConfig',
  description: 'The editable part of an agent.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'UUID of the agent.' }),
    name: t.exposeString('name', { description: 'Unique name in the tenant.' }),
    description: t.exposeString('description', { description: 'What the agent is for.' }),
    systemPrompt: t.exposeString('systemPrompt', {
      description: 'Instructions that precede every conversation.',
    }),
    llmConfig: t.field({
      type: LlmConfig,
      description: 'How the agent calls its model.',
      resolve: (agent) => agent,
    }),
    reasoningEffort: t.exposeString('reasoningEffort', {
      nullable: true,
      description: '`low`, `medium` or `high`, for models that reason.',
    }),
    enablePlanning: t.exposeBoolean('enablePlanning', {
      description: 'Splits complex requests into steps first.',
    }),
    enableReflection: t.exposeBoolean('enableReflection', { description: 'Reviews its own answers.' }),
    enableRetrieval: t.exposeBoolean('enableRetrieval', {
      description: 'Searches its knowledge bases before it answers.',
    }),
    maxTurns: t.exposeInt('maxTurns', { description: 'Most model calls in one run, 1 to 100.' }),
    maxConversationMessages: t.exposeInt('maxConversationMessages', {
      description: 'Most messages of history in a prompt.',
    }),
    targetConversationMessages: t.exposeInt('targetConversationMessages', {
      description: 'Messages left after history was compacted.',
    }),
    preserveRecentTurns: t.exposeInt('preserveRecentTurns', {
      description: 'Recent turns that compaction never touches.',
    }),
    knowledgeBases: t.exposeStringList('knowledgeBaseIds', { description: 'Ids of its knowledge bases.' }),
    toolAssignments: t.field({
      type: ['String'],
      description: 'Names of its tools.',
      select: TOOL_NAMES,
      resolve: toolNames,
    }),
    version: t.exposeInt('version', {
      description: 'Rises with each change; send it back to change only what you read.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

const LlmConfigInput = builder.inputType('LlmConfigInput', {
  description: 'Changes key by key: what is absent stays, null resets.',
  fields: (t) => ({
    model: t.string({ description: 'Model id, `provider/model`.' }),
    temperature: t.float({ description: '0 to 2.' }),
    maxTokens: t.int({ description: '1 to 1,000,000.' }),
  }),
});

const editable = {
  description: 'What the agent is for, at most 2,000 characters.',
  systemPrompt: 'Instructions, at most 100,000 characters.',
  reasoningEffort: '`low`, `medium` or `high`; null leaves it to the model.',
  enablePlanning: 'Splits complex requests into steps first.',
  enableReflection: 'Reviews its own answers.',
  enableRetrieval: 'Searches its knowledge bases before it answers.',
  maxTurns: 'Most model calls in one run, 1 to 100.',
  maxConversationMessages: 'Most messages of history in a prompt, 1 to 1,000.',
  targetConversationMessages: 'Messages left after history was compacted, 1 to 1,000.',
  preserveRecentTurns: 'Recent turns that compaction never touches, 1 to 1,000.',
  knowledgeBases: 'Ids of its knowledge bases.',
  toolAssignments: 'Names of its tools.',
  expectedVersion: 'The version that the change is based on; refused when the agent has another by now.',
};

const UpdateAgentConfigInput = builder.inputType('UpdateAgentConfigInput', {
  description: 'Changes of an agent; what is absent stays.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'The agent to change.' }),
    expectedVersion: t.int({ description: editable.expectedVersion }),
    name: t.string({ description: 'A new unique name; built-in agents keep theirs.' }),
    description: t.string({ description: editable.description }),
    systemPrompt: t.string({ description: editable.systemPrompt }),
    llmConfig: t.field({ type: LlmConfigInput, description: 'Merged key by key.' }),
    reasoningEffort: t.string({ description: editable.reasoningEffort }),
    enablePlanning: t.boolean({ description: editable.enablePlanning }),
    enableReflection: t.boolean({ description: editable.enableReflection }),
    enableRetrieval: t.boolean({ description: editable.enableRetrieval }),
    maxTurns: t.int({ description: editable.maxTurns }),
    maxConversationMessages: t.int({ description: editable.maxConversationMessages }),
    targetConversationMessages: t.int({ description: editable.targetConversationMessages }),
    preserveRecentTurns: t.int({ description: editable.preserveRecentTurns }),
    knowledgeBases: t.stringList({ description: editable.knowledgeBases }),
    toolAssignments: t.stringList({ description: editable.toolAssignments }),
  }),
});

const CreateSubAgentInput = builder.inputType('CreateSubAgentInput', {
  description: 'A new agent, offered to one parent.',
  fields: (t) => ({
    parentId: t.id({ required: true, description: 'The agent that may call it.' }),
    name: t.string({ required: true, description: 'Unique name in the tenant, at most 100 characters.' }),
    description: t.string({ required: true, description: editable.description }),
    systemPrompt: t.string({ required: true, description: editable.systemPrompt }),
    llmConfig: t.field({ type: LlmConfigInput, description: 'How it calls its model.' }),
    reasoningEffort: t.string({ description: editable.reasoningEffort }),
    enablePlanning: t.boolean({ description: editable.enablePlanning }),
    enableReflection: t.boolean({ description: editable.enableReflection }),
    enableRetrieval: t.boolean({ description: editable.enableRetrieval }),
    maxTurns: t.int({ description: editable.maxTurns }),
    knowledgeBases: t.stringList({ description: editable.knowledgeBases }),
    toolAssignments: t.stringList({ description: editable.toolAssignments }),
  }),
});

const UpdateSubAgentInput = builder.inputType('UpdateSubAgentInput', {
  description: 'Changes of a sub-agent; what is absent stays.',
  fields: (t) => ({
    parentId: t.id({ required: true, description: 'A parent of the sub-agent.' }),
    subAgentId: t.id({ required: true, description: 'The sub-agent to change.' }),
    expectedVersion: t.int({ description: editable.expectedVersion }),
    name: t.string({ description: 'A new unique name.' }),
    description: t.string({ description: editable.description }),
    systemPrompt: t.string({ description: editable.systemPrompt }),
    llmConfig: t.field({ type: LlmConfigInput, description: 'Merged key by key.' }),
    reasoningEffort: t.string({ description: editable.reasoningEffort }),
    enablePlanning: t.boolean({ description: editable.enablePlanning }),
    enableReflection: t.boolean({ description: editable.enableReflection }),
    enableRetrieval: t.boolean({ description: editable.enableRetrieval }),
    maxTurns: t.int({ description: editable.maxTurns }),
    knowledgeBases: t.stringList({ description: editable.knowledgeBases }),
    toolAssignments: t.stringList({ description: editable.toolAssignments }),
  }),
});

const AgentRuns = builder
  .objectRef<{ id: string; name: string; runs24h: number; failures24h: number; tokens24h: number }>(
    'AgentRuns',
  )
  .implement({
    description: 'What one agent did in the last 24 hours.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The agent.' }),
      name: t.exposeString('name', { description: 'Its name.' }),
      runs24h: t.exposeInt('runs24h', { description: 'Runs begun.' }),
      failures24h: t.exposeInt('failures24h', { description: 'Runs that failed.' }),
      tokens24h: t.exposeInt('tokens24h', { description: 'Tokens used.' }),
    }),
  });

const AgentStats = builder.objectRef<Awaited<ReturnType<typeof resolve.agentStats>>>('AgentStats').implement({
  description: 'Statistics of the agent registry.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All agents, hidden ones too.' }),
    active: t.exposeInt('active', { description: 'Agents that would run.' }),
    builtIn: t.exposeInt('builtIn', { description: 'Agents that come with the product.' }),
    dynamic: t.exposeInt('dynamic', { description: 'Agents made through the API.' }),
    hidden: t.exposeInt('hidden', { description: 'Agents that lists leave out.' }),
    runs24h: t.exposeInt('runs24h', { description: 'Runs begun in the last 24 hours.' }),
    byAgent: t.field({
      type: [AgentRuns],
      description: 'The same for each agent.',
      resolve: (stats) => stats.byAgent,
    }),
  }),
});

const member = { authenticated: true };

builder.queryFields((t) => ({
  agents: t.prismaField({
    type: ['Agent'],
    authScopes: member,
    description: "The tenant's agents: built-in ones first, then sub-agents by age.",
    args: { includeHidden: t.arg.boolean({ description: 'Hidden agents too; needs the admin scope.' }) },
    resolve: resolve.agents,
  }),
  agent: t.prismaField({
    type: 'Agent',
    authScopes: member,
    description: 'One agent. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'UUID or unique name of the agent.' }) },
    resolve: resolve.agent,
  }),
  agentConfig: t.prismaField({
    type: AgentConfig,
    authScopes: member,
    description: 'The editable part of one agent. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'UUID or unique name of the agent.' }) },
    resolve: resolve.agent,
  }),
  agentStats: t.field({
    complexity: WORK.walk,
    type: AgentStats,
    authScopes: member,
    description: 'Statistics of the agent registry.',
    resolve: resolve.agentStats,
  }),
  subAgents: t.prismaField({
    type: ['Agent'],
    authScopes: member,
    description: 'The agents that one agent may call. Errors: `not_found`.',
    args: { parentId: t.arg.id({ required: true, description: 'The calling agent.' }) },
    resolve: resolve.subAgents,
  }),
  subAgent: t.prismaField({
    type: 'Agent',
    authScopes: member,
    description: 'One sub-agent of an agent. Errors: `not_found`.',
    args: {
      parentId: t.arg.id({ required: true, description: 'The calling agent.' }),
      id: t.arg.id({ required: true, description: 'The sub-agent.' }),
    },
    resolve: resolve.subAgent,
  }),
  subAgentConfig: t.prismaField({
    type: AgentConfig,
    authScopes: member,
    description: 'The editable part of one sub-agent. Errors: `not_found`.',
    args: {
      parentId: t.arg.id({ required: true, description: 'The calling agent.' }),
      id: t.arg.id({ required: true, description: 'The sub-agent.' }),
    },
    resolve: resolve.subAgent,
  }),
}));

builder.mutationFields((t) => ({
  updateAgentConfig: t.prismaField({
    type: AgentConfig,
    authScopes: member,
    description:
      'Changes an agent. Errors: `not_found`, `validation_failed`, `conflict` (name), `precondition_failed` (version).',
    args: { input: t.arg({ type: UpdateAgentConfigInput, required: true, description: 'What to change.' }) },
    resolve: resolve.updateAgentConfig,
  }),
  deleteAgent: t.field({
    type: Deleted,
    authScopes: member,
    description:
      'Deletes a dynamic agent; its conversations stay readable. Errors: `not_found`, `conflict` for built-in agents.',
    args: { id: t.arg.id({ required: true, description: 'UUID or unique name of the agent.' }) },
    resolve: resolve.deleteAgent,
  }),
  createSubAgent: t.prismaField({
    type: 'Agent',
    authScopes: member,
    description:
      'Makes an agent and offers it to a parent. Errors: `not_found`, `validation_failed`, `conflict` (name).',
    args: { input: t.arg({ type: CreateSubAgentInput, required: true, description: 'The new agent.' }) },
    resolve: resolve.createSubAgent,
  }),
  updateSubAgent: t.prismaField({
    type: 'Agent',
    authScopes: member,
    description:
      'Changes a sub-agent. Errors: `not_found`, `validation_failed`, `conflict` (name), `precondition_failed` (version).',
    args: { input: t.arg({ type: UpdateSubAgentInput, required: true, description: 'What to change.' }) },
    resolve: resolve.updateSubAgent,
  }),
  deleteSubAgent: t.field({
    type: Deleted,
    authScopes: member,
    description:
      'Takes a sub-agent from its parent, and deletes it when no other parent has it. Errors: `not_found`, `conflict` for built-in agents.',
    args: {
      parentId: t.arg.id({ required: true, description: 'The calling agent.' }),
      id: t.arg.id({ required: true, description: 'The sub-agent.' }),
    },
    resolve: resolve.deleteSubAgent,
  }),
}));
