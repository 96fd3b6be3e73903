import { z } from 'zod';

/** One environment variable: how its text becomes a value, and what the documentation says about it. */
export interface Variable<Schema extends z.ZodType = z.ZodType> {
  schema: Schema;
  /** The text that stands in for an unset variable; undefined when there is none. */
  fallback: string | undefined;
  /** The default as shown to people, where `fallback` alone would not tell. */
  shownDefault?: string;
  meaning: string;
  /** A secret's value never appears in an error message. */
  secret?: true;
}

type Words = { shownDefault?: string; secret?: true };

const withDefault = <S extends z.ZodType>(schema: S, fallback: string, meaning: string): Variable<S> => ({
  schema,
  fallback,
  meaning,
});

const optional = <S extends z.ZodType>(
  schema: S,
  meaning: string,
  words: Words = {},
): Variable<z.ZodOptional<S>> => ({ schema: schema.optional(), fallback: undefined, meaning, ...words });

const text = z.string().trim().min(1, 'expected some text');

const matching = (pattern: RegExp, expected: string) => text.regex(pattern, `expected ${expected}`);

const whole = (min: number, max: number) => {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .trim()
    .regex(/^\d+$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
};

const decimal = (min: number, max: number) => {
  const expected = `expected a number from ${min} to ${max}`;
  return z
    .string()
    .trim()
    .regex(/^\d+(\.\d+)?$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
};

const SWITCH: Record<string, boolean> = {
  true: true,
  '1': true,
  on: true,
  yes: true,
  false: false,
  '0': false,
  off: false,
  no: false,
};

const onOff = z.string().transform((value, context) => {
  const parsed = SWITCH[value.trim().toLowerCase()];
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'expected true or false' });
  return z.NEVER;
});

const url = (protocols: readonly string[]) =>
  text.refine(
    (value) => protocols.some((protocol) => value.startsWith(`${protocol}://`)) && URL.canParse(value),
    `expected a URL that begins with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  );

/** MongoDB's seed lists (`mongodb://a,b/`) are no WHATWG URLs, so only the scheme is checked here. */
const mongodbUrl = matching(
  /^mongodb(\+srv)?:\/\/\S+$/,
  'a URL that begins with mongodb:// or mongodb+srv://',
);

const words = text.transform((value) => value.split(/[\s,]+/).filter(Boolean));

/** Only algorithms of a public and a private half: with a shared secret every verifier could mint tokens. */
const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const algorithms = words.refine(
  (list) =>
    list.length > 0 && list.every((name) => (ASYMMETRIC_ALGORITHMS as readonly string[]).includes(name)),
  `expected a list of ${ASYMMETRIC_ALGORITHMS.join(', ')}`,
);

/** One MCP server: a program that speaks on its standard input and output, or a URL. */
const mcpServer = z.union([
  z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: z.record(z.string(), z.string()).optional(),
    cwd: z.string().optional(),
  }),
  z.strictObject({ url: z.url(), headers: z.record(z.string(), z.string()).optional() }),
]);

const mcpServers = text.transform((value, context) => {
  const shape = z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), mcpServer);
  try {
    const parsed = shape.safeParse(JSON.parse(value));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  context.addIssue({ code: 'custom', message: 'expected JSON such as {"files": {"command": "mcp-files"}}' });
  return z.NEVER;
});

const origins = words.refine(
  (list) =>
    list.every((origin) => origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)),
  'expected * or a list of origins such as https://app.example.com, without a path',
);

/** What a tenant may be called; it becomes part of a database's name. */
export const TENANT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

const tenantName = matching(TENANT_NAME, 'a tenant name: 1 to 63 of a-z, 0-9 and -, not beginning with -');

/** Every variable that the server reads, grouped as the documentation shows them. Unset and empty mean the same. */
export const VARIABLES = {
  HOST: withDefault(text, '127.0.0.1', 'Address to listen on; 0.0.0.0 for every interface.'),
  PORT: withDefault(whole(0, 65_535), '8001', 'TCP port to listen on; 0 takes a free one.'),
  NODE_ENV: optional(
    z.enum(['development', 'test', 'production'], 'expected development, test or production'),
    'In production GraphiQL, introspection and the development sign-in are off.',
    { shownDefault: 'development' },
  ),
  LOG_LEVEL: withDefault(
    z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'expected fatal, error, warn, info, debug, trace or silent',
    ),
    'info',
    'The least severe log line that is written.',
  ),
  LOG_FORMAT: optional(
    z.enum(['pretty', 'json'], 'expected pretty or json'),
    'How log lines are written: pretty for people, json for machines.',
    { shownDefault: 'pretty at a terminal, else json' },
  ),
  AGENTFLOW_DATA_DIR: withDefault(
    text,
    '.agentflow',
    'Folder of the embedded database, files and keys; relative to where the server is started.',
  ),
  AGENTFLOW_MAX_BODY_KB: withDefault(
    whole(1, 1_048_576),
    '1024',
    'Largest JSON body in KiB; larger ones are refused with 413.',
  ),
  AGENTFLOW_HEARTBEAT_MS: withDefault(
    whole(100, 600_000),
    '15000',
    'Pause after which an idle event stream gets a comment, so that proxies keep it open.',
  ),
  AGENTFLOW_DRAIN_TIMEOUT_MS: withDefault(
    whole(100, 600_000),
    '30000',
    'Time after which a reader of an event stream that takes nothing is cut off; it may resume.',
  ),
  AGENTFLOW_METRICS_TOKEN: optional(
    text,
    'Bearer token with which other machines may read /metrics; without it only this machine may.',
    { shownDefault: 'none', secret: true },
  ),
  AGENTFLOW_CORS_ORIGINS: optional(
    origins,
    'Origins whose browsers may call the API, separated by commas; * for all.',
    { shownDefault: 'none' },
  ),

  MONGODB_URL: optional(mongodbUrl, 'A MongoDB replica set or sharded cluster to use.', {
    shownDefault: 'the embedded database',
    secret: true,
  }),
  AGENTFLOW_DB_PREFIX: withDefault(
    matching(/^[a-z][a-z0-9_-]{0,19}$/, '1 to 20 of a-z, 0-9, _ and -, beginning with a letter'),
    'agentflow',
    'Databases are called <prefix>_<tenant> and <prefix>_system.',
  ),
  ELASTICSEARCH_URL: optional(url(['http', 'https']), 'An Elasticsearch cluster to use.', {
    shownDefault: 'the embedded search index',
    secret: true,
  }),

  OPENAI_API_KEY: optional(text, 'Key of the OpenAI-compatible model provider.', {
    shownDefault: 'none: the embedded offline model answers',
    secret: true,
  }),
  OPENAI_BASE_URL: optional(url(['http', 'https']), 'Another OpenAI-compatible endpoint.', {
    shownDefault: 'https://api.openai.com/v1',
  }),
  OPENAI_MODEL: optional(text, "The provider's model to use by default.", { shownDefault: 'gpt-4.1-mini' }),
  OPENAI_EMBEDDING_MODEL: optional(
    text,
    "The provider's model that embeds documents of new knowledge bases.",
    {
      shownDefault: 'text-embedding-3-small with a key, else embedded',
    },
  ),
  OPENAI_EMBEDDING_BATCH_SIZE: withDefault(
    whole(1, 2_048),
    '256',
    'Most texts of one embedding request; where an endpoint takes fewer, smaller requests follow by themselves.',
  ),
  AGENTFLOW_DEFAULT_MODEL: optional(text, 'Model of agents that name none, as provider/model.', {
    shownDefault: "the provider's, else agentflow/local",
  }),
  AGENTFLOW_BACKGROUND_MODEL: optional(text, 'Model for titles, memory and other work behind the scenes.', {
    shownDefault: 'the default model',
  }),
  AGENTFLOW_LLM_CONCURRENCY: withDefault(whole(1, 100_000), '256', 'Most calls to a provider at one time.'),
  AGENTFLOW_LLM_TIMEOUT_MS: withDefault(
    whole(100, 3_600_000),
    '60000',
    'Longest wait for the first byte of a model, and between two chunks of its answer.',
  ),
  AGENTFLOW_LLM_MAX_RETRIES: withDefault(
    whole(0, 20),
    '2',
    'Further attempts after a model call that failed before its first output.',
  ),
  AGENTFLOW_LOCAL_TOKENS_PER_SECOND: withDefault(
    decimal(0, 1_000_000),
    '0',
    'Pace of the embedded model; 0 does not slow it down.',
  ),

  AGENTFLOW_GRAPHIQL: optional(onOff, 'Whether browsers get GraphiQL at /graphql.', {
    shownDefault: 'true, in production false',
  }),
  AGENTFLOW_INTROSPECTION: optional(onOff, 'Whether clients may ask for the GraphQL schema.', {
    shownDefault: 'true, in production false',
  }),
  AGENTFLOW_GRAPHQL_MAX_DEPTH: withDefault(whole(1, 1_000), '15', 'Deepest nesting of a GraphQL operation.'),
  AGENTFLOW_GRAPHQL_MAX_COMPLEXITY: withDefault(
    whole(1, 10_000_000),
    '10000',
    'Largest cost of a GraphQL operation: a field costs 1, times the sizes of the lists around it.',
  ),
  AGENTFLOW_GRAPHQL_MAX_ALIASES: withDefault(whole(0, 10_000), '30', 'Most aliases in a GraphQL operation.'),
  AGENTFLOW_GRAPHQL_MAX_TOKENS: withDefault(
    whole(10, 1_000_000),
    '2000',
    'Most tokens in a GraphQL document.',
  ),
  AGENTFLOW_GRAPHQL_MAX_BATCH: withDefault(whole(1, 1_000), '10', 'Most GraphQL operations in one request.'),

  AGENTFLOW_MAX_CONCURRENT_RUNS: withDefault(
    whole(1, 100_000),
    '256',
    'Most agent runs that this process works on at one time; further ones wait in the queue.',
  ),
  AGENTFLOW_RUN_LEASE_MS: withDefault(
    whole(1_000, 3_600_000),
    '15000',
    'Time after which the runs of a process that died are taken over.',
  ),
  AGENTFLOW_WATCHDOG_MS: withDefault(
    whole(0, 3_600_000),
    '30000',
    'Longest time that the event loop may stand still before the process ends itself, to be started again; 0 for ever.',
  ),

  AGENTFLOW_MAX_UPLOAD_MB: withDefault(
    whole(1, 5_000),
    '50',
    'Largest uploaded file in MiB; larger ones are refused with 413.',
  ),
  AGENTFLOW_MAX_UPLOAD_REQUEST_MB: withDefault(
    whole(1, 1_048_576),
    '1024',
    'Largest upload request in MiB, with all its files; larger ones are refused with 413.',
  ),
  S3_BUCKET: optional(text, 'Bucket that keeps uploaded files; without it they are in the data folder.'),
  S3_ENDPOINT: optional(
    url(['http', 'https']),
    "Address of an S3-compatible server; Amazon's own without it.",
  ),
  S3_REGION: withDefault(text, 'us-east-1', 'Region of the bucket.'),
  S3_ACCESS_KEY_ID: optional(text, 'Access key for the bucket.', {
    shownDefault: 'found by the AWS SDK: profile, instance role',
  }),
  S3_SECRET_ACCESS_KEY: optional(text, 'Secret of the access key; both are given or neither.', {
    secret: true,
  }),
  S3_FORCE_PATH_STYLE: withDefault(
    onOff,
    'true',
    'The bucket is named in the path, as most servers want it that are not Amazon; false: in the host name.',
  ),

  AGENTFLOW_ENCRYPTION_KEY: optional(
    text,
    'Key that encrypts secrets at rest (credentials of tools): 32 bytes as base64 or hex. Required in production.',
    { shownDefault: 'encryption-key in the data folder, made on first use', secret: true },
  ),
  AGENTFLOW_SANDBOX_PROCESSES: withDefault(
    whole(1, 256),
    '8',
    'Processes that run code of tools at the same time, at most; none is started before it is needed.',
  ),
  AGENTFLOW_ALLOW_PRIVATE_URLS: withDefault(
    onOff,
    'false',
    'Tools and crawls may fetch private and loopback addresses. For tests and closed networks only.',
  ),
  AGENTFLOW_HTTP_TOOL_HOSTS: optional(
    words,
    'Hosts that tools of kind http may ask, exact or as *.example.com; without it any public host.',
  ),
  AGENTFLOW_MCP_SERVERS: optional(
    mcpServers,
    'MCP servers that tools of kind mcp may use, as JSON: {"name": {"command": "...", "args": []} or {"url": "..."}}.',
  ),
  AGENTFLOW_MCP_HOSTS: optional(
    words,
    'Hosts whose MCP servers a tool may name by URL, exact or as *.example.com; without it none.',
  ),
  AGENTFLOW_SIGNING_KEY: optional(
    text,
    'Ed25519 private key for tokens issued here: a JWK as JSON, a PKCS #8 PEM, or 32 bytes in base64url.',
    { shownDefault: 'signing-key.json in the data folder, made on first use', secret: true },
  ),
  AGENTFLOW_TOKEN_ISSUER: withDefault(text, 'agentflow', 'Issuer (`iss`) of the tokens issued here.'),
  AGENTFLOW_ADMIN_SCOPES: withDefault(
    words,
    'agentflow:admin',
    'Scopes that make a human an administrator of the tenant.',
  ),
  AUTH0_DOMAIN: optional(
    matching(/^[a-z0-9.-]+(:\d+)?$/i, 'a host name such as example.eu.auth0.com'),
    'Host of the OpenID Connect issuer; stands for AUTH0_ISSUER https://<domain>/.',
    { shownDefault: 'none' },
  ),
  AUTH0_ISSUER: optional(url(['http', 'https']), "The issuer's `iss`, exactly as in its tokens.", {
    shownDefault: 'https://<AUTH0_DOMAIN>/',
  }),
  AUTH0_AUDIENCE: optional(text, 'Audience (`aud`) that tokens must be for; required with an issuer.', {
    shownDefault: 'none',
  }),
  AUTH0_ALGORITHMS: withDefault(algorithms, 'RS256', 'Signature algorithms that are accepted.'),
  AUTH0_JWKS_URL: optional(url(['http', 'https']), "Where the issuer's public keys are.", {
    shownDefault: '<issuer>/.well-known/jwks.json',
  }),
  AUTH0_CLAIM_NAMESPACE: withDefault(text, 'https://agentflow/', 'Prefix of the custom claims.'),
  AUTH0_CLAIM_KEY: withDefault(text, 'tenant', 'Name of the tenant claim after the prefix.'),
  AUTH0_M2M_ISSUER: optional(url(['http', 'https']), 'Issuer of machine (client-credentials) tokens.', {
    shownDefault: 'as for humans',
  }),
  AUTH0_M2M_AUDIENCE: optional(text, 'Audience of machine tokens.', { shownDefault: 'as for humans' }),
  AUTH0_M2M_REQUIRED_SCOPE: optional(text, 'Scope that machine tokens must carry.', { shownDefault: 'none' }),
  AUTH0_USERINFO: withDefault(
    onOff,
    'false',
    "Whether the tenant and roles are also read from the issuer's /userinfo.",
  ),
  AUTH0_USERINFO_URL: optional(url(['http', 'https']), "Where the issuer's /userinfo is.", {
    shownDefault: '<issuer>/userinfo',
  }),
  DEV_AUTH_BYPASS: optional(
    onOff,
    'Whether requests without a token act as the development user; only on loopback, never in production.',
    { shownDefault: 'true on loopback without an issuer, else false' },
  ),
  DEV_TENANT_NAME: withDefault(tenantName, 'agentflow', 'Tenant of the development user.'),
  DEV_USER_ID: withDefault(text, 'local-dev', 'Id of the development user.'),
} satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;

/** The values after parsing, by variable. */
export type Values = { [Name in VariableName]: z.output<(typeof VARIABLES)[Name]['schema']> };

/** Name, default and meaning of every variable, for documentation and `agentflow help`. */
export const CONFIGURATION: readonly { name: string; default: string; meaning: string }[] = Object.entries(
  VARIABLES as Record<string, Variable>,
).map(([name, variable]) => ({
  name,
  default: variable.shownDefault ?? variable.fallback ?? '',
  meaning: variable.meaning,
}));
