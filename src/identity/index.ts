export { createAuthenticator, type AuthenticatorOptions } from './authenticator';
export { loadSigningKey, type SigningKey } from './signing-key';
export { issueToken, type TokenRequest } from './tokens';
