import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { copyFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { constants as fileConstants } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../ports/logger';

/** The Ed25519 key that signs AgentFlow's own tokens. */
export interface SigningKey {
  /** RFC 7638 thumbprint, so that the same key has the same id everywhere. */
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** For `/.well-known/jwks.json`. */
  publicJwk: { kty: 'OKP'; crv: 'Ed25519'; x: string; kid: string; alg: 'EdDSA'; use: 'sig' };
}

export interface SigningKeySource {
  /** The data folder, where `signing-key.json` is or will be. */
  directory: string;
  /** `AGENTFLOW_SIGNING_KEY`; wins over the file, which is then neither read nor made. */
  configured?: string | undefined;
  logger?: Logger;
}

/** The configured key or the key file is not usable; the message names it and says what is expected. */
export class SigningKeyError extends Error {
  constructor(message: string, options: ErrorOptions) {
    super(message, options);
    this.name = 'SigningKeyError';
  }
}

export const SIGNING_KEY_FILE = 'signing-key.json';

/**
 * Gives the deployment's key: the configured one, else the data folder's, which is made on first use. Processes that
 * start at the same moment agree on one key.
 * @throws SigningKeyError naming the variable or the file when its content is not an Ed25519 private key
 */
export async function loadSigningKey({
  directory,
  configured,
  logger,
}: SigningKeySource): Promise<SigningKey> {
  if (configured !== undefined) return toSigningKey(parsePrivateKey(configured, 'AGENTFLOW_SIGNING_KEY'));
  const file = join(directory, SIGNING_KEY_FILE);
  const text = (await readIfPresent(file)) ?? (await createKeyFile(directory, file));
  await warnIfExposed(file, logger);
  return toSigningKey(parsePrivateKey(text, file));
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file appears whole or not at all, and the first process to link it wins: all read what is there then. */
async function createKeyFile(directory: string, file: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(privateKey.export({ format: 'jwk' }))}\n`, {
    mode: 0o600,
    flush: true,
  });
  try {
    await linkOrCopy(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return await readFile(file, 'utf8');
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Some file systems (FAT, a few network mounts) have no hard links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to, fileConstants.COPYFILE_EXCL);
  }
}

async function warnIfExposed(file: string, logger: Logger | undefined): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    logger?.warn(
      { file, mode: (mode & 0o777).toString(8) },
      'other users can read the signing key; chmod 600 it',
    );
  }
}

/** RFC 8410: what comes before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

const fromSeed = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });

/** Every form is reduced to its seed, so that a JWK whose public half belongs to another key cannot come about. */
function parsePrivateKey(text: string, source: string): KeyObject {
  const trimmed = text.trim();
  try {
    if (trimmed.startsWith('{')) return fromSeed(seedOfJwk(JSON.parse(trimmed) as Record<string, unknown>));
    // Environment files cannot hold line breaks, so PEM arrives with `\n` spelt out.
    if (trimmed.startsWith('-----')) return ed25519Only(createPrivateKey(trimmed.replaceAll('\\n', '\n')));
    return fromSeed(seedOfBase64url(trimmed));
  } catch (cause) {
    const forms = 'a JWK as JSON, a PKCS #8 PEM, or 32 bytes in base64url';
    throw new SigningKeyError(`${source} is not an Ed25519 private key (${forms}).`, {
      cause: withoutKeyText(cause),
    });
  }
}

/** Parsers quote what they could not read, and that is the key. */
const withoutKeyText = (cause: unknown): unknown =>
  cause instanceof SyntaxError ? new Error('it is not valid JSON') : cause;

function seedOfJwk(jwk: Record<string, unknown>): Buffer {
  if (jwk['kty'] !== 'OKP' || jwk['crv'] !== 'Ed25519' || typeof jwk['d'] !== 'string') {
    throw new Error('a JWK with kty OKP, crv Ed25519 and d is needed');
  }
  return seedOfBase64url(jwk['d']);
}

function seedOfBase64url(text: string): Buffer {
  const seed = Buffer.from(text, 'base64url');
  if (!/^[A-Za-z0-9_-]{43}=?$/.test(text) || seed.length !== SEED_BYTES)
    throw new Error('32 bytes are needed');
  return seed;
}

function ed25519Only(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the key is of type ${key.asymmetricKeyType}`);
  return key;
}

function toSigningKey(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const x = publicKey.export({ format: 'jwk' }).x ?? '';
  // RFC 7638 and RFC 8037: exactly these members, in this order, without spaces.
  const kid = hash('sha256', JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }), 'base64url');
  return {
    kid,
    privateKey,
    publicKey,
    publicJwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' },
  };
}
