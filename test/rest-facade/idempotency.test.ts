import { idempotencyContract } from '../contract/idempotency';
import { MemoryIdempotencyStore } from './toy/memory-idempotency-store';
import { ask, json, startToy, type Toy } from './toy/server';

idempotencyContract('in memory', () => {
  let now = 0;
  const store = new MemoryIdempotencyStore({ now: () => new Date(now) });
  return Promise.resolve({ store, advance: (ms) => (now += ms) });
});

describe('Idempotency-Key', () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
  });
  afterEach(() => toy.close());

  const note = { body_text: 'hi', message_id: 'm1' };
  const create = (key: string, body: object = note, token = 'ada'): Promise<Response> =>
    ask(toy, '/api/v1/notes', { body, token, headers: { 'idempotency-key': key } });

  it('gives a retry the stored answer and does nothing again', async () => {
    const first = await create('k');
    const again = await create('k');
    expect(again.status).toBe(201);
    expect(await again.text()).toBe(await first.text());
    expect(again.headers.get('location')).toBe('/api/v1/notes/n1');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(toy.world.created).toHaveLength(1);
  });

  it('refuses another body under the same key', async () => {
    await create('k');
    const response = await create('k', { ...note, body_text: 'other' });
    expect([response.status, (await json(response)).code]).toEqual([409, 'idempotency_mismatch']);
  });

  it('refuses a second request while the first still runs', async () => {
    let release = (): void => undefined;
    const reached = new Promise<void>((resolve) => {
      toy.world.beforeCreate = () => {
        resolve();
        return new Promise((go) => (release = go));
      };
    });
    const first = create('k');
    await reached;
    const second = await create('k');
    expect([second.status, (await json(second)).code]).toEqual([409, 'idempotency_in_flight']);
    expect(second.headers.get('retry-after')).toBe('1');
    release();
    expect((await first).status).toBe(201);
  });

  it('lets a failed request be tried again', async () => {
    toy.world.beforeCreate = () => Promise.reject(new Error('down'));
    expect((await create('k')).status).toBe(500);
    toy.world.beforeCreate = () => Promise.resolve();
    expect((await create('k')).status).toBe(201);
  });

  it('does not spend a key on a request that is invalid', async () => {
    expect((await create('k', { body_text: 'hi' })).status).toBe(422);
    expect((await create('k')).status).toBe(201);
  });

  it('keeps the keys of different callers apart', async () => {
    await create('k');
    expect((await create('k', note, 'bob')).headers.get('idempotent-replayed')).toBeNull();
    expect(toy.world.created).toHaveLength(2);
  });

  it('forgets the answer after 24 hours', async () => {
    await create('k');
    toy.clock.time += 24 * 60 * 60 * 1000;
    await create('k');
    expect(toy.world.created).toHaveLength(2);
  });

  it('compares the bytes of uploads', async () => {
    const upload = (text: string): Promise<Response> => {
      const body = new FormData();
      body.append('file', new Blob([text]), 'a.txt');
      return ask(toy, '/api/v1/notes/n1/file', { body, headers: { 'idempotency-key': 'f' } });
    };
    await upload('one');
    expect((await upload('one')).headers.get('idempotent-replayed')).toBe('true');
    expect((await upload('two')).status).toBe(409);
  });

  it('answers although the answer cannot be kept, and does not do the work twice', async () => {
    toy.store.complete = () => Promise.reject(new Error('disk full'));
    expect((await create('k')).status).toBe(201);
    expect((await json(await create('k'))).code).toBe('idempotency_in_flight');
    expect(toy.world.created).toHaveLength(1);
    expect(toy.logs.map(({ message }) => message)).toEqual([
      'answer could not be kept for its idempotency key',
    ]);
  });

  it('refuses a key that is no key', async () => {
    const response = await create('x'.repeat(300));
    expect([response.status, (await json(response)).errors[0].path]).toEqual([422, 'header.idempotency-key']);
  });
});
