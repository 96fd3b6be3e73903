import { FairSemaphore } from '../../src/fair-semaphore';

const never = (): AbortSignal => new AbortController().signal;

describe('places', () => {
  it('are given in the order of asking', async () => {
    const places = new FairSemaphore(1);
    const order: string[] = [];
    const first = await places.acquire({ signal: never() });
    const waiting = ['b', 'c', 'd'].map(async (name) => {
      const release = await places.acquire({ signal: never() });
      order.push(name);
      release();
    });
    first();
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c', 'd']);
  });

  it('given back twice count once', async () => {
    const places = new FairSemaphore(1);
    const release = await places.acquire();
    release();
    release();
    await places.acquire();
    const stop = new AbortController();
    const third = places.acquire({ signal: stop.signal });
    stop.abort(new Error('no place'));
    await expect(third).rejects.toThrow('no place');
    expect([places.active, places.waiting]).toEqual([1, 0]);
  });

  it('are not lost to one who stops waiting', async () => {
    const places = new FairSemaphore(1);
    const first = await places.acquire();
    const stop = new AbortController();
    const left = places.acquire({ signal: stop.signal });
    const next = places.acquire();
    stop.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    first();
    (await next)();
    await expect(places.acquire()).resolves.toEqual(expect.any(Function));
  });

  it('are refused at once to one who has stopped already', async () => {
    const signal = AbortSignal.abort(new Error('over'));
    await expect(new FairSemaphore(1).acquire({ signal })).rejects.toThrow('over');
  });

  it('go round between tenants, and between the users of one', async () => {
    const places = new FairSemaphore(1);
    const order: string[] = [];
    const first = await places.acquire();
    const waiting = ['a/x', 'a/x', 'a/x', 'a/y', 'b/z', 'b/z'].map(async (name) => {
      const [tenant, user] = name.split('/');
      const release = await places.acquire({ turn: { tenant, user } });
      order.push(name);
      release();
    });
    first();
    await Promise.all(waiting);
    expect(order).toEqual(['a/x', 'b/z', 'a/y', 'b/z', 'a/x', 'a/x']);
  });

  it('are kept for tenants and users who have none', async () => {
    const places = new FairSemaphore(4, { reserve: 2 });
    const hog = { tenant: 'a', user: 'x' };
    await Promise.all(Array.from({ length: 4 }, () => places.acquire({ turn: hog })));
    const stop = new AbortController();
    const fifth = places.acquire({ turn: hog, signal: stop.signal });
    const release = await places.acquire({ turn: { tenant: 'b', user: 'z' } });
    release();
    await places.acquire({ turn: { tenant: 'a', user: 'y' } });
    await places.acquire({ turn: { tenant: 'b', user: 'z' } });
    expect([places.active, places.waiting]).toEqual([6, 1]);
    stop.abort(new Error('enough'));
    await expect(fifth).rejects.toThrow('enough');
  });

  it('are refused when too many wait, or after too long', async () => {
    const places = new FairSemaphore(1, {
      mostWaiting: 1,
      maxWaitMs: 20,
      refusal: (why) => new Error(`told: ${why}`),
    });
    await places.acquire();
    const late = places.acquire();
    await expect(places.acquire()).rejects.toThrow('told: full');
    await expect(late).rejects.toThrow('told: late');
    expect(places.waiting).toBe(0);
  });
});
