import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the stub does with one request. Every field is optional; `{}` answers the default text. */
export interface StubBehaviour {
  /** The answer, streamed word by word. */
  text?: string;
  /** The answer as exact deltas, in place of `text`. */
  tokens?: string[];
  /** Reasoning deltas before the answer. */
  reasoning?: string[];
  toolCalls?: { id?: string; name: string; arguments: string }[];
  /** Milliseconds between two deltas. 0 sends everything in one write. */
  delayMs?: number;
  /** Any status but 200 answers `error` as JSON. */
  status?: number;
  headers?: Record<string, string>;
  error?: { message?: string; code?: string; type?: string };
  finishReason?: string | null;
  /** `null` leaves the usage out. */
  usage?: { inputTokens: number; outputTokens: number; cachedTokens?: number } | null;
  /** Never answers: `headers` not even the status line, `body` the status line alone, `idle` after the first delta. */
  hang?: 'headers' | 'body' | 'idle';
  /** Destroys the socket after so many deltas. */
  cutAfter?: number;
  /** The body, byte for byte, in place of everything else. */
  bytes?: string;
  /** Sends this as an event after the first delta, in place of the rest. */
  garbage?: string;
  /** Goes on behind the assistant's unfinished message, as real models do; else the whole text is sent again. */
  continues?: boolean;
  /** Leaves out the `[DONE]` marker. */
  noDone?: boolean;
  /** Vectors to answer to `/embeddings`; `raw` answers arrays of numbers though base64 was asked for. */
  vectors?: number[][];
  raw?: boolean;
}

export interface StubRequest {
  path: string;
  headers: http.IncomingHttpHeaders;
  /** The parsed JSON body. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any part of the wire format
  body: any;
  /** Resolves when the connection's answer ended or the client hung up. `aborted` says which. */
  closed: Promise<{ aborted: boolean }>;
}

export interface StubProvider {
  /** Base URL for a client, with its `/v1`. */
  url: string;
  /** Every request so far, oldest first. */
  requests: StubRequest[];
  /** Behaviour of the next request; calls queue up, one each. */
  next(behaviour: StubBehaviour): void;
  /** Behaviour of every request that no {@link next} waits for. */
  default(behaviour: StubBehaviour): void;
  /** Behaviour of such requests by what they ask. */
  decide(choose: (body: StubRequest['body']) => StubBehaviour): void;
  /** Resolves when `count` requests have arrived. */
  arrived(count: number): Promise<void>;
  /** Connections accepted so far and open now. */
  connections(): { accepted: number; open: number };
  close(): Promise<void>;
}

const DEFAULT_TEXT = 'Hello from the stub.';

/** A provider speaking OpenAI's wire format (chat completions and embeddings) over real HTTP on a free port. */
export async function startStubProvider(): Promise<StubProvider> {
  const requests: StubRequest[] = [];
  const queue: StubBehaviour[] = [];
  const sockets = new Set<import('node:net').Socket>();
  const waiters: { count: number; resolve: () => void }[] = [];
  let fallback: StubBehaviour = {};
  let choose: ((body: StubRequest['body']) => StubBehaviour) | undefined;
  let accepted = 0;

  const server = http.createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const closed = new Promise<{ aborted: boolean }>((resolve) =>
        res.on('close', () => resolve({ aborted: !res.writableFinished })),
      );
      const text = Buffer.concat(parts).toString();
      const body = text ? JSON.parse(text) : undefined;
      requests.push({ path: req.url ?? '', headers: req.headers, body, closed });
      const behaviour = continued(queue.shift() ?? choose?.(body) ?? fallback, body);
      for (const waiter of waiters) if (requests.length >= waiter.count) waiter.resolve();
      answer(behaviour, requests.at(-1) as StubRequest, res);
    });
  });
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    next: (behaviour) => void queue.push(behaviour),
    default: (behaviour) => void (fallback = behaviour),
    decide: (chosen) => void (choose = chosen),
    arrived: (count) =>
      requests.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => void waiters.push({ count, resolve })),
    connections: () => ({ accepted, open: sockets.size }),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function answer(behaviour: StubBehaviour, request: StubRequest, res: http.ServerResponse): void {
  if (behaviour.hang === 'headers') return;
  const status = behaviour.status ?? 200;
  if (status !== 200) {
    const error = { message: `stub says ${status}`, type: 'stub_error', code: null, ...behaviour.error };
    return json(res, status, { error }, behaviour.headers);
  }
  if (behaviour.bytes !== undefined) {
    res.writeHead(200, { 'content-type': 'text/event-stream', ...behaviour.headers });
    return void res.end(behaviour.bytes);
  }
  if (request.path.endsWith('/embeddings')) return embeddings(behaviour, request, res);
  if (request.body?.stream !== true) return json(res, 200, wholeAnswer(behaviour, request));
  stream(behaviour, request, res);
}

/** What is left of the text behind the last assistant message, if that is its beginning. */
function continued(behaviour: StubBehaviour, body: StubRequest['body']): StubBehaviour {
  if (!behaviour.continues) return behaviour;
  const messages = (body?.messages ?? []) as { role: string; content: string }[];
  // Behind the unfinished message stands the order to continue it.
  const written = messages.at(-2);
  const text = behaviour.text ?? DEFAULT_TEXT;
  if (written?.role !== 'assistant' || !text.startsWith(written.content)) return behaviour;
  const rest = text.slice(written.content.length);
  return { ...behaviour, tokens: rest.match(/\s*\S+\s*$|\s*\S+/g) ?? [] };
}

function json(
  res: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

const tokensOf = (behaviour: StubBehaviour): string[] =>
  behaviour.tokens ??
  (behaviour.toolCalls ? [] : ((behaviour.text ?? DEFAULT_TEXT).match(/\s*\S+\s*$|\s*\S+/g) ?? []));

function wireUsage(behaviour: StubBehaviour) {
  const { inputTokens, outputTokens, cachedTokens } = behaviour.usage ?? {
    inputTokens: 10,
    outputTokens: Math.max(1, tokensOf(behaviour).length),
  };
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}

const wireCalls = (behaviour: StubBehaviour) =>
  (behaviour.toolCalls ?? []).map((call, index) => ({
    index,
    id: call.id ?? `call_${index + 1}`,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));

const finishOf = (behaviour: StubBehaviour): string | null =>
  behaviour.finishReason !== undefined ? behaviour.finishReason : behaviour.toolCalls ? 'tool_calls' : 'stop';

function wholeAnswer(behaviour: StubBehaviour, request: StubRequest) {
  const calls = wireCalls(behaviour);
  const message = {
    role: 'assistant',
    content: tokensOf(behaviour).join(''),
    ...(calls.length ? { tool_calls: calls } : {}),
  };
  return {
    id: 'chatcmpl-stub',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: request.body?.model,
    choices: [{ index: 0, message, finish_reason: finishOf(behaviour) }],
    ...(behaviour.usage === null ? {} : { usage: wireUsage(behaviour) }),
  };
}

function stream(behaviour: StubBehaviour, request: StubRequest, res: http.ServerResponse): void {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...behaviour.headers });
  res.flushHeaders();
  if (behaviour.hang === 'body') return;
  const base = {
    id: 'chatcmpl-stub',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: request.body.model,
  };
  const event = (fields: object): string => `data: ${JSON.stringify({ ...base, ...fields })}\n\n`;
  const chunk = (delta: object, finish: string | null = null): string =>
    event({ choices: [{ index: 0, delta, finish_reason: finish }] });
  const deltas = [
    ...(behaviour.reasoning ?? []).map((text) => chunk({ reasoning_content: text })),
    ...tokensOf(behaviour).map((text) => chunk({ content: text })),
    ...wireCalls(behaviour).flatMap((call) => splitCall(call).map((part) => chunk({ tool_calls: [part] }))),
  ];
  const tail = [
    ...(finishOf(behaviour) === null ? [] : [chunk({}, finishOf(behaviour))]),
    ...(behaviour.usage === null ? [] : [event({ choices: [], usage: wireUsage(behaviour) })]),
    ...(behaviour.noDone ? [] : ['data: [DONE]\n\n']),
  ];
  play(behaviour, [chunk({ role: 'assistant', content: '' }), ...deltas], tail, res);
}

/** A call's name first, then its arguments in two halves, as OpenAI streams them. */
function splitCall(call: ReturnType<typeof wireCalls>[number]): object[] {
  const { name, arguments: args } = call.function;
  const half = Math.ceil(args.length / 2);
  return [
    { ...call, function: { name, arguments: '' } },
    { index: call.index, function: { arguments: args.slice(0, half) } },
    { index: call.index, function: { arguments: args.slice(half) } },
  ];
}

/** Sends the events; `deltas[0]` is the role chunk, which counts as none. */
function play(behaviour: StubBehaviour, deltas: string[], tail: string[], res: http.ServerResponse): void {
  const { cutAfter, garbage, hang, delayMs = 0 } = behaviour;
  // Flushed before the socket goes, so that the client surely saw the deltas.
  if (cutAfter !== undefined)
    return void res.write(deltas.slice(0, cutAfter + 1).join(''), () => res.destroy());
  if (garbage !== undefined) return void res.end(`${deltas.slice(0, 2).join('')}data: ${garbage}\n\n`);
  if (hang === 'idle') return void res.write(deltas.slice(0, 2).join(''));
  if (delayMs === 0) return void res.end([...deltas, ...tail].join(''));
  const timer = setInterval(() => {
    const next = deltas.shift();
    if (next !== undefined) return void res.write(next);
    clearInterval(timer);
    res.end(tail.join(''));
  }, delayMs);
  res.on('close', () => clearInterval(timer));
}

function embeddings(behaviour: StubBehaviour, request: StubRequest, res: http.ServerResponse): void {
  const inputs: string[] = [request.body.input].flat();
  const vectors = behaviour.vectors ?? inputs.map((text) => [text.length, 1, 0, 0]);
  const asText = request.body.encoding_format === 'base64' && !behaviour.raw;
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding: asText ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
  }));
  const { prompt_tokens, total_tokens } = wireUsage(behaviour);
  const usage = behaviour.usage === null ? {} : { usage: { prompt_tokens, total_tokens } };
  json(res, 200, { object: 'list', model: request.body.model, data, ...usage });
}
