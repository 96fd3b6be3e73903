import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { DomainError } from '../errors';
import type { JsonObject, JsonValue } from '../ports/records';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_CHARACTERS = 8;

/** What the domains need of it. */
export type SecretBox = Pick<Secrets, 'seal' | 'open'>;

/** Without a key nothing can be kept secret, so nothing secret is taken. */
export const noSecrets = (message: string): SecretBox => {
  const refuse = (): never => {
    throw new DomainError('connector_not_configured', message);
  };
  return { seal: refuse, open: refuse };
};

/** Encrypts what must not be read in the database: AES-256-GCM (NIST SP 800-38D) with a key of the deployment. */
export class Secrets {
  private readonly keyId: string;

  /** @param key 32 bytes */
  constructor(private readonly key: Buffer) {
    if (key.length !== 32)
      throw new RangeError(`The encryption key has ${key.length} bytes, it must have 32.`);
    this.keyId = createHash('sha256').update(key).digest('hex').slice(0, KEY_ID_CHARACTERS);
  }

  /** @param context what the secret belongs to; opening it in another context fails */
  seal(value: JsonValue, context: string): JsonObject {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.key, nonce).setAAD(Buffer.from(context));
    const data = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return {
      alg: ALGORITHM,
      key: this.keyId,
      nonce: nonce.toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      data: data.toString('base64'),
    };
  }

  /** @throws Error when the secret was sealed with another key, for another context, or was changed */
  open(sealed: JsonObject, context: string): JsonValue {
    if (sealed.key !== this.keyId)
      throw new Error(
        `The secret was sealed with key ${text(sealed.key)}; this deployment has key ${this.keyId}.`,
      );
    // Without the length a tag of 4 bytes would do, which can be guessed.
    const decipher = createDecipheriv(ALGORITHM, this.key, bytes(sealed.nonce), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes(sealed.tag));
    const json = Buffer.concat([decipher.update(bytes(sealed.data)), decipher.final()]).toString('utf8');
    return JSON.parse(json) as JsonValue;
  }
}

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const bytes = (value: JsonValue | undefined): Buffer => Buffer.from(text(value), 'base64');
