import { ask, eventually, json, rawRequest, readUntil, startToy, type Toy } from './toy/server';
import { until } from './toy/schema';

let toy: Toy;
afterEach(() => toy.close());

const HEADERS = 'host: x\r\nauthorization: Bearer ada\r\n';
const chat = (body: object): string => {
  const text = JSON.stringify(body);
  return `POST /api/v1/agent/a1/chat HTTP/1.1\r\n${HEADERS}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
};
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HEADERS}${more}\r\n`;

async function* endless(size: number): AsyncIterable<unknown> {
  for (let seq = 1; ; seq++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield { type: 'delta', seq, callId: 'c', content: 'x'.repeat(size) };
  }
}

/** Yields what it is given, then waits for ever. */
async function* held(...events: object[]): AsyncIterable<unknown> {
  for (const event of events) {
    await Promise.resolve();
    yield event;
  }
  await new Promise(() => undefined);
}

describe('a streamed POST', () => {
  it('starts the run and follows it as server-sent events, one JSON line each', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'hi' } });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await response.text()).toBe(
      'retry: 5000\n\n' +
        'id: 1\ndata: {"type":"delta","seq":1,"call_id":"c1","content":{"text_part":"t1"}}\n\n' +
        'id: 2\ndata: {"type":"delta","seq":2,"call_id":"c1","content":{"text_part":"t2"}}\n\n' +
        'id: 3\ndata: {"type":"end","seq":3,"call_id":"c1","content":{"text_part":"t3"}}\n\n',
    );
  });

  it('answers the errors of its start with their own status, before any event', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'refuse' } });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      409,
      'application/problem+json',
    ]);
    expect((await json(response)).code).toBe('conversation_busy');
  });

  it('waits and answers one JSON object when the caller wants no stream', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'hi', stream: false } });
    expect(response.status).toBe(200);
    expect(await json(response)).toEqual({ id: 'run-a1', state: 'completed', answer: 'hello' });
  });

  it('answers 202 when the run pauses', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/agent/gated/chat', { body: { message: 'hi', stream: false } });
    expect(response.status).toBe(202);
  });

  it('sends its headers before the first event exists', async () => {
    toy = await startToy();
    toy.world.events = () => held();
    const response = await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'hi' } });
    expect(response.status).toBe(200);
    await response.body!.cancel();
    await until(toy.world, () => toy.world.following === 0);
  });

  it('says an error in mid-stream as an event and ends', async () => {
    toy = await startToy();
    toy.world.events = async function* () {
      await Promise.resolve();
      yield { type: 'delta', seq: 1, callId: 'c', content: 'a' };
      throw new Error('secret');
    };
    const text = await (await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'hi' } })).text();
    const last = JSON.parse(text.trimEnd().split('\n').at(-1)!.slice('data: '.length)) as Record<
      string,
      unknown
    >;
    expect(last).toMatchObject({
      type: 'error',
      content: { code: 'internal_error', message: 'Unexpected error', retryable: true },
    });
    expect(text).not.toContain('secret');
    expect(toy.logs.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('says an event that cannot be resolved as an error event', async () => {
    toy = await startToy();
    toy.world.events = () => held({ type: null, seq: 1, callId: 'c' });
    const text = await (await ask(toy, '/api/v1/agent/a1/chat', { body: { message: 'hi' } })).text();
    expect(text).toContain('"type":"error"');
    await until(toy.world, () => toy.world.following === 0);
  });
});

describe('a GET stream', () => {
  it('goes on after Last-Event-ID, which wins over after_seq', async () => {
    toy = await startToy();
    const headers = { 'last-event-id': '2' };
    const text = await (await ask(toy, '/api/v1/runs/r/stream?after_seq=1', { headers })).text();
    expect(text.match(/^id: .*$/gm)).toEqual(['id: 3']);
  });

  it('goes on after after_seq', async () => {
    toy = await startToy();
    const text = await (await ask(toy, '/api/v1/runs/r/stream?after_seq=1')).text();
    expect(text.match(/^id: .*$/gm)).toEqual(['id: 2', 'id: 3']);
  });

  it('refuses a Last-Event-ID that is no number and names the header', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/runs/r/stream', { headers: { 'last-event-id': 'x' } });
    expect(response.status).toBe(422);
    expect((await json(response)).errors[0].path).toBe('header.last-event-id');
  });

  it('answers with a real status when there is nothing to follow', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/runs/unknown/stream');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'application/problem+json',
    ]);
  });

  it('sends heartbeats while nothing happens', async () => {
    toy = await startToy({ heartbeatMs: 5 });
    toy.world.events = () => held();
    const socket = await rawRequest(toy, get('/api/v1/runs/r/stream'));
    expect(await readUntil(socket, ': heartbeat\n\n')).toContain('retry: 5000\n\n');
    socket.destroy();
    await until(toy.world, () => toy.world.following === 0);
  });

  it('lets go of its source when the client disconnects, though no event comes', async () => {
    toy = await startToy();
    toy.world.events = () => held({ type: 'delta', seq: 1, callId: 'c', content: 'a' });
    const socket = await rawRequest(toy, chat({ message: 'hi' }));
    await readUntil(socket, 'id: 1');
    expect(toy.world.following).toBe(1);
    socket.destroy();
    await until(toy.world, () => toy.world.following === 0);
    await eventually(() => toy.facade.openStreams() === 0);
  });

  it('cuts off a reader that stops reading, and stops its source', async () => {
    toy = await startToy({ drainTimeoutMs: 50 });
    toy.world.events = () => endless(100_000);
    const socket = await rawRequest(toy, get('/api/v1/runs/r/stream'));
    socket.pause();
    await eventually(() => toy.world.following === 1);
    await until(toy.world, () => toy.world.following === 0);
    expect(toy.logs.map(({ message }) => message)).toContain('slow event stream reader cut off');
    socket.destroy();
  });

  it('takes no more from its source than a slow reader takes', async () => {
    toy = await startToy({ drainTimeoutMs: 10_000 });
    let made = 0;
    toy.world.events = async function* () {
      for await (const event of endless(1_000_000)) {
        made++;
        yield event;
      }
    };
    const socket = await rawRequest(toy, get('/api/v1/runs/r/stream'));
    socket.pause();
    await eventually(() => made > 2);
    const before = made;
    // The pipe holds some megabytes; a source that is not slowed down would pass this in the turns below.
    for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(made - before).toBeLessThan(30);
    socket.destroy();
    await until(toy.world, () => toy.world.following === 0);
  });

  it('ends with a hint to reconnect when the server stops', async () => {
    toy = await startToy();
    toy.world.events = () => held({ type: 'delta', seq: 1, callId: 'c', content: 'a' });
    const socket = await rawRequest(toy, get('/api/v1/runs/r/stream'));
    await readUntil(socket, 'id: 1');
    toy.facade.endStreams();
    expect(await readUntil(socket, '0\r\n\r\n')).toContain('retry: 1000\n\n');
    expect(toy.facade.openStreams()).toBe(0);
    socket.destroy();
  });

  it('answers HEAD without following anything', async () => {
    toy = await startToy();
    const response = await ask(toy, '/api/v1/runs/r/stream', { method: 'HEAD' });
    expect([response.status, toy.world.following]).toEqual([200, 0]);
  });
});
