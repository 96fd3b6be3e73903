import { Slots } from '../../src/runs/slots';

const never = (): AbortSignal => new AbortController().signal;

describe('slots', () => {
  it('are given in the order of asking', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const first = await slots.take(never());
    const waiting = ['b', 'c', 'd'].map(async (name) => {
      const release = await slots.take(never());
      order.push(name);
      release();
    });
    first();
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c', 'd']);
  });

  it('given back twice count once', async () => {
    const slots = new Slots(1);
    const release = await slots.take(never());
    release();
    release();
    await slots.take(never());
    const stop = new AbortController();
    const third = slots.take(stop.signal);
    stop.abort(new Error('no slot'));
    await expect(third).rejects.toThrow('no slot');
  });

  it('are not lost to one who stops waiting', async () => {
    const slots = new Slots(1);
    const first = await slots.take(never());
    const stop = new AbortController();
    const left = slots.take(stop.signal);
    const next = slots.take(never());
    stop.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    first();
    (await next)();
    await expect(slots.take(never())).resolves.toEqual(expect.any(Function));
  });

  it('are refused at once to one who has stopped already', async () => {
    await expect(new Slots(1).take(AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  });
});
