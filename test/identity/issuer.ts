import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

/** An OpenID Connect issuer over real HTTP, whose keys and answers a test decides. */
export interface TestIssuer {
  url: string;
  audience: string;
  /** Paths that were asked, in order. */
  requests: string[];
  /** Signs with the newest key; `claims` win over the usual ones, and undefined removes one. */
  sign(claims?: JWTPayload, options?: { at?: Date; kid?: string }): Promise<string>;
  /** Replaces the key; the old one is no longer published. */
  rotate(): Promise<void>;
  /** Answers every request with this status until called with 200. */
  answerWith(status: number): void;
  /** What `/userinfo` says. */
  profile: Record<string, unknown>;
  publicKey(): Promise<JWK>;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<TestIssuer> {
  let status = 200;
  let serial = 0;
  let keys = await newKeys();

  async function newKeys() {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    serial += 1;
    const kid = `key-${serial}`;
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    issuer.requests.push(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' });
    const body = request.url === '/userinfo' ? issuer.profile : { keys: [keys.jwk] };
    response.end(JSON.stringify(status === 200 ? body : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    audience: 'https://api.acme.example',
    requests: [],
    profile: {},
    async sign(claims = {}, { at = new Date(), kid = keys.kid } = {}) {
      const now = Math.floor(at.getTime() / 1_000);
      const usual = {
        iss: issuer.url,
        aud: issuer.audience,
        sub: 'auth0|ada',
        iat: now,
        exp: now + 3_600,
        'https://agentflow/tenant': 'acme',
      };
      const payload = JSON.parse(JSON.stringify({ ...usual, ...claims })) as JWTPayload;
      return await new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(keys.privateKey);
    },
    async rotate() {
      keys = await newKeys();
    },
    answerWith(next) {
      status = next;
    },
    publicKey: () => Promise.resolve(keys.jwk),
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
  return issuer;
}
