/**
 * Every setting in one table. `.env.example` and `docs/CONFIGURATION.md` hold the same names, defaults and meanings; a test
 * compares them.
 */
import {
  anyText,
  bucket,
  databaseAddress,
  feedStart,
  flag,
  hostName,
  issuerAddress,
  type Kind,
  listOf,
  oneOf,
  timeOfDay,
  webAddress,
  wholeNumber,
  wholeNumbers,
} from './config-values.ts';
import { LOG_LEVELS } from './observability/log.ts';

export type Setting<T = unknown> = {
  kind: Kind<T>;
  meaning: string;
  /** Text of the default, as it would be written. */
  fallback?: string;
  /** What stands in for a default that is no text of its own. */
  fallbackNote?: string;
  /** Must be given; the text is an example. */
  required?: string;
  /** Never printed, and taken with the blanks at its ends. */
  secret?: true;
  /** Never printed, because a wrong one may hold a password. */
  address?: true;
  /** Checked, but nothing in this version reads it. */
  later?: true;
};

const address = { kind: webAddress, address: true } as const;
const later = { later: true } as const;
const text = { kind: anyText } as const;
const secret = { kind: anyText, secret: true } as const;

export const SETTINGS = {
  ENVIRONMENT: {
    kind: { ...anyText, rule: 'a short name' },
    required: 'dev',
    meaning: 'first part of every bucket name, lower-cased',
  },
  DEFAULT_PRODUCT: {
    ...text,
    fallback: 'cop-case',
    meaning: 'second part of the bucket name where no `product` is set',
  },
  STATE_BUCKET: {
    kind: bucket,
    fallbackNote: 'default bucket',
    meaning: 'bucket with the place of the feed and the audit trail',
  },

  ENGINE_URL: {
    ...address,
    required: 'http://localhost:8080/engine-rest',
    meaning: "base of the engine's REST API",
  },
  ENGINE_USERNAME: { ...text, meaning: 'Basic authentication at the engine: user' },
  ENGINE_PASSWORD: { ...secret, meaning: 'Basic authentication at the engine: password' },
  ENGINE_TOKEN_URL: { ...address, meaning: 'OAuth 2 client credentials for the engine instead: token address' },
  ENGINE_CLIENT_ID: { ...text, meaning: 'OAuth 2: client' },
  ENGINE_CLIENT_SECRET: { ...secret, meaning: 'OAuth 2: secret of the client' },
  ENGINE_SCOPE: { ...text, meaning: 'OAuth 2: scope, where the server wants one' },

  FORM_API_URL: {
    ...address,
    fallbackNote: 'no lookup',
    meaning: 'base of the form API, which knows the ids of forms',
  },
  FORM_API_USERNAME: { ...text, meaning: 'Basic authentication at the form API: user' },
  FORM_API_PASSWORD: { ...secret, meaning: 'Basic authentication at the form API: password' },
  FORM_API_TOKEN_URL: { ...address, meaning: 'OAuth 2 client credentials for the form API instead: token address' },
  FORM_API_CLIENT_ID: { ...text, meaning: 'OAuth 2: client' },
  FORM_API_CLIENT_SECRET: { ...secret, meaning: 'OAuth 2: secret of the client' },
  FORM_API_SCOPE: { ...text, meaning: 'OAuth 2: scope, where the server wants one' },
  FORM_LOOKUP: {
    kind: oneOf('required', 'optional'),
    fallback: 'required',
    meaning: '`required`: a name that the form API does not know is a failure; `optional`: kept without ids',
  },

  AWS_REGION: { ...text, fallbackNote: 'as in every AWS tool', meaning: 'region of the buckets' },
  AWS_ACCESS_KEY_ID: { ...text, fallbackNote: 'as in every AWS tool', meaning: 'access key' },
  AWS_SECRET_ACCESS_KEY: { ...secret, fallbackNote: 'as in every AWS tool', meaning: 'secret of the access key' },
  S3_ENDPOINT: { ...address, fallbackNote: 'AWS', meaning: 'address of another S3 server' },
  S3_FORCE_PATH_STYLE: {
    kind: flag,
    fallback: 'false',
    meaning: '`true`: the bucket stands in the path instead of the host name, as most other S3 servers want it',
  },
  S3_CREATE_BUCKETS: { kind: flag, fallback: 'false', meaning: '`true`: a missing bucket is created' },
  S3_SSE: { kind: oneOf('AES256', 'aws:kms'), meaning: 'server-side encryption: `AES256` or `aws:kms`' },
  S3_KMS_KEY_ID: { ...text, meaning: 'key for `aws:kms`' },

  CAPTURE: {
    kind: oneOf('convention', 'forms', 'all'),
    fallback: 'forms',
    meaning:
      '`convention`: only convention data; `forms`: task submissions too; `all`: also user tasks without a form that wrote variables',
  },
  FEED_START: {
    kind: feedStart,
    fallback: 'now',
    meaning: 'first start only: `now`, `beginning`, or an ISO time in the past (UTC where it names no zone)',
  },
  FEED_SETTLE_SECONDS: {
    kind: wholeNumber(1, 86_400),
    fallback: '300',
    meaning: 'how long a committed row may still appear late',
  },
  FEED_POLL_MS: {
    kind: wholeNumber(10, 60_000),
    fallback: '250',
    meaning: 'shortest pause between two looks at the feed; idle pauses grow to 1 s',
  },
  FEED_LEASE_SECONDS: {
    kind: wholeNumber(2, 600),
    fallback: '15',
    meaning: 'how long a silent leader keeps its place',
  },
  FEED_SINGLE: {
    kind: flag,
    fallback: 'false',
    meaning: '`true`: only one instance exists; allows S3 servers without conditional writes',
  },

  ROLES: {
    kind: listOf('feed', 'worker', 'web', 'provider'),
    fallback: 'feed,worker,web',
    meaning: 'parts that this process runs; `provider` is not available in this version',
  },
  CONCURRENCY: { kind: wholeNumber(1, 1024), fallback: '32', meaning: 'submissions in flight' },
  DRAIN_SECONDS: {
    kind: wholeNumber(0, 3600),
    fallback: '25',
    meaning: 'how long a stop waits for submissions in flight',
  },
  LOG_LEVEL: {
    kind: oneOf(...LOG_LEVELS),
    fallback: 'info',
    meaning: `least urgent lines in the log: ${LOG_LEVELS.join(', ')}`,
  },
  DISPATCH: {
    kind: oneOf('direct', 'queue'),
    fallback: 'direct',
    meaning:
      "`direct`: the feed's leader keeps submissions itself; `queue`: every change becomes an external task, so that any number of workers share the load",
  },

  SOURCE_INCIDENT: {
    kind: oneOf('none', 'custom', 'mirror'),
    fallback: 'mirror',
    meaning: 'how a failure shows on the source process instance: `none`, `custom`, `mirror`',
  },
  LONG_POLL_MS: {
    kind: wholeNumber(100, 120_000),
    fallback: '5000',
    meaning: 'how long the engine may hold back a request for external tasks',
  },
  MAX_ATTEMPTS: {
    kind: wholeNumber(1, 100),
    fallback: '3',
    meaning: 'attempts in the engine before the incident',
  },
  RETRY_SECONDS: {
    kind: wholeNumbers(0, 86_400),
    fallback: '5,30',
    meaning: 'pauses between those attempts; the last one is repeated',
  },
  OUTAGE_LIMIT: { kind: wholeNumber(1, 10_000), fallback: '50', meaning: 'open incidents for one cause' },
  WATCHDOG_SECONDS: {
    kind: wholeNumber(1, 86_400),
    fallback: '60',
    meaning: 'how often incidents that the engine dropped are looked for',
  },
  RECONCILE_AT: {
    ...later,
    kind: timeOfDay,
    fallback: '02:00',
    meaning: 'daily reconciliation of the last two days (UTC); `off`',
  },
  HOST: { kind: hostName, fallback: '127.0.0.1', meaning: 'address that the HTTP server listens on' },
  PORT: { kind: wholeNumber(0, 65_535), fallback: '8400', meaning: 'port that the HTTP server listens on' },
  DATABASE_URL: {
    kind: databaseAddress,
    address: true,
    fallbackNote: 'embedded in `DATA_DIR`',
    meaning: 'PostgreSQL for the index of cases and documents',
  },
  DATA_DIR: { ...text, fallback: './data', meaning: 'folder of the embedded database' },
  OIDC_ISSUER: { kind: issuerAddress, address: true, meaning: 'sign-in for pages, bearer tokens for the API: issuer' },
  OIDC_CLIENT_ID: { ...text, meaning: 'OpenID Connect: client' },
  OIDC_CLIENT_SECRET: {
    ...secret,
    meaning: 'OpenID Connect: secret of the client; with several processes of the role `web`, all need one',
  },
  OIDC_AUDIENCE: { ...text, meaning: 'OpenID Connect: audience that bearer tokens must name' },
  OIDC_GROUPS_CLAIM: { ...text, fallback: 'groups', meaning: "claim with a person's groups" },
  AUTH: {
    kind: oneOf('oidc', 'off'),
    fallbackNote: '`oidc` if an issuer is set, else `off`',
    meaning: '`off` on an address that is not loopback: health and metrics only, cases are not served',
  },
  CASE_ACCESS: {
    kind: oneOf('open', 'granted'),
    fallback: 'open',
    meaning:
      '`open`: instances without authorizations in the engine are visible to every signed-in person; `granted`: to nobody',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

type Table = typeof SETTINGS;
type ParsedBy<S> = S extends { kind: Kind<infer T> } ? T : never;

/** Every setting as read; `null` where it is neither given nor has a default. */
export type SettingValues = {
  [Name in SettingName]: Table[Name] extends { fallback: string } | { required: string }
    ? ParsedBy<Table[Name]>
    : ParsedBy<Table[Name]> | null;
};

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];
