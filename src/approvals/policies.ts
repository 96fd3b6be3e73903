import { DomainError, invalid, notFound } from '../errors';
import { newId } from '../ids';
import type { Clock } from '../ports/clock';
import type { Principal } from '../ports/identity';
import type { TenantStore } from '../ports/stores';
import type { ApprovalPolicyRecord } from '../ports/tools';
import { backTest, type BackTest, type BackTestInput } from './back-test';
import { approves, checkRule, conditionsOf, type GatedCall, type PolicyRule, refuseMembers } from './rule';

/** How long a process trusts what it read; a policy that another process withdraws may approve for so long. */
const FRESH_MS = 2_000;
const NAME_CHARACTERS = 100;
const DESCRIPTION_CHARACTERS = 2_000;
const MOST_POLICIES = 500;

export interface PolicyInput extends PolicyRule {
  name: string;
  description?: string | null;
  /** True unless said. */
  enabled?: boolean | null;
}

export type PolicyChanges = { [Key in keyof PolicyInput]?: PolicyInput[Key] | null };

export interface PolicyDependencies {
  open: (tenant: string) => Promise<TenantStore>;
  clock: Clock;
}

/** Rules that approve calls in place of a human. Every member may read them, admins write them. */
export class ApprovalPolicies {
  private readonly cache = new Map<string, { until: number; policies: Promise<ApprovalPolicyRecord[]> }>();

  constructor(private readonly dependencies: PolicyDependencies) {}

  async list(principal: Principal): Promise<ApprovalPolicyRecord[]> {
    return (await this.store(principal)).policies.list();
  }

  /** @throws DomainError `not_found` */
  async get(principal: Principal, id: string): Promise<ApprovalPolicyRecord> {
    return known(await this.store(principal), id);
  }

  /** @throws DomainError `forbidden`, `validation_failed`, or `conflict` when the name is taken */
  async create(principal: Principal, input: PolicyInput): Promise<ApprovalPolicyRecord> {
    refuseMembers(principal);
    const store = await this.store(principal);
    const { name, description = null, enabled } = input;
    checkTexts({ name, description });
    const rule = await checkRule(store, input);
    if ((await store.policies.list()).length >= MOST_POLICIES)
      throw new DomainError('conflict', `There are ${MOST_POLICIES} approval policies; delete one first.`);
    const at = this.dependencies.clock.now();
    const created = await store.policies.create({
      id: newId(at.getTime()),
      name,
      description,
      enabled: enabled ?? true,
      ...rule,
      createdBy: principal.userId,
      createdAt: at,
      updatedAt: at,
    });
    this.cache.delete(store.tenant);
    if (created) return created;
    throw new DomainError(
      'conflict',
      `There is an approval policy named ${name} already; choose another name.`,
    );
  }

  /** Changes only what is named. @throws DomainError as `create`, and `not_found` */
  async update(principal: Principal, id: string, changes: PolicyChanges): Promise<ApprovalPolicyRecord> {
    refuseMembers(principal);
    const store = await this.store(principal);
    const current = await known(store, id);
    const name = changes.name ?? current.name;
    const description = changes.description === undefined ? current.description : changes.description;
    checkTexts({ name, description });
    const wanted = {
      toolNames: changes.toolNames ?? current.toolNames,
      agentIds: changes.agentIds ?? current.agentIds,
      conditions: changes.conditions ?? conditionsOf(current),
    };
    const rule = await checkRule(store, wanted, current);
    const updated = await store.policies.update(id, {
      name,
      description,
      enabled: changes.enabled ?? current.enabled,
      ...rule,
      updatedAt: this.dependencies.clock.now(),
    });
    this.cache.delete(store.tenant);
    if (!updated) throw notFound('Approval policy', id);
    return updated;
  }

  /** @throws DomainError `forbidden`, `not_found` */
  async remove(principal: Principal, id: string): Promise<{ id: string; message: string }> {
    refuseMembers(principal);
    const store = await this.store(principal);
    const removed = await store.policies.remove(id);
    this.cache.delete(store.tenant);
    if (!removed) throw notFound('Approval policy', id);
    return { id, message: `Approval policy ${id} is deleted; its calls wait for a human again.` };
  }

  /** The first enabled policy that approves a call; null when a human must. */
  async decide(store: TenantStore, call: GatedCall): Promise<ApprovalPolicyRecord | null> {
    const policies = await this.current(store);
    return policies.find((policy) => policy.enabled && approves(policy, call)) ?? null;
  }

  /** Says what a rule would have done with what humans decided. @throws DomainError `forbidden`, `validation_failed` */
  async backTest(principal: Principal, input: BackTestInput): Promise<BackTest> {
    refuseMembers(principal);
    const store = await this.store(principal);
    return backTest(store, await checkRule(store, input), input.since ?? undefined, this.dependencies.clock);
  }

  private current(store: TenantStore): Promise<ApprovalPolicyRecord[]> {
    const now = this.dependencies.clock.now().getTime();
    const cached = this.cache.get(store.tenant);
    if (cached && cached.until > now) return cached.policies;
    const policies = store.policies.list();
    const entry = { until: now + FRESH_MS, policies };
    this.cache.set(store.tenant, entry);
    // A failed read is forgotten, so that the next call tries again.
    policies.catch(() => this.cache.get(store.tenant) === entry && this.cache.delete(store.tenant));
    return policies;
  }

  private store(principal: Principal): Promise<TenantStore> {
    return this.dependencies.open(principal.tenant);
  }
}

async function known(store: TenantStore, id: string): Promise<ApprovalPolicyRecord> {
  const policy = await store.policies.find(id);
  if (!policy) throw notFound('Approval policy', id);
  return policy;
}

function checkTexts({ name, description }: { name: string; description: string | null }): void {
  if (name.trim() === '' || name.length > NAME_CHARACTERS)
    throw invalid('name', `must have 1 to ${NAME_CHARACTERS} characters`);
  if (description !== null && description.length > DESCRIPTION_CHARACTERS)
    throw invalid('description', `must have at most ${DESCRIPTION_CHARACTERS} characters`);
}
