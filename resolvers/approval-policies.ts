import type { BackTestInput } from '../src/approvals/back-test';
import type { PolicyChanges, PolicyInput } from '../src/approvals/policies';
import { type Context, principalOf } from './context';

type ById = { id: string };

export const approvalPolicies = (_root: unknown, _args: object, ctx: Context) =>
  ctx.services.policies.list(principalOf(ctx));

export const approvalPolicy = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.policies.get(principalOf(ctx), id);

export const backTestApprovalPolicy = (_root: unknown, { input }: { input: BackTestInput }, ctx: Context) =>
  ctx.services.policies.backTest(principalOf(ctx), input);

export const createApprovalPolicy = (_root: unknown, { input }: { input: PolicyInput }, ctx: Context) =>
  ctx.services.policies.create(principalOf(ctx), input);

export const updateApprovalPolicy = (
  _root: unknown,
  { input: { id, ...changes } }: { input: PolicyChanges & ById },
  ctx: Context,
) => ctx.services.policies.update(principalOf(ctx), id, changes);

export const deleteApprovalPolicy = (_root: unknown, { id }: ById, ctx: Context) =>
  ctx.services.policies.remove(principalOf(ctx), id);
