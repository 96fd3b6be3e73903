import { DomainError } from '../errors';
import { assertMaker, assertPerson, mayGovern } from '../identity/access';
import type { Principal } from '../ports/identity';
import type { AgentRecord, JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ToolRecord } from '../ports/tools';
import { canonical } from '../runs/request';

/**
 * What anybody may change of a gated tool: how it is shown and described. Everything else says what an approved call does, or
 * whether and how long it waits.
 */
const FREE = new Set<string>([
  'description',
  'tags',
  'group',
  'icon',
  'iconType',
  'iconColor',
  'iconVariant',
  'llmUsage',
  'updatedAt',
]);
const GATE = ['requireApproval', 'approvalTimeoutSeconds'] as const;

type Changes = Partial<ToolRecord>;

/** What a row would change, by the names of its columns. */
const changed = (tool: ToolRecord, changes: Changes): string[] =>
  Object.entries(changes).flatMap(([key, value]) =>
    // Sealed anew, the same secret looks different: whether it is the same nobody may know.
    !FREE.has(key) && canonical(value) !== canonical(tool[key as keyof ToolRecord]) ? [key] : [],
  );

/**
 * The gate of a tool is its maker's and the admins': to take it off, to change how long it waits, and to change what the
 * gated call does. Anybody of the tenant may gate a tool; a machine never changes a gate.
 * @throws DomainError `forbidden`
 */
export function assertGate(principal: Principal, tool: ToolRecord, changes: Changes): void {
  const keys = changed(tool, changes);
  if (GATE.some((key) => keys.includes(key))) assertPerson(principal, 'change the approval of a tool');
  if (!tool.requireApproval || keys.length === 0) return;
  const doing = keys.includes('requireApproval')
    ? 'taking its approval off'
    : `changing ${keys
        .filter((key) => key !== 'nameKey')
        .map(inSnakeCase)
        .join(', ')} of a tool whose calls are approved`;
  assertMaker(principal, tool, `Tool ${tool.name}`, doing);
}

const inSnakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * A gate is not passed by under another name: what somebody else's gated tool does, a tool without a gate may not do.
 * @param tool as it will be
 * @throws DomainError `forbidden` naming the gated tool
 */
export async function assertNoCopy(
  principal: Principal,
  store: TenantStore,
  tool: ToolRecord,
): Promise<void> {
  if (tool.requireApproval || principal.isAdmin) return;
  const gated = (await store.tools.list()).find(
    (other) =>
      other.requireApproval && other.id !== tool.id && !mayGovern(principal, other) && does(tool, other),
  );
  if (!gated) return;
  throw new DomainError(
    'forbidden',
    `This does what ${gated.name} does, whose calls are approved: send require_approval: true, or ask its maker or an admin.`,
  );
}

/** Whether a tool can do what another one does. */
function does(tool: ToolRecord, other: ToolRecord): boolean {
  if (tool.kind !== other.kind) return false;
  const [config, wanted] = [tool.config, other.config] as (JsonObject | null)[];
  if (tool.kind === 'mcp') return canonical(config) === canonical(wanted);
  if (tool.kind === 'http') return config?.method === wanted?.method && covers(config?.url, wanted?.url);
  return withoutBlanks(tool.functionCode) === withoutBlanks(other.functionCode);
}

const withoutBlanks = (source: string | null): string => (source ?? '').replace(/\s+/g, ' ').trim();

/** Whether a template of a URL can lead where another one does: an argument stands for any segment. */
function covers(template: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (typeof template !== 'string' || typeof other !== 'string') return false;
  const [mine, theirs] = [template.split('/'), other.split('/')];
  if (mine.length !== theirs.length) return false;
  return mine.every((segment, index) => segment === theirs[index] || /\{[^}]*\}/.test(segment));
}

/**
 * A tool stays where its maker put it: who takes it from an agent made one of the two, or administers the tenant.
 * @throws DomainError `forbidden`
 */
export function assertMayTake(principal: Principal, tool: ToolRecord, agent: AgentRecord): void {
  if (tool.kind === 'builtin' || mayGovern(principal, agent)) return;
  assertMaker(principal, tool, `Tool ${tool.name}`, `taking it from agent ${agent.name}`);
}
