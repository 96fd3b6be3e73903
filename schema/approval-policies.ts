import * as resolve from '../resolvers/approval-policies';
import type { BackTest } from '../src/approvals/back-test';
import { conditionsOf } from '../src/approvals/rule';
import type { ApprovalPolicyRecord, PolicyCondition } from '../src/ports/tools';
import { Approval } from './approvals';
import { builder } from './builder';
import { Deleted, WORK } from './common';

const PolicyOperator = builder.enumType('PolicyOperator', {
  description: 'How a condition compares the value at its path.',
  values: {
    EQ: { value: 'eq', description: 'Equal as JSON.' },
    NE: { value: 'ne', description: 'Not equal.' },
    IN: { value: 'in', description: 'Equal to one of a list.' },
    NIN: { value: 'nin', description: 'Equal to none of a list.' },
    GT: { value: 'gt', description: 'Greater: number with number, text with text.' },
    GTE: { value: 'gte', description: 'Greater or equal.' },
    LT: { value: 'lt', description: 'Less.' },
    LTE: { value: 'lte', description: 'Less or equal.' },
    CONTAINS: {
      value: 'contains',
      description: 'A text that holds the text, or a list that holds the value.',
    },
    MATCHES: {
      value: 'matches',
      description: 'The whole text fits a pattern: `*` is any characters, `?` is one.',
    },
    EXISTS: { value: 'exists', description: '`true`: the path leads to a value; `false`: it does not.' },
  } as const,
});

const PolicyConditionType = builder.objectRef<PolicyCondition>('PolicyCondition').implement({
  description: 'What must hold for the arguments of a call.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Dotted path: `amount`, `to.0.email`, `to.*.email`.' }),
    operator: t.field({
      type: PolicyOperator,
      description: 'The comparison.',
      resolve: (row) => row.operator,
    }),
    value: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it is compared with.',
      resolve: (row) => row.value,
    }),
  }),
});

const ApprovalPolicy = builder.objectRef<ApprovalPolicyRecord>('ApprovalPolicy').implement({
  description: 'A rule that approves calls in place of a human.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the policy.' }),
    name: t.exposeString('name', { description: 'Unique in the tenant.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    enabled: t.exposeBoolean('enabled', { description: 'False: it approves nothing.' }),
    toolNames: t.exposeStringList('toolNames', { description: 'The tools it is for.' }),
    agentIds: t.exposeIDList('agentIds', { description: 'The agents it is for; empty for all.' }),
    conditions: t.field({
      type: [PolicyConditionType],
      description: 'All must hold; without any, every call of its tools is approved.',
      resolve: conditionsOf,
    }),
    createdBy: t.exposeID('createdBy', { description: 'The admin who made it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

const ApprovalPolicyBackTest = builder.objectRef<BackTest>('ApprovalPolicyBackTest').implement({
  description: 'What a rule would have done with what humans decided. Lists hold the latest 100.',
  fields: (t) => ({
    since: t.expose('since', { type: 'DateTime', description: 'Start of the window.' }),
    considered: t.exposeInt('considered', {
      description: "Human decisions on the rule's tools and agents in the window.",
    }),
    truncated: t.exposeBoolean('truncated', {
      description: 'True when only the latest 10,000 decisions were looked at.',
    }),
    wouldApprove: t.exposeInt('wouldApprove', { description: 'Those that the rule would have approved.' }),
    agreedWithHuman: t.exposeInt('agreedWithHuman', {
      description: 'Those of them that a human approved as they were.',
    }),
    wouldHaveApprovedDeniedCount: t.exposeInt('wouldHaveApprovedDeniedCount', {
      description: 'Those of them that a human denied.',
    }),
    wouldHaveApprovedDenied: t.field({
      type: [Approval],
      description: 'The latest of those.',
      resolve: (test) => test.wouldHaveApprovedDenied,
    }),
    wouldHaveApprovedModifiedCount: t.exposeInt('wouldHaveApprovedModifiedCount', {
      description: 'Those of them that a human approved with other arguments.',
    }),
    wouldHaveApprovedModified: t.field({
      type: [Approval],
      description: 'The latest of those.',
      resolve: (test) => test.wouldHaveApprovedModified,
    }),
    missedCount: t.exposeInt('missedCount', {
      description: 'Those that a human approved as they were and the rule would still ask for.',
    }),
    missed: t.field({
      type: [Approval],
      description: 'The latest of those.',
      resolve: (test) => test.missed,
    }),
  }),
});

const PolicyConditionInput = builder.inputType('PolicyConditionInput', {
  description:
    'A condition. A path that leads nowhere fails it, whatever the operator, but `EXISTS` with `false`.',
  fields: (t) => ({
    path: t.string({
      required: true,
      description: 'Dotted path into the arguments; `*` stands for every element of a list, at least one.',
    }),
    operator: t.field({ type: PolicyOperator, required: true, description: 'The comparison.' }),
    value: t.field({ type: 'JSON', description: 'What it is compared with; null unless said.' }),
  }),
});

const RULE = {
  toolNames: 'Names of 1 to 100 tools.',
  agentIds: 'Ids or names of agents; absent or empty for all.',
  conditions: 'At most 20, all of which must hold; without any, every call of the tools is approved.',
};

const CreateApprovalPolicyInput = builder.inputType('CreateApprovalPolicyInput', {
  description: 'A new policy.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 100 characters, unique in the tenant.' }),
    description: t.string({ description: 'What it is for.' }),
    enabled: t.boolean({ description: 'True unless said.' }),
    toolNames: t.stringList({ required: true, description: RULE.toolNames }),
    agentIds: t.idList({ description: RULE.agentIds }),
    conditions: t.field({ type: [PolicyConditionInput], description: RULE.conditions }),
  }),
});

const UpdateApprovalPolicyInput = builder.inputType('UpdateApprovalPolicyInput', {
  description: 'Changes of a policy; what is absent stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The policy.' }),
    name: t.string({ description: '1 to 100 characters, unique in the tenant.' }),
    description: t.string({ description: 'What it is for; null removes it.' }),
    enabled: t.boolean({ description: 'False: it approves nothing.' }),
    toolNames: t.stringList({ description: RULE.toolNames }),
    agentIds: t.idList({ description: RULE.agentIds }),
    conditions: t.field({ type: [PolicyConditionInput], description: RULE.conditions }),
  }),
});

const BackTestApprovalPolicyInput = builder.inputType('BackTestApprovalPolicyInput', {
  description: 'A rule to try on past decisions.',
  fields: (t) => ({
    toolNames: t.stringList({ required: true, description: RULE.toolNames }),
    agentIds: t.idList({ description: RULE.agentIds }),
    conditions: t.field({ type: [PolicyConditionInput], description: RULE.conditions }),
    since: t.field({ type: 'DateTime', description: 'Start of the window; 30 days ago unless said.' }),
  }),
});

const member = { authenticated: true };
const admin = { admin: true };

builder.queryFields((t) => ({
  approvalPolicies: t.field({
    type: [ApprovalPolicy],
    authScopes: member,
    description: 'Every policy of the tenant, oldest first: the first that fits a call approves it.',
    resolve: resolve.approvalPolicies,
  }),
  approvalPolicy: t.field({
    type: ApprovalPolicy,
    authScopes: member,
    description: 'One policy. Errors: `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'The policy.' }) },
    resolve: resolve.approvalPolicy,
  }),
  backTestApprovalPolicy: t.field({
    complexity: WORK.search,
    type: ApprovalPolicyBackTest,
    authScopes: admin,
    description:
      'Says what a rule would have done with what humans decided; changes nothing. Errors: `forbidden`, `validation_failed`.',
    args: {
      input: t.arg({ type: BackTestApprovalPolicyInput, required: true, description: 'The rule.' }),
    },
    resolve: resolve.backTestApprovalPolicy,
  }),
}));

builder.mutationFields((t) => ({
  createApprovalPolicy: t.field({
    type: ApprovalPolicy,
    authScopes: admin,
    description: 'Makes a policy. Errors: `forbidden`, `validation_failed`, `conflict` (the name is taken).',
    args: { input: t.arg({ type: CreateApprovalPolicyInput, required: true, description: 'The policy.' }) },
    resolve: resolve.createApprovalPolicy,
  }),
  updateApprovalPolicy: t.field({
    type: ApprovalPolicy,
    authScopes: admin,
    description:
      'Changes a policy; calls that wait already go on waiting. Errors: `forbidden`, `not_found`, `validation_failed`, `conflict`.',
    args: { input: t.arg({ type: UpdateApprovalPolicyInput, required: true, description: 'The changes.' }) },
    resolve: resolve.updateApprovalPolicy,
  }),
  deleteApprovalPolicy: t.field({
    type: Deleted,
    authScopes: admin,
    description: 'Deletes a policy. Errors: `forbidden`, `not_found`.',
    args: { id: t.arg.id({ required: true, description: 'The policy.' }) },
    resolve: resolve.deleteApprovalPolicy,
  }),
}));
