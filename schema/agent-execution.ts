import * as resolve from '../resolvers/agent-execution';
import type { PartRecord, RunRecord } from '../src/ports/records';
import type { RunFailure } from '../src/runs/events';
import type { RunOutcome, StartedRun } from '../src/runs/types';
import { Approval } from './approvals';
import { builder } from './builder';
import { citationsOf, retrievedOf } from './citations';
import { PAGE_DESCRIPTIONS, pageCost, Usage } from './common';
import { Question } from './questions';

export const RunStatus = builder.enumType('RunStatus', {
  description: 'Where a run is.',
  values: {
    QUEUED: { value: 'queued', description: 'Waits for the active run of its conversation.' },
    RUNNING: { value: 'running', description: 'A worker executes it.' },
    WAITING_APPROVAL: { value: 'waiting_approval', description: 'Waits for a human to approve a tool call.' },
    WAITING_QUESTION: { value: 'waiting_question', description: 'Waits for a human to answer.' },
    CANCELLING: { value: 'cancelling', description: 'Was asked to stop.' },
    COMPLETED: { value: 'completed', description: 'Answered.' },
    FAILED: { value: 'failed', description: 'Ended with an error; partial text is kept.' },
    CANCELLED: { value: 'cancelled', description: 'Stopped early; partial text is kept.' },
    EXPIRED: { value: 'expired', description: 'Nobody answered in time.' },
  } as const,
});

const RunError = builder.objectRef<RunFailure>('RunError').implement({
  description: 'Why a run failed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable code, as in API errors.' }),
    message: t.exposeString('message', { description: 'What happened, in a sentence.' }),
    retryable: t.exposeBoolean('retryable', { description: 'True when the same message may succeed later.' }),
  }),
});

export const Run = builder.prismaObject('Run', {
  description:
    'One execution of an agent for one message. It is persisted step by step: it survives a lost client and a killed server.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the run.' }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    agentId: t.exposeID('agentId', { description: 'The agent.' }),
    messageId: t.id({
      description: "The client's id of the message.",
      resolve: (run) => run.actionId ?? run.messageId,
    }),
    callId: t.exposeID('callId', { description: 'The unit of execution; cancels it.' }),
    parentCallId: t.exposeID('parentCallId', { nullable: true, description: 'The unit that caused it.' }),
    rootCallId: t.exposeID('rootCallId', { description: 'The same over one execution tree.' }),
    status: t.field({ type: RunStatus, description: 'Where it is.', resolve: (run) => run.status }),
    model: t.exposeString('model', { description: 'The model that answers, `provider/model`.' }),
    text: t.exposeString('text', { nullable: true, description: 'The answer, once the run ended.' }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Structured output, when a schema was given.',
      resolve: (run) => run.output as never,
    }),
    citations: t.field(citationsOf((run) => run)),
    retrieved: t.field(retrievedOf((run) => run)),
    finishReason: t.exposeString('finishReason', {
      nullable: true,
      description: '`stop`, `length`, `max_turns`, `cancelled`, `error`, ...',
    }),
    usage: t.field({ type: Usage, description: 'What it used.', resolve: (run) => run }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why it failed.',
      resolve: (run) => run.error as never,
    }),
    attempts: t.exposeInt('attempts', {
      description: 'How often a worker took it up; 1 when it was never interrupted.',
    }),
    startSeq: t.exposeInt('startSeq', {
      nullable: true,
      description: "Position of its first part in the conversation's log.",
    }),
    endSeq: t.exposeInt('endSeq', { nullable: true, description: 'Position of its last part.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the message was accepted.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
});

export const StreamEvent = builder.objectRef<PartRecord>('StreamEvent').implement({
  description: "An event of a run, or an entry of a conversation's log.",
  fields: (t) => ({
    type: t.exposeString('type', {
      description:
        '`start`, `delta`, `end`, `error`, `run_cancelled`, ...; in a log also `user`, `agent_text` and the other kinds of parts.',
    }),
    callId: t.exposeID('callId', { nullable: true, description: 'The unit of execution.' }),
    parentCallId: t.exposeID('parentCallId', { nullable: true, description: 'The unit that caused it.' }),
    rootCallId: t.exposeID('rootCallId', {
      nullable: true,
      description: 'The same over one execution tree.',
    }),
    content: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Text of a delta or message; an object otherwise.',
      resolve: (part) => part.text ?? part.content,
    }),
    timestamp: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored.' }),
    seq: t.exposeInt('seq', {
      description: 'Position in the conversation; rises over all its runs. The cursor to resume from.',
    }),
    metadata: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Hints: `kind` of a delta (`text`, `reasoning`, ...), `content_type`, `display_name`.',
      resolve: (part) => part.metadata,
    }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    runId: t.exposeID('runId', { nullable: true, description: 'The run.' }),
  }),
});

const IfActive = builder.enumType('IfActive', {
  description: 'What to do while another run holds the conversation.',
  values: {
    REJECT: { value: 'reject', description: 'Refuse with `conversation_busy`.' },
    ENQUEUE: { value: 'enqueue', description: 'Start when it ends.' },
    INTERRUPT: { value: 'interrupt', description: 'Cancel it, then start.' },
  } as const,
});

const PromptBlockTarget = builder.enumType('PromptBlockTarget', {
  description: 'Where a prompt block goes.',
  values: {
    SYSTEM: { value: 'system', description: 'Among the system messages.' },
    USER: { value: 'user', description: "Into the hidden context of the user's turn." },
  } as const,
});

const PromptBlockInput = builder.inputType('InlinePromptBlockInput', {
  description: 'A block of prompt text for this message alone.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: '`^[a-z][a-z0-9_]{0,63}$`; the body is wrapped in a tag of this name.',
    }),
    body: t.string({ required: true, description: 'The text.' }),
    message: t.field({ type: PromptBlockTarget, description: '`USER` unless said.' }),
    order: t.int({ description: 'Position among the blocks; 50 unless said.' }),
    enabled: t.boolean({ description: 'False leaves it out.' }),
  }),
});

const ContextRefInput = builder.inputType('ContextRefInput', {
  description: 'Something the message refers to, resolved into hidden context.',
  fields: (t) => ({
    type: t.string({
      required: true,
      description: '`conversation`, `artifact`, `document`, `attachment`, `task` or `selection`.',
    }),
    id: t.id({ description: 'Id of the object.' }),
    text: t.string({ description: 'The text itself, for a selection.' }),
    label: t.string({ description: 'What to call it.' }),
  }),
});

const JsonSchemaInput = builder.inputType('JsonSchemaInput', {
  description: 'A schema that the answer must fit.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name of the schema.' }),
    schema: t.field({ type: 'JSON', required: true, description: 'JSON Schema.' }),
    strict: t.boolean({ description: 'Passed on to the model.' }),
  }),
});

const ResponseFormatInput = builder.inputType('ResponseFormatInput', {
  description: 'Structured output: the answer is JSON, validated and repaired once.',
  fields: (t) => ({
    type: t.string({ required: true, description: '`text`, `json_object` or `json_schema`.' }),
    jsonSchema: t.field({ type: JsonSchemaInput, description: 'Needed with `json_schema`.' }),
  }),
});

const MemoryPolicyInput = builder.inputType('MemoryPolicyInput', {
  description: 'Which memory reaches the prompt.',
  fields: (t) => ({
    archivalMode: t.string({ description: '`tool_only`, `auto` or `off`.' }),
    archivalLimit: t.int({ description: 'Most archival lines; 10 unless said.' }),
    archivalMinScore: t.float({ description: 'Weakest archival line.' }),
    includeUserCore: t.boolean({ description: "The user's core memory; true unless said." }),
    includeAgentCore: t.boolean({ description: "The agent's core memory; true unless said." }),
  }),
});

const ChatInput = builder.inputType('ChatInput', {
  description: 'A message for an agent.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'The agent: its id or its name.' }),
    message: t.string({ required: true, description: "The user's text." }),
    conversationId: t.id({
      required: true,
      description: 'The thread; an unknown one starts a new conversation.',
    }),
    messageId: t.id({
      required: true,
      description:
        'Minted once for each user action and sent again with each retry: a message is never run twice.',
    }),
    ifActive: t.field({ type: IfActive, description: '`REJECT` unless said.' }),
    verbose: t.boolean({ description: 'Nested events too.' }),
    callId: t.id({ description: 'A call id of your own.' }),
    model: t.string({ description: "Beats the agent's and the user's choice." }),
    temperature: t.float({ description: '0 to 2.' }),
    maxTokens: t.int({ description: 'Most tokens of the answer.' }),
    topP: t.float({ description: '0 to 1.' }),
    frequencyPenalty: t.float({ description: '-2 to 2.' }),
    presencePenalty: t.float({ description: '-2 to 2.' }),
    maxTurns: t.int({ description: 'Most model calls, 1 to 100.' }),
    reasoningEffort: t.string({ description: '`low`, `medium` or `high`.' }),
    reasoningSummary: t.string({ description: '`auto`, `concise` or `detailed`.' }),
    imageDetail: t.string({ description: '`auto`, `low` or `high`.' }),
    responseFormat: t.field({ type: ResponseFormatInput, description: 'Structured output.' }),
    memoryPolicy: t.field({ type: MemoryPolicyInput, description: 'Which memory reaches the prompt.' }),
    promptBlocks: t.field({ type: [PromptBlockInput], description: 'Inline blocks for this turn.' }),
    contextRefs: t.field({ type: [ContextRefInput], description: 'What the message refers to.' }),
    sessionContext: t.field({
      type: 'JSON',
      description: 'Free-form; hidden context of this turn, at most 20,000 characters.',
    }),
    knowledgeBases: t.idList({ description: 'Knowledge bases to search first.' }),
    retrievalOptions: t.field({ type: 'JSON', description: 'Search fields for that search.' }),
    attachmentIds: t.idList({ description: 'Attachments of this turn.' }),
    skills: t.stringList({ description: 'Skills to offer.' }),
    artifacts: t.idList({ description: 'Artifacts of this turn.' }),
    selectedTools: t.stringList({ description: 'Tools to offer, instead of all.' }),
    enablePlanning: t.boolean({ description: "Instead of the agent's own setting." }),
    enableReflection: t.boolean({ description: "Instead of the agent's own setting." }),
    enableQueryRewrite: t.boolean({ description: 'Rewrites the query of that search.' }),
    clientTimezone: t.string({ description: 'IANA name.' }),
    source: t.string({ description: 'Where a new conversation comes from.' }),
    sourceId: t.id({ description: 'Id of the object that a new conversation belongs to.' }),
    sourceMetadata: t.field({ type: 'JSON', description: 'Metadata of a new conversation.' }),
  }),
});

const StartedRunType = builder.objectRef<StartedRun>('StartedRun').implement({
  description: 'A run that is durable: it goes on whatever happens to the caller.',
  fields: (t) => ({
    runId: t.id({ description: 'Id of the run.', resolve: ({ run }) => run.id }),
    callId: t.id({ description: 'The unit of execution; cancels it.', resolve: ({ run }) => run.callId }),
    conversationId: t.id({ description: 'The conversation.', resolve: ({ run }) => run.conversationId }),
    messageId: t.id({ description: 'The message.', resolve: ({ run }) => run.actionId ?? run.messageId }),
    status: t.field({ type: RunStatus, description: 'Where it is.', resolve: ({ run }) => run.status }),
    started: t.exposeBoolean('started', {
      description: 'False when the same `messageId` had been accepted before.',
    }),
    cursor: t.int({
      description: '`afterSeq` that shows the run from its start.',
      resolve: ({ run }) => (run.startSeq ?? 0) - 1,
    }),
  }),
});

const ChatResult = builder.objectRef<RunOutcome>('ChatResult').implement({
  description: 'A run that ended, or that waits for a human.',
  fields: (t) => ({
    runId: t.id({ description: 'Id of the run.', resolve: ({ run }) => run.id }),
    callId: t.id({ description: 'The unit of execution.', resolve: ({ run }) => run.callId }),
    conversationId: t.id({ description: 'The conversation.', resolve: ({ run }) => run.conversationId }),
    messageId: t.id({ description: 'The message.', resolve: ({ run }) => run.messageId }),
    status: t.field({ type: RunStatus, description: 'Where it is.', resolve: ({ run }) => run.status }),
    text: t.string({ description: 'The answer.', resolve: ({ run }) => run.text ?? '' }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Structured output.',
      resolve: ({ run }) => run.output,
    }),
    citations: t.field(citationsOf(({ run }) => run)),
    retrieved: t.field(retrievedOf(({ run }) => run)),
    finishReason: t.string({
      nullable: true,
      description: 'Why it ended.',
      resolve: ({ run }) => run.finishReason,
    }),
    usage: t.field({ type: Usage, description: 'What it used.', resolve: ({ run }) => run }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why it failed.',
      resolve: ({ run }) => run.error as never,
    }),
    approval: t.field({
      type: Approval,
      nullable: true,
      description:
        'The tool call that waits for a human, when the run is `WAITING_APPROVAL`; the oldest of several.',
      resolve: ({ approvals }) => approvals[0] ?? null,
    }),
    question: t.field({
      type: Question,
      nullable: true,
      description: 'The question that waits for the user, when there is one.',
      resolve: ({ questions }) => questions[0] ?? null,
    }),
    events: t.field({
      type: [StreamEvent],
      description: 'The events that a stream would have shown.',
      resolve: ({ events }) => events,
    }),
  }),
});

const ToolRunInput = builder.inputType('ToolRunInput', {
  description: 'Runs one tool of an agent without a model, behind the same gates as when the agent calls it.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'The agent that has the tool: its id or its name.' }),
    tool: t.string({ required: true, description: 'The tool: its id or its name.' }),
    arguments: t.field({ type: 'JSON', required: true, description: "Must fit the tool's schema." }),
    conversationId: t.id({ required: true, description: 'Where it is recorded; an unknown one is made.' }),
    messageId: t.id({ required: true, description: 'The user action that it belongs to.' }),
    idempotencyKey: t.string({
      description:
        'A second request of the user for this tool with this key, whatever its conversation, gets the first one, or `idempotency_in_flight`.',
    }),
  }),
});

const ToolRunResult = builder.objectRef<RunOutcome>('ToolRunResult').implement({
  description: 'A direct tool run that ended, or that waits for a human.',
  fields: (t) => ({
    runId: t.id({ description: 'Id of the run.', resolve: ({ run }) => run.id }),
    callId: t.id({ description: 'The call.', resolve: ({ run }) => run.callId }),
    conversationId: t.id({ description: 'The conversation.', resolve: ({ run }) => run.conversationId }),
    status: t.field({ type: RunStatus, description: 'Where it is.', resolve: ({ run }) => run.status }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What the tool returned.',
      resolve: ({ run }) => run.output,
    }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why the call failed, or was not made.',
      resolve: ({ run }) => run.error as never,
    }),
    approval: t.field({
      type: Approval,
      nullable: true,
      description: 'What waits for a human, when the run is `WAITING_APPROVAL`.',
      resolve: ({ approvals }) => approvals[0] ?? null,
    }),
    events: t.field({
      type: [StreamEvent],
      description: 'The events that a stream would have shown.',
      resolve: ({ events }) => events,
    }),
  }),
});

const RunPage = builder
  .objectRef<{ runs: RunRecord[]; total: number; nextCursor: string | null }>('RunPage')
  .implement({
    description: 'A page of runs, newest first.',
    fields: (t) => ({
      runs: t.field({ type: [Run], description: 'The runs.', resolve: (page) => page.runs as never }),
      total: t.exposeInt('total', { description: 'All that match.' }),
      nextCursor: t.exposeString('nextCursor', { nullable: true, description: '`cursor` of the next page.' }),
    }),
  });

const member = { authenticated: true };

builder.queryFields((t) => ({
  run: t.prismaField({
    type: 'Run',
    authScopes: member,
    description: 'One run of the caller. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'Id of the run.' }) },
    resolve: resolve.run,
  }),
  conversationRuns: t.field({
    type: RunPage,
    authScopes: member,
    description: 'The runs of a conversation. Errors: `not_found`.',
    args: {
      conversationId: t.arg.id({ required: true, description: 'The conversation.' }),
      limit: t.arg.int({ description: PAGE_DESCRIPTIONS.limit }),
      offset: t.arg.int({ description: PAGE_DESCRIPTIONS.offset }),
      cursor: t.arg.string({ description: PAGE_DESCRIPTIONS.cursor }),
    },
    complexity: pageCost(50),
    resolve: resolve.conversationRuns,
  }),
}));

const chatErrors = 'Errors: `not_found`, `validation_failed`, `conversation_busy`, `message_id_reused`.';

builder.mutationFields((t) => ({
  startChat: t.field({
    type: StartedRunType,
    authScopes: member,
    description: `Starts a run and answers at once; follow it with \`runEvents\`. ${chatErrors}`,
    args: { input: t.arg({ type: ChatInput, required: true, description: 'The message.' }) },
    resolve: resolve.startChat,
  }),
  chat: t.field({
    type: ChatResult,
    authScopes: member,
    description: `Starts a run and waits until it ends or needs a human. ${chatErrors}`,
    args: { input: t.arg({ type: ChatInput, required: true, description: 'The message.' }) },
    resolve: resolve.chat,
  }),
  startToolRun: t.field({
    type: StartedRunType,
    authScopes: member,
    description:
      'Runs a tool and answers at once; follow it with `runEvents`. Errors: `not_found`, `validation_failed`, `idempotency_in_flight`, `idempotency_mismatch`.',
    args: { input: t.arg({ type: ToolRunInput, required: true, description: 'The call.' }) },
    resolve: resolve.startToolRun,
  }),
  runTool: t.field({
    type: ToolRunResult,
    authScopes: member,
    description:
      'Runs a tool and waits until it ends or needs a human. Errors: `not_found`, `validation_failed`, `idempotency_in_flight`, `idempotency_mismatch`.',
    args: { input: t.arg({ type: ToolRunInput, required: true, description: 'The call.' }) },
    resolve: resolve.runTool,
  }),
  startSubAgentRun: t.field({
    type: StartedRunType,
    authScopes: member,
    description: `Runs a sub-agent itself as the root; follow it with \`runEvents\`. ${chatErrors}`,
    args: {
      parentId: t.arg.id({ required: true, description: 'A parent of the sub-agent.' }),
      input: t.arg({
        type: ChatInput,
        required: true,
        description: 'The message; `agentId` is the sub-agent.',
      }),
    },
    resolve: resolve.startSubAgentRun,
  }),
  runSubAgent: t.field({
    type: ChatResult,
    authScopes: member,
    description: `Runs a sub-agent itself as the root and waits. ${chatErrors}`,
    args: {
      parentId: t.arg.id({ required: true, description: 'A parent of the sub-agent.' }),
      input: t.arg({
        type: ChatInput,
        required: true,
        description: 'The message; `agentId` is the sub-agent.',
      }),
    },
    resolve: resolve.runSubAgent,
  }),
}));

builder.subscriptionFields((t) => ({
  runEvents: t.field({
    type: StreamEvent,
    authScopes: member,
    description:
      "The events of a run after `afterSeq`: stored ones first, then as they come. Ends after the root's `end` or `error`. Errors: `not_found`.",
    args: {
      runId: t.arg.id({ required: true, description: 'Id of the run.' }),
      afterSeq: t.arg.int({ description: 'The last event you have; absent for all.' }),
      verbose: t.arg.boolean({ description: 'Events of sub-agents and tools too.' }),
    },
    subscribe: resolve.subscribeToRunEvents,
    resolve: (part) => part,
  }),
}));
