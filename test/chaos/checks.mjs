import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

const BASES = '/api/v1/knowledge-bases';
/** How long what was interrupted may take to come to its end. */
const SETTLE_MS = 120_000;
const TERMINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED']);
/** What a call is in the end; `UNKNOWN` where a human denied what may have happened. */
const SETTLED = new Set(['SUCCEEDED', 'FAILED', 'UNKNOWN', 'DENIED', 'CANCELLED', 'EXPIRED']);

const RUNS = 'query($id: ID!) { conversationRuns(conversationId: $id) { runs { id status } } }';
const CALLS = 'query($id: ID!) { toolCalls(runId: $id) { id toolName status } }';
const EVENTS = 'subscription($id: ID!) { conversationEvents(conversationId: $id) { seq } }';

/** Holds the server to what it acknowledged. Writes what it finds into the ledger. */
export async function check(server, world, ledger) {
  const miss = (what) => ledger.miss(what);
  await atOnce([...ledger.conversations.values()], miss, (one) =>
    checkConversation(server, world, one, miss),
  );
  await atOnce(ledger.deleted, miss, async (id) => {
    const { status } = await server.surely('GET', `/api/v1/conversations/${id}`);
    if (status !== 404) miss(`deleted conversation ${id} is there: ${status}`);
  });
  await atOnce(ledger.attachments, miss, (one) => checkAttachment(server, one, miss));
  await checkBases(server, ledger, miss);
  checkEffects(world, ledger, miss);
  const { body } = await server.surely('GET', '/api/v1/approvals/pending?page_size=100');
  if (body.approvals.length > 0) miss(`${body.approvals.length} approvals wait for ever`);
}

async function atOnce(items, complain, work, lanes = 4) {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift())
      await work(item).catch((error) => complain(`a check failed: ${error.message}`));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function eventually(probe, complain) {
  let last;
  for (const deadline = Date.now() + SETTLE_MS; Date.now() < deadline; await pause(250)) {
    last = await probe();
    if (last === true) return;
  }
  complain(last);
}

async function checkConversation(server, world, { id, messages, made }, miss) {
  if (messages.length === 0 && !made) return;
  let runs = [];
  await eventually(
    async () => {
      runs = (await server.graphql(RUNS, { id })).conversationRuns.runs;
      const open = runs.filter(({ status }) => !TERMINAL.has(status));
      return open.length === 0 || JSON.stringify(open);
    },
    (open) => miss(`runs of ${id} do not end: ${open}`),
  );
  const found = await allMessages(server, id);
  const expected = messages.flatMap(({ text, answer }) => (answer === undefined ? [text] : [text, answer]));
  const contents = found.map(({ content }) => content);
  if (JSON.stringify(contents) !== JSON.stringify(expected))
    miss(`messages of ${id} are ${JSON.stringify(contents)}, should be ${JSON.stringify(expected)}`);
  await checkLog(server, id, miss);
  for (const run of runs) await checkCalls(server, world, id, run, miss);
  const { body } = await server.surely('GET', `/api/v1/conversations/${id}`);
  if (body.has_active_generation !== false) miss(`conversation ${id} is held: ${JSON.stringify(body)}`);
}

async function allMessages(server, id) {
  const messages = [];
  for (let offset = 0; ; offset += 100) {
    const { body } = await server.surely(
      'GET',
      `/api/v1/conversations/${id}/messages?limit=100&offset=${offset}`,
    );
    messages.push(...(body.messages ?? []));
    if ((body.messages ?? []).length < 100) return messages;
  }
}

/** Every place of the log holds a part. */
async function checkLog(server, id, miss) {
  const { body } = await server.surely('GET', `/api/v1/conversations/${id}/timeline`);
  const end = body.seq;
  if (!(end >= 0)) return;
  await eventually(
    async () => {
      const seqs = [];
      for await (const { data } of server.events('POST', '/graphql', {
        json: { query: EVENTS, variables: { id } },
      })) {
        seqs.push(data.data.conversationEvents.seq);
        if (seqs.at(-1) >= end) break;
      }
      return seqs.every((seq, index) => seq === index) || JSON.stringify(seqs);
    },
    (seqs) => miss(`log of ${id} has gaps or repetitions: ${seqs}`),
  );
}

async function checkCalls(server, world, conversation, run, miss) {
  const { toolCalls } = await server.graphql(CALLS, { id: run.id });
  for (const { id, toolName, status } of toolCalls) {
    const count = world.effects.get(id)?.count ?? 0;
    if (!SETTLED.has(status)) miss(`call ${id} of ${conversation} hangs ${status}`);
    if (toolName === 'repeatable' ? status === 'SUCCEEDED' && count < 1 : count > 1)
      miss(`call ${id} of ${toolName} took effect ${count} times, and is ${status}`);
    if (toolName !== 'repeatable' && status === 'SUCCEEDED' && count !== 1)
      miss(`call ${id} of ${toolName} succeeded with ${count} effects`);
  }
}

/** A token belongs to one call, whatever its key: two keys for one would be the effect twice. */
function checkEffects(world, ledger, miss) {
  const keys = new Map();
  for (const [key, { token, tool }] of world.effects)
    keys.set(token, [...(keys.get(token) ?? []), [key, tool]]);
  for (const [token, found] of keys)
    if (found.length > 1) miss(`${token} took effect under ${found.length} keys: ${JSON.stringify(found)}`);
  for (const { token, tool, status } of ledger.toolRuns) {
    const [[key] = []] = keys.get(token) ?? [];
    const count = world.effects.get(key)?.count ?? 0;
    if (status === 'completed' && count < 1) miss(`direct run ${token} is completed without its effect`);
    if (tool === 'effect' && count > 1) miss(`direct run ${token} took effect ${count} times`);
  }
}

async function checkAttachment(server, { id, name, sha256, deleted }, miss) {
  const { status, body } = await server.surely('GET', `/api/v1/attachments/${id}/download`);
  if (deleted) {
    if (status !== 404) miss(`deleted attachment ${id} is there: ${status}`);
    return;
  }
  if (status !== 200) return miss(`attachment ${name} is lost: ${status}`);
  const found = createHash('sha256').update(String(body)).digest('hex');
  if (found !== sha256) miss(`attachment ${name} has other bytes`);
}

async function checkBases(server, ledger, miss) {
  const names = async (route, field) => {
    const { body } = await server.surely('GET', route);
    return (Array.isArray(body) ? body : body[field]).map((one) => one.name ?? one.file_name);
  };
  const listed = await names(BASES, 'knowledge_bases');
  const wanted = ledger.bases.filter(({ deleted }) => !deleted).map(({ name }) => name);
  if (JSON.stringify([...listed].sort()) !== JSON.stringify([...wanted].sort()))
    miss(`bases are ${JSON.stringify(listed)}, should be ${JSON.stringify(wanted)}`);
  await atOnce(
    ledger.bases.filter(({ deleted }) => !deleted),
    miss,
    async ({ id, name, files }) => {
      await eventually(
        async () => {
          const { body } = await server.surely('GET', `${BASES}/${id}/files?limit=100`);
          const open = body.files.filter(({ status }) => status !== 'completed');
          if (open.length > 0) return `${JSON.stringify(open).slice(0, 300)}`;
          return body.total === files.length || `${body.total} files, should be ${files.length}`;
        },
        (last) => miss(`base ${name}: ${last}`),
      );
      const { body } = await server.surely('GET', `${BASES}/${id}`);
      if (body.status !== 'completed') miss(`base ${name} is ${body.status}`);
      const search = { query: files[0], search_type: 'keyword', limit: 50 };
      const answer = await server.surely('POST', `${BASES}/${id}/search`, { json: search });
      const chunks = (answer.body.documents ?? []).map((one) => one.id);
      if (new Set(chunks).size !== chunks.length) miss(`base ${name} finds a chunk twice`);
      if (chunks.length < files.length) miss(`base ${name} finds ${chunks.length} of ${files.length} files`);
    },
  );
}
