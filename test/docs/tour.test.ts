import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually, startTestServer, type TestServer } from '../testkit/server';

const ROOT = path.join(__dirname, '../..');
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const LIMIT_MS = 60_000;

interface Step {
  heading: string;
  commands: string;
  /** What the commands print; `…` stands for anything. */
  output: string | undefined;
}

/** The commands of the tour with the output that stands below them. */
function steps(): Step[] {
  const tour = README.slice(README.indexOf('\n## A tour\n'), README.indexOf('\n## With a model\n'));
  const found: Step[] = [];
  let heading = '';
  for (const [, title, language, body] of tour.matchAll(/^### (.+)$|^```(\w+)\n([^]*?)^```$/gm))
    if (title !== undefined) heading = title;
    else if (language === 'sh') found.push({ heading, commands: body!, output: undefined });
    else if (found.length > 0) found.at(-1)!.output ??= body;
  return found;
}

/** Starting, killing and the database alone need a server of their own; test/faults and test/cli have them. */
const needsOwnServer = ({ commands }: Step): boolean =>
  /npm start|agentflow db|"killed"|\/killed\//.test(commands);

const squeeze = (text: string): string => text.replace(/\s+/g, '');

/** Where output departs from what is documented: the first text that does not follow; undefined when it all does. */
function departure(documented: string, printed: string): string | undefined {
  let from = 0;
  for (const text of squeeze(documented).split('…')) {
    const at = printed.indexOf(text, from);
    if (at < 0) return text;
    from = at + text.length;
  }
  return undefined;
}

/** Runs the commands in a shell; what never ends by itself ends once it has printed what it should. */
function run(commands: string, env: NodeJS.ProcessEnv, documented = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const shell = spawn('bash', ['-euo', 'pipefail', '-c', commands], { cwd: ROOT, env, detached: true });
    let output = '';
    const stop = (): void => void (shell.pid && process.kill(-shell.pid, 'SIGKILL'));
    const timer = setTimeout(stop, LIMIT_MS);
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (commands.includes('subscription') && departure(documented, squeeze(output)) === undefined) stop();
    };
    shell.stdout.on('data', take);
    shell.stderr.on('data', take);
    shell.on('error', reject);
    shell.on('close', () => {
      clearTimeout(timer);
      resolve(output);
    });
  });
}

describe("the README's tour", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    const isWell = async () => (await server.dev.rest('GET', '/health')).body.status === 'ok';
    await eventually(isWell, 'every part of the server is up');
  });
  afterAll(() => server.close());

  const typed = steps().filter((step) => !needsOwnServer(step));

  it('has commands for every part of the product that a newcomer meets', () => {
    expect(new Set(typed.map(({ heading }) => heading))).toEqual(
      new Set([
        'Is it well?',
        'Agents',
        'Chat',
        'Conversations',
        'GraphQL',
        'Tools',
        'Approvals',
        'Knowledge',
        'Tokens',
      ]),
    );
  });

  it('prints what it says', async () => {
    const env = { ...process.env, AGENTFLOW_DATA_DIR: server.dataDir };
    for (const { commands, output } of typed) {
      const here = commands
        .replaceAll('http://127.0.0.1:8001', server.url)
        .replaceAll('npx agentflow', `${process.execPath} bin/agentflow.cjs`);
      const printed = squeeze(await run(here, env, output));

      expect(printed).not.toContain('urn:agentflow:problem');
      expect(printed).not.toBe('');
      expect({ commands, departure: departure(output ?? '', printed) }).toEqual({ commands });
    }
  }, 300_000);
});
