import { createSecretKey } from 'node:crypto';
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import type { JWTPayload } from 'jose';
import { startIssuer, type TestIssuer } from './issuer';
import { refusal, setUp, temporaryDirectory, testClock } from './setup';

let issuer: TestIssuer;
const directory = temporaryDirectory();

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(async () => {
  await issuer.close();
  directory.remove();
});
beforeEach(() => {
  issuer.requests.length = 0;
  issuer.answerWith(200);
});

const environment = () => ({ AUTH0_ISSUER: issuer.url, AUTH0_AUDIENCE: issuer.audience });
const start = (env: Record<string, string> = {}, clock = testClock()) =>
  setUp({ ...environment(), ...env }, directory.path, clock);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("a human's token", () => {
  it('gives user, tenant and scopes', async () => {
    const { authenticator } = await start();
    const token = await issuer.sign({
      scope: 'openid read:tools',
      permissions: ['write:tools', 'read:tools'],
    });

    expect(await authenticator.authenticate(bearer(token))).toEqual({
      type: 'human',
      userId: 'auth0|ada',
      tenant: 'acme',
      scopes: ['openid', 'read:tools', 'write:tools'],
      isAdmin: false,
      expiresAt: expect.any(Number),
    });
  });

  it.each<[string, JWTPayload, Record<string, string>, boolean]>([
    ['the admin scope', { scope: 'agentflow:admin' }, {}, true],
    ['the admin permission', { permissions: ['agentflow:admin'] }, {}, true],
    ['a role', { 'https://agentflow/roles': ['admin'] }, {}, true],
    ['a permission type', { 'https://agentflow/permissionType': 'admin' }, {}, true],
    ['a permission type without namespace', { permissionType: 'admin' }, {}, true],
    ['a configured scope', { scope: 'owner' }, { AGENTFLOW_ADMIN_SCOPES: 'owner, boss' }, true],
    ['another role', { 'https://agentflow/roles': ['administrator', 'no admin'] }, {}, false],
    ['a role that only holds the word', { role: 'no admin' }, {}, false],
    [
      'the usual scope where others are configured',
      { scope: 'agentflow:admin' },
      { AGENTFLOW_ADMIN_SCOPES: 'owner' },
      false,
    ],
  ])('judges administrators by %s', async (_name, claims, env, isAdmin) => {
    const { authenticator } = await start(env);

    expect(await authenticator.authenticate(bearer(await issuer.sign(claims)))).toMatchObject({ isAdmin });
  });

  it('is not affected by the headers of machines', async () => {
    const { authenticator } = await start();
    const credentials = { ...bearer(await issuer.sign()), sncTenant: 'other', sncUserid: 'eve' };

    expect(await authenticator.authenticate(credentials)).toMatchObject({
      tenant: 'acme',
      userId: 'auth0|ada',
    });
  });

  it('may hold the tenant in a configured claim', async () => {
    const { authenticator } = await start({
      AUTH0_CLAIM_NAMESPACE: 'https://acme.example/',
      AUTH0_CLAIM_KEY: 'org',
    });
    const token = await issuer.sign({ 'https://acme.example/org': 'blue' });

    expect(await authenticator.authenticate(bearer(token))).toMatchObject({ tenant: 'blue' });
  });

  const minute = 60;
  const now = Math.floor(Date.now() / 1_000);
  it.each<[string, JWTPayload, string]>([
    ['expired', { exp: now - minute }, 'The token has expired.'],
    ['not valid yet', { nbf: now + minute }, 'The token is not valid yet.'],
    ['without expiry', { exp: undefined }, 'The token has no claim exp.'],
    ['without subject', { sub: undefined }, 'The token has no claim sub.'],
    ['of an empty subject', { sub: '' }, "The token's claim sub is not a user id."],
    ['for another audience', { aud: 'https://other.example' }, 'The token is for another audience.'],
    ['without audience', { aud: undefined }, 'The token has no claim aud.'],
    ['from another issuer', { iss: 'https://evil.example/' }, 'The token is from another issuer.'],
    ['without issuer', { iss: undefined }, 'The token has no claim iss.'],
    ['without tenant', { 'https://agentflow/tenant': undefined }, 'The token has no tenant claim.'],
    ['of an empty tenant', { 'https://agentflow/tenant': '' }, 'The token has no tenant claim.'],
    [
      'of a bad tenant name',
      { 'https://agentflow/tenant': 'Acme/..' },
      "The token's tenant claim is not a tenant name.",
    ],
    [
      'of a list of tenants',
      { 'https://agentflow/tenant': ['acme'] },
      "The token's tenant claim is not a tenant name.",
    ],
  ])('is refused when %s', async (_name, claims, message) => {
    const { authenticator } = await start();

    expect(await refusal(authenticator, bearer(await issuer.sign(claims)))).toMatchObject({
      status: 401,
      message,
      challenge: `Bearer error="invalid_token", error_description="${message}"`,
    });
  });

  it('is refused when unsigned', async () => {
    const { authenticator } = await start();
    const token = new UnsecuredJWT({ 'https://agentflow/tenant': 'acme' })
      .setIssuer(issuer.url)
      .setAudience(issuer.audience)
      .setSubject('auth0|ada')
      .setExpirationTime('1h')
      .encode();

    expect(await refusal(authenticator, bearer(token))).toMatchObject({ status: 401 });
  });

  it('is refused when signed with the public key as a shared secret', async () => {
    const { authenticator } = await start();
    const publicKey = await importJWK(await issuer.publicKey(), 'RS256', { extractable: true });
    const secret = createSecretKey(Buffer.from(await exportSPKI(publicKey as never)));
    const token = await new SignJWT({ 'https://agentflow/tenant': 'acme' })
      .setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
      .setIssuer(issuer.url)
      .setAudience(issuer.audience)
      .setSubject('auth0|ada')
      .setExpirationTime('1h')
      .sign(secret);

    expect(await refusal(authenticator, bearer(token))).toMatchObject({
      status: 401,
      message: "The token's signature algorithm is not accepted.",
    });
  });

  it('is refused when signed by another key under a known key id', async () => {
    const { authenticator } = await start();
    const { privateKey } = await generateKeyPair('RS256');
    const [, payload = ''] = (await issuer.sign()).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: (await issuer.publicKey()).kid ?? '' })
      .sign(privateKey);

    expect(await refusal(authenticator, bearer(token))).toMatchObject({
      status: 401,
      message: "The token's signature is not valid.",
    });
  });

  it('is refused when its claims were changed', async () => {
    const { authenticator } = await start();
    const [header, payload = '', signature] = (await issuer.sign()).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
    const forged = Buffer.from(JSON.stringify({ ...claims, 'https://agentflow/tenant': 'other' })).toString(
      'base64url',
    );

    expect(await refusal(authenticator, bearer(`${header}.${forged}.${signature}`))).toMatchObject({
      status: 401,
      message: "The token's signature is not valid.",
    });
  });
});

describe('the issuer keys', () => {
  it('are fetched once for many tokens, also at the same moment', async () => {
    const { authenticator } = await start();
    const tokens = await Promise.all([1, 2, 3, 4].map((n) => issuer.sign({ sub: `user-${n}` })));

    await Promise.all(tokens.map((token) => authenticator.authenticate(bearer(token))));

    expect(issuer.requests).toEqual(['/.well-known/jwks.json']);
  });

  it('are looked for again when a token names a new one, but not for every invented one', async () => {
    const { authenticator, clock } = await start();
    await authenticator.authenticate(bearer(await issuer.sign()));
    const invented = bearer(await issuer.sign({}, { kid: 'invented' }));

    expect(await refusal(authenticator, invented)).toMatchObject({ status: 401 });
    expect(issuer.requests).toHaveLength(1);

    await issuer.rotate();
    clock.advance(31_000);
    expect(await authenticator.authenticate(bearer(await issuer.sign()))).toMatchObject({ tenant: 'acme' });
    expect(await refusal(authenticator, invented)).toMatchObject({ status: 401 });
    expect(issuer.requests).toHaveLength(2);
  });

  it('that were withdrawn are noticed although the token was accepted before', async () => {
    const { authenticator, clock } = await start();
    const old = bearer(await issuer.sign());
    await authenticator.authenticate(old);
    await issuer.rotate();

    clock.advance(11 * 60_000);

    expect(await refusal(authenticator, old)).toMatchObject({ status: 401 });
  });

  it('stay good for a while when the issuer is away', async () => {
    const { authenticator, clock } = await start();
    await authenticator.authenticate(bearer(await issuer.sign()));
    issuer.answerWith(500);

    clock.advance(11 * 60_000);
    expect(await authenticator.authenticate(bearer(await issuer.sign({ sub: 'eve' })))).toMatchObject({
      userId: 'eve',
    });

    clock.advance(50 * 60_000);
    const later = bearer(await issuer.sign({}, { at: clock.now() }));
    expect(await refusal(authenticator, later)).toMatchObject({ status: 503, retryAfterMs: 5_000 });
  });

  it('that cannot be fetched are a 503, and the issuer is left alone for some seconds', async () => {
    const { authenticator, clock } = await start();
    issuer.answerWith(500);
    const token = bearer(await issuer.sign());

    expect(await refusal(authenticator, token)).toMatchObject({ status: 503 });
    expect(await refusal(authenticator, token)).toMatchObject({ status: 503 });
    expect(issuer.requests).toHaveLength(1);

    issuer.answerWith(200);
    clock.advance(5_001);
    expect(await authenticator.authenticate(token)).toMatchObject({ tenant: 'acme' });
  });
});

describe("a machine's token", () => {
  const machine = { sub: 'client@clients', gty: 'client-credentials', scope: 'agents:run agentflow:admin' };
  const headers = { sncTenant: 'acme', sncUserid: 'ada' };

  it.each([
    ['by its grant', { ...machine, sub: 'client' }],
    ['by its subject', { ...machine, gty: undefined }],
  ])('is known %s and acts for the user of the header, never as an administrator', async (_name, claims) => {
    const { authenticator } = await start();

    expect(await authenticator.authenticate({ ...bearer(await issuer.sign(claims)), ...headers })).toEqual({
      type: 'machine',
      userId: 'ada',
      tenant: 'acme',
      scopes: ['agents:run', 'agentflow:admin'],
      isAdmin: false,
      expiresAt: expect.any(Number),
    });
  });

  it('is judged by the headers of each request', async () => {
    const { authenticator } = await start();
    const token = bearer(await issuer.sign(machine));
    await authenticator.authenticate({ ...token, ...headers });

    expect(await authenticator.authenticate({ ...token, ...headers, sncUserid: 'bob' })).toMatchObject({
      userId: 'bob',
    });
    expect(await refusal(authenticator, { ...token, ...headers, sncTenant: 'other' })).toMatchObject({
      status: 403,
      message: 'The header snc-tenant names another tenant than the token.',
    });
    expect(await refusal(authenticator, { ...token, sncUserid: 'ada' })).toMatchObject({ status: 401 });
    expect(await refusal(authenticator, { ...token, sncTenant: 'acme' })).toMatchObject({ status: 401 });
    expect(await refusal(authenticator, { ...token, ...headers, sncUserid: '  ' })).toMatchObject({
      status: 401,
    });
  });

  it('needs the required scope when one is configured', async () => {
    const { authenticator } = await start({ AUTH0_M2M_REQUIRED_SCOPE: 'agents:run' });
    const without = bearer(await issuer.sign({ ...machine, scope: 'agents:read' }));

    expect(
      await authenticator.authenticate({ ...bearer(await issuer.sign(machine)), ...headers }),
    ).toMatchObject({
      type: 'machine',
    });
    expect(await refusal(authenticator, { ...without, ...headers })).toMatchObject({
      status: 403,
      challenge: expect.stringMatching(/^Bearer error="insufficient_scope".*scope="agents:run"$/),
    });
  });

  it('needs a tenant of its own', async () => {
    const { authenticator } = await start();
    const token = bearer(await issuer.sign({ ...machine, 'https://agentflow/tenant': undefined }));

    expect(await refusal(authenticator, { ...token, ...headers })).toMatchObject({ status: 401 });
  });

  it('must be for the audience of machines, and a human token for that of humans', async () => {
    const { authenticator } = await start({ AUTH0_M2M_AUDIENCE: 'machines' });
    const good = bearer(await issuer.sign({ ...machine, aud: 'machines' }));
    const bad = bearer(await issuer.sign(machine));
    const human = bearer(await issuer.sign({ aud: 'machines' }));

    expect(await authenticator.authenticate({ ...good, ...headers })).toMatchObject({ type: 'machine' });
    expect(await refusal(authenticator, { ...bad, ...headers })).toMatchObject({ status: 401 });
    expect(await refusal(authenticator, human)).toMatchObject({ status: 401 });
  });
});

describe('the profile at /userinfo', () => {
  const withProfile = () => start({ AUTH0_USERINFO: 'true' });
  const bare = { 'https://agentflow/tenant': undefined };

  it('gives tenant and role when the token does not, and is read once', async () => {
    const { authenticator } = await withProfile();
    issuer.profile = {
      sub: 'auth0|ada',
      'https://agentflow/tenant': 'blue',
      'https://agentflow/role': 'admin',
    };
    const token = bearer(await issuer.sign(bare));

    const [first, second] = await Promise.all([
      authenticator.authenticate(token),
      authenticator.authenticate(token),
    ]);
    await authenticator.authenticate(token);

    expect(first).toMatchObject({ tenant: 'blue', isAdmin: true });
    expect(second).toEqual(first);
    expect(issuer.requests.filter((path) => path === '/userinfo')).toHaveLength(1);
  });

  it('of somebody else is refused', async () => {
    const { authenticator } = await withProfile();
    issuer.profile = { sub: 'auth0|eve', 'https://agentflow/tenant': 'blue' };

    expect(await refusal(authenticator, bearer(await issuer.sign(bare)))).toMatchObject({ status: 401 });
  });

  it.each([
    [401, 401],
    [403, 401],
    [429, 503],
    [500, 503],
  ])('answered with %i is a %i', async (answer, status) => {
    const { authenticator } = await withProfile();
    issuer.profile = { sub: 'auth0|ada' };
    await authenticator.authenticate(bearer(await issuer.sign()));
    issuer.answerWith(answer);

    expect(await refusal(authenticator, bearer(await issuer.sign({ jti: '2' })))).toMatchObject({ status });
  });
});
