import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProcessSandbox } from '../../src/adapters/sandbox';
import { type Attack, ATTACKS, HONEST } from './attacks';
import { testSandbox } from './testkit';

const PATIENCE_MS = 10_000;
/** Half of it is the promise of the product; a shared machine that runs tests gets double. */
const WORST_DELAY_MS = 100;

describe('attacks on the sandbox', () => {
  let sandbox: ProcessSandbox;
  beforeAll(() => {
    sandbox = testSandbox();
  });
  afterAll(() => sandbox.close());

  const attempt = ({ language, source, arguments: args = {}, limits }: Attack) =>
    sandbox.run({ language, source, arguments: args, limits: { timeoutMs: PATIENCE_MS, ...limits } });

  it.each(ATTACKS.map((attack) => ({ ...attack, title: `${attack.language} that ${attack.name}` })))(
    'contains $title, and the next honest call works',
    async (attack) => {
      const outcome = await attempt(attack);
      if ('errors' in attack.ends) {
        expect({ ok: outcome.ok, result: outcome.result }).toEqual({ ok: false, result: null });
        expect(attack.ends.errors).toContain(outcome.error?.type);
      } else expect(outcome).toMatchObject({ ok: true, result: attack.ends.result, error: null });

      const honest = {
        language: attack.language,
        source: HONEST[attack.language],
        arguments: { a: 1, b: 2 },
      };
      expect(await sandbox.run(honest)).toMatchObject({ ok: true, result: 3 });
    },
    60_000,
  );

  it('has more than sixty of them, in both languages', () => {
    const count = (language: string) => ATTACKS.filter((attack) => attack.language === language).length;
    expect(count('python')).toBeGreaterThan(40);
    expect(count('javascript')).toBeGreaterThan(40);
  });

  it('keeps the event loop of the server free while attacks run', async () => {
    const loud = ATTACKS.filter(({ name }) => /for ever$|bit by bit|prints 100 MB$|regular/.test(name));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await Promise.all(loud.map(attempt));
    delay.disable();
    expect(delay.percentile(99) / 1e6).toBeLessThan(WORST_DELAY_MS);
  }, 60_000);
});
