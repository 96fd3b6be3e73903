import { Agenda } from 'agenda';
import { MongoBackend } from '@agendajs/mongo-backend';
import { eventually, useServer } from './harness';

const rig = useServer({ external: true });

/** A stopped Agenda keeps its process for up to this long, so it is short here. */
const LOCK_LIFETIME_MS = 1_000;

it('runs a scheduled job of the official Agenda exactly once, and a repeated one again', async () => {
  const agenda = new Agenda({
    backend: new MongoBackend({ mongo: rig.db, collection: 'jobs' }),
    processEvery: 50,
    defaultLockLifetime: LOCK_LIFETIME_MS,
  });
  const ran: unknown[] = [];
  let repeats = 0;
  agenda.define('greet', async (job) => {
    ran.push(job.attrs.data);
  });
  agenda.define('tick', async () => {
    repeats += 1;
  });
  try {
    await agenda.start();
    await agenda.schedule(new Date(Date.now() + 20), 'greet', { name: 'Ada' });
    await agenda.every('1 second', 'tick');
    await eventually(() => ran.length >= 1 && repeats >= 2, 20_000);
    expect(ran).toEqual([{ name: 'Ada' }]);
    const done = await rig.db.collection('jobs').findOne({ name: 'greet' });
    expect(done).toMatchObject({ data: { name: 'Ada' }, lastFinishedAt: expect.any(Date) });
  } finally {
    await agenda.stop();
  }
}, 40_000);
