import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { loadSigningKey, SIGNING_KEY_FILE } from '../../src/identity/signing-key';
import { silent, temporaryDirectory } from './setup';

const directory = temporaryDirectory();
afterAll(() => directory.remove());
const folder = (name: string) => join(directory.path, name);

describe('the signing key', () => {
  it('is made on first use, for its owner only, and is the same ever after', async () => {
    const path = folder('first/nested');
    const made = await loadSigningKey({ directory: path });

    expect((await loadSigningKey({ directory: path })).kid).toBe(made.kid);
    expect(readdirSync(path)).toEqual([SIGNING_KEY_FILE]);
    expect(statSync(join(path, SIGNING_KEY_FILE)).mode & 0o777).toBe(0o600);
  });

  it('is one, however many callers start at the same moment', async () => {
    const keys = await Promise.all(
      Array.from({ length: 20 }, () => loadSigningKey({ directory: folder('race') })),
    );

    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
    expect(readdirSync(folder('race'))).toEqual([SIGNING_KEY_FILE]);
  });

  it('is one, however many processes start at the same moment', async () => {
    mkdirSync(folder('processes'));
    const script = folder('load.cjs');
    await build({
      stdin: {
        contents: `import { loadSigningKey } from './signing-key';
          loadSigningKey({ directory: process.argv[2] }).then(({ kid }) => console.log(kid));`,
        resolveDir: join(__dirname, '../../src/identity'),
      },
      bundle: true,
      platform: 'node',
      outfile: script,
    });
    const run = () => promisify(execFile)(process.execPath, [script, folder('processes')]);
    const outputs = await Promise.all(Array.from({ length: 6 }, run));

    expect(new Set(outputs.map(({ stdout }) => stdout.trim())).size).toBe(1);
  });

  it('can be configured in three forms, which all are the same key', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const jwk = privateKey.export({ format: 'jwk' });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const forms = [JSON.stringify(jwk), pem, pem.replaceAll('\n', '\\n'), jwk.d ?? ''];
    const load = (configured: string) => loadSigningKey({ directory: folder('never'), configured });
    const keys = await Promise.all(forms.map(load));

    expect(keys.map(({ publicJwk }) => publicJwk.x)).toEqual(forms.map(() => jwk.x));
    expect(readdirSync(directory.path)).not.toContain('never');
  });

  it('takes the public half from the private one', async () => {
    const mine = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const other = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const key = await loadSigningKey({ directory: '', configured: JSON.stringify({ ...mine, x: other.x }) });

    expect(key.publicJwk.x).toBe(mine.x);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
  it.each([
    ['text', 'secret-secret'],
    ['too few bytes', Buffer.alloc(31).toString('base64url')],
    ['broken JSON', '{"kty":"OKP","d":"secret-secret'],
    ['a public key', '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'],
    ['another kind of key', rsa.export({ format: 'pem', type: 'pkcs8' }) as string],
    ['a cut PEM', '-----BEGIN PRIVATE KEY-----\nMC4CAQ'],
  ])('is refused when it is %s, without repeating it', async (_name, configured) => {
    const error = await loadSigningKey({ directory: '', configured }).catch((reason: unknown) => reason);

    expect(error).toMatchObject({
      message: expect.stringContaining('AGENTFLOW_SIGNING_KEY is not an Ed25519'),
    });
    expect(`${(error as Error).stack} ${String((error as Error).cause)}`).not.toContain('secret-secret');
  });

  it('in a damaged file is an error that names the file', async () => {
    mkdirSync(folder('damaged'));
    writeFileSync(join(folder('damaged'), SIGNING_KEY_FILE), '');

    await expect(loadSigningKey({ directory: folder('damaged') })).rejects.toThrow(
      join('damaged', SIGNING_KEY_FILE),
    );
    expect(readFileSync(join(folder('damaged'), SIGNING_KEY_FILE), 'utf8')).toBe('');
  });

  it('that others can read is warned of', async () => {
    await loadSigningKey({ directory: folder('open') });
    chmodSync(join(folder('open'), SIGNING_KEY_FILE), 0o644);
    const warnings: object[] = [];
    const logger = { ...silent, warn: (fields: object) => void warnings.push(fields) };

    await loadSigningKey({ directory: folder('open'), logger });

    expect(warnings).toEqual([{ file: join(folder('open'), SIGNING_KEY_FILE), mode: '644' }]);
  });
});
