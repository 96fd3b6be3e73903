/**
 * Writes the target file with which a side-by-side benchmark of chat servers starts and loads this one: authentication on,
 * the embedded database, every model call sent to the benchmark's stub of an OpenAI-compatible endpoint.
 *
 *   node bench/side-by-side.mjs [--port 4151] [--stub http://127.0.0.1:4100] [--data-dir DIR] [--graphql]
 *     [--corpus MODULE [--embedding-model NAME]] > target.json
 *
 * --graphql sends every scenario to /graphql instead of the REST paths, for the ratio between the two.
 * --corpus MODULE adds the scenario `search` on a knowledge base of its `chunks()`, embedded by the stub's
 * --embedding-model (default: stub-embed-384, the length that the other servers use).
 */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '4151' },
    stub: { type: 'string', default: 'http://127.0.0.1:4100' },
    'data-dir': { type: 'string', default: join(tmpdir(), 'bench-work', 'data', 'agentflow') },
    graphql: { type: 'boolean', default: false },
    corpus: { type: 'string' },
    'embedding-model': { type: 'string', default: 'stub-embed-384' },
  },
});

const signingKey = JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }));
const minted = spawnSync(
  process.execPath,
  [join(root, 'bin/agentflow.cjs'), 'token', '--tenant', 'bench', '--user', 'bench', '--ttl', '1d'],
  { encoding: 'utf8', env: { ...process.env, AGENTFLOW_SIGNING_KEY: signingKey } },
);
if (minted.status !== 0) throw new Error(`No token could be minted:\n${minted.stderr}`);

const url = `http://127.0.0.1:${options.port}`;
const headers = { authorization: `Bearer ${minted.stdout.trim()}` };
const text = (kind) =>
  `${kind} {{n}}, with some words in it so that it has a usual length of about a hundred characters.`;

const chat = (conversation, more = {}) => ({
  url: `${url}/api/v1/agent/{{agent}}/chat`,
  headers,
  body: { message: 'Hello number {{n}}', conversation_id: conversation, message_id: '{{uuid}}', ...more },
  expect: 'tok31',
});

const graphql = (query, variables, more = {}) => ({
  url: `${url}/graphql`,
  headers,
  body: { query, variables },
  ...more,
});
const EVENT = 'type callId parentCallId rootCallId content timestamp seq metadata';
const CHAT = `mutation($input: ChatInput!) { chat(input: $input) { runId callId conversationId messageId status text output finishReason usage { inputTokens outputTokens totalTokens costUsd } error { code message retryable } events { ${EVENT} } } }`;
const MESSAGE = 'id conversationId role content timestamp seq runId agentId metadata';
const chatVariables = (conversationId) => ({
  input: { agentId: '{{agent}}', message: 'Hello number {{n}}', conversationId, messageId: '{{uuid}}' },
});

const rest = {
  constant: graphql('{ __typename }', {}, { expect: 'Query' }),
  chat: chat('{{uuid}}', { stream: false }),
  stream: { ...chat('{{uuid}}', { stream: true }), first: 'tok0' },
  chat_long: chat('{{conv}}', { stream: false }),
  list50: {
    url: `${url}/api/v1/conversations/{{conv}}/messages?limit=50`,
    headers,
    expect: 'long conversation',
  },
  append: {
    url: `${url}/api/v1/conversations/{{conv}}/messages`,
    headers,
    body: { content: text('Appended message') },
    expect: 'Appended',
  },
  ...(options.corpus && {
    search: {
      url: `${url}/api/v1/knowledge-bases/kb/search`,
      headers,
      body: { query: '{{pick}}', limit: 5 },
      expect: 'Note ',
    },
  }),
};

const overGraphQL = {
  constant: rest.constant,
  chat: graphql(CHAT, chatVariables('{{uuid}}'), { expect: 'tok31' }),
  list50: graphql(
    `query($id: ID!) { messages(conversationId: $id, limit: 50) { messages { ${MESSAGE} } total limit offset nextCursor } }`,
    { id: '{{conv}}' },
    { expect: 'long conversation' },
  ),
  append: graphql(
    `mutation($input: AppendMessageInput!) { appendMessage(input: $input) { ${MESSAGE} } }`,
    { input: { conversationId: '{{conv}}', content: text('Appended message') } },
    { expect: 'Appended' },
  ),
};

const target = {
  name: options.graphql ? 'agentflow-graphql' : 'agentflow',
  ...(options.corpus && {
    seed: ['node', join(root, 'bench/seed-search.mjs'), resolve(options.corpus)],
  }),
  start: ['node', join(root, 'bin/agentflow.cjs'), 'serve'],
  cwd: root,
  env: {
    PORT: options.port,
    AGENTFLOW_DATA_DIR: options['data-dir'],
    AGENTFLOW_SIGNING_KEY: signingKey,
    DEV_AUTH_BYPASS: 'false',
    OPENAI_BASE_URL: `${options.stub}/v1`,
    OPENAI_API_KEY: 'stub',
    OPENAI_MODEL: 'stub',
    OPENAI_EMBEDDING_MODEL: options['embedding-model'],
    LOG_LEVEL: 'warn',
  },
  health: `${url}/health`,
  setup: [
    { url: `${url}/api/v1/agents`, headers, save: { main: '0.id' } },
    {
      url: `${url}/api/v1/agent/{{main}}/subagents`,
      headers,
      body: { name: 'BenchAgent', description: 'Answers.', system_prompt: 'You are a helpful assistant.' },
      save: { agent: 'id' },
    },
    {
      url: `${url}/api/v1/conversations`,
      headers,
      body: { agent_id: '{{agent}}' },
      save: { conv: 'conversation.id' },
    },
    {
      repeat: 1000,
      url: `${url}/api/v1/conversations/{{conv}}/messages`,
      headers,
      body: { content: text('Message of a long conversation number') },
      expect: 'long conversation',
    },
  ],
  verify: [
    { url: `${url}/api/v1/conversations/{{conv}}/messages?limit=1`, headers, expect: 'long conversation' },
  ],
  scenarios: options.graphql ? overGraphQL : rest,
};

process.stdout.write(`${JSON.stringify(target, null, 2)}\n`);
