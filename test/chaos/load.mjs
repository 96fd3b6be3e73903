import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { CutOff } from './supervisor.mjs';
import { answerTo } from './world.mjs';

export const AGENT = '/api/v1/agent/ResearchAgent';
const BASES = '/api/v1/knowledge-bases';
const CONVERSATIONS = '/api/v1/conversations';
/** Operations in one conversation, before the actor begins another. */
const LONGEST_CONVERSATION = 6;
const ENDED = new Set(['completed', 'failed', 'cancelled', 'expired']);

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** What was acknowledged, and what must be there for it in the end. */
export class Ledger {
  conversations = new Map();
  deleted = [];
  attachments = [];
  bases = [];
  toolRuns = [];
  acknowledged = {};
  events = 0;
  resumed = 0;
  misses = [];

  count(what) {
    this.acknowledged[what] = (this.acknowledged[what] ?? 0) + 1;
  }

  miss(what) {
    this.misses.push(what);
  }
}

/** One client that does one thing after another, each until it is answered, over however many kills. */
export class Actor {
  #steps = 0;
  #conversation;
  #alone = 0;

  constructor(name, { server, ledger, random, stopping }) {
    Object.assign(this, { name, server, ledger, random, stopping });
  }

  async run() {
    while (!this.stopping.aborted) {
      const operation = this.#choose();
      try {
        await this[operation]();
      } catch (error) {
        this.ledger.miss(`${operation}: ${error.stack ?? error}`);
      }
    }
  }

  #choose() {
    let at = this.random() * WEIGHT;
    return OPERATIONS.find(([, weight]) => (at -= weight) < 0)[0];
  }

  token() {
    return `${this.name}-${++this.#steps}`;
  }

  conversation() {
    if (!this.#conversation || this.#alone++ >= LONGEST_CONVERSATION) {
      this.#conversation = { id: `c-${this.token()}`, messages: [], runs: [] };
      this.#alone = 0;
    }
    this.ledger.conversations.set(this.#conversation.id, this.#conversation);
    return this.#conversation;
  }

  /** The conversation as the next append needs it: it exists. */
  async existing() {
    const conversation = this.conversation();
    if (conversation.messages.length > 0 || conversation.made) return conversation;
    const { status } = await this.server.surely('POST', CONVERSATIONS, {
      json: { id: conversation.id, agent_id: 'ResearchAgent' },
    });
    this.expect(status < 300, `conversation ${conversation.id} was made: ${status}`);
    conversation.made = true;
    this.ledger.count('conversations');
    return conversation;
  }

  expect(holds, what) {
    if (!holds) this.ledger.miss(what);
  }

  // --- operations

  async chat() {
    await this.#say('chats', `words ${this.token()}`);
  }

  async effect() {
    await this.#say('effects', `call effect ${this.token()}`);
  }

  async repeatable() {
    await this.#say('effects', `call repeatable ${this.token()}`);
  }

  async gated() {
    await this.#say('gated calls', `call gated ${this.token()}`);
  }

  async #say(what, message) {
    const conversation = this.conversation();
    const id = `m-${this.token()}`;
    const json = { message, conversation_id: conversation.id, message_id: id, stream: false };
    for (;;) {
      const { status, body } = await this.server.surely('POST', `${AGENT}/chat`, { json });
      this.expect(status < 300, `chat ${id}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
      if (status >= 300) return;
      if (!conversation.messages.some((one) => one.id === id)) {
        conversation.messages.push({ id, text: message, answer: answerTo(message) });
        conversation.runs.push(body.run_id);
        this.ledger.count(what);
      }
      if (ENDED.has(body.status)) {
        this.expect(body.status === 'completed', `chat ${id} ended ${body.status}`);
        this.expect(body.text === answerTo(message), `chat ${id} answered ${JSON.stringify(body.text)}`);
        return;
      }
      await pause(50);
    }
  }

  async streamed() {
    const conversation = this.conversation();
    const id = `m-${this.token()}`;
    const message = `words ${this.token()}`;
    const json = { message, conversation_id: conversation.id, message_id: id };
    const events = [];
    let cuts = 0;
    while (!events.some(({ data }) => data.type === 'end' || data.type === 'error')) {
      const last = events.at(-1)?.id;
      try {
        const headers = last === undefined ? {} : { 'last-event-id': last };
        for await (const event of this.server.events('POST', `${AGENT}/chat`, { json, headers }))
          events.push(event);
      } catch (error) {
        if (!(error instanceof CutOff)) throw error;
        cuts++;
        await pause(50);
        await this.server.ready();
      }
    }
    conversation.messages.push({ id, text: message, answer: answerTo(message) });
    this.ledger.count('streamed chats');
    this.ledger.events += events.length;
    this.ledger.resumed += cuts;
    const ids = events.map((event) => Number(event.id));
    this.expect(
      ids.every((one, index) => index === 0 || one > ids[index - 1]),
      `events of ${id} in order and once: ${ids}`,
    );
    const text = events
      .filter(({ data }) => data.type === 'delta' && (data.metadata?.kind ?? 'text') === 'text')
      .map(({ data }) => data.content)
      .join('');
    this.expect(text === answerTo(message), `the stream of ${id} says ${JSON.stringify(text)}, ${cuts} cuts`);
    conversation.runs.push(events[0].data.content?.run_id);
  }

  async append() {
    const conversation = await this.existing();
    const id = `m-${this.token()}`;
    const text = `append ${id}`;
    const byKey = this.random() < 0.5;
    const options = byKey
      ? { json: { content: text }, headers: { 'idempotency-key': id } }
      : { json: { content: text, message_id: id } };
    const { status } = await this.server.surely(
      'POST',
      `${CONVERSATIONS}/${conversation.id}/messages`,
      options,
    );
    this.expect(status < 300, `append ${id}: ${status}`);
    conversation.messages.push({ text });
    this.ledger.count('appends');
  }

  async directRun() {
    const conversation = this.conversation();
    const token = this.token();
    const tool = this.random() < 0.5 ? 'effect' : 'repeatable';
    const json = {
      arguments: { token },
      conversation_id: conversation.id,
      message_id: `t-${token}`,
      idempotency_key: `k-${token}`,
    };
    for (;;) {
      const { status, body } = await this.server.surely('POST', `${AGENT}/tools/${tool}/run`, { json });
      this.expect(status < 300, `direct run ${token}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
      if (status >= 300 || ENDED.has(body.status)) {
        this.ledger.toolRuns.push({ token, tool, status: body.status, conversation: conversation.id });
        conversation.made = true;
        this.ledger.count('direct runs');
        return;
      }
      await pause(50);
    }
  }

  async upload() {
    const token = this.token();
    const content = `file ${token} `.repeat(50);
    const form = () => {
      const fields = new FormData();
      fields.append('file', new Blob([content], { type: 'text/plain' }), `${token}.txt`);
      return fields;
    };
    const headers = { 'idempotency-key': token };
    const { status, body } = await this.server.surely('POST', '/api/v1/attachments', { form, headers });
    this.expect(status === 201, `upload ${token}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
    if (status !== 201) return;
    const file = { id: body.id, name: `${token}.txt`, sha256: sha256(content), deleted: false };
    this.ledger.attachments.push(file);
    this.ledger.count('uploads');
    if (this.random() < 0.3) {
      const gone = await this.server.surely('DELETE', `/api/v1/attachments/${file.id}`);
      // A repeated deletion finds nothing left to delete.
      this.expect(gone.status < 300 || gone.status === 404, `deletion of ${token}: ${gone.status}`);
      file.deleted = true;
      this.ledger.count('deletions');
    }
  }

  async makeBase() {
    const name = `base ${this.token()}`;
    const files = Array.from({ length: 1 + Math.floor(this.random() * 3) }, (_, index) => `${name} ${index}`);
    const headers = this.random() < 0.7 ? { 'idempotency-key': randomUUID() } : {};
    const { status, body } = await this.server.surely('POST', BASES, {
      form: filesOf(files, { name }),
      headers,
    });
    this.expect(status === 201, `base ${name}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
    if (status !== 201) return;
    const base = { id: body.id, name, files, deleted: false };
    this.ledger.bases.push(base);
    this.ledger.count('knowledge bases');
    if (this.random() < 0.2) {
      const gone = await this.server.surely('DELETE', `${BASES}/${base.id}`);
      this.expect(gone.status < 300 || gone.status === 404, `deletion of ${name}: ${gone.status}`);
      base.deleted = true;
      this.ledger.count('deletions');
    }
  }

  async addDocuments() {
    const mine = this.ledger.bases.filter(
      ({ name, deleted }) => !deleted && name.startsWith(`base ${this.name}-`),
    );
    const base = mine[Math.floor(this.random() * mine.length)];
    if (!base) return;
    const file = `${base.name} more ${this.token()}`;
    const { status } = await this.server.surely('POST', `${BASES}/${base.id}/documents`, {
      form: filesOf([file]),
      headers: { 'idempotency-key': randomUUID() },
    });
    this.expect(status < 300, `documents of ${base.name}: ${status}`);
    base.files.push(file);
    this.ledger.count('documents');
  }

  async deleteConversation() {
    const conversation = this.#conversation;
    this.#conversation = undefined;
    if (!conversation || (conversation.messages.length === 0 && !conversation.made)) return;
    const { status } = await this.server.surely('DELETE', `${CONVERSATIONS}/${conversation.id}`);
    this.expect(status < 300 || status === 404, `deletion of ${conversation.id}: ${status}`);
    this.ledger.conversations.delete(conversation.id);
    this.ledger.deleted.push(conversation.id);
    this.ledger.count('deletions');
  }
}

const filesOf =
  (texts, fields = {}) =>
  () => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const text of texts)
      form.append(
        'files',
        new Blob([`# ${text}\n\nNotes about ${text}.\n`], { type: 'text/markdown' }),
        `${text.replaceAll(' ', '-')}.md`,
      );
    return form;
  };

/** What actors do, and how often. */
const OPERATIONS = [
  ['chat', 4],
  ['streamed', 5],
  ['effect', 4],
  ['repeatable', 2],
  ['gated', 2],
  ['append', 6],
  ['directRun', 4],
  ['upload', 3],
  ['makeBase', 2],
  ['addDocuments', 2],
  ['deleteConversation', 1],
];
const WEIGHT = OPERATIONS.reduce((sum, [, weight]) => sum + weight, 0);

/** The human: approves gated calls, and denies what may have happened already. */
export async function decideApprovals(server, counts, stopping) {
  while (!stopping.aborted) {
    await pause(100);
    try {
      const { status, body } = await server.once('GET', '/api/v1/approvals/pending?page_size=100');
      if (status !== 200) continue;
      const responses = body.approvals.map(({ id, kind }) => ({
        id,
        status: kind === 'outcome_unknown' ? 'denied' : 'approved',
      }));
      if (responses.length === 0) continue;
      const { status: told } = await server.once('POST', '/api/v1/approvals/bulk-respond', {
        json: { responses },
      });
      if (told < 300)
        for (const { status: decision } of responses) counts[decision] = (counts[decision] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof CutOff)) throw error;
      await server.ready();
    }
  }
}
