import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { buildProgram } from './kit';

/** Kills of each seed: enough for every kind of work to be cut off somewhere. `npm run chaos` is for real proofs. */
const KILLS = 4;

beforeAll(buildProgram, 120_000);

it.each([7, 20_261])(
  'loses and repeats nothing of mixed work over kills at random moments (seed %d)',
  async (seed) => {
    const program = path.resolve(__dirname, '..', 'chaos', 'main.mjs');
    const options = ['--seed', String(seed), '--kills', String(KILLS), '--minutes', '4'];
    const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number | null];

    expect(`${code} ${output}`).toContain(`0 {`);
    expect(output).toContain(`OK with seed ${seed}`);
  },
  600_000,
);
