import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { runCli } from '../../src/cli';
import { parseDuration } from '../../src/cli/duration';
import { setUp, temporaryDirectory } from '../identity/setup';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

async function run(argv: string[], env: Record<string, string> = {}) {
  const output = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (output.stdout += text) },
    stderr: { write: (text: string) => (output.stderr += text) },
  };
  return { code: await runCli(argv, env, io), ...output };
}

const good = ['token', '--tenant', 'acme', '--user', 'ada', '--data-dir', directory.path];

describe('agentflow token', () => {
  it('prints a token alone on one line, which the server of that data folder accepts', async () => {
    const { code, stdout, stderr } = await run([...good, '--scopes', 'a agentflow:admin', '--ttl', '15m']);
    const { authenticator } = await setUp({}, directory.path);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(await authenticator.authenticate({ authorization: `Bearer ${stdout.trim()}` })).toMatchObject({
      type: 'human',
      tenant: 'acme',
      userId: 'ada',
      scopes: ['a', 'agentflow:admin'],
      isAdmin: true,
    });
    const { iat = 0, exp } = decodeJwt(stdout.trim());
    expect(exp).toBe(iat + 900);
  });

  it('lasts an hour unless told otherwise', async () => {
    const { iat = 0, exp } = decodeJwt((await run(good)).stdout.trim());

    expect(exp).toBe(iat + 3_600);
  });

  it('finds the data folder, the issuer and the key in the environment', async () => {
    const argv = ['token', '--tenant', 'acme', '--user', 'ada'];
    const seed = Buffer.alloc(32, 7).toString('base64url');
    const unused = join(directory.path, 'unused');
    const byFolder = await run(argv, {
      AGENTFLOW_DATA_DIR: join(directory.path, 'env'),
      AGENTFLOW_TOKEN_ISSUER: 'me',
    });
    const byKey = await run(argv, { AGENTFLOW_SIGNING_KEY: seed, AGENTFLOW_DATA_DIR: unused });

    expect(decodeJwt(byFolder.stdout.trim()).iss).toBe('me');
    expect(existsSync(join(directory.path, 'env/signing-key.json'))).toBe(true);
    expect(byKey.code).toBe(0);
    expect(existsSync(unused)).toBe(false);
  });

  it('does not mind variables that only a server needs', async () => {
    expect(await run(good, { PORT: 'nonsense' })).toMatchObject({ code: 0 });
  });

  it.each([
    ['no options', ['token'], '--tenant is required'],
    ['no user', ['token', '--tenant', 'acme'], '--user is required'],
    ['an empty tenant', [...good.slice(0, 2), '', ...good.slice(3)], '--tenant is required'],
    ['a bad tenant', ['token', '--tenant', 'Acme', '--user', 'ada'], '--tenant: must be 1 to 63'],
    ['a bad duration', [...good, '--ttl', '1w'], '--ttl: "1w" is not a duration'],
    ['no duration at all', [...good, '--ttl', '0s'], '--ttl: "0s" is not a duration'],
    ['a missing value', [...good, '--ttl'], '--ttl'],
    ['an unknown option', [...good, '--tll', '1h'], "Unknown option '--tll'"],
    ['a stray word', [...good, 'please'], "Unexpected argument 'please'"],
    ['an option twice', [...good, '--user', 'eve'], '--user is given twice'],
    ['a bad scope', [...good, '--scopes', 'a"b'], '--scopes: "a\\"b" is not a scope'],
  ])('with %s explains itself on stderr and exits with 2', async (_name, argv, complaint) => {
    const { code, stdout, stderr } = await run(argv, { AGENTFLOW_DATA_DIR: join(directory.path, 'bad-use') });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(complaint);
    expect(stderr).toContain('Usage: agentflow token');
    expect(existsSync(join(directory.path, 'bad-use'))).toBe(false);
  });

  it('with a bad key exits with 1 and names the variable', async () => {
    const { code, stdout, stderr } = await run(good, { AGENTFLOW_SIGNING_KEY: 'nonsense' });

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('AGENTFLOW_SIGNING_KEY is not an Ed25519 private key');
  });
});

describe('agentflow', () => {
  it.each([[['help']], [['--help']], [['-h']]])('%j lists the commands', async (argv) => {
    const { code, stdout } = await run(argv);

    expect(code).toBe(0);
    for (const name of ['serve', 'token', 'db', 'version', 'help']) expect(stdout).toContain(`  ${name} `);
  });

  it.each([[['help', 'token']], [['token', '--help']], [['token', '-h']]])(
    '%j explains one',
    async (argv) => {
      expect(await run(argv)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Usage: agentflow token/),
        stderr: '',
      });
    },
  );

  it.each([[['tokens']], [['help', 'tokens']]])('%j is not understood', async (argv) => {
    const { code, stdout, stderr } = await run(argv);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('there is no command "tokens"');
  });

  it.each([[['--prot', '80']], [['serve', 'now']]])('%j does not start a server', async (argv) => {
    expect(await run(argv)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Usage: agentflow [serve]'),
    });
  });

  it.each(['version', '--version', '-v'])('%s prints the version of the package', async (word) => {
    const { version } = jest.requireActual<{ version: string }>('../../package.json');

    expect(await run([word])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a duration', () => {
  it.each([
    ['30s', 30_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '0s', '1', 'h', '1.5h', '-1h', '1 h', '1w', '1hh', '999999999999d'])('is not %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
