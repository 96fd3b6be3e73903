import { argumentErrors } from '../argument-errors';
import { cut, encodeCursor, MAX_PAGE_SIZE, toPage } from '../cursor';
import { DomainError, type ErrorCode, invalid, notFound } from '../errors';
import { assertPerson } from '../identity/access';
import type { Principal } from '../ports/identity';
import type { TenantStore } from '../ports/stores';
import type { ApprovalRecord, ToolBox } from '../ports/tools';
import {
  alreadyDecided,
  type ApprovalResponse,
  checkResponse,
  type CheckedResponse,
  isSameDecision,
} from './decision';
import { type Decider, decideApproval, isOverdue } from './deciding';
import { expireApproval, expireApprovals, expireQuestions } from './expiry';
import { type HumanScope, maySee, requesterIn } from './scope';

const DEFAULT_APPROVALS = 20;
const MOST_PAGES = 1_000_000;
const MOST_RESPONSES = 100;

export interface ApprovalDependencies extends Decider {
  open: (tenant: string) => Promise<TenantStore>;
  tools: Pick<ToolBox, 'problems'>;
}

export interface PendingArguments {
  page?: number | null;
  pageSize?: number | null;
  cursor?: string | null;
  toolName?: string | null;
  scope?: HumanScope | null;
}

export interface ApprovalPage {
  approvals: ApprovalRecord[];
  total: number;
  page: number;
  pageSize: number;
  nextCursor: string | null;
}

export interface BulkItem extends ApprovalResponse {
  id: string;
}

export interface BulkResult {
  id: string;
  ok: boolean;
  approval: ApprovalRecord | null;
  error: { code: ErrorCode; message: string; status: number } | null;
}

/** What humans decide about tool calls; the runs themselves belong to the engine, which is told of each decision. */
export class Approvals {
  constructor(private readonly dependencies: ApprovalDependencies) {}

  /** Those that can still be decided, newest first: the caller's own, or with `scope: tenant` an admin's tenant's. */
  async pending(principal: Principal, args: PendingArguments): Promise<ApprovalPage> {
    const requestedBy = requesterIn(principal, args.scope);
    const page = pageNumber(args.page ?? 1);
    const limit = pageSize(args.pageSize ?? DEFAULT_APPROVALS);
    const { after } = toPage({ cursor: args.cursor });
    const store = await this.store(principal);
    const filter = {
      status: 'pending' as const,
      aliveAt: this.dependencies.clock.now(),
      ...(requestedBy === undefined ? {} : { requestedBy }),
      ...(args.toolName ? { toolName: args.toolName } : {}),
    };
    const [found, total] = await Promise.all([
      store.approvals.list(filter, { limit: limit + 1, offset: (page - 1) * limit, after }),
      store.approvals.count(filter),
    ]);
    const { rows, more } = cut(found, limit);
    const last = rows.at(-1);
    const nextCursor = more && last ? encodeCursor({ at: last.createdAt, id: last.id }) : null;
    return { approvals: rows, total, page, pageSize: limit, nextCursor };
  }

  /** @throws DomainError `not_found` for an unknown one or, unless the caller is an admin, another user's */
  async get(principal: Principal, id: string): Promise<ApprovalRecord> {
    return this.visible(await this.store(principal), principal, id);
  }

  /**
   * Decides. The conditional update of the row decides between two reviewers; the same decision again answers what is
   * stored.
   * @throws DomainError `forbidden` for a machine, `not_found`, `validation_failed`, or `conflict` (decided otherwise, expired) with what was decided
   */
  async respond(principal: Principal, id: string, response: ApprovalResponse): Promise<ApprovalRecord> {
    assertPerson(principal, 'decide approvals');
    const checked = checkResponse(response);
    const store = await this.store(principal);
    const approval = await this.visible(store, principal, id);
    if (approval.status === 'pending') {
      await this.checkArguments(store, approval, checked);
      const changes = { ...checked, decidedBy: principal.userId };
      const decided = await decideApproval(this.dependencies, store, approval, changes);
      if (decided) return decided;
    }
    const settled = approval.status === 'pending' ? await this.visible(store, principal, id) : approval;
    if (isSameDecision(settled, checked)) return settled;
    throw alreadyDecided(settled);
  }

  /**
   * Takes a request back: the call is not made. Repeating it changes nothing.
   * @throws DomainError `not_found`, or `conflict` when it was decided or has expired
   */
  async cancel(principal: Principal, id: string): Promise<{ id: string; message: string }> {
    assertPerson(principal, 'decide approvals');
    const store = await this.store(principal);
    const approval = await this.visible(store, principal, id);
    const done = { id, message: `Approval ${id} is cancelled.` };
    if (approval.status === 'pending') {
      const changes = { status: 'cancelled' as const, decidedBy: principal.userId };
      if (await decideApproval(this.dependencies, store, approval, changes)) return done;
    }
    const settled = approval.status === 'pending' ? await this.visible(store, principal, id) : approval;
    if (settled.status === 'cancelled') return done;
    throw alreadyDecided(settled);
  }

  /**
   * Decides each by itself, in order: one that fails keeps no other back.
   * @throws DomainError `validation_failed` for none or more than 100; then nothing was decided
   */
  async respondToAll(principal: Principal, items: BulkItem[]): Promise<BulkResult[]> {
    assertPerson(principal, 'decide approvals');
    if (items.length === 0 || items.length > MOST_RESPONSES)
      throw invalid('responses', `must have 1 to ${MOST_RESPONSES} entries, has ${items.length}`);
    const results: BulkResult[] = [];
    for (const { id, ...response } of items) results.push(await this.outcomeOf(principal, id, response));
    return results;
  }

  /** Ends at once whatever has run out, instead of a few seconds later. @throws DomainError `forbidden` */
  async cleanUpExpired(principal: Principal): Promise<{ approvals: number; questions: number }> {
    if (!principal.isAdmin)
      throw new DomainError('forbidden', 'Cleaning up expired approvals needs the admin scope.');
    const store = await this.store(principal);
    return {
      approvals: await this.expireOverdue(store),
      questions: await expireQuestions(this.dependencies, store),
    };
  }

  /** Ends those of a tenant whose time ran out. @returns how many */
  expireOverdue(store: TenantStore): Promise<number> {
    return expireApprovals(this.dependencies, store);
  }

  private async outcomeOf(principal: Principal, id: string, response: ApprovalResponse): Promise<BulkResult> {
    try {
      return { id, ok: true, approval: await this.respond(principal, id, response), error: null };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { code, message, status } = error;
      return { id, ok: false, approval: null, error: { code, message, status } };
    }
  }

  /** One whose time has run out is ended here, so that nobody sees it wait. */
  private async visible(store: TenantStore, principal: Principal, id: string): Promise<ApprovalRecord> {
    const approval = await store.approvals.find(id);
    if (!approval || !maySee(principal, approval)) throw notFound('Approval', id);
    if (!isOverdue(approval, this.dependencies.clock.now())) return approval;
    const expired = await expireApproval(this.dependencies, store, approval);
    return expired ?? (await store.approvals.find(id)) ?? approval;
  }

  /** A tool that was removed meanwhile has no schema to check: the run is told of its absence. */
  private async checkArguments(
    store: TenantStore,
    approval: ApprovalRecord,
    { modifiedArguments }: CheckedResponse,
  ): Promise<void> {
    if (modifiedArguments === null || approval.toolId === null) return;
    const tool = await store.tools.find(approval.toolId);
    if (!tool || tool.deletedAt) return;
    const problems = this.dependencies.tools.problems(tool, modifiedArguments);
    if (problems.length > 0) throw argumentErrors('modified_arguments', problems);
  }

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }
}

function pageNumber(page: number): number {
  if (Number.isInteger(page) && page >= 1 && page <= MOST_PAGES) return page;
  throw invalid('page', `must be between 1 and ${MOST_PAGES}, is ${page}`);
}

function pageSize(size: number): number {
  if (Number.isInteger(size) && size >= 1 && size <= MAX_PAGE_SIZE) return size;
  throw invalid('page_size', `must be between 1 and ${MAX_PAGE_SIZE}, is ${size}`);
}
