import type { IncomingMessage } from 'node:http';
import { DomainError } from '../errors';
import type { Authenticator, Credentials, Principal } from '../ports/identity';

/** Who asks. Without a header, public requests go on as nobody where nobody else is assumed. */
export async function identify(
  authenticator: Authenticator,
  request: IncomingMessage,
  optional: boolean,
): Promise<Principal | null> {
  const { authorization } = request.headers;
  const credentials: Credentials = {
    authorization,
    sncTenant: headerOf(request, 'snc-tenant'),
    sncUserid: headerOf(request, 'snc-userid'),
  };
  try {
    return await authenticator.authenticate(credentials);
  } catch (error) {
    if (
      optional &&
      authorization === undefined &&
      error instanceof DomainError &&
      error.code === 'unauthenticated'
    )
      return null;
    throw error;
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
