import type { ConversationUpdate, Marker } from '../src/conversations/history';
import type {
  Timeline as TimelineData,
  TimelineItem as TimelineItemData,
} from '../src/conversations/timeline';
import type {
  ConversationPage as ConversationPageData,
  MessagePage as MessagePageData,
} from '../src/conversations/conversations';
import type { Compaction as CompactionData } from '../src/conversations/compaction';
import { Run, StreamEvent } from './agent-execution';
import { builder } from './builder';
import { citationsOf, retrievedOf } from './citations';

export const Conversation = builder.prismaObject('Conversation', {
  description: 'A thread of messages between one user and an agent.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the conversation; the client may have chosen it.' }),
    agentId: t.exposeID('agentId', { description: 'The agent it was started with.' }),
    title: t.exposeString('title', {
      nullable: true,
      description: 'What it is about; made from the first message until somebody sets it.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When something last happened in it.',
    }),
    isActive: t.exposeBoolean('isActive', { description: 'False once the user archived it.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Free-form data of the client.',
      resolve: (row) => row.metadata as never,
    }),
    messageCount: t.exposeInt('messageCount', { description: 'Messages of user and assistant so far.' }),
    hasActiveGeneration: t.boolean({
      description: 'True while a run holds the conversation.',
      resolve: (row) => row.activeRunId !== null,
    }),
    source: t.exposeString('source', {
      nullable: true,
      description: 'Where the conversation came from, as the client said.',
    }),
    sourceRefId: t.exposeString('sourceRefId', {
      nullable: true,
      description: "Id of the client's object it belongs to.",
    }),
    runs: t.relatedConnection(
      'runs',
      {
        cursor: 'id',
        totalCount: true,
        description: 'Its runs, newest first.',
        query: { orderBy: { id: 'desc' } },
      },
      {
        fields: (page) => ({
          // Stands in for the plugin's own field, which has no description; its type does not know what it counted.
          totalCount: page.int({
            description: 'All runs of the conversation, not just the page.',
            resolve: (connection) => (connection as typeof connection & { totalCount: number }).totalCount,
          }),
        }),
      },
    ),
  }),
});

export const Message = builder.prismaObject('ConversationPart', {
  variant: 'Message',
  description: 'A message as people see it: what the user said, or what an agent answered.',
  fields: (t) => ({
    id: t.id({
      description: "The client's message id of a user's message; ours otherwise.",
      resolve: (part) => part.messageId ?? part.id,
    }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    role: t.string({
      description: '`user` or `assistant`.',
      resolve: (part) => (part.type === 'user' ? 'user' : 'assistant'),
    }),
    content: t.string({ description: 'The text.', resolve: (part) => part.text ?? '' }),
    timestamp: t.expose('createdAt', { type: 'DateTime', description: 'When it was stored.' }),
    seq: t.exposeInt('seq', { description: "Position in the conversation's log." }),
    runId: t.exposeID('runId', { nullable: true, description: 'The run that it began or that wrote it.' }),
    agentId: t.exposeID('agentId', {
      nullable: true,
      description: 'The agent that was asked or that answered.',
    }),
    metadata: t.field({
      type: 'JSON',
      nullable: true,
      description: "The client's data of an appended message; `partial` on an answer that was cut.",
      resolve: (part) => part.metadata as never,
    }),
    citations: t.field(citationsOf(({ content }) => (content ?? {}) as object)),
    retrieved: t.field(retrievedOf(({ content }) => (content ?? {}) as object)),
  }),
});

export const ConversationPage = builder.objectRef<ConversationPageData>('ConversationPage').implement({
  description: 'A page of conversations, newest first.',
  fields: (t) => ({
    conversations: t.field({
      type: [Conversation],
      description: 'The conversations.',
      resolve: (page) => page.conversations as never,
    }),
    total: t.exposeInt('total', { description: 'All that match, not just the page.' }),
    limit: t.exposeInt('limit', { description: 'Entries asked for.' }),
    offset: t.exposeInt('offset', { description: 'Entries left out at the start.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: '`cursor` of the next page; null on the last.',
    }),
  }),
});

export const ConversationSearch = builder
  .objectRef<{ conversations: object[]; total: number; nextCursor: string | null }>('ConversationSearch')
  .implement({
    description: 'Conversations that match a text, newest first.',
    fields: (t) => ({
      conversations: t.field({
        type: [Conversation],
        description: 'At most `limit` of them.',
        resolve: (found) => found.conversations as never,
      }),
      total: t.exposeInt('total', { description: 'All that match.' }),
      nextCursor: t.exposeString('nextCursor', {
        nullable: true,
        description: '`cursor` of the next page; null on the last one.',
      }),
    }),
  });

export const MessagePage = builder.objectRef<MessagePageData>('MessagePage').implement({
  description: 'A page of messages in the order they were said.',
  fields: (t) => ({
    messages: t.field({
      type: [Message],
      description: 'The messages.',
      resolve: (page) => page.messages as never,
    }),
    total: t.exposeInt('total', { description: 'All messages of the conversation.' }),
    limit: t.exposeInt('limit', { description: 'Entries asked for.' }),
    offset: t.exposeInt('offset', { description: 'Entries left out at the start.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: '`cursor` of the next page; null on the last.',
    }),
  }),
});

export const CreatedConversation = builder
  .objectRef<{ conversation: object; created: boolean }>('CreatedConversation')
  .implement({
    description: 'A conversation, and whether it is new.',
    fields: (t) => ({
      conversation: t.field({
        type: Conversation,
        description: 'The conversation.',
        resolve: (result) => result.conversation as never,
      }),
      created: t.exposeBoolean('created', {
        description: 'False when a conversation of that id existed already.',
      }),
    }),
  });

const TimelineItem = builder.objectRef<TimelineItemData>('TimelineItem');
TimelineItem.implement({
  description: 'A node of the execution tree of a conversation.',
  fields: (t) => ({
    kind: t.exposeString('kind', {
      description:
        '`user`, `agent`, `sub_agent`, `tool`, or the type of a part: `agent_text`, `tool_request`, `approval_required`, ...',
    }),
    seq: t.exposeInt('seq', { description: 'Position of its first part.' }),
    endSeq: t.exposeInt('endSeq', {
      nullable: true,
      description: 'Position of its last part, once it ended.',
    }),
    callId: t.exposeID('callId', { nullable: true, description: 'The unit of execution.' }),
    parentCallId: t.exposeID('parentCallId', { nullable: true, description: 'The unit that caused it.' }),
    runId: t.exposeID('runId', { nullable: true, description: 'The run it belongs to.' }),
    agentId: t.exposeID('agentId', { nullable: true, description: 'The agent it belongs to.' }),
    name: t.exposeString('name', { nullable: true, description: 'Name of the agent or tool.' }),
    status: t.exposeString('status', {
      nullable: true,
      description:
        'Of a call `running`, `waiting_approval`, `waiting_question`, `completed`, `failed`, `denied`, `expired` or `cancelled`; of an approval or question `pending`, or what became of it.',
    }),
    text: t.exposeString('text', { nullable: true, description: 'Text of a message.' }),
    content: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Structured content: arguments, results, errors.',
      resolve: (item) => item.content,
    }),
    arguments: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What a tool was called with.',
      resolve: (item) => item.arguments,
    }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What a tool returned; null for one that is kept as a cached result.',
      resolve: (item) => item.result,
    }),
    citations: t.field(citationsOf(({ sources }) => sources)),
    retrieved: t.field(retrievedOf(({ sources }) => sources)),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    children: t.field({
      type: [TimelineItem],
      description: 'What happened within it.',
      resolve: (item) => item.children,
    }),
  }),
});

export const Timeline = builder.objectRef<TimelineData>('Timeline').implement({
  description: 'Everything that a UI needs to draw a conversation.',
  fields: (t) => ({
    conversation: t.field({
      type: Conversation,
      description: 'The conversation.',
      resolve: (timeline) => timeline.conversation as never,
    }),
    items: t.field({
      type: [TimelineItem],
      description: 'The roots of the tree in `seq` order.',
      resolve: (timeline) => timeline.items,
    }),
    seq: t.exposeInt('seq', { description: 'Position of the last entry; -1 when there is none.' }),
  }),
});

const ConversationMarker = builder.objectRef<Marker>('ConversationMarker').implement({
  description: 'A point in a conversation worth jumping to.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the marker.' }),
    kind: t.exposeString('kind', {
      description: '`compaction`, `run_started`, `run_finished`, `artifact`, `approval` or `user`.',
    }),
    seq: t.exposeInt('seq', { description: 'Where it points.' }),
    label: t.exposeString('label', { description: 'What it says.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was set.' }),
  }),
});

export const MarkerList = builder.objectRef<Marker[]>('ConversationMarkers').implement({
  description: 'The markers of a conversation.',
  fields: (t) => ({
    markers: t.field({
      type: [ConversationMarker],
      description: 'In `seq` order.',
      resolve: (markers) => markers,
    }),
    total: t.int({ description: 'How many there are.', resolve: (markers) => markers.length }),
  }),
});

export const LlmFormat = builder
  .objectRef<{ messages: never[]; model: string | null }>('LlmFormat')
  .implement({
    description: 'A conversation in the form that model APIs take.',
    fields: (t) => ({
      messages: t.field({
        type: ['JSON'],
        description: 'OpenAI chat messages: `{role, content}`.',
        resolve: (format) => format.messages,
      }),
      model: t.exposeString('model', {
        nullable: true,
        description: "The agent's own model, when it has one.",
      }),
    }),
  });

export const ConversationTitle = builder
  .objectRef<{ id: string; title: string | null }>('ConversationTitle')
  .implement({
    description: 'The title of a conversation.',
    fields: (t) => ({
      conversationId: t.exposeID('id', { description: 'The conversation.' }),
      title: t.exposeString('title', {
        nullable: true,
        description: 'The title; null when it has none yet.',
      }),
    }),
  });

export const Compaction = builder.objectRef<CompactionData>('Compaction').implement({
  description: 'What compacting a history did.',
  fields: (t) => ({
    compressed: t.exposeBoolean('compressed', { description: 'False when there was nothing old enough.' }),
    messagesBefore: t.exposeInt('messagesBefore', { description: 'Messages that the model saw before.' }),
    messagesAfter: t.exposeInt('messagesAfter', {
      description: 'Messages that it sees now, besides the summary.',
    }),
    summary: t.exposeString('summary', { nullable: true, description: 'What stands for the rest.' }),
    tokensSaved: t.exposeInt('tokensSaved', { description: 'Tokens saved in each prompt, estimated.' }),
  }),
});

const ConversationSnapshot = builder.objectRef<ConversationUpdate>('ConversationSnapshot').implement({
  description: 'The durable state of a conversation: all of it, or what changed.',
  fields: (t) => ({
    snapshot: t.exposeBoolean('snapshot', {
      description: 'True when this is the whole state, false when it is a change.',
    }),
    conversation: t.field({
      type: Conversation,
      description: 'The conversation.',
      resolve: (update) => update.conversation as never,
    }),
    runs: t.field({
      type: [Run],
      description: 'Its newest runs; in a change, those that changed.',
      resolve: (update) => update.runs as never,
    }),
    timeline: t.field({
      type: [TimelineItem],
      nullable: true,
      description: 'The execution tree; null in a change.',
      resolve: (update) => update.timeline?.items ?? null,
    }),
    parts: t.field({
      type: [StreamEvent],
      description: 'New entries of the log; empty in a snapshot.',
      resolve: (update) => update.parts,
    }),
    seq: t.exposeInt('seq', {
      description: 'Position up to which this is complete; the cursor to resume from.',
    }),
  }),
});

export const ConversationUpdateEvent = builder.objectRef<ConversationUpdate>('ConversationUpdate').implement({
  description: 'An event of the durable conversation stream.',
  fields: (t) => ({
    type: t.string({ description: 'Always `conversation_update`.', resolve: () => 'conversation_update' }),
    seq: t.exposeInt('seq', { description: 'The cursor to resume from.' }),
    timestamp: t.expose('at', { type: 'DateTime', description: 'When it was sent.' }),
    content: t.field({
      type: ConversationSnapshot,
      description: 'The state or the change.',
      resolve: (update) => update,
    }),
  }),
});

export const CreateConversationInput = builder.inputType('CreateConversationInput', {
  description: 'A new conversation.',
  fields: (t) => ({
    id: t.id({ description: 'An id of your own, `^[A-Za-z0-9_.:-]{1,128}$`; made when absent.' }),
    agentId: t.id({ required: true, description: 'The agent to talk to.' }),
    title: t.string({ description: 'At most 200 characters.' }),
    metadata: t.field({ type: 'JSON', description: 'Free-form object, at most 100,000 characters as JSON.' }),
    source: t.string({ description: 'Where it comes from; lists can filter by it.' }),
    sourceRefId: t.id({ description: 'Id of the object it belongs to; lists can filter by it.' }),
  }),
});

export const AppendMessageInput = builder.inputType('AppendMessageInput', {
  description: "A user's message that no agent answers.",
  fields: (t) => ({
    conversationId: t.id({ required: true, description: 'The conversation.' }),
    content: t.string({ required: true, description: 'The text.' }),
    role: t.string({ description: '`user`, the only one.' }),
    messageId: t.id({ description: 'Your id of the message; the same again answers the first.' }),
    metadata: t.field({ type: 'JSON', description: 'Free-form object.' }),
  }),
});

export const UpdateConversationInput = builder.inputType('UpdateConversationInput', {
  description: 'Changes of a conversation; what is absent stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The conversation.' }),
    title: t.string({ description: 'At most 200 characters.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Replaces the free-form data. `markers: [{id?, seq, label}]` become markers.',
    }),
    isActive: t.boolean({ description: 'False archives it.' }),
  }),
});

export const MessageOrder = builder.enumType('MessageOrder', {
  description: 'Order of messages.',
  values: {
    ASC: { value: 'asc', description: 'In the order they were said.' },
    DESC: { value: 'desc', description: 'Newest first.' },
  } as const,
});
