import { generateKeyPairSync, sign } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { issueToken, type TokenRequest } from '../../src/identity/tokens';
import { startIssuer } from './issuer';
import { refusal, setUp, temporaryDirectory, testClock } from './setup';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

const ada: TokenRequest = { tenant: 'acme', userId: 'ada', scopes: ['a', 'b'], ttlMs: 60_000, type: 'human' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function start(env: Record<string, string> = {}, clock = testClock()) {
  const made = await setUp({ DEV_AUTH_BYPASS: 'false', ...env }, directory.path, clock);
  const issuer = { signingKey: made.signingKey, issuer: made.config.identity.tokenIssuer, clock };
  return {
    ...made,
    mint: (request: Partial<TokenRequest> = {}) => issueToken({ ...ada, ...request }, issuer),
  };
}

describe('a token of this deployment', () => {
  it('speaks for its user', async () => {
    const { authenticator, mint } = await start();

    expect(await authenticator.authenticate(bearer(await mint()))).toEqual({
      type: 'human',
      userId: 'ada',
      tenant: 'acme',
      scopes: ['a', 'b'],
      isAdmin: false,
      expiresAt: expect.any(Number),
    });
  });

  it('holds the documented claims', async () => {
    const { clock, mint } = await start();
    const issuedAt = Math.floor(clock.now().getTime() / 1_000);

    expect(decodeJwt(await mint())).toEqual({
      iss: 'agentflow',
      sub: 'ada',
      'https://agentflow/tenant': 'acme',
      scope: 'a b',
      typ: 'human',
      iat: issuedAt,
      exp: issuedAt + 60,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('makes an administrator of a human with the scope, and never of a machine', async () => {
    const { authenticator, mint } = await start();
    const scopes = ['agentflow:admin'];

    expect(await authenticator.authenticate(bearer(await mint({ scopes })))).toMatchObject({ isAdmin: true });
    expect(await authenticator.authenticate(bearer(await mint({ scopes, type: 'machine' })))).toMatchObject({
      type: 'machine',
      isAdmin: false,
    });
  });

  it('works beside an external issuer and however its claims are named', async () => {
    const external = await startIssuer();
    const { authenticator, mint } = await start({
      AUTH0_ISSUER: external.url,
      AUTH0_AUDIENCE: external.audience,
      AUTH0_CLAIM_NAMESPACE: 'https://acme.example/',
    });

    expect(await authenticator.authenticate(bearer(await mint()))).toMatchObject({ tenant: 'acme' });
    expect(external.requests).toEqual([]);
    await external.close();
  });

  it('ends with its time although it was accepted before', async () => {
    const { authenticator, clock, mint } = await start();
    const token = bearer(await mint());
    await authenticator.authenticate(token);

    clock.advance(66_000);

    expect(await refusal(authenticator, token)).toMatchObject({
      status: 401,
      challenge: 'Bearer error="invalid_token", error_description="The token has expired."',
    });
  });

  it('is refused when signed with another key, with or without the right key id', async () => {
    const { authenticator, signingKey } = await start();
    const { privateKey } = generateKeyPairSync('ed25519');
    const forge = (kid?: string) =>
      new SignJWT({ 'https://agentflow/tenant': 'acme' })
        .setProtectedHeader({ alg: 'EdDSA', ...(kid ? { kid } : {}) })
        .setIssuer('agentflow')
        .setSubject('eve')
        .setExpirationTime('1h')
        .sign(privateKey);

    for (const token of [await forge(), await forge(signingKey.kid), await forge('other')]) {
      expect(await refusal(authenticator, bearer(token))).toMatchObject({ status: 401 });
    }
  });

  it.each([
    ['none', ''],
    ['HS256', 'signature'],
    ['RS256', 'signature'],
  ])('is refused with the algorithm %s', async (alg, signature) => {
    const { authenticator, mint, signingKey } = await start();
    const [, payload] = (await mint()).split('.');
    const header = Buffer.from(JSON.stringify({ alg, kid: signingKey.kid })).toString('base64url');
    const input = `${header}.${payload}`;
    const real = signature && sign(null, Buffer.from(input), signingKey.privateKey).toString('base64url');

    expect(await refusal(authenticator, bearer(`${input}.${real}`))).toMatchObject({ status: 401 });
  });

  it('is the only kind that is accepted without an issuer', async () => {
    const external = await startIssuer();
    const { authenticator } = await start();

    expect(await refusal(authenticator, bearer(await external.sign()))).toMatchObject({
      status: 401,
      message: 'The token is from an issuer that this server does not know.',
    });
    await external.close();
  });

  it.each<[string, Partial<TokenRequest>]>([
    ['tenant', { tenant: 'Acme' }],
    ['tenant', { tenant: 'a'.repeat(64) }],
    ['user', { userId: '' }],
    ['user', { userId: 'a\nb' }],
    ['scopes', { scopes: ['a b'] }],
    ['ttl', { ttlMs: 0 }],
    ['ttl', { ttlMs: Number.NaN }],
  ])('is not minted for a bad %s', async (path, request) => {
    const { mint } = await start();

    await expect(mint(request)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ path, message: expect.any(String) }] },
    });
  });
});

describe('the Authorization header', () => {
  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer not-a-token',
    'Bearer a.b.c',
    'Bearer a.b.c.d.e',
    `Bearer ${'a'.repeat(20_000)}`,
  ])('%j is refused, also where requests without one are let in', async (authorization) => {
    const { authenticator } = await setUp({}, directory.path);

    expect(await refusal(authenticator, { authorization })).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^Bearer error="invalid_token"/),
    });
  });

  it('takes the scheme in any case', async () => {
    const { authenticator, mint } = await start();

    expect(await authenticator.authenticate({ authorization: `bearer ${await mint()}` })).toMatchObject({
      userId: 'ada',
    });
  });

  it('is required when the development sign-in is off', async () => {
    const { authenticator } = await start();

    expect(await refusal(authenticator, { sncTenant: 'acme', sncUserid: 'ada' })).toMatchObject({
      status: 401,
      message: 'A bearer token is required.',
    });
  });

  it('may be left out in local development', async () => {
    const { authenticator } = await setUp({ DEV_TENANT_NAME: 'mine', DEV_USER_ID: 'me' }, directory.path);

    expect(await authenticator.authenticate({})).toEqual({
      type: 'local_dev',
      tenant: 'mine',
      userId: 'me',
      scopes: ['agentflow:admin'],
      isAdmin: true,
    });
  });
});

describe('the published keys', () => {
  it('hold the public half alone', async () => {
    const { authenticator, signingKey } = await start();

    expect(await authenticator.jwks()).toEqual({
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          alg: 'EdDSA',
          use: 'sig',
          kid: signingKey.kid,
          x: expect.stringMatching(/^[\w-]{43}$/),
        },
      ],
    });
  });
});
