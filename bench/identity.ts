/** What authentication costs a request: a token seen before, and one seen for the first time. */
import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOidcClient } from '../src/adapters/oidc/oidc-client';
import { loadConfig } from '../src/config/environment';
import { createAuthenticator, issueToken, loadSigningKey } from '../src/identity';
import { systemClock } from '../src/ports/clock';
import type { Logger } from '../src/ports/logger';

const nothing = () => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => logger };

async function microsecondsEach(times: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  for (let index = 0; index < times; index += 1) await work(index);
  return Number(process.hrtime.bigint() - started) / 1_000 / times;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'agentflow-bench-'));
  const clock = systemClock;
  const config = loadConfig({});
  const signingKey = await loadSigningKey({ directory });
  const oidc = createOidcClient({ logger, clock });
  const authenticator = createAuthenticator({ config, signingKey, oidc, logger, clock });
  const mint = (userId: string) =>
    issueToken(
      { tenant: 'acme', userId, scopes: ['a'], ttlMs: 3_600_000, type: 'human' },
      { signingKey, issuer: config.identity.tokenIssuer, clock },
    );

  const known = { authorization: `Bearer ${await mint('ada')}` };
  await microsecondsEach(20_000, () => authenticator.authenticate(known));
  const cached = await microsecondsEach(200_000, () => authenticator.authenticate(known));
  const tokens = await Promise.all(Array.from({ length: 1_000 }, (_, index) => mint(`user-${index}`)));
  const fresh = await microsecondsEach(tokens.length, (index) =>
    authenticator.authenticate({ authorization: `Bearer ${tokens[index]}` }),
  );
  console.log(`authenticate, token seen before: ${cached.toFixed(2)} us`);
  console.log(`authenticate, new Ed25519 token:  ${fresh.toFixed(0)} us`);
  rmSync(directory, { recursive: true });
}

void main();
