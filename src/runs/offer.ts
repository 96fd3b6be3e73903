import { LRUCache } from 'lru-cache';
import { builtInId, JEDI_AGENT, MAIN_AGENT } from '../agents/built-in';
import { callName } from '../agents/call-name';
import { compileSchema } from '../json-schema/check';
import type { Clock } from '../ports/clock';
import type { ModelTool } from '../ports/models';
import type { AgentRecord, JsonObject, JsonValue } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import type { ToolBox, ToolRecord } from '../ports/tools';

/** How long another process's change of a sub-agent may go unnoticed; changes of this process are seen at once. */
const FRESH_MS = 2_000;
const MOST_AGENTS = 10_000;

export type ControlName =
  'get_background_sub_agent_result' | 'fetch_sub_agent_progress' | 'message_sub_agent';

/** Something that a model may call in one run. */
export type Offered =
  | { kind: 'tool'; name: string; tool: ToolRecord }
  | { kind: 'sub_agent'; name: string; agent: AgentRecord; definition: ModelTool }
  | { kind: 'question'; name: string; definition: ModelTool }
  | { kind: 'control'; name: ControlName; definition: ModelTool };

/** Whom an agent may call. */
interface Family {
  children: AgentRecord[];
  /** The hidden second opinion of the main agent: no parent has it, a tool of its own calls it. */
  council: AgentRecord | null;
}

export interface OfferDependencies {
  tools: ToolBox;
  clock: Clock;
}

/** What an agent may call: its tools, its sub-agents, a question to the user, and control of background work. */
export class Offers {
  private readonly children: LRUCache<string, { family: Family; until: number }>;

  constructor(private readonly dependencies: OfferDependencies) {
    this.children = new LRUCache({ max: MOST_AGENTS });
  }

  /** @param selected names to offer, instead of all */
  async of(store: TenantStore, agent: AgentRecord, selected?: string[]): Promise<Offered[]> {
    const [tools, { children, council }] = await Promise.all([
      this.dependencies.tools.offered(store.tenant, agent),
      this.subAgents(store, agent),
    ]);
    const offered: Offered[] = children
      .filter(({ enabled }) => enabled)
      .map((child) => ({
        kind: 'sub_agent',
        name: callName(child.name),
        agent: child,
        definition: delegation(child),
      }));
    if (council?.enabled)
      offered.push({ kind: 'sub_agent', name: COUNCIL, agent: council, definition: COUNCIL_DEFINITION });
    const taken = new Set(offered.map(({ name }) => name));
    for (const tool of tools)
      if (!taken.has(tool.name)) offered.push({ kind: 'tool', name: tool.name, tool });
    if (children.length > 0) offered.push(...CONTROLS);
    // A lone agent without anything to do cannot need the answer of a human either.
    if (offered.length > 0) offered.push(ASK_USER);
    return selected ? offered.filter(({ name }) => selected.includes(name)) : offered;
  }

  /** Told when agents or their links change. */
  forget(tenant: string): void {
    for (const key of this.children.keys()) if (key.startsWith(`${tenant}/`)) this.children.delete(key);
  }

  private async subAgents(store: TenantStore, agent: AgentRecord): Promise<Family> {
    const key = `${store.tenant}/${agent.id}`;
    const now = this.dependencies.clock.now().getTime();
    const known = this.children.get(key);
    if (known && known.until > now) return known.family;
    const isMain = agent.id === builtInId(store.tenant, MAIN_AGENT);
    const [children, council] = await Promise.all([
      store.agents.children(agent.id),
      isMain ? store.agents.find(builtInId(store.tenant, JEDI_AGENT)) : null,
    ]);
    const family = { children, council };
    this.children.set(key, { family, until: now + FRESH_MS });
    return family;
  }
}

export const definitionOf = (offered: Offered): ModelTool =>
  offered.kind === 'tool'
    ? {
        name: offered.tool.name,
        description: offered.tool.description,
        parameters: offered.tool.parameters as JsonObject,
      }
    : offered.definition;

const delegation = (child: AgentRecord): ModelTool => ({
  name: callName(child.name),
  description: `Delegates to the agent ${child.name}: ${child.description}`,
  parameters: {
    type: 'object',
    properties: {
      message: {
        type: 'string',
        minLength: 1,
        description: 'The whole task in natural language; the agent sees nothing else of this conversation.',
      },
      background: {
        type: 'boolean',
        description: 'True returns a task id at once instead of waiting for the answer.',
      },
    },
    required: ['message'],
    additionalProperties: false,
  },
});

const COUNCIL = 'jedi_council';

const COUNCIL_DEFINITION: ModelTool = {
  name: COUNCIL,
  description:
    'Asks an independent reviewer for a second opinion on a hard question or an important decision.',
  parameters: {
    type: 'object',
    properties: {
      message: {
        type: 'string',
        minLength: 1,
        description: 'The whole question with all it needs to be judged; the reviewer sees nothing else.',
      },
    },
    required: ['message'],
    additionalProperties: false,
  },
};

const ASK_USER: Offered = {
  kind: 'question',
  name: 'ask_user',
  definition: {
    name: 'ask_user',
    description:
      'Asks the user one or more questions and waits for the answers. Only when nothing else helps.',
    parameters: {
      type: 'object',
      properties: {
        questions: {
          type: 'array',
          minItems: 1,
          maxItems: 10,
          items: {
            type: 'object',
            properties: {
              id: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Names the answer.' },
              text: { type: 'string', minLength: 1, maxLength: 2000 },
              kind: { type: 'string', enum: ['text', 'single_choice', 'multi_choice', 'confirm'] },
              options: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 50 },
              required: { type: 'boolean' },
            },
            required: ['text'],
            additionalProperties: false,
          },
        },
        question: {
          type: 'string',
          minLength: 1,
          maxLength: 2000,
          description: 'Short form: one free-text question.',
        },
      },
      additionalProperties: false,
    },
  },
};

const task = { type: 'string', minLength: 1, description: 'The task id that the delegation returned.' };

const control = (
  name: ControlName,
  description: string,
  properties: JsonObject,
  required: string[],
): Offered => ({
  kind: 'control',
  name,
  definition: {
    name,
    description,
    parameters: { type: 'object', properties, required, additionalProperties: false },
  },
});

const CONTROLS: Offered[] = [
  control(
    'get_background_sub_agent_result',
    'The result of a background task; waits up to `wait_seconds` for it.',
    { task_id: task, wait_seconds: { type: 'number', minimum: 0, maximum: 120 } },
    ['task_id'],
  ),
  control('fetch_sub_agent_progress', 'Status and text so far of a background task.', { task_id: task }, [
    'task_id',
  ]),
  control(
    'message_sub_agent',
    'Sends a further message to a background task. `send` returns at once, `send_and_wait` waits for the answer.',
    {
      task_id: task,
      message: { type: 'string', minLength: 1 },
      mode: { type: 'string', enum: ['send', 'send_and_wait'] },
    },
    ['task_id', 'message'],
  ),
];

/** Complaints about the arguments of the engine's own calls. */
export function engineProblems(offered: Offered, args: JsonValue): string[] {
  if (offered.kind === 'tool') return [];
  let validate = validators.get(offered.name);
  if (!validate) validators.set(offered.name, (validate = compileSchema(offered.definition.parameters)));
  return validate(args);
}

/** The engine's calls have the same parameters in every tenant; those of sub-agents differ in their names alone. */
const validators = new LRUCache<string, (value: unknown) => string[]>({ max: 1_000 });
