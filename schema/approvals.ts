import * as resolve from '../resolvers/approvals';
import { MAX_PAGE_SIZE } from '../src/cursor';
import type { ApprovalPage as ApprovalPageData, BulkResult } from '../src/approvals/approvals';
import type {
  ApprovalCounts,
  ApprovalSummary as ApprovalSummaryData,
  ToolApprovalCounts as ToolApprovalCountsData,
  ToolApprovalStats as ToolApprovalStatsData,
} from '../src/approvals/statistics';
import type { ApprovalRecord } from '../src/ports/tools';
import { builder } from './builder';
import { Deleted, WORK } from './common';

const ApprovalStatus = builder.enumType('ApprovalStatus', {
  description: 'Where an approval is.',
  values: {
    PENDING: { value: 'pending', description: 'Waits for a human.' },
    APPROVED: { value: 'approved', description: 'The call is made.' },
    DENIED: { value: 'denied', description: 'The call is not made; the agent is told.' },
    EXPIRED: { value: 'expired', description: 'Nobody decided in time; the call is not made.' },
    CANCELLED: { value: 'cancelled', description: 'Taken back, or its run was cancelled.' },
  } as const,
});

const ApprovalKind = builder.enumType('ApprovalKind', {
  description: 'Why a human is asked.',
  values: {
    TOOL: { value: 'tool', description: 'The tool is gated.' },
    OUTCOME_UNKNOWN: {
      value: 'outcome_unknown',
      description: 'The call was interrupted and may have happened; approving it makes it once more.',
    },
  } as const,
});

export const HumanScope = builder.enumType('HumanScope', {
  description: 'Whose approvals and questions are meant.',
  values: {
    MINE: { value: 'mine', description: "Those of the caller's own runs." },
    TENANT: { value: 'tenant', description: "Everybody's in the tenant; needs the admin scope." },
  } as const,
});

export const Approval = builder.objectRef<ApprovalRecord>('Approval').implement({
  description: 'A tool call that waits, or waited, for a human.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the approval.' }),
    kind: t.field({ type: ApprovalKind, description: 'Why it is asked.', resolve: (row) => row.kind }),
    status: t.field({ type: ApprovalStatus, description: 'Where it is.', resolve: (row) => row.status }),
    toolId: t.exposeID('toolId', { nullable: true, description: 'The tool; null when it has no row.' }),
    toolName: t.exposeString('toolName', { description: 'Name of the tool.' }),
    arguments: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The arguments that the agent proposed.',
      resolve: (row) => row.arguments,
    }),
    modifiedArguments: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The arguments that a human put in their place.',
      resolve: (row) => row.modifiedArguments,
    }),
    explanation: t.exposeString('explanation', { nullable: true, description: 'More on why it is asked.' }),
    preview: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What the call would change, by a dry run; null for tools that cannot say.',
      resolve: (row) => row.preview,
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why it was decided so.' }),
    agentId: t.exposeID('agentId', { description: 'The agent that calls the tool.' }),
    runId: t.exposeID('runId', { description: 'The run that waits.' }),
    callId: t.exposeID('callId', { description: 'The call in the stream of events.' }),
    conversationId: t.exposeID('conversationId', { description: 'The conversation.' }),
    requestedBy: t.exposeID('requestedBy', { description: 'The user whose run it is.' }),
    decidedBy: t.exposeID('decidedBy', {
      nullable: true,
      description: 'The user who decided; null when time or a policy did.',
    }),
    policyId: t.exposeID('policyId', {
      nullable: true,
      description: 'The policy that approved in place of a human.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires; null for never.',
    }),
    decidedAt: t.expose('decidedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
  }),
});

const ApprovalPage = builder.objectRef<ApprovalPageData>('ApprovalPage').implement({
  description: 'A page of approvals, newest first.',
  fields: (t) => ({
    approvals: t.field({
      type: [Approval],
      description: 'The approvals.',
      resolve: (page) => page.approvals,
    }),
    total: t.exposeInt('total', { description: 'All that match.' }),
    page: t.exposeInt('page', { description: 'Number of the page, from 1.' }),
    pageSize: t.exposeInt('pageSize', { description: 'Most entries of a page.' }),
    nextCursor: t.exposeString('nextCursor', { nullable: true, description: '`cursor` of the next page.' }),
  }),
});

const counts = {
  total: 'All of them.',
  pending: 'Those that wait.',
  approved: 'Those that were approved, by humans or policies.',
  denied: 'Those that were denied.',
  expired: 'Those that nobody decided in time.',
  cancelled: 'Those that were taken back.',
} as const;

const Counts = builder.interfaceRef<ApprovalCounts>('ApprovalCounts').implement({
  description: 'How many approvals are in each status.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: counts.total }),
    pending: t.exposeInt('pending', { description: counts.pending }),
    approved: t.exposeInt('approved', { description: counts.approved }),
    denied: t.exposeInt('denied', { description: counts.denied }),
    expired: t.exposeInt('expired', { description: counts.expired }),
    cancelled: t.exposeInt('cancelled', { description: counts.cancelled }),
    approvalRate: t.exposeFloat('approvalRate', {
      nullable: true,
      description: 'Approved ones among those approved or denied, 0 to 1; null without any.',
    }),
  }),
});

const MEDIAN = {
  nullable: true,
  description: 'Median time to a human decision, over the latest 10,000; null without any.',
} as const;

const ToolApprovalCounts = builder.objectRef<ToolApprovalCountsData>('ToolApprovalCounts').implement({
  description: 'Counts of one tool.',
  interfaces: [Counts],
  fields: (t) => ({
    toolId: t.exposeID('toolId', { nullable: true, description: 'The tool.' }),
    toolName: t.exposeString('toolName', { description: 'Name of the tool.' }),
  }),
});

const ToolApprovalStats = builder.objectRef<ToolApprovalStatsData>('ToolApprovalStats').implement({
  description: 'Counts and decision time of one tool.',
  interfaces: [Counts],
  fields: (t) => ({
    toolId: t.exposeID('toolId', { nullable: true, description: 'The tool.' }),
    toolName: t.exposeString('toolName', { description: 'Name of the tool.' }),
    medianDecisionSeconds: t.exposeFloat('medianDecisionSeconds', MEDIAN),
  }),
});

const ApprovalSummary = builder.objectRef<ApprovalSummaryData>('ApprovalSummary').implement({
  description: 'Counts over all tools.',
  interfaces: [Counts],
  fields: (t) => ({
    medianDecisionSeconds: t.exposeFloat('medianDecisionSeconds', MEDIAN),
    byTool: t.field({
      type: [ToolApprovalCounts],
      description: 'The same for each tool, the most gated first.',
      resolve: (summary) => summary.byTool,
    }),
    oldestPendingAt: t.expose('oldestPendingAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when the oldest one waits.',
    }),
  }),
});

const ApprovalError = builder.objectRef<NonNullable<BulkResult['error']>>('ApprovalError').implement({
  description: 'Why one response of several was refused.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable code, as in API errors.' }),
    message: t.exposeString('message', { description: 'What happened, in a sentence.' }),
    status: t.exposeInt('status', { description: 'The HTTP status that it would have alone.' }),
  }),
});

const ApprovalResponseResult = builder.objectRef<BulkResult>('ApprovalResponseResult').implement({
  description: 'What became of one response of several.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The approval.' }),
    ok: t.exposeBoolean('ok', { description: 'True when it is decided as said.' }),
    approval: t.field({
      type: Approval,
      nullable: true,
      description: 'The approval as it is now; null when refused.',
      resolve: (result) => result.approval,
    }),
    error: t.field({
      type: ApprovalError,
      nullable: true,
      description: 'Why it was refused.',
      resolve: (result) => result.error,
    }),
  }),
});

const ApprovalResponses = builder.objectRef<BulkResult[]>('ApprovalResponses').implement({
  description: 'What became of several responses.',
  fields: (t) => ({
    results: t.field({
      type: [ApprovalResponseResult],
      description: 'One entry for each response, in their order.',
      resolve: (results) => results,
    }),
    succeeded: t.int({
      description: 'How many are decided as said.',
      resolve: (results) => results.filter(({ ok }) => ok).length,
    }),
    failed: t.int({
      description: 'How many were refused.',
      resolve: (results) => results.filter(({ ok }) => !ok).length,
    }),
  }),
});

const ExpiredApprovals = builder
  .objectRef<{ approvals: number; questions: number }>('ExpiredApprovals')
  .implement({
    description: 'What a clean-up ended.',
    fields: (t) => ({
      expired: t.int({ description: 'Approvals that were expired.', resolve: (ended) => ended.approvals }),
      questionsExpired: t.int({
        description: 'Questions that were expired.',
        resolve: (ended) => ended.questions,
      }),
    }),
  });

const ApprovalDecision = builder.enumType('ApprovalDecision', {
  description: 'What a human decides.',
  values: {
    APPROVED: { value: 'approved', description: 'Make the call.' },
    DENIED: { value: 'denied', description: 'Do not make it; the agent is told.' },
  } as const,
});

const ApprovalAction = builder.enumType('ApprovalAction', {
  description: 'The same in the imperative.',
  values: {
    APPROVE: { value: 'approve', description: 'Make the call.' },
    DENY: { value: 'deny', description: 'Do not make it.' },
  } as const,
});

const MODIFIED =
  'Replace the proposed arguments as a whole; only when approving, and they must fit the schema of the tool.';

const RespondToApprovalInput = builder.inputType('RespondToApprovalInput', {
  description: 'A decision: `status`, or its alias `decision`.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The approval.' }),
    status: t.field({ type: ApprovalDecision, description: 'The decision.' }),
    decision: t.field({ type: ApprovalDecision, description: 'The same as `status`.' }),
    reason: t.string({ description: 'Why, at most 2,000 characters; a denied agent reads it.' }),
    modifiedArguments: t.field({ type: 'JSON', description: MODIFIED }),
  }),
});

const ApprovalResponseInput = builder.inputType('ApprovalResponseInput', {
  description: 'One decision of several: `status`, or its aliases `decision` and `action`.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The approval.' }),
    status: t.field({ type: ApprovalDecision, description: 'The decision.' }),
    decision: t.field({ type: ApprovalDecision, description: 'The same as `status`.' }),
    action: t.field({ type: ApprovalAction, description: 'The same as `status`.' }),
    reason: t.string({ description: 'Why, at most 2,000 characters; a denied agent reads it.' }),
    modifiedArguments: t.field({ type: 'JSON', description: MODIFIED }),
  }),
});

const RespondToApprovalsInput = builder.inputType('RespondToApprovalsInput', {
  description: 'Several decisions, each for itself.',
  fields: (t) => ({
    responses: t.field({
      type: [ApprovalResponseInput],
      required: true,
      description: '1 to 100 decisions, taken in order.',
    }),
  }),
});

const member = { authenticated: true };
const admin = { admin: true };
const SCOPE = '`MINE` unless said.';
const COUNTED_ENTRIES = 10;

builder.queryFields((t) => ({
  approval: t.field({
    type: Approval,
    authScopes: member,
    description: "One approval of the caller's runs, or for admins of the tenant's. Errors: `not_found`.",
    args: { id: t.arg.id({ required: true, description: 'The approval.' }) },
    resolve: resolve.approval,
  }),
  pendingApprovals: t.field({
    type: ApprovalPage,
    authScopes: member,
    description: 'Approvals that wait for a human, newest first. Errors: `forbidden`, `validation_failed`.',
    args: {
      page: t.arg.int({ description: 'Number of the page, from 1; 1 unless said.' }),
      pageSize: t.arg.int({ description: `Entries of a page, 1 to ${MAX_PAGE_SIZE}; 20 unless said.` }),
      cursor: t.arg.string({ description: '`nextCursor` of the page before; wins over `page`.' }),
      toolName: t.arg.string({ description: 'Only those of this tool.' }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    complexity: ({ pageSize }) => ({
      field: 1,
      multiplier: Math.max(1, Math.ceil((pageSize ?? 20) / COUNTED_ENTRIES)),
    }),
    resolve: resolve.pendingApprovals,
  }),
  toolApprovalStats: t.field({
    complexity: WORK.walk,
    type: ToolApprovalStats,
    authScopes: member,
    description: 'Counts of the approvals of one tool. Errors: `not_found`, `forbidden`.',
    args: {
      toolId: t.arg.id({ required: true, description: 'Id or name of the tool.' }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    resolve: resolve.toolApprovalStats,
  }),
  approvalSummary: t.field({
    complexity: WORK.walk,
    type: ApprovalSummary,
    authScopes: member,
    description: 'Counts of approvals over all tools. Errors: `forbidden`.',
    args: { scope: t.arg({ type: HumanScope, description: SCOPE }) },
    resolve: resolve.approvalSummary,
  }),
}));

builder.mutationFields((t) => ({
  respondToApproval: t.field({
    type: Approval,
    authScopes: member,
    description:
      'Decides an approval; the same decision again answers what is stored. Errors: `not_found`, `validation_failed`, `conflict` (decided otherwise or expired; `details.approval` is what was decided).',
    args: { input: t.arg({ type: RespondToApprovalInput, required: true, description: 'The decision.' }) },
    resolve: resolve.respondToApproval,
  }),
  respondToApprovals: t.field({
    type: ApprovalResponses,
    authScopes: member,
    description:
      'Decides several approvals, each for itself: one that is refused keeps no other back. Errors: `validation_failed`.',
    args: { input: t.arg({ type: RespondToApprovalsInput, required: true, description: 'The decisions.' }) },
    resolve: resolve.respondToApprovals,
  }),
  cancelApproval: t.field({
    type: Deleted,
    authScopes: member,
    description:
      'Takes an approval back: the call is not made; repeating changes nothing. Errors: `not_found`, `conflict` (decided or expired).',
    args: { id: t.arg.id({ required: true, description: 'The approval.' }) },
    resolve: resolve.cancelApproval,
  }),
  cleanUpExpiredApprovals: t.field({
    type: ExpiredApprovals,
    authScopes: admin,
    description:
      'Ends approvals and questions of the tenant whose time has run out; this happens by itself within seconds. Errors: `forbidden`.',
    resolve: resolve.cleanUpExpiredApprovals,
  }),
}));

export const AFTER =
  'Replays what happened at this time or later, and up to two seconds before it: give the time of the last one you have, and know those that come twice by their id. Absent: only what is new.';

builder.subscriptionFields((t) => ({
  approvalRequested: t.field({
    type: Approval,
    authScopes: member,
    description:
      'Approvals as they are asked for; after a replay with their present status. Errors: `forbidden`.',
    args: {
      after: t.arg({ type: 'DateTime', description: `\`createdAt\` of the last one. ${AFTER}` }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    subscribe: resolve.subscribeToRequested,
    resolve: (approval) => approval,
  }),
  approvalResolved: t.field({
    type: Approval,
    authScopes: member,
    description:
      'Approvals as they end: approved (also by a policy), denied, expired or cancelled. Errors: `forbidden`.',
    args: {
      after: t.arg({ type: 'DateTime', description: `\`decidedAt\` of the last one. ${AFTER}` }),
      scope: t.arg({ type: HumanScope, description: SCOPE }),
    },
    subscribe: resolve.subscribeToResolved,
    resolve: (approval) => approval,
  }),
}));
