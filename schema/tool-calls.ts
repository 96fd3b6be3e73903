import type { ToolCallRecord } from '../src/ports/tools';
import { builder } from './builder';

const ToolCallStatus = builder.enumType('ToolCallStatus', {
  description: 'How far a tool call is. All but the first three are final: such a call never runs again.',
  values: {
    WAITING_APPROVAL: { value: 'waiting_approval', description: 'A human has to decide.' },
    WAITING_QUESTION: { value: 'waiting_question', description: 'A human has to answer.' },
    EXECUTING: { value: 'executing', description: 'It was begun.' },
    SUCCEEDED: { value: 'succeeded', description: 'It has a result.' },
    FAILED: { value: 'failed', description: 'It has an error.' },
    DENIED: { value: 'denied', description: 'A human refused it.' },
    EXPIRED: { value: 'expired', description: 'No human decided in time.' },
    CANCELLED: { value: 'cancelled', description: 'Its run was cancelled.' },
    UNKNOWN: { value: 'unknown', description: 'It was interrupted; whether it had an effect is not known.' },
  } as const,
});

export const ToolCall = builder.objectRef<ToolCallRecord>('ToolCall').implement({
  description: 'A tool call in the ledger of a run: written before it begins, and again when it ends.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the call, `callId` in the stream of events.' }),
    runId: t.exposeID('runId', { description: 'The run that made it.' }),
    agentId: t.exposeID('agentId', { description: 'The agent that made it.' }),
    toolId: t.exposeID('toolId', { nullable: true, description: 'The tool; null when it has no row.' }),
    toolName: t.exposeString('toolName', { description: 'Name by which the model called it.' }),
    kind: t.exposeString('kind', {
      description: 'Kind of tool, or `sub_agent`, `question`, `control` for what the engine itself offers.',
    }),
    arguments: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The arguments it ran with; null when they could not be read.',
      resolve: (call) => call.arguments,
    }),
    status: t.field({ type: ToolCallStatus, description: 'How far it is.', resolve: (call) => call.status }),
    attempts: t.exposeInt('attempts', { description: 'How often it was begun.' }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it answered.',
      resolve: (call) => call.result,
    }),
    error: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Why it failed: `{type, message, line?}`.',
      resolve: (call) => call.error,
    }),
    cacheId: t.exposeID('cacheId', {
      nullable: true,
      description: 'Id for `cachedResult` when the result is large.',
    }),
    approvalId: t.exposeID('approvalId', { nullable: true, description: 'The approval that gated it.' }),
    childRunId: t.exposeID('childRunId', {
      nullable: true,
      description: 'The run of the sub-agent it called.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the model asked for it.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
});
