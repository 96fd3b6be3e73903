import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { buildProgram, temporaryFolder } from '../faults/kit';
import { testEnvironment } from '../testkit/server';

const root = path.resolve(__dirname, '..', '..');
const SLOW_MS = 60_000;

const folder = temporaryFolder();
beforeAll(buildProgram, SLOW_MS);
afterAll(() => folder.remove());

const environment = (env: Record<string, string>) => {
  const { MONGODB_URL: _, ...rest } = testEnvironment(path.join(folder.path, 'data'), env);
  return { ...process.env, ...rest };
};

/** A start that fails: what it printed, and its code. */
function failedStart(env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    encoding: 'utf8',
    env: environment({ LOG_LEVEL: 'info', ...env }),
    timeout: SLOW_MS,
  });
  return { status, stdout, stderr };
}

describe('a start that fails says in one line why, and what to do', () => {
  it('names the variable of a folder that cannot be used', () => {
    const file = path.join(folder.path, 'file');
    writeFileSync(file, '');

    for (const directory of [file, path.join(file, 'data'), '/proc/agentflow'])
      expect(failedStart({ AGENTFLOW_DATA_DIR: directory })).toEqual({
        status: 2,
        stdout: '',
        stderr: expect.stringMatching(
          new RegExp(
            `^The configuration is not valid:\n {2}AGENTFLOW_DATA_DIR: the folder ${directory} cannot be used: .*\n$`,
          ),
        ),
      });
  });

  it('names the port that is taken, and no stack', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      expect(failedStart({ PORT: String(port) })).toEqual({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(
          new RegExp(`^AgentFlow could not start: another program listens on 127.0.0.1:${port}.*\n$`),
        ),
      });
    } finally {
      other.close();
    }
  });
});

describe('npm start', () => {
  /** `npm start` as typed, with a group of its own so that nothing is left whatever happens. */
  function npmStart(): ChildProcess {
    return spawn('npm', ['start'], {
      cwd: root,
      env: environment({ LOG_LEVEL: 'info' }),
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
  }

  async function listening(npm: ChildProcess): Promise<{ url: string }> {
    let text = '';
    for await (const chunk of npm.stdout!) {
      text += String(chunk);
      const line = text.split('\n').find((one) => one.includes('AgentFlow listens'));
      if (line) return JSON.parse(line) as { url: string };
    }
    throw new Error(`It did not start: ${text}`);
  }

  const serverPid = (): number =>
    (
      JSON.parse(readFileSync(path.join(folder.path, 'data/db/agentflow-db.lock'), 'utf8')) as {
        pid: number;
      }
    ).pid;

  /** Whatever a failed test left of the process and its children. */
  function endGroup(pid: number): void {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  };

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'leaves no server behind that holds port and folder, when npm gets %s',
    async (signal) => {
      const npm = npmStart();
      try {
        await listening(npm);
        const pid = serverPid();
        npm.kill(signal);
        while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 100));
        expect(isAlive(pid)).toBe(false);
      } finally {
        endGroup(npm.pid!);
      }
    },
    SLOW_MS,
  );
});
