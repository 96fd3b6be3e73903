import { newId } from '../../src/ids';
import type { ApprovalRecord, QuestionRecord, ToolRecord } from '../../src/ports/tools';
import type { TenantStore } from '../../src/ports/stores';
import type { TestServer } from '../testkit/server';

/** The store behind a test server, for rows that only a run would make. */
export async function storeOf(server: TestServer, tenant = 'agentflow'): Promise<TenantStore> {
  // The first request provisions the tenant.
  await (await server.as({ tenant })).rest('GET', '/api/v1/agents');
  return server.application.database.store(tenant);
}

const MINUTE_MS = 60_000;

/** Puts a pending approval of ada's run there. */
export async function ask(store: TenantStore, fields: Partial<ApprovalRecord> = {}): Promise<ApprovalRecord> {
  const createdAt = fields.createdAt ?? new Date();
  const approval: ApprovalRecord = {
    id: newId(createdAt.getTime()),
    kind: 'tool',
    status: 'pending',
    toolId: null,
    toolName: 'send_mail',
    toolCallId: newId(),
    arguments: { to: 'bob@example.com', count: 1 },
    modifiedArguments: null,
    explanation: null,
    preview: null,
    reason: null,
    agentId: 'agent-1',
    runId: 'run-1',
    rootRunId: 'root-1',
    callId: 'call-1',
    conversationId: 'conversation-1',
    requestedBy: 'ada',
    decidedBy: null,
    policyId: null,
    createdAt,
    expiresAt: new Date(Date.now() + MINUTE_MS),
    decidedAt: null,
    ...fields,
  };
  await store.approvals.create(approval);
  return approval;
}

/** Puts a pending question of ada's run there: one item of each kind, the choice of several being optional. */
export async function put(store: TenantStore, fields: Partial<QuestionRecord> = {}): Promise<QuestionRecord> {
  const createdAt = fields.createdAt ?? new Date();
  const question: QuestionRecord = {
    id: newId(createdAt.getTime()),
    status: 'pending',
    items: [
      { id: 'name', text: 'What is it called?', kind: 'text', required: true },
      { id: 'size', text: 'How big?', kind: 'single_choice', options: ['S', 'M'], required: true },
      { id: 'extras', text: 'What else?', kind: 'multi_choice', options: ['a', 'b', 'c'], required: false },
      { id: 'sure', text: 'Sure?', kind: 'confirm', required: true },
    ],
    answers: null,
    agentId: 'agent-1',
    runId: 'run-1',
    rootRunId: 'root-1',
    callId: 'call-1',
    conversationId: 'conversation-1',
    requestedBy: 'ada',
    answeredBy: null,
    createdAt,
    expiresAt: new Date(Date.now() + MINUTE_MS),
    answeredAt: null,
    ...fields,
  };
  await store.questions.create(question);
  return question;
}

/** A gated tool that takes a text `to` and a whole number `count`. */
export async function gate(store: TenantStore, name = 'send_mail'): Promise<ToolRecord> {
  const at = new Date();
  const created = await store.tools.create({
    id: newId(),
    name,
    nameKey: name,
    kind: 'javascript',
    description: 'Sends mail.',
    functionCode: 'function send_mail() {}',
    parameters: {
      type: 'object',
      properties: { to: { type: 'string' }, count: { type: 'integer', minimum: 1 } },
      required: ['to'],
      additionalProperties: false,
    },
    config: null,
    tags: [],
    group: null,
    icon: null,
    iconType: null,
    iconColor: null,
    iconVariant: null,
    requireApproval: true,
    approvalTimeoutSeconds: 300,
    secureExecution: true,
    executionTimeout: 30,
    idempotent: false,
    supportsPreview: false,
    maxRetries: 0,
    retryDelay: 1,
    backoffFactor: 2,
    llmUsage: null,
    credentials: null,
    version: 1,
    createdBy: 'ada',
    createdAt: at,
    updatedAt: at,
    deletedAt: null,
  });
  if (!created) throw new Error(`There is a tool ${name} already.`);
  return created;
}
