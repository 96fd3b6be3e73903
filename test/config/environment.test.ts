import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, CONFIGURATION, loadConfig } from '../../src/config/environment';

const root = join(__dirname, '../..');

function problemsOf(env: Record<string, string>) {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const issuer = { AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_AUDIENCE: 'https://api.acme.example' };

describe('the configuration', () => {
  it('of an empty environment is local development on loopback', () => {
    const config = loadConfig({});

    expect(config).toMatchObject({
      isProduction: false,
      logLevel: 'info',
      http: { host: '127.0.0.1', port: 8001, isLoopback: true, maxBodyBytes: 1_048_576, corsOrigins: [] },
      database: { url: undefined, prefix: 'agentflow' },
      graphql: { graphiql: true, introspection: true },
      runs: { maxConcurrent: 256, leaseMs: 15_000 },
      identity: {
        tokenIssuer: 'agentflow',
        tenantClaim: 'https://agentflow/tenant',
        adminScopes: ['agentflow:admin'],
        human: undefined,
        machine: undefined,
        devPrincipal: { tenant: 'agentflow', userId: 'local-dev' },
      },
      warnings: [],
    });
    expect(config.data.directory).toBe(join(process.cwd(), '.agentflow'));
  });

  it('is frozen all the way down', () => {
    const config = loadConfig({});

    expect(() => {
      (config.identity.adminScopes as string[]).push('everyone');
    }).toThrow(TypeError);
    expect(() => {
      config.http.port = 1;
    }).toThrow(TypeError);
  });

  it('takes empty variables for unset ones', () => {
    expect(loadConfig({ PORT: '', MONGODB_URL: ' ', AUTH0_DOMAIN: '' })).toEqual(loadConfig({}));
  });

  it('lets overrides win over the environment', () => {
    expect(loadConfig({ PORT: '80' }, { PORT: '0' }).http.port).toBe(0);
  });

  it('keeps 0 and false as values', () => {
    const config = loadConfig({ AGENTFLOW_LLM_MAX_RETRIES: '0', AGENTFLOW_GRAPHIQL: 'off' });

    expect(config.models.maxRetries).toBe(0);
    expect(config.graphql.graphiql).toBe(false);
  });

  it('turns GraphiQL and introspection off in production unless told otherwise', () => {
    expect(loadConfig({ NODE_ENV: 'production' }).graphql).toMatchObject({
      graphiql: false,
      introspection: false,
    });
    expect(
      loadConfig({ NODE_ENV: 'production', AGENTFLOW_INTROSPECTION: 'true' }).graphql.introspection,
    ).toBe(true);
  });

  it('reports every bad variable at once, by name', () => {
    const problems = problemsOf({ PORT: 'http', LOG_LEVEL: 'loud', AGENTFLOW_RUN_LEASE_MS: '-1' });

    expect(problems).toEqual([
      { name: 'PORT', message: 'expected a whole number from 0 to 65535, not "http"' },
      {
        name: 'LOG_LEVEL',
        message: 'expected fatal, error, warn, info, debug, trace or silent, not "loud"',
      },
      { name: 'AGENTFLOW_RUN_LEASE_MS', message: 'expected a whole number from 1000 to 3600000, not "-1"' },
    ]);
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['NODE_ENV', 'prod'],
    ['MONGODB_URL', 'postgres://db'],
    ['ELASTICSEARCH_URL', 'localhost:9200'],
    ['OPENAI_BASE_URL', 'http://'],
    ['AGENTFLOW_DB_PREFIX', 'my db'],
    ['AGENTFLOW_MAX_BODY_KB', '0'],
    ['AGENTFLOW_CORS_ORIGINS', 'https://app.example.com/path'],
    ['AGENTFLOW_GRAPHIQL', 'maybe'],
    ['AGENTFLOW_LOCAL_TOKENS_PER_SECOND', 'fast'],
    ['AUTH0_DOMAIN', 'https://acme.auth0.com/'],
    ['AUTH0_ALGORITHMS', 'none'],
    ['AUTH0_ALGORITHMS', 'RS256,HS256'],
    ['DEV_TENANT_NAME', 'Acme Inc'],
    ['DEV_TENANT_NAME', '-acme'],
  ])('refuses %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value }).map((problem) => problem.name)).toContain(name);
  });

  it('does not repeat secrets in its complaints', () => {
    expect(JSON.stringify(problemsOf({ MONGODB_URL: 'mongo://root:hunter2@db' }))).not.toContain('hunter2');
  });

  it('warns of variables with its prefixes that it does not read', () => {
    expect(loadConfig({ AGENTFLOW_MAX_BODY: '10', PATH: '/bin' }).warnings).toEqual([
      'The environment variable AGENTFLOW_MAX_BODY is not one that this version reads.',
    ]);
  });
});

describe('the issuer', () => {
  it('comes from the domain, and machines share it', () => {
    const { identity } = loadConfig(issuer);

    expect(identity.human).toEqual({
      issuer: 'https://acme.eu.auth0.com/',
      audience: 'https://api.acme.example',
      jwksUrl: 'https://acme.eu.auth0.com/.well-known/jwks.json',
    });
    expect(identity.machine).toEqual(identity.human);
    expect(identity.devPrincipal).toBeUndefined();
    expect(identity.userinfoUrl).toBeUndefined();
  });

  it('of machines can differ and then has its own keys', () => {
    const { identity } = loadConfig({
      ...issuer,
      AUTH0_JWKS_URL: 'https://keys.example/jwks',
      AUTH0_M2M_ISSUER: 'https://m2m.example',
      AUTH0_M2M_AUDIENCE: 'machines',
      AUTH0_USERINFO: 'true',
    });

    expect(identity.human?.jwksUrl).toBe('https://keys.example/jwks');
    expect(identity.machine).toEqual({
      issuer: 'https://m2m.example',
      audience: 'machines',
      jwksUrl: 'https://m2m.example/.well-known/jwks.json',
    });
    expect(identity.userinfoUrl).toBe('https://acme.eu.auth0.com/userinfo');
  });

  it.each([
    [{ AUTH0_DOMAIN: 'acme.auth0.com' }, 'AUTH0_AUDIENCE'],
    [{ AUTH0_AUDIENCE: 'api' }, 'AUTH0_AUDIENCE'],
    [{ AUTH0_M2M_ISSUER: 'https://m2m.example' }, 'AUTH0_M2M_AUDIENCE'],
    [{ AUTH0_USERINFO: 'true' }, 'AUTH0_USERINFO'],
    [{ ...issuer, AGENTFLOW_TOKEN_ISSUER: 'https://acme.eu.auth0.com/' }, 'AGENTFLOW_TOKEN_ISSUER'],
  ])('is refused when half configured: %j', (env, name) => {
    expect(problemsOf(env).map((problem) => problem.name)).toEqual([name]);
  });
});

describe('the object storage', () => {
  const bucket = { S3_BUCKET: 'files', S3_ENDPOINT: 'http://127.0.0.1:9000' };
  const keys = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'secret' };

  it('is used when there is a bucket', () => {
    expect(loadConfig({}).files).toEqual({
      maxUploadBytes: 50 * 1024 * 1024,
      maxUploadRequestBytes: 1024 * 1024 * 1024,
      s3: undefined,
    });
    expect(loadConfig({ ...bucket, ...keys }).files.s3).toEqual({
      bucket: 'files',
      endpoint: 'http://127.0.0.1:9000',
      region: 'us-east-1',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
      forcePathStyle: true,
    });
  });

  it.each([
    [{ ...bucket, S3_ACCESS_KEY_ID: 'id' }, 'S3_SECRET_ACCESS_KEY'],
    [{ ...bucket, S3_SECRET_ACCESS_KEY: 'secret' }, 'S3_ACCESS_KEY_ID'],
    [{ S3_ENDPOINT: bucket.S3_ENDPOINT }, 'S3_BUCKET'],
    [{ ...bucket, S3_ENDPOINT: 'minio:9000' }, 'S3_ENDPOINT'],
  ])('is refused when half configured: %j', (env, name) => {
    expect(problemsOf(env).map((problem) => problem.name)).toEqual([name]);
  });
});

describe('the development sign-in', () => {
  const isOn = (env: Record<string, string>) => loadConfig(env).identity.devPrincipal !== undefined;

  it.each([['127.0.0.1'], ['127.8.8.8'], ['localhost'], ['::1'], ['[::1]']])(
    'is on by default at %s',
    (HOST) => {
      expect(isOn({ HOST })).toBe(true);
    },
  );

  it.each([[{ HOST: '0.0.0.0' }], [{ HOST: '127.example.com' }], [{ NODE_ENV: 'production' }], [issuer]])(
    'is off by default with %j',
    (env) => {
      expect(isOn(env)).toBe(false);
    },
  );

  it('can be turned on beside an issuer, and off without one', () => {
    expect(isOn({ ...issuer, DEV_AUTH_BYPASS: 'true' })).toBe(true);
    expect(isOn({ DEV_AUTH_BYPASS: 'false' })).toBe(false);
  });

  it.each([
    [{ HOST: '0.0.0.0' }, 'only on loopback'],
    [{ HOST: '::' }, 'only on loopback'],
    [{ NODE_ENV: 'production' }, 'NODE_ENV=production'],
  ])('keeps the server from starting with %j', (env, message) => {
    const problems = problemsOf({ ...env, DEV_AUTH_BYPASS: 'true' });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ name: 'DEV_AUTH_BYPASS', message: expect.stringContaining(message) });
  });
});

describe('the documentation', () => {
  it.each(['.env.example', 'README.md'].filter((file) => existsSync(join(root, file))))(
    'in %s names every variable',
    (file) => {
      const document = readFileSync(join(root, file), 'utf8');

      expect(CONFIGURATION.map(({ name }) => name).filter((name) => !document.includes(name))).toEqual([]);
    },
  );
});
