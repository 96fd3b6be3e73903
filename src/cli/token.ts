import { resolve } from 'node:path';
import { loadSubset } from '../config/environment';
import { DomainError } from '../errors';
import { checkTokenRequest, issueToken } from '../identity/tokens';
import { loadSigningKey } from '../identity/signing-key';
import { systemClock } from '../ports/clock';
import { parseOptions, UsageError, type Command } from './command';
import { parseDuration } from './duration';

const help = `Usage: agentflow token --tenant NAME --user ID [options]

Prints a bearer token of this deployment, alone on one line. It needs only the deployment's signing key (of the data
folder, or AGENTFLOW_SIGNING_KEY), so it works while the server runs; a missing key is made.

  --tenant NAME     Tenant: 1 to 63 of a-z, 0-9 and -, not beginning with -
  --user ID         User that the token speaks for
  --scopes "A B"    Scopes, separated by spaces; agentflow:admin makes an administrator
  --ttl DURATION    Time until it expires: 30s, 15m, 1h (the default), 7d
  --machine         A token of a program: counted apart, never an administrator's
  --data-dir DIR    The data folder; AGENTFLOW_DATA_DIR or .agentflow unless given
`;

const OPTIONS = {
  tenant: { type: 'string' },
  user: { type: 'string' },
  scopes: { type: 'string' },
  ttl: { type: 'string' },
  machine: { type: 'boolean' },
  'data-dir': { type: 'string' },
} as const;

function required(name: string, value: string | undefined): string {
  if (value === undefined || value.trim() === '') throw new UsageError(`--${name} is required.`);
  return value;
}

function ttlOf(text = '1h'): number {
  const ttlMs = parseDuration(text);
  if (ttlMs !== undefined) return ttlMs;
  throw new UsageError(`--ttl: ${JSON.stringify(text)} is not a duration such as 30s, 15m, 1h or 7d.`);
}

export const tokenCommand: Command = {
  name: 'token',
  summary: 'Print a bearer token of this deployment',
  help,
  async run(args, env, io) {
    const options = parseOptions(args, OPTIONS);
    const request = {
      tenant: required('tenant', options.tenant),
      userId: required('user', options.user),
      scopes: (options.scopes ?? '').split(/[\s,]+/).filter(Boolean),
      ttlMs: ttlOf(options.ttl),
      type: options.machine ? 'machine' : 'human',
    } as const;
    try {
      checkTokenRequest(request);
    } catch (error) {
      if (error instanceof DomainError) throw new UsageError(`--${error.message}.`);
      throw error;
    }
    const values = loadSubset(env, ['AGENTFLOW_DATA_DIR', 'AGENTFLOW_SIGNING_KEY', 'AGENTFLOW_TOKEN_ISSUER']);
    const signingKey = await loadSigningKey({
      directory: resolve(options['data-dir'] ?? values.AGENTFLOW_DATA_DIR),
      configured: values.AGENTFLOW_SIGNING_KEY,
    });
    const issuer = { signingKey, issuer: values.AGENTFLOW_TOKEN_ISSUER, clock: systemClock };
    io.stdout.write(`${await issueToken(request, issuer)}\n`);
    return 0;
  },
};
