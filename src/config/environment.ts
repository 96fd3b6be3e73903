import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { VARIABLES, type Values, type Variable, type VariableName } from './variables';

export { CONFIGURATION, TENANT_NAME } from './variables';

/** An OpenID Connect issuer whose tokens are accepted. */
export interface OidcConfig {
  issuer: string;
  audience: string;
  jwksUrl: string;
}

export interface IdentityConfig {
  /** Issuer (`iss`) of AgentFlow's own tokens. */
  tokenIssuer: string;
  /** The deployment's private key as given; undefined means the data folder's. */
  signingKey: string | undefined;
  adminScopes: readonly string[];
  /** Name of the tenant claim, `https://agentflow/tenant` by default. */
  tenantClaim: string;
  claimNamespace: string;
  algorithms: readonly string[];
  /** Undefined when no issuer is configured: then only AgentFlow's own tokens are accepted. */
  human: OidcConfig | undefined;
  machine: OidcConfig | undefined;
  machineRequiredScope: string | undefined;
  /** Where profiles are read from after verification; undefined when that is off. */
  userinfoUrl: string | undefined;
  /** Who requests without an `Authorization` header act as; undefined when they are refused. */
  devPrincipal: { tenant: string; userId: string } | undefined;
}

/** The whole configuration, parsed once at start and frozen. Durations are milliseconds, sizes are bytes. */
export interface Config {
  isProduction: boolean;
  logLevel: Values['LOG_LEVEL'];
  /** Undefined: text at a terminal, JSON elsewhere. */
  logFormat: Values['LOG_FORMAT'];
  http: {
    host: string;
    port: number;
    isLoopback: boolean;
    maxBodyBytes: number;
    heartbeatMs: number;
    /** A reader of a stream that takes nothing for so long is cut off. */
    drainTimeoutMs: number;
    /** Of scrapers on other machines; undefined: none may read the metrics. */
    metricsToken: string | undefined;
    /** Empty: no cross-origin access. `['*']`: every origin. */
    corsOrigins: readonly string[];
  };
  data: { directory: string };
  files: {
    maxUploadBytes: number;
    /** Of one request with all its files. */
    maxUploadRequestBytes: number;
    /** Undefined: files are in the data folder. */
    s3:
      | {
          bucket: string;
          endpoint: string | undefined;
          region: string;
          credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
          forcePathStyle: boolean;
        }
      | undefined;
  };
  database: { url: string | undefined; prefix: string };
  search: { url: string | undefined };
  models: {
    openaiApiKey: string | undefined;
    openaiBaseUrl: string | undefined;
    openaiModel: string | undefined;
    openaiEmbeddingModel: string | undefined;
    openaiEmbeddingBatchSize: number;
    defaultModel: string | undefined;
    backgroundModel: string | undefined;
    concurrency: number;
    timeoutMs: number;
    maxRetries: number;
    /** 0 means unpaced. */
    localTokensPerSecond: number;
  };
  graphql: {
    graphiql: boolean;
    introspection: boolean;
    maxDepth: number;
    maxComplexity: number;
    maxAliases: number;
    maxTokens: number;
    maxBatch: number;
  };
  /** Longest standstill of the event loop, milliseconds; 0: none is noticed. */
  watchdogMs: number;
  runs: { maxConcurrent: number; leaseMs: number };
  tools: {
    encryptionKey: string | undefined;
    sandboxProcesses: number;
    allowPrivateUrls: boolean;
    /** Empty: any public host. */
    httpHosts: readonly string[];
    mcpServers: NonNullable<Values['AGENTFLOW_MCP_SERVERS']>;
    mcpHosts: readonly string[];
  };
  identity: IdentityConfig;
  /** Things worth one log line at start, such as a misspelt variable. */
  warnings: readonly string[];
}

/** One bad variable. */
export interface ConfigProblem {
  name: string;
  message: string;
}

/** Says everything that is wrong with the environment at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ name, message }) => `  ${name}: ${message}`);
    super(['The configuration is not valid:', ...lines].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Parses the environment. Unset and empty variables take their defaults.
 * @param overrides variables that win over `env`, as text like the environment's own
 * @throws ConfigError naming every bad variable with what is expected of it
 */
export function loadConfig(env: NodeJS.ProcessEnv, overrides: Readonly<Record<string, string>> = {}): Config {
  const merged = { ...env, ...overrides };
  const values = parseValues(merged);
  const identity = identityConfig(values);
  return deepFreeze({
    isProduction: values.NODE_ENV === 'production',
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
    http: {
      host: values.HOST,
      port: values.PORT,
      isLoopback: isLoopback(values.HOST),
      maxBodyBytes: values.AGENTFLOW_MAX_BODY_KB * 1024,
      heartbeatMs: values.AGENTFLOW_HEARTBEAT_MS,
      drainTimeoutMs: values.AGENTFLOW_DRAIN_TIMEOUT_MS,
      metricsToken: values.AGENTFLOW_METRICS_TOKEN,
      corsOrigins: values.AGENTFLOW_CORS_ORIGINS ?? [],
    },
    data: { directory: resolve(values.AGENTFLOW_DATA_DIR) },
    files: {
      maxUploadBytes: values.AGENTFLOW_MAX_UPLOAD_MB * 1024 * 1024,
      maxUploadRequestBytes: values.AGENTFLOW_MAX_UPLOAD_REQUEST_MB * 1024 * 1024,
      s3: s3Config(values),
    },
    database: { url: values.MONGODB_URL, prefix: values.AGENTFLOW_DB_PREFIX },
    search: { url: values.ELASTICSEARCH_URL },
    models: modelsConfig(values),
    graphql: graphqlConfig(values),
    watchdogMs: values.AGENTFLOW_WATCHDOG_MS,
    runs: { maxConcurrent: values.AGENTFLOW_MAX_CONCURRENT_RUNS, leaseMs: values.AGENTFLOW_RUN_LEASE_MS },
    tools: {
      encryptionKey: values.AGENTFLOW_ENCRYPTION_KEY,
      sandboxProcesses: values.AGENTFLOW_SANDBOX_PROCESSES,
      allowPrivateUrls: values.AGENTFLOW_ALLOW_PRIVATE_URLS,
      httpHosts: values.AGENTFLOW_HTTP_TOOL_HOSTS ?? [],
      mcpServers: values.AGENTFLOW_MCP_SERVERS ?? {},
      mcpHosts: values.AGENTFLOW_MCP_HOSTS ?? [],
    },
    identity,
    warnings: unknownVariables(merged),
  });
}

/** @throws ConfigError when half of the credentials is given, or settings without a bucket */
function s3Config(values: Values): Config['files']['s3'] {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    const name = accessKeyId === undefined ? 'S3_ACCESS_KEY_ID' : 'S3_SECRET_ACCESS_KEY';
    throw new ConfigError([{ name, message: 'is missing; the access key and its secret belong together' }]);
  }
  if (bucket === undefined && values.S3_ENDPOINT !== undefined)
    throw new ConfigError([
      { name: 'S3_BUCKET', message: 'is missing; S3_ENDPOINT alone does not say where files go' },
    ]);
  if (bucket === undefined) return undefined;
  return {
    bucket,
    endpoint: values.S3_ENDPOINT,
    region: values.S3_REGION,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
    forcePathStyle: values.S3_FORCE_PATH_STYLE,
  };
}

/** Parses only the named variables, for commands that must work where the rest of the environment is not a server's. */
export function loadSubset<Name extends VariableName>(
  env: NodeJS.ProcessEnv,
  names: readonly Name[],
): Pick<Values, Name> {
  return parseValues(env, names);
}

function parseValues<Name extends VariableName>(
  env: NodeJS.ProcessEnv,
  names = Object.keys(VARIABLES) as Name[] as readonly Name[],
): Pick<Values, Name> {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const variable: Variable = VARIABLES[name];
    // Container tools pass variables that were never given as empty text.
    const given = env[name]?.trim() ? env[name] : variable.fallback;
    const parsed = variable.schema.safeParse(given);
    if (parsed.success) values[name] = parsed.data;
    else problems.push({ name, message: complaint(variable, parsed.error.issues[0]?.message, given) });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Pick<Values, Name>;
}

function complaint(variable: Variable, expected = 'not valid', given = ''): string {
  const shown = given.length > 80 ? `${given.slice(0, 80)}...` : given;
  return variable.secret ? expected : `${expected}, not ${JSON.stringify(shown)}`;
}

const modelsConfig = (values: Values): Config['models'] => ({
  openaiApiKey: values.OPENAI_API_KEY,
  openaiBaseUrl: values.OPENAI_BASE_URL,
  openaiModel: values.OPENAI_MODEL,
  openaiEmbeddingModel: values.OPENAI_EMBEDDING_MODEL,
  openaiEmbeddingBatchSize: values.OPENAI_EMBEDDING_BATCH_SIZE,
  defaultModel: values.AGENTFLOW_DEFAULT_MODEL,
  backgroundModel: values.AGENTFLOW_BACKGROUND_MODEL,
  concurrency: values.AGENTFLOW_LLM_CONCURRENCY,
  timeoutMs: values.AGENTFLOW_LLM_TIMEOUT_MS,
  maxRetries: values.AGENTFLOW_LLM_MAX_RETRIES,
  localTokensPerSecond: values.AGENTFLOW_LOCAL_TOKENS_PER_SECOND,
});

const graphqlConfig = (values: Values): Config['graphql'] => ({
  graphiql: values.AGENTFLOW_GRAPHIQL ?? values.NODE_ENV !== 'production',
  introspection: values.AGENTFLOW_INTROSPECTION ?? values.NODE_ENV !== 'production',
  maxDepth: values.AGENTFLOW_GRAPHQL_MAX_DEPTH,
  maxComplexity: values.AGENTFLOW_GRAPHQL_MAX_COMPLEXITY,
  maxAliases: values.AGENTFLOW_GRAPHQL_MAX_ALIASES,
  maxTokens: values.AGENTFLOW_GRAPHQL_MAX_TOKENS,
  maxBatch: values.AGENTFLOW_GRAPHQL_MAX_BATCH,
});

function identityConfig(values: Values): IdentityConfig {
  const issuer = values.AUTH0_ISSUER ?? (values.AUTH0_DOMAIN ? `https://${values.AUTH0_DOMAIN}/` : undefined);
  const problems = [...issuerProblems(values, issuer), ...bypassProblems(values)];
  if (problems.length > 0) throw new ConfigError(problems);

  const human = issuer && oidc(issuer, values.AUTH0_AUDIENCE, values.AUTH0_JWKS_URL);
  const machineIssuer = values.AUTH0_M2M_ISSUER ?? issuer;
  const machine =
    machineIssuer &&
    oidc(
      machineIssuer,
      values.AUTH0_M2M_AUDIENCE ?? values.AUTH0_AUDIENCE,
      machineIssuer === issuer ? values.AUTH0_JWKS_URL : undefined,
    );
  return {
    tokenIssuer: values.AGENTFLOW_TOKEN_ISSUER,
    signingKey: values.AGENTFLOW_SIGNING_KEY,
    adminScopes: values.AGENTFLOW_ADMIN_SCOPES,
    tenantClaim: values.AUTH0_CLAIM_NAMESPACE + values.AUTH0_CLAIM_KEY,
    claimNamespace: values.AUTH0_CLAIM_NAMESPACE,
    algorithms: values.AUTH0_ALGORITHMS,
    human: human || undefined,
    machine: machine || undefined,
    machineRequiredScope: values.AUTH0_M2M_REQUIRED_SCOPE,
    userinfoUrl:
      values.AUTH0_USERINFO && issuer ? (values.AUTH0_USERINFO_URL ?? below(issuer, 'userinfo')) : undefined,
    devPrincipal: isBypassOn(values, Boolean(machineIssuer))
      ? { tenant: values.DEV_TENANT_NAME, userId: values.DEV_USER_ID }
      : undefined,
  };
}

const oidc = (
  issuer: string,
  audience = '',
  jwksUrl = below(issuer, '.well-known/jwks.json'),
): OidcConfig => ({
  issuer,
  audience,
  jwksUrl,
});

const below = (base: string, path: string): string => `${base.replace(/\/+$/, '')}/${path}`;

/** Half a configuration would be a hole (any audience) or a trap (settings without effect): both are refused. */
function issuerProblems(values: Values, issuer: string | undefined): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const need = (name: VariableName, message: string) => problems.push({ name, message });
  if (issuer && !values.AUTH0_AUDIENCE) {
    need('AUTH0_AUDIENCE', 'required with an issuer, else a token made for any other API would be accepted');
  }
  if (values.AUTH0_M2M_ISSUER && !values.AUTH0_M2M_AUDIENCE && !values.AUTH0_AUDIENCE) {
    need('AUTH0_M2M_AUDIENCE', 'required with AUTH0_M2M_ISSUER unless AUTH0_AUDIENCE is set');
  }
  if (!issuer && values.AUTH0_USERINFO) need('AUTH0_USERINFO', 'needs AUTH0_DOMAIN or AUTH0_ISSUER');
  const orphans = ['AUTH0_AUDIENCE', 'AUTH0_JWKS_URL', 'AUTH0_M2M_REQUIRED_SCOPE'] as const;
  if (!issuer && !values.AUTH0_M2M_ISSUER) {
    for (const name of orphans) {
      if (values[name])
        need(name, 'has no effect without AUTH0_DOMAIN or AUTH0_ISSUER; set one or remove it');
    }
  }
  if (values.AGENTFLOW_TOKEN_ISSUER === issuer || values.AGENTFLOW_TOKEN_ISSUER === values.AUTH0_M2M_ISSUER) {
    need('AGENTFLOW_TOKEN_ISSUER', 'must differ from the OpenID Connect issuer');
  }
  return problems;
}

function bypassProblems(values: Values): ConfigProblem[] {
  if (!values.DEV_AUTH_BYPASS) return [];
  const name = 'DEV_AUTH_BYPASS';
  const problems: ConfigProblem[] = [];
  if (!isLoopback(values.HOST)) {
    problems.push({ name, message: `only on loopback, and HOST is ${JSON.stringify(values.HOST)}` });
  }
  if (values.NODE_ENV === 'production') {
    problems.push({ name, message: 'not with NODE_ENV=production; issue a token with `agentflow token`' });
  }
  return problems;
}

/** Without any word about identity the server is somebody's own machine, as long as only that machine reaches it. */
const isBypassOn = (values: Values, hasIssuer: boolean): boolean =>
  values.DEV_AUTH_BYPASS ?? (!hasIssuer && isLoopback(values.HOST) && values.NODE_ENV !== 'production');

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** `AGENTFLOW_MAX_BODY` would be without effect in silence; a line at start tells. */
const OWN_PREFIX = /^(AGENTFLOW|AUTH0|DEV_(AUTH|TENANT|USER))_/;

const unknownVariables = (env: NodeJS.ProcessEnv): string[] =>
  Object.keys(env)
    .filter((name) => OWN_PREFIX.test(name) && !(name in VARIABLES) && !name.startsWith('AGENTFLOW_TEST_'))
    .map((name) => `The environment variable ${name} is not one that this version reads.`);

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null) deepFreeze(child as object);
  }
  return Object.freeze(value);
}
