import { errors } from 'jose';
import { DomainError } from '../errors';

/** A 401 whose `WWW-Authenticate` (RFC 6750, section 3) tells a client's log what is wrong with its token. */
export function unauthenticated(description: string, cause?: unknown): DomainError {
  return new DomainError('unauthenticated', description, {
    extra: { www_authenticate: challenge('invalid_token', description) },
    cause,
  });
}

export function insufficientScope(scope: string): DomainError {
  const description = `This needs a token with the scope ${scope}.`;
  return new DomainError('forbidden', description, {
    extra: {
      www_authenticate: `${challenge('insufficient_scope', description)}, scope="${quotable(scope)}"`,
    },
  });
}

const challenge = (error: string, description: string): string =>
  `Bearer error="${error}", error_description="${quotable(description)}"`;

/** Header text in quotes: printable ASCII without quotes and backslashes. */
const quotable = (text: string): string => text.replace(/[^\x20-\x7E]|["\\]/g, "'");

/** Turns what jose found into words for the caller; what is no verdict on the token passes through. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return unauthenticated('The token has expired.', error);
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error);
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return unauthenticated("The token's signature algorithm is not accepted.", error);
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return unauthenticated("The token is signed with a key that is not its issuer's.", error);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return unauthenticated("The token's signature is not valid.", error);
  }
  if (error instanceof errors.JOSEError) return unauthenticated('The token is malformed.', error);
  return error;
}

function claimRefusal(error: errors.JWTClaimValidationFailed): DomainError {
  if (error.reason === 'missing') return unauthenticated(`The token has no claim ${error.claim}.`, error);
  const words: Record<string, string> = {
    aud: 'The token is for another audience.',
    iss: 'The token is from another issuer.',
    nbf: 'The token is not valid yet.',
    iat: 'The token is not valid yet.',
  };
  return unauthenticated(words[error.claim] ?? `The token's claim ${error.claim} is not valid.`, error);
}
