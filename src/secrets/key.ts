import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const KEY_BYTES = 32;
export const ENCRYPTION_KEY_FILE = 'encryption-key';

export interface EncryptionKeySource {
  /** The data folder, where the key is or will be. */
  directory: string;
  /** `AGENTFLOW_ENCRYPTION_KEY`: 32 bytes as base64 or hex; wins over the file. */
  configured?: string | undefined;
  /** In production a key must be configured: one that lives beside the data protects nothing. */
  required: boolean;
}

/**
 * The key that encrypts secrets at rest.
 * @throws Error naming the variable or the file when the key is missing or malformed
 */
export async function loadEncryptionKey({
  directory,
  configured,
  required,
}: EncryptionKeySource): Promise<Buffer> {
  if (configured !== undefined) return parse(configured, 'AGENTFLOW_ENCRYPTION_KEY');
  if (required)
    throw new Error('AGENTFLOW_ENCRYPTION_KEY is required in production: 32 random bytes as base64 or hex.');
  const file = join(directory, ENCRYPTION_KEY_FILE);
  const known = await readIfPresent(file);
  if (known !== undefined) return parse(known.trim(), file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  } catch (error) {
    // Another process made it first: all read what is there then.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return parse((await readFile(file, 'utf8')).trim(), file);
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string, source: string): Buffer {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES)
    throw new Error(`${source} must hold 32 bytes as base64 or hex; it holds ${key.length}.`);
  return key;
}
