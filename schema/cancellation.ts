import * as resolve from '../resolvers/cancellation';
import type { RunRecord } from '../src/ports/records';
import type { CancelResult as CancelResultData } from '../src/runs/cancellation';
import { Run, RunStatus } from './agent-execution';
import { builder } from './builder';

const CancelResult = builder.objectRef<CancelResultData>('CancelResult').implement({
  description: 'What cancelling did.',
  fields: (t) => ({
    callId: t.exposeID('callId', { description: 'The unit of execution.' }),
    runId: t.exposeID('runId', { description: 'The run.' }),
    status: t.field({
      type: RunStatus,
      description: 'Where the run is now.',
      resolve: (result) => result.status,
    }),
    alreadyFinished: t.exposeBoolean('alreadyFinished', {
      description: 'True when there was nothing left to cancel.',
    }),
  }),
});

const CancelledRuns = builder.objectRef<CancelResultData[]>('CancelledRuns').implement({
  description: 'The runs that were cancelled.',
  fields: (t) => ({
    results: t.field({
      type: [CancelResult],
      description: 'One entry for each run.',
      resolve: (results) => results,
    }),
    total: t.int({ description: 'How many there were.', resolve: (results) => results.length }),
  }),
});

const ActiveCalls = builder.objectRef<RunRecord[]>('ActiveCalls').implement({
  description: 'Runs that are not finished.',
  fields: (t) => ({
    calls: t.field({ type: [Run], description: 'The runs, newest first.', resolve: (runs) => runs as never }),
    total: t.int({ description: 'How many there are.', resolve: (runs) => runs.length }),
  }),
});

const CancelScope = builder.enumType('CancelScope', {
  description: 'Whose runs are meant.',
  values: {
    MINE: { value: 'mine', description: "The caller's." },
    TENANT: { value: 'tenant', description: "Everybody's in the tenant; needs the admin scope." },
  } as const,
});

const CancelRunsInput = builder.inputType('CancelRunsInput', {
  description: 'Narrows what is cancelled; empty means all.',
  fields: (t) => ({
    conversationId: t.id({ description: 'Only runs of this conversation.' }),
    messageId: t.id({ description: 'Only the run of this message.' }),
    agentId: t.id({ description: 'Only runs of this agent.' }),
    scope: t.field({ type: CancelScope, description: '`MINE` unless said.' }),
  }),
});

const member = { authenticated: true };

builder.queryFields((t) => ({
  activeCalls: t.field({
    type: ActiveCalls,
    authScopes: member,
    description: "The caller's unfinished runs.",
    args: { scope: t.arg({ type: CancelScope, description: '`MINE` unless said.' }) },
    resolve: resolve.activeCalls,
  }),
}));

builder.mutationFields((t) => ({
  cancelRun: t.field({
    type: CancelResult,
    authScopes: member,
    description:
      'Cancels a run by its call id or run id; partial text is kept, repeating changes nothing. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'Call id or run id.' }) },
    resolve: resolve.cancelRun,
  }),
  cancelRuns: t.field({
    type: CancelledRuns,
    authScopes: member,
    description: 'Cancels all runs in scope. Errors: `forbidden`.',
    args: { input: t.arg({ type: CancelRunsInput, description: 'What to cancel.' }) },
    resolve: resolve.cancelRuns,
  }),
  cancelBackgroundTask: t.field({
    type: CancelResult,
    authScopes: member,
    description: 'Cancels a background task. Errors: `not_found`.',
    args: { taskId: t.arg.id({ required: true, description: 'Id of the task.' }) },
    resolve: resolve.cancelBackgroundTask,
  }),
}));
