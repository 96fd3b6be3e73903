import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENCRYPTION_KEY_FILE, loadEncryptionKey } from '../../src/secrets/key';
import { Secrets } from '../../src/secrets/secrets';

describe('sealed secrets', () => {
  const secrets = new Secrets(randomBytes(32));
  const value = { API_KEY: 'sk-secret', more: ['ü', 1, null] };

  it('open to what was sealed, in the same context', () => {
    expect(secrets.open(secrets.seal(value, 'tool:1'), 'tool:1')).toEqual(value);
  });

  it('show nothing of it, and differ each time', () => {
    const [a, b] = [secrets.seal(value, 'tool:1'), secrets.seal(value, 'tool:1')];
    expect(JSON.stringify(a)).not.toContain('sk-secret');
    expect(a.data).not.toBe(b.data);
    expect(a.nonce).not.toBe(b.nonce);
  });

  it('do not open for anything else', () => {
    expect(() => secrets.open(secrets.seal(value, 'tool:1'), 'tool:2')).toThrow();
  });

  it.each(['data', 'tag', 'nonce'])('do not open when their %s was changed', (part) => {
    const sealed = secrets.seal(value, 'tool:1');
    const bytes = Buffer.from(sealed[part] as string, 'base64');
    bytes[0]! ^= 1;
    expect(() => secrets.open({ ...sealed, [part]: bytes.toString('base64') }, 'tool:1')).toThrow();
  });

  it('do not open with a shortened tag', () => {
    const sealed = secrets.seal(value, 'tool:1');
    const tag = Buffer.from(sealed.tag as string, 'base64').subarray(0, 4);
    expect(() => secrets.open({ ...sealed, tag: tag.toString('base64') }, 'tool:1')).toThrow(/tag/i);
  });

  it('name the key they were sealed with when this deployment has another', () => {
    const sealed = secrets.seal(value, 'tool:1');
    expect(() => new Secrets(randomBytes(32)).open(sealed, 'tool:1')).toThrow(sealed.key as string);
  });

  it('need a key of 32 bytes', () => {
    expect(() => new Secrets(randomBytes(16))).toThrow(/32/);
  });
});

describe('the encryption key', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'af-key-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is made once, by whoever comes first, for the owner of the data folder alone', async () => {
    const keys = await Promise.all(
      Array.from({ length: 4 }, () => loadEncryptionKey({ directory, required: false })),
    );
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect(statSync(join(directory, ENCRYPTION_KEY_FILE)).mode & 0o777).toBe(0o600);
  });

  it.each([['base64'], ['hex']] as const)(
    'is taken from the variable, as %s, before the file',
    async (form) => {
      await loadEncryptionKey({ directory, required: false });
      const key = randomBytes(32);
      expect(await loadEncryptionKey({ directory, configured: key.toString(form), required: true })).toEqual(
        key,
      );
    },
  );

  it('must be configured in production, whatever lies in the data folder', async () => {
    await loadEncryptionKey({ directory, required: false });
    await expect(loadEncryptionKey({ directory, required: true })).rejects.toThrow(
      /AGENTFLOW_ENCRYPTION_KEY/,
    );
  });

  it('must have 32 bytes; the message shows none of them', async () => {
    const short = randomBytes(16).toString('base64');
    const loading = loadEncryptionKey({ directory, configured: short, required: false });
    await expect(loading).rejects.toThrow(/AGENTFLOW_ENCRYPTION_KEY must hold 32 bytes/);
    await expect(loading).rejects.not.toThrow(short);
  });

  it('is not replaced when its file is damaged', async () => {
    const file = join(directory, ENCRYPTION_KEY_FILE);
    writeFileSync(file, 'damaged');
    await expect(loadEncryptionKey({ directory, required: false })).rejects.toThrow(file);
    expect(readFileSync(file, 'utf8')).toBe('damaged');
  });
});
