import { createHash } from 'node:crypto';
import http from 'node:http';

/** Numbers in a vector of the provider's default model. */
const DIMENSION = 1536;
const SLOWEST_EFFECT_MS = 60;
const WORD_MS = 6;

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the model answers to a message: words that tell it from every other answer. */
export const answerTo = (message) =>
  /^words/.test(message)
    ? Array.from({ length: 30 }, (_, index) => `${message.slice(6)}w${index}`).join(' ')
    : `Done ${message}.`;

/** The tool that a message has the model call, if any: `call TOOL TOKEN`. */
const toolOf = (message) => /^call (\w+) /.exec(message)?.[1];

/**
 * The world outside: a model, embeddings, and tools with an effect that is counted by idempotency key.
 * @returns {Promise<{ url: string, effects: Map<string, { count: number, tool: string, token: string }>, close(): void }>}
 */
export async function startWorld(random) {
  const effects = new Map();
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const body = parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString()) : {};
      if (request.url.startsWith('/effect/')) effect(request, body, response);
      else if (request.url.endsWith('/embeddings')) json(response, embeddings(body));
      else void model(body, response);
    });
  });
  /** The effect comes first; the answer may come too late for a process that is being killed. */
  function effect(request, body, response) {
    const key = String(request.headers['idempotency-key']);
    const seen = effects.get(key) ?? { count: 0, tool: request.url.slice(8), token: String(body.token) };
    effects.set(key, { ...seen, count: seen.count + 1 });
    setTimeout(() => json(response, { done: body.token }), random() * SLOWEST_EFFECT_MS);
  }
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    effects,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function json(response, value) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function embeddings({ input, model, encoding_format: format }) {
  const data = [input].flat().map((text, index) => {
    const vector = new Float32Array(DIMENSION);
    createHash('sha256')
      .update(String(text))
      .digest()
      .forEach((byte, place) => (vector[place] = byte - 127));
    const embedding = format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  return { object: 'list', model, data, usage: { prompt_tokens: 1, total_tokens: 1 } };
}

/** How the server asks for the rest of an answer that was cut off. */
const CONTINUATION = /^Your previous message was cut off/;

/** Calls the tool that the last message names, then answers; goes on behind an answer that was cut off. */
async function model({ messages: sent, stream, model: name }, response) {
  const messages = sent.filter((one) => !CONTINUATION.test(textOf(one)));
  const asked = messages.findLastIndex(({ role }) => role === 'user');
  // Messages of a user that follow each other may come as one; what is asked stands last.
  const message = textOf(messages[asked]).trim().split('\n\n').at(-1);
  const tool = toolOf(message);
  const results = messages.slice(asked).filter(({ role }) => role === 'tool').length;
  const send = (delta, reason = null) =>
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: name, choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`,
    );
  if (!stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'A title' }, finish_reason: 'stop' }];
    return json(response, { id: 'c', object: 'chat.completion', model: name, choices });
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (tool && results === 0) {
    const call = { name: tool, arguments: JSON.stringify({ token: message.split(' ')[2] }) };
    send({ role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: call }] });
    send({}, 'tool_calls');
  } else {
    const whole = answerTo(message);
    const last = messages.at(-1);
    const written = last.role === 'assistant' && whole.startsWith(textOf(last)) ? textOf(last).length : 0;
    for (const word of whole.slice(written).match(/\s*\S+\s*$|\s*\S+/g) ?? []) {
      if (response.destroyed) return;
      send({ content: word });
      await new Promise((resolve) => setTimeout(resolve, WORD_MS));
    }
    send({}, 'stop');
  }
  response.end('data: [DONE]\n\n');
}

const textOf = ({ content }) =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('');
