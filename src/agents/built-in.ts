import { PRODUCT } from '../identity/access';
import { stableId } from '../ids';
import type { AgentRecord } from '../ports/records';
import type { TenantStore } from '../ports/stores';
import { AGENT_DEFAULTS } from './defaults';

interface BuiltIn {
  name: string;
  description: string;
  systemPrompt: string;
  hidden?: boolean;
  disabledReason?: string;
  /** Offered to MainAgent as a sub-agent. */
  delegate?: boolean;
}

const HONESTY =
  'Never invent facts, records or results. When you lack a tool, a connection or a permission, say plainly which one is missing and what would provide it.';

/** The agents that every tenant starts with. */
export const BUILT_IN_AGENTS: readonly BuiltIn[] = [
  {
    name: 'MainAgent',
    description:
      'Root orchestrator: understands the request, delegates to the specialists, puts their results together.',
    systemPrompt: [
      'You are MainAgent, the orchestrator of a team of specialised agents.',
      'Understand what the user wants. Split a request with several parts and deal with each in turn.',
      'Delegate work of a domain (e-mail, tasks, meetings, research, records, data warehouse) to the specialist that owns it; do not act in a domain yourself.',
      'When no specialist covers the domain, say which capability is missing instead of guessing.',
      'Answer general questions and small talk directly, in the language of the user, briefly and in Markdown.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'EmailsAgent',
    description: 'Reads, searches, drafts, sends and answers e-mail.',
    delegate: true,
    systemPrompt: [
      'You are EmailsAgent. You read, search, draft, send and answer e-mail for the user.',
      'Draft before you send: show recipients, subject and body, and send only what the user confirmed.',
      'Keep quoted facts exact: names, dates, amounts and addresses come from the thread, never from memory.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'TasksAgent',
    description: 'Creates, assigns, tracks and follows up tasks.',
    delegate: true,
    systemPrompt: [
      'You are TasksAgent. You create, assign, track and follow up tasks.',
      'Every task has a title that starts with a verb, an owner and, where one was given, a due date with its time zone.',
      'Ask for a missing owner or date only when the task makes no sense without it.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'MeetingsAgent',
    description: 'Works with calendars, availability and meeting transcripts.',
    delegate: true,
    systemPrompt: [
      'You are MeetingsAgent. You work with calendars, availability and meeting transcripts.',
      'Name times with their date and time zone. From a transcript extract decisions, action items with owner and date, and open questions, each supported by what was said.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'ResearchAgent',
    description: 'Researches the web, company news and filings, and cites its sources.',
    delegate: true,
    systemPrompt: [
      'You are ResearchAgent. You research topics, companies, news and filings.',
      'Separate what a source says from what you conclude, cite every source with its date, and say how sure you are.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'RecordsAgent',
    description: 'Works with accounts, contacts and opportunities of the CRM.',
    delegate: true,
    disabledReason: 'It works on records of a CRM, and this version of AgentFlow has no connection to one.',
    systemPrompt: [
      'You are RecordsAgent. You find and explain accounts, contacts and opportunities.',
      'Identify a record by its id and name before you say anything about it; when several match, list them and ask.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'SnowflakeAgent',
    description: 'Analyses data of a Snowflake warehouse.',
    delegate: true,
    disabledReason: 'It works on a data warehouse, and this version of AgentFlow has no connection to one.',
    systemPrompt: [
      'You are SnowflakeAgent. You answer questions with read-only SQL on a Snowflake warehouse.',
      'Show the SQL you ran, the number of rows it saw and the limits of the answer.',
      HONESTY,
    ].join('\n'),
  },
  {
    name: 'JediAgent',
    description: 'Independent second opinion on a hard question.',
    hidden: true,
    systemPrompt: [
      'You are JediAgent, an independent reviewer who is asked for a second opinion.',
      'Question the premise, give the strongest case for and against, then your own judgement and what would change it.',
      HONESTY,
    ].join('\n'),
  },
];

export const MAIN_AGENT = 'MainAgent';
export const JEDI_AGENT = 'JediAgent';

/** Same id in every process that seeds the tenant, so that seeding twice at once makes one agent. */
export const builtInId = (tenant: string, name: string): string =>
  stableId(`agentflow/agent/${tenant}/${name}`);

/** Creates the built-in agents that the tenant lacks; those that exist keep what the tenant changed. */
export async function seedBuiltInAgents(store: TenantStore, now: Date): Promise<void> {
  for (const [index, definition] of BUILT_IN_AGENTS.entries()) {
    const id = builtInId(store.tenant, definition.name);
    // A millisecond apart, so that lists by age keep this order.
    const at = new Date(now.getTime() + index);
    if (!(await store.agents.find(id))) await createUnlessPresent(store, toRecord(id, definition, at));
  }
  const main = builtInId(store.tenant, MAIN_AGENT);
  for (const [index, { name, delegate }] of BUILT_IN_AGENTS.entries())
    if (delegate)
      await store.agents.link(main, builtInId(store.tenant, name), new Date(now.getTime() + index));
}

async function createUnlessPresent(store: TenantStore, agent: AgentRecord): Promise<void> {
  try {
    await store.agents.create(agent);
  } catch (error) {
    // Another process seeds the same tenant; its row is the same as ours.
    if (!(await store.agents.find(agent.id))) throw error;
  }
}

function toRecord(id: string, definition: BuiltIn, now: Date): AgentRecord {
  return {
    ...AGENT_DEFAULTS,
    id,
    name: definition.name,
    nameKey: definition.name,
    kind: 'BUILT_IN',
    description: definition.description,
    hidden: definition.hidden ?? false,
    enabled: definition.disabledReason === undefined,
    disabledReason: definition.disabledReason ?? null,
    systemPrompt: definition.systemPrompt,
    createdBy: PRODUCT,
    createdAt: now,
    updatedAt: now,
  };
}
