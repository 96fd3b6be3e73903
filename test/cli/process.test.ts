import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setUp, temporaryDirectory } from '../identity/setup';

const root = join(__dirname, '../..');
const directory = temporaryDirectory();
afterAll(() => directory.remove());

const agentflow = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'bin/agentflow.cjs'), ...args], {
    encoding: 'utf8',
    cwd: directory.path,
  });

describe('the program', () => {
  beforeAll(() => {
    const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(built.stderr);
  }, 60_000);

  it('prints nothing but the token, so that a shell can keep it in a variable', async () => {
    const { status, stdout, stderr } = agentflow(
      'token',
      '--tenant',
      'acme',
      '--user',
      'ada',
      '--data-dir',
      '.',
    );
    const { authenticator } = await setUp({}, directory.path);

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(await authenticator.authenticate({ authorization: `Bearer ${stdout.trimEnd()}` })).toMatchObject({
      tenant: 'acme',
      userId: 'ada',
    });
  });

  it('exits with 2 and help on stderr when it is misused', () => {
    const { status, stdout, stderr } = agentflow('token', '--tenant', 'acme');

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Usage: agentflow token');
  });

  it.each(['18.20.8', '20.18.3', '22.12.0'])('says what it needs on Node.js %s', (version) => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
    const start = `${pretend} require('./bin/agentflow.cjs')`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', start], { encoding: 'utf8', cwd: root });

    expect(status).toBe(1);
    expect(stderr).toMatch(/^AgentFlow needs Node\.js .*; this is [\d.]+\. .*\n$/);
  });
});
