import { EventEmitter, on } from 'node:events';
import { buildSchema, GraphQLEnumType, type GraphQLSchema } from 'graphql';
import { DomainError } from '../../../src/errors';

const TYPE_DEFINITIONS = /* GraphQL */ `
  scalar JSON
  scalar Upload
  enum NoteKind {
    PLAIN
    TO_DO
    WEEK
  }
  type LlmConfig {
    temperature: Float
    maxTokens: Int
  }
  type Capabilities {
    contextWindow: Int
  }
  type Note {
    id: ID!
    bodyText: String!
    kind: NoteKind!
    version: Int!
    createdAt: String!
    llmConfig: LlmConfig
    capabilities: Capabilities
    metadata: JSON
    parentId: ID
  }
  type NoteList {
    nodes: [Note!]!
    total: Int!
    nextCursor: String
  }
  type NoteFile {
    data: String!
    contentType: String!
    fileName: String!
  }
  enum RunState {
    COMPLETED
    WAITING_APPROVAL
  }
  type Run {
    id: ID!
    state: RunState!
    answer: String
  }
  type StartedRun {
    runId: ID!
  }
  type CreatedNote {
    note: Note!
    created: Boolean!
  }
  type Event {
    type: String!
    seq: Int!
    callId: String!
    content: JSON
  }
  input LlmConfigInput {
    temperature: Float
    maxTokens: Int
  }
  input TagInput {
    tagName: String!
  }
  input CreateNoteInput {
    bodyText: String!
    messageId: String!
    kind: NoteKind
    llmConfig: LlmConfigInput
    metadata: JSON
    tags: [TagInput!]
  }
  input UpdateNoteInput {
    id: ID!
    bodyText: String
  }
  input UploadInput {
    id: ID!
    file: Upload!
    moreFiles: [Upload!]
    chunkSize: Int
    keep: Boolean
  }
  input StartRunInput {
    agentId: ID!
    message: String!
  }
  type Query {
    note(id: ID!): Note
    notes(limit: Int, cursor: String, tag: [String!]): NoteList!
    searchNotes(q: String!): [String!]!
    noteFile(id: ID!): NoteFile!
    broken(how: String!): String
    ping: String!
    echo(text: String!): String!
    run(id: ID!): Run!
  }
  type Mutation {
    createNote(input: CreateNoteInput!): CreatedNote!
    updateNote(input: UpdateNoteInput!, ifMatch: Int): Note!
    deleteNote(id: ID!): Boolean
    upload(input: UploadInput!): JSON!
    startRun(input: StartRunInput!): StartedRun!
    cancel(callId: ID!): String!
    cancelAll: String!
  }
  type Subscription {
    runEvents(runId: ID!, afterSeq: Int): Event!
  }
`;

export interface ToyNote {
  id: string;
  bodyText: string;
  kind: string;
  version: number;
  [field: string]: unknown;
}

export const METADATA = { snake_key: 1, camelKey: { inner_key: [{ deepKey: true }] } };

/** The data behind the toy schema, with hooks for tests to look at and to hold things up. */
export class ToyWorld {
  readonly created: Record<string, unknown>[] = [];
  readonly uploads: { file: { path: string } }[] = [];
  readonly notesArguments: unknown[] = [];
  /** Subscriptions that are open. */
  following = 0;
  readonly changes = new EventEmitter();
  /** Awaited before a note is created. */
  beforeCreate: () => Promise<void> = () => Promise.resolve();
  /** The events of every run. */
  events: (afterSeq: number) => AsyncIterable<unknown> = defaultEvents;

  note(id: string): ToyNote {
    return {
      id,
      bodyText: 'text',
      kind: 'TO_DO',
      version: 3,
      createdAt: '2026-01-01T00:00:00Z',
      llmConfig: { temperature: 0.5, maxTokens: 9 },
      capabilities: { contextWindow: 1000 },
      metadata: METADATA,
      parentId: null,
    };
  }
}

async function* defaultEvents(afterSeq: number): AsyncIterable<unknown> {
  for (let seq = afterSeq + 1; seq <= 3; seq++) {
    await Promise.resolve();
    yield { type: seq === 3 ? 'end' : 'delta', seq, callId: 'c1', content: { text_part: `t${seq}` } };
  }
}

function broken(how: string): string {
  if (how === 'rate')
    throw new DomainError('rate_limited', 'Too fast.', { retryAfterMs: 2500, extra: { scope: 'user' } });
  if (how === 'secret') throw new Error('password=hunter2');
  if (how === 'long') return 'too long for the schema';
  throw new DomainError('conflict', 'It is busy.', { errors: [{ path: 'how', message: 'is busy' }] });
}

/** Counts who listens, and ends properly when it is returned in the middle. */
function tracked(world: ToyWorld, source: AsyncIterable<unknown>): AsyncIterableIterator<unknown> {
  const iterator = source[Symbol.asyncIterator]();
  let open = true;
  world.following++;
  const finish = (): void => {
    if (!open) return;
    open = false;
    world.following--;
    world.changes.emit('unfollowed');
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const step = await iterator.next();
      if (step.done) finish();
      return step.done ? step : { done: false, value: { runEvents: step.value } };
    },
    async return() {
      finish();
      void iterator.return?.();
      return { done: true, value: undefined };
    },
  };
}

const valuesOf: Record<string, unknown> = { PLAIN: 'PLAIN', TO_DO: 'TO_DO', WEEK: '7d' };

/** A schema of its own, so that the facade is tested without the product's. */
export function toySchema(world: ToyWorld): GraphQLSchema {
  const schema = buildSchema(TYPE_DEFINITIONS);
  const kind = schema.getType('NoteKind') as GraphQLEnumType;
  for (const value of kind.getValues()) value.value = valuesOf[value.name];
  const config = kind.toConfig();
  Object.assign(kind, new GraphQLEnumType(config));
  const resolve = (type: string, field: string, resolver: (args: never) => unknown): void => {
    const object = schema.getType(type) as unknown as {
      getFields(): Record<string, { resolve: (root: unknown, args: never) => unknown }>;
    };
    object.getFields()[field]!.resolve = (_root, args) => resolver(args);
  };
  resolve('Query', 'note', ({ id }: { id: string }) => (id === 'missing' ? null : world.note(id)));
  resolve('Query', 'notes', (args: { limit: number; cursor?: string }) => {
    world.notesArguments.push(args);
    return {
      nodes: Array.from({ length: args.limit }, (_, index) => world.note(`n${index}`)),
      total: 120,
      nextCursor: args.cursor === 'last' ? null : 'next==',
    };
  });
  resolve('Query', 'searchNotes', ({ q }: { q: string }) => [q]);
  resolve('Query', 'noteFile', () => ({
    data: Buffer.from('0123456789').toString('base64'),
    contentType: 'text/plain',
    fileName: 'Grüße "1".txt',
  }));
  resolve('Query', 'broken', ({ how }: { how: string }) => broken(how));
  resolve('Query', 'ping', () => 'pong');
  resolve('Query', 'echo', ({ text }: { text: string }) => text);
  resolve('Query', 'run', ({ id }: { id: string }) => ({
    id,
    state: id.includes('gated') ? 'WAITING_APPROVAL' : 'COMPLETED',
    answer: 'hello',
  }));
  resolve('Mutation', 'createNote', async ({ input }: { input: Record<string, unknown> }) => {
    await world.beforeCreate();
    world.created.push(input);
    return { created: input.messageId !== 'again', note: { ...world.note('n1'), ...input } };
  });
  resolve('Mutation', 'updateNote', ({ input, ifMatch }: { input: { id: string }; ifMatch?: number }) => {
    if (ifMatch !== undefined && ifMatch !== 3)
      throw new DomainError('precondition_failed', 'It is at version 3.');
    return world.note(input.id);
  });
  resolve('Mutation', 'deleteNote', () => true);
  resolve('Mutation', 'upload', ({ input }: { input: never }) => {
    world.uploads.push(input);
    return input;
  });
  resolve('Mutation', 'startRun', ({ input }: { input: { agentId: string; message: string } }) => {
    if (input.message === 'refuse') throw new DomainError('conversation_busy', 'A run is active.');
    return { runId: `run-${input.agentId}` };
  });
  resolve('Mutation', 'cancel', ({ callId }: { callId: string }) => callId);
  resolve('Mutation', 'cancelAll', () => 'everything');
  const runEvents = schema.getSubscriptionType()!.getFields().runEvents!;
  runEvents.subscribe = (_root: unknown, args: Record<string, unknown>) => {
    if (args.runId === 'unknown') throw new DomainError('not_found', 'Run unknown does not exist.');
    return tracked(world, world.events((args.afterSeq as number | undefined) ?? 0));
  };
  return schema;
}

/** Waits for a change of the world. @throws when it does not come in five seconds */
export async function until(world: ToyWorld, holds: () => boolean): Promise<void> {
  if (holds()) return;
  for await (const _ of on(world.changes, 'unfollowed', { signal: AbortSignal.timeout(5000) }))
    if (holds()) return;
}
