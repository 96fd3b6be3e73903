import { IDEMPOTENCY_LEASE_MS, IDEMPOTENCY_TTL_MS, type IdempotencyStore } from '../../src/ports/idempotency';

/** A store under test, with the clock that it reads. */
export interface IdempotencyFixture {
  store: IdempotencyStore;
  /** Moves the store's clock forward. */
  advance(ms: number): void;
  /** Ends the process that started the keys so far, for a store that knows of processes. */
  die?(): void;
  close?(): Promise<void>;
}

const ANSWER = { status: 201, headers: { location: '/api/v1/notes/1' }, body: '{"id":"1"}' };

/** What every `IdempotencyStore` does. */
export function idempotencyContract(name: string, create: () => Promise<IdempotencyFixture>): void {
  describe(`idempotency store: ${name}`, () => {
    let fixture: IdempotencyFixture;
    let store: IdempotencyStore;

    beforeEach(async () => {
      fixture = await create();
      store = fixture.store;
    });
    afterEach(() => fixture.close?.());

    it('starts a new key', async () => {
      expect(await store.begin('acme/ada', 'k', 'h')).toMatchObject({ state: 'started' });
    });

    it('says that a started key is in flight', async () => {
      await store.begin('acme/ada', 'k', 'h');
      expect(await store.begin('acme/ada', 'k', 'h')).toEqual({ state: 'in_flight' });
    });

    it('replays the stored answer of a completed key', async () => {
      await store.begin('acme/ada', 'k', 'h');
      await store.complete('acme/ada', 'k', ANSWER);
      expect(await store.begin('acme/ada', 'k', 'h')).toEqual({ state: 'replay', answer: ANSWER });
    });

    it('refuses another request under a key that is in flight or completed', async () => {
      await store.begin('acme/ada', 'k', 'h');
      expect(await store.begin('acme/ada', 'k', 'other')).toEqual({ state: 'mismatch' });
      await store.complete('acme/ada', 'k', ANSWER);
      expect(await store.begin('acme/ada', 'k', 'other')).toEqual({ state: 'mismatch' });
    });

    it('keeps the keys of principals apart', async () => {
      await store.begin('acme/ada', 'k', 'h');
      expect(await store.begin('acme/bob', 'k', 'h')).toMatchObject({ state: 'started' });
    });

    it('frees an abandoned key, for any request', async () => {
      await store.begin('acme/ada', 'k', 'h');
      await store.abandon('acme/ada', 'k');
      expect(await store.begin('acme/ada', 'k', 'other')).toMatchObject({ state: 'started' });
    });

    it('keeps a completed key when it is abandoned late', async () => {
      await store.begin('acme/ada', 'k', 'h');
      await store.complete('acme/ada', 'k', ANSWER);
      await store.abandon('acme/ada', 'k');
      expect(await store.begin('acme/ada', 'k', 'h')).toEqual({ state: 'replay', answer: ANSWER });
    });

    it('replays until 24 hours after the answer and not longer', async () => {
      await store.begin('acme/ada', 'k', 'h');
      await store.complete('acme/ada', 'k', ANSWER);
      fixture.advance(IDEMPOTENCY_TTL_MS - 1);
      expect((await store.begin('acme/ada', 'k', 'h')).state).toBe('replay');
      fixture.advance(1);
      expect((await store.begin('acme/ada', 'k', 'h')).state).toBe('started');
    });

    it('frees the key of a process that died, when its lease is over', async () => {
      const first = await store.begin('acme/ada', 'k', 'h');
      fixture.die?.();
      fixture.advance(IDEMPOTENCY_LEASE_MS - 1);
      expect((await store.begin('acme/ada', 'k', 'h')).state).toBe('in_flight');
      fixture.advance(1);
      // What the dead one made is found by the same id.
      expect(await store.begin('acme/ada', 'k', 'h')).toEqual(first);
    });

    it('lets exactly one of many concurrent requests start', async () => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.begin('acme/ada', 'k', 'h')));
      expect(outcomes.map(({ state }) => state).sort()).toEqual([
        ...Array<string>(19).fill('in_flight'),
        'started',
      ]);
    });
  });
}
