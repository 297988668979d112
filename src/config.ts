import { SETTING_NAMES, SETTINGS, type Setting, type SettingName, type SettingValues } from './config-settings.ts';
import { FormvaultError } from './errors.ts';
import type { Auth } from './http/auth.ts';
import type { LogLevel } from './observability/log.ts';
import { unlessBlank } from './submission/blank.ts';

export type ServiceConfig = { url: string; auth: Auth };

export type SignInConfig = {
  issuer: string;
  clientId: string;
  clientSecret: string | null;
  /** That bearer tokens must name; `null`: the client. */
  audience: string | null;
  groupsClaim: string;
};

export type Config = Readonly<{
  engine: ServiceConfig;
  /** `null`: forms are not looked up. */
  formApi: ServiceConfig | null;
  formLookup: 'required' | 'optional';
  s3: {
    endpoint: string | null;
    forcePathStyle: boolean;
    region: string | null;
    sse: 'AES256' | 'aws:kms' | null;
    kmsKeyId: string | null;
  };
  vault: {
    environment: string;
    defaultProduct: string;
    createBuckets: boolean;
    /** `null`: the default bucket. */
    stateBucket: string | null;
  };
  capture: 'convention' | 'forms' | 'all';
  feed: {
    start: 'now' | 'beginning' | Date;
    settleSeconds: number;
    pollMs: number;
    leaseSeconds: number;
    single: boolean;
  };
  roles: readonly ('feed' | 'worker' | 'web' | 'provider')[];
  dispatch: 'direct' | 'queue';
  concurrency: number;
  tasks: {
    longPollMs: number;
    maxAttempts: number;
    /** Pauses between attempts; the last one is repeated. */
    retrySeconds: readonly number[];
  };
  incidents: {
    source: 'none' | 'custom' | 'mirror';
    /** For one cause. */
    limit: number;
    watchdogSeconds: number;
  };
  web: { host: string; port: number };
  cases: {
    /** `null`: embedded in `dataDir`. */
    databaseUrl: string | null;
    dataDir: string;
    /** What instances without authorizations in the engine are: visible to everybody who is signed in, or to nobody. */
    access: 'open' | 'granted';
    /** `null`: nobody signs in. */
    signIn: SignInConfig | null;
  };
  drainSeconds: number;
  logLevel: LogLevel;
  /** Settings that were given although nothing in this version reads them. */
  withoutEffect: readonly SettingName[];
}>;

export type Environment = Record<string, string | undefined>;

export type ConfigOptions = {
  /** What is wrong with the bucket name that these two make; `null` when nothing is. */
  checkBucket?: (environment: string, product: string) => string | null;
};

/** An error CONFIG_INVALID that lists what is wrong, one line a problem; never with the value of a secret. */
export type ConfigError = FormvaultError & { problems: readonly string[] };

type Problem = { name: SettingName; text: string };
type ServicePrefix = 'ENGINE' | 'FORM_API';

/** Blank settings count as not given. @throws ConfigError */
export function parseConfig(env: Environment, options: ConfigOptions = {}): Config {
  const given = new Set(SETTING_NAMES.filter((name) => unlessBlank(env[name]) !== null));
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: Problem[] = [];
  for (const name of SETTING_NAMES) {
    const read = readSetting(name, given.has(name) ? (env[name] ?? '') : null);
    if ('problem' in read) problems.push({ name, text: read.problem });
    else values[name] = read.value;
  }
  problems.push(...contradictions(given, values), ...bucketProblems(values, options));
  if (problems.length > 0) throw configError(problems);
  return deepFreeze(buildConfig(values as SettingValues, given));
}

function readSetting(name: SettingName, raw: string | null): { value: unknown } | { problem: string } {
  const { kind, fallback, required, secret, address }: Setting = SETTINGS[name];
  if (raw === null && required !== undefined) {
    return { problem: `${name} is missing; it must be ${kind.rule}, such as ${required}` };
  }
  const text = raw ?? fallback;
  if (text === undefined) return { value: null };
  const value = kind.parse(secret ? text : text.trim());
  if (value !== undefined) return { value };
  const shown = secret || address ? 'wrong' : JSON.stringify(text.trim().slice(0, 80));
  return { problem: `${name} is ${shown}; it must be ${kind.rule}` };
}

/** What each setting may be by itself, but not beside the others. */
function* contradictions(
  given: ReadonlySet<SettingName>,
  values: Partial<Record<SettingName, unknown>>,
): Generator<Problem> {
  yield* signInProblems('ENGINE', given, values);
  yield* signInProblems('FORM_API', given, values);
  const formApiSignIn = signInSettings('FORM_API').find((name) => given.has(name));
  if (formApiSignIn !== undefined && !given.has('FORM_API_URL')) yield needs('FORM_API_URL', formApiSignIn);
  yield* together(given, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
  if (given.has('S3_KMS_KEY_ID') && values.S3_SSE !== 'aws:kms') {
    yield { name: 'S3_SSE', text: 'S3_SSE must be aws:kms, because S3_KMS_KEY_ID is given' };
  }
  if (Array.isArray(values.ROLES) && values.ROLES.every((role) => role === 'provider')) {
    yield { name: 'ROLES', text: 'ROLES must contain feed, worker or web, the parts that this version has' };
  }
  if (!given.has('OIDC_ISSUER')) {
    const signIn = (['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_AUDIENCE'] as const).find((name) => given.has(name));
    if (signIn !== undefined) yield needs('OIDC_ISSUER', signIn);
    else if (values.AUTH === 'oidc') {
      yield { name: 'OIDC_ISSUER', text: 'OIDC_ISSUER is missing; it must be given too, because AUTH is oidc' };
    }
  }
  if (!given.has('OIDC_CLIENT_ID')) {
    const signIn = (['OIDC_CLIENT_SECRET', 'OIDC_ISSUER'] as const).find((name) => given.has(name));
    if (signIn !== undefined) yield needs('OIDC_CLIENT_ID', signIn);
  }
}

function* signInProblems(
  prefix: ServicePrefix,
  given: ReadonlySet<SettingName>,
  values: Partial<Record<SettingName, unknown>>,
): Generator<Problem> {
  const [username, password, tokenUrl, clientId, clientSecret, scope] = signInSettings(prefix);
  yield* together(given, username, password);
  yield* together(given, tokenUrl, clientId, clientSecret);
  if (given.has(scope) && !given.has(tokenUrl) && !given.has(clientId)) yield needs(tokenUrl, scope);
  const basic = [username, password].find((name) => given.has(name));
  const oauth = [tokenUrl, clientId, clientSecret].find((name) => given.has(name));
  if (basic !== undefined && oauth !== undefined) {
    yield { name: basic, text: `${basic} and ${oauth} are both given; there must be one kind of sign-in only` };
  }
  if (String(values[username] ?? '').includes(':')) {
    yield { name: username, text: `${username} has a colon; Basic authentication allows none in a user name` };
  }
}

/** All of them or none. */
function* together(given: ReadonlySet<SettingName>, ...names: SettingName[]): Generator<Problem> {
  const present = names.find((name) => given.has(name));
  if (present === undefined) return;
  for (const name of names) if (!given.has(name)) yield needs(name, present);
}

function needs(name: SettingName, because: SettingName): Problem {
  return { name, text: `${name} is missing; it must be given too, because ${because} is` };
}

function signInSettings<P extends ServicePrefix>(prefix: P) {
  return [
    `${prefix}_USERNAME`,
    `${prefix}_PASSWORD`,
    `${prefix}_TOKEN_URL`,
    `${prefix}_CLIENT_ID`,
    `${prefix}_CLIENT_SECRET`,
    `${prefix}_SCOPE`,
  ] as const;
}

function bucketProblems(values: Partial<Record<SettingName, unknown>>, { checkBucket }: ConfigOptions): Problem[] {
  const { ENVIRONMENT: environment, DEFAULT_PRODUCT: product } = values;
  if (checkBucket === undefined || typeof environment !== 'string' || typeof product !== 'string') return [];
  const wrong = checkBucket(environment.toLowerCase(), product);
  if (wrong === null) return [];
  return [{ name: 'ENVIRONMENT', text: `ENVIRONMENT and DEFAULT_PRODUCT make no valid bucket name: ${wrong}` }];
}

function configError(problems: Problem[]): ConfigError {
  const byTable = problems.toSorted((a, b) => SETTING_NAMES.indexOf(a.name) - SETTING_NAMES.indexOf(b.name));
  const texts = Object.freeze(byTable.map(({ text }) => text));
  const message = `could not read the settings: ${texts.join('; ')}`;
  return Object.assign(new FormvaultError('CONFIG_INVALID', message), { problems: texts });
}

function buildConfig(values: SettingValues, given: ReadonlySet<SettingName>): Config {
  return {
    engine: { url: values.ENGINE_URL, auth: buildAuth('ENGINE', values) },
    formApi: values.FORM_API_URL === null ? null : { url: values.FORM_API_URL, auth: buildAuth('FORM_API', values) },
    formLookup: values.FORM_LOOKUP,
    s3: {
      endpoint: values.S3_ENDPOINT,
      forcePathStyle: values.S3_FORCE_PATH_STYLE,
      region: values.AWS_REGION,
      sse: values.S3_SSE,
      kmsKeyId: values.S3_KMS_KEY_ID,
    },
    vault: {
      environment: values.ENVIRONMENT.toLowerCase(),
      defaultProduct: values.DEFAULT_PRODUCT,
      createBuckets: values.S3_CREATE_BUCKETS,
      stateBucket: values.STATE_BUCKET,
    },
    capture: values.CAPTURE,
    feed: {
      start: values.FEED_START,
      settleSeconds: values.FEED_SETTLE_SECONDS,
      pollMs: values.FEED_POLL_MS,
      leaseSeconds: values.FEED_LEASE_SECONDS,
      single: values.FEED_SINGLE,
    },
    roles: values.ROLES,
    dispatch: values.DISPATCH,
    concurrency: values.CONCURRENCY,
    tasks: {
      longPollMs: values.LONG_POLL_MS,
      maxAttempts: values.MAX_ATTEMPTS,
      retrySeconds: values.RETRY_SECONDS,
    },
    incidents: {
      source: values.SOURCE_INCIDENT,
      limit: values.OUTAGE_LIMIT,
      watchdogSeconds: values.WATCHDOG_SECONDS,
    },
    web: { host: values.HOST, port: values.PORT },
    cases: {
      databaseUrl: values.DATABASE_URL,
      dataDir: values.DATA_DIR,
      access: values.CASE_ACCESS,
      signIn: buildSignIn(values),
    },
    drainSeconds: values.DRAIN_SECONDS,
    logLevel: values.LOG_LEVEL,
    withoutEffect: [...given].filter((name) => hasNoEffect(name, values)),
  };
}

function buildSignIn(values: SettingValues): SignInConfig | null {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, AUTH: auth } = values;
  if (issuer === null || clientId === null || auth === 'off') return null;
  return {
    issuer,
    clientId,
    clientSecret: values.OIDC_CLIENT_SECRET,
    audience: values.OIDC_AUDIENCE,
    groupsClaim: values.OIDC_GROUPS_CLAIM,
  };
}

function buildAuth(prefix: ServicePrefix, values: SettingValues): Auth {
  const username = values[`${prefix}_USERNAME`];
  const password = values[`${prefix}_PASSWORD`];
  if (username !== null && password !== null) return { kind: 'basic', username, password };
  const tokenUrl = values[`${prefix}_TOKEN_URL`];
  const clientId = values[`${prefix}_CLIENT_ID`];
  const clientSecret = values[`${prefix}_CLIENT_SECRET`];
  if (tokenUrl === null || clientId === null || clientSecret === null) return { kind: 'none' };
  return { kind: 'oauth', tokenUrl, clientId, clientSecret, scope: values[`${prefix}_SCOPE`] };
}

function hasNoEffect(name: SettingName, values: SettingValues): boolean {
  const { later }: Setting = SETTINGS[name];
  return later === true || (name === 'ROLES' && values.ROLES.includes('provider'));
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
