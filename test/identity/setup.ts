import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOidcClient } from '../../src/adapters/oidc/oidc-client';
import { loadConfig } from '../../src/config/environment';
import { DomainError } from '../../src/errors';
import { createAuthenticator } from '../../src/identity/authenticator';
import { loadSigningKey } from '../../src/identity/signing-key';
import type { Authenticator, Credentials } from '../../src/ports/identity';
import type { Logger } from '../../src/ports/logger';

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** A clock that stands still until it is moved. */
export function testClock(start = new Date()) {
  let time = start.getTime();
  return {
    now: () => new Date(time),
    advance(ms: number) {
      time += ms;
    },
  };
}

export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'agentflow-identity-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function setUp(env: Record<string, string>, directory: string, clock = testClock()) {
  const config = loadConfig(env);
  const signingKey = await loadSigningKey({ directory });
  const oidc = createOidcClient({ logger: silent, clock, timeoutMs: 2_000 });
  const authenticator = createAuthenticator({ config, signingKey, oidc, logger: silent, clock });
  return { authenticator, signingKey, clock, config };
}

export async function refusal(authenticator: Authenticator, credentials: Credentials) {
  const error: unknown = await authenticator.authenticate(credentials).then(
    (principal) => {
      throw new Error(`accepted as ${JSON.stringify(principal)}`);
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  return {
    status: error.status,
    message: error.message,
    challenge: error.details.extra?.['www_authenticate'],
    retryAfterMs: error.details.retryAfterMs,
  };
}
