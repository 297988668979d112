import { describe, expect, test } from '@jest/globals';
import { type ConfigError, type ConfigOptions, type Environment, parseConfig } from '../../src/config.ts';
import { SETTING_NAMES } from '../../src/config-settings.ts';

const MINIMAL = { ENVIRONMENT: 'Dev', ENGINE_URL: 'http://engine:8080/engine-rest/' };

function problemsOf(env: Environment, options?: ConfigOptions): readonly string[] {
  try {
    parseConfig(env, options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as ConfigError).problems;
  }
  return [];
}

test('two settings are enough; all others have the defaults of the contract', () => {
  expect(parseConfig(MINIMAL)).toEqual({
    engine: { url: 'http://engine:8080/engine-rest', auth: { kind: 'none' } },
    formApi: null,
    formLookup: 'required',
    cases: { databaseUrl: null, dataDir: './data', access: 'open', signIn: null },
    s3: { endpoint: null, forcePathStyle: false, region: null, sse: null, kmsKeyId: null },
    vault: { environment: 'dev', defaultProduct: 'cop-case', createBuckets: false, stateBucket: null },
    capture: 'forms',
    feed: { start: 'now', settleSeconds: 300, pollMs: 250, leaseSeconds: 15, single: false },
    roles: ['feed', 'worker', 'web'],
    dispatch: 'direct',
    concurrency: 32,
    tasks: { longPollMs: 5000, maxAttempts: 3, retrySeconds: [5, 30] },
    incidents: { source: 'mirror', limit: 50, watchdogSeconds: 60 },
    web: { host: '127.0.0.1', port: 8400 },
    drainSeconds: 25,
    logLevel: 'info',
    withoutEffect: [],
  });
});

test('blank settings count as not given', () => {
  const blank = Object.fromEntries(SETTING_NAMES.map((name) => [name, ' \t']));

  expect(parseConfig({ ...blank, ...MINIMAL })).toEqual(parseConfig(MINIMAL));
});

test('the config cannot be changed', () => {
  const config = parseConfig(MINIMAL);

  expect([config, config.feed, config.engine.auth, config.roles, config.withoutEffect].every(Object.isFrozen)).toBe(
    true,
  );
});

test('all problems are reported together, each with its name, what is wrong and what would be right', () => {
  expect(
    problemsOf({
      FEED_POLL_MS: '1e3',
      CONCURRENCY: '0',
      S3_CREATE_BUCKETS: 'yes',
      CAPTURE: 'everything',
      ENGINE_URL: 'engine:8080',
      FEED_START: '12:00',
      RETRY_SECONDS: '5,,30',
      RECONCILE_AT: '24:00',
    }),
  ).toEqual([
    'ENVIRONMENT is missing; it must be a short name, such as dev',
    'ENGINE_URL is wrong; it must be an http or https address without user, password, query and fragment',
    'S3_CREATE_BUCKETS is "yes"; it must be true or false',
    'CAPTURE is "everything"; it must be one of convention, forms, all',
    'FEED_START is "12:00"; it must be now, beginning, or a time such as 2024-05-31T08:00:00Z',
    'FEED_POLL_MS is "1e3"; it must be a whole number from 10 to 60000',
    'CONCURRENCY is "0"; it must be a whole number from 1 to 1024',
    'RETRY_SECONDS is "5,,30"; it must be whole numbers from 0 to 86400, with commas between',
    'RECONCILE_AT is "24:00"; it must be a time of day such as 02:00, or off',
  ]);
});

test('an error never shows the value of a secret or of an address', () => {
  const env = {
    ENGINE_URL: 'http://scott:tiger-1@engine/',
    ENGINE_USERNAME: 'a:b',
    ENGINE_PASSWORD: 'tiger-2',
    ENGINE_CLIENT_SECRET: 'tiger-3',
    FORM_API_URL: 'ftp://scott:tiger-4@forms',
    DATABASE_URL: 'mysql://scott:tiger-5@db/x',
    OIDC_CLIENT_SECRET: 'tiger-6',
    AWS_SECRET_ACCESS_KEY: 'tiger-7',
  };
  let thrown: unknown;
  try {
    parseConfig(env);
  } catch (error) {
    thrown = error;
  }
  const { message, stack, problems, context } = thrown as ConfigError;

  expect(problems.length).toBeGreaterThan(6);
  expect(JSON.stringify([message, stack, problems, context])).not.toMatch(/tiger|scott/);
});

describe('sign-in', () => {
  test('Basic authentication keeps the password as it is, blanks included', () => {
    expect(parseConfig({ ...MINIMAL, ENGINE_USERNAME: ' demo ', ENGINE_PASSWORD: ' a:b ' }).engine.auth).toEqual({
      kind: 'basic',
      username: 'demo',
      password: ' a:b ',
    });
  });

  test('client credentials may go without a scope', () => {
    const env = {
      ...MINIMAL,
      FORM_API_URL: 'https://forms',
      FORM_API_TOKEN_URL: 'https://login/token',
      FORM_API_CLIENT_ID: 'formvault',
      FORM_API_CLIENT_SECRET: 's',
    };
    expect(parseConfig(env).formApi).toEqual({
      url: 'https://forms',
      auth: {
        kind: 'oauth',
        tokenUrl: 'https://login/token',
        clientId: 'formvault',
        clientSecret: 's',
        scope: null,
      },
    });
    expect(parseConfig({ ...env, FORM_API_SCOPE: 'forms' }).formApi?.auth).toMatchObject({ scope: 'forms' });
  });

  test.each([
    [{ ENGINE_USERNAME: 'demo' }, ['ENGINE_PASSWORD']],
    [{ ENGINE_PASSWORD: 'demo' }, ['ENGINE_USERNAME']],
    [{ ENGINE_TOKEN_URL: 'http://login' }, ['ENGINE_CLIENT_ID', 'ENGINE_CLIENT_SECRET']],
    [{ ENGINE_CLIENT_ID: 'x', ENGINE_CLIENT_SECRET: 'y' }, ['ENGINE_TOKEN_URL']],
    [{ ENGINE_SCOPE: 'x' }, ['ENGINE_TOKEN_URL']],
    [{ FORM_API_USERNAME: 'x', FORM_API_PASSWORD: 'y' }, ['FORM_API_URL']],
    [{ AWS_ACCESS_KEY_ID: 'x' }, ['AWS_SECRET_ACCESS_KEY']],
    [{ OIDC_CLIENT_ID: 'x' }, ['OIDC_ISSUER']],
    [{ OIDC_CLIENT_SECRET: 'x' }, ['OIDC_ISSUER', 'OIDC_CLIENT_ID']],
    [{ OIDC_ISSUER: 'https://login', OIDC_CLIENT_SECRET: 'x' }, ['OIDC_CLIENT_ID']],
    [{ AUTH: 'oidc' }, ['OIDC_ISSUER']],
  ])('half of a sign-in names what is missing: %j', (env, missing) => {
    expect(problemsOf({ ...MINIMAL, ...env }).map((problem) => problem.split(' is missing')[0])).toEqual(missing);
  });

  test('two kinds of sign-in at once are a problem', () => {
    const both = {
      ENGINE_USERNAME: 'u',
      ENGINE_PASSWORD: 'p',
      ENGINE_TOKEN_URL: 'http://login',
      ENGINE_CLIENT_ID: 'c',
      ENGINE_CLIENT_SECRET: 's',
    };
    expect(problemsOf({ ...MINIMAL, ...both })).toEqual([
      'ENGINE_USERNAME and ENGINE_TOKEN_URL are both given; there must be one kind of sign-in only',
    ]);
  });
});

test.each([
  'http://engine?x=1',
  'http://engine/#a',
  'http://user@engine',
  'file:///etc/passwd',
  'http:engine',
  'http://',
  'http://a b',
])('%s is no address of a service', (url) => {
  expect(problemsOf({ ...MINIMAL, ENGINE_URL: url })).toHaveLength(1);
});

test.each([
  ['HTTPS://Engine/rest///', 'https://engine/rest'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
])('%s is read as %s', (url, read) => {
  expect(parseConfig({ ...MINIMAL, ENGINE_URL: url }).engine.url).toBe(read);
});

test.each([
  ['2024-05-31T08:00:00Z', '2024-05-31T08:00:00.000Z'],
  ['2024-05-31T08:00:00+02:00', '2024-05-31T06:00:00.000Z'],
  ['2024-05-31T08:00', '2024-05-31T08:00:00.000Z'],
  ['2024-05-31', '2024-05-31T00:00:00.000Z'],
])('FEED_START=%s is %s', (text, time) => {
  expect(parseConfig({ ...MINIMAL, FEED_START: text }).feed.start).toEqual(new Date(time));
});

test.each(['2024-02-30', 'yesterday', '2024', '1717142400000'])('FEED_START=%s is a problem', (text) => {
  expect(problemsOf({ ...MINIMAL, FEED_START: text })).toHaveLength(1);
});

test('words are compared without case and come out in their own spelling', () => {
  const config = parseConfig({
    ...MINIMAL,
    S3_SSE: 'aes256',
    CAPTURE: 'ALL',
    FEED_SINGLE: 'True',
    FEED_START: 'Beginning',
  });

  expect([config.s3.sse, config.capture, config.feed.single, config.feed.start]).toEqual([
    'AES256',
    'all',
    true,
    'beginning',
  ]);
});

test('names of object members are no values', () => {
  expect(problemsOf({ ...MINIMAL, FEED_SINGLE: 'constructor', CAPTURE: 'toString' })).toHaveLength(2);
});

test('a KMS key needs the encryption that uses it', () => {
  expect(problemsOf({ ...MINIMAL, S3_KMS_KEY_ID: 'k' })).toHaveLength(1);
  expect(parseConfig({ ...MINIMAL, S3_KMS_KEY_ID: 'k', S3_SSE: 'aws:kms' }).s3.kmsKeyId).toBe('k');
});

test('one role is enough, but it must be one that there is', () => {
  expect(parseConfig({ ...MINIMAL, ROLES: 'web, web' })).toMatchObject({ roles: ['web'], withoutEffect: [] });
  expect(problemsOf({ ...MINIMAL, ROLES: 'provider' })).toEqual([
    'ROLES must contain feed, worker or web, the parts that this version has',
  ]);
  expect(problemsOf({ ...MINIMAL, ROLES: 'feed,cook' })).toHaveLength(1);
});

test('a role that nothing plays yet is named, beside others', () => {
  const { roles, withoutEffect } = parseConfig({ ...MINIMAL, ROLES: 'feed,provider' });

  expect([roles, withoutEffect]).toEqual([['feed', 'provider'], ['ROLES']]);
});

test('what is done about failures is read as it is written', () => {
  const config = parseConfig({
    ...MINIMAL,
    DISPATCH: 'Queue',
    SOURCE_INCIDENT: 'custom',
    LONG_POLL_MS: '1000',
    MAX_ATTEMPTS: '5',
    RETRY_SECONDS: '0, 10,3600',
    OUTAGE_LIMIT: '7',
    WATCHDOG_SECONDS: '5',
    HOST: '::1',
    PORT: '0',
  });

  expect(config).toMatchObject({
    dispatch: 'queue',
    tasks: { longPollMs: 1000, maxAttempts: 5, retrySeconds: [0, 10, 3600] },
    incidents: { source: 'custom', limit: 7, watchdogSeconds: 5 },
    web: { host: '::1', port: 0 },
    withoutEffect: [],
  });
});

test.each([
  ['RETRY_SECONDS', '5;30'],
  ['RETRY_SECONDS', '-1'],
  ['MAX_ATTEMPTS', '0'],
  ['OUTAGE_LIMIT', '0'],
  ['LONG_POLL_MS', '0'],
  ['WATCHDOG_SECONDS', '0'],
  ['SOURCE_INCIDENT', 'both'],
  ['DISPATCH', 'later'],
  ['HOST', 'a b'],
  ['PORT', '65536'],
])('%s=%s is a problem', (name, value) => {
  expect(problemsOf({ ...MINIMAL, [name]: value })).toHaveLength(1);
});

test('settings that nothing reads yet are checked and named', () => {
  const later = { RECONCILE_AT: '03:00' };

  expect(parseConfig({ ...MINIMAL, ...later, MAX_ATTEMPTS: '5' }).withoutEffect).toEqual(['RECONCILE_AT']);
  expect(problemsOf({ ...MINIMAL, RECONCILE_AT: '25:00' })).toHaveLength(1);
});

test('there is a sign-in where an issuer is given, unless it is switched off', () => {
  const signIn = { OIDC_ISSUER: 'https://id.example.org/', OIDC_CLIENT_ID: 'formvault' };

  expect(parseConfig({ ...MINIMAL, ...signIn, OIDC_GROUPS_CLAIM: 'roles' }).cases.signIn).toEqual({
    issuer: expect.stringMatching(/^https:\/\/id\.example\.org\/?$/),
    clientId: 'formvault',
    clientSecret: null,
    audience: null,
    groupsClaim: 'roles',
  });
  expect(parseConfig({ ...MINIMAL, ...signIn, AUTH: 'off' }).cases.signIn).toBeNull();
});

test.each(['http://provider.example', 'http://127.evil.example', 'http://localhost.evil.example', 'ftp://127.0.0.1'])(
  'an issuer at %s is not trusted',
  (address) => {
    const [problem, ...others] = problemsOf({ ...MINIMAL, OIDC_ISSUER: address, OIDC_CLIENT_ID: 'formvault' });
    expect(problem).toMatch(/^OIDC_ISSUER is wrong; it must be an https address/);
    expect(others).toEqual([]);
  },
);

test.each(['https://provider.example', 'http://localhost:1', 'http://[::1]:1', 'http://127.0.0.1:1'])(
  'an issuer may be at %s',
  (address) => {
    const config = parseConfig({ ...MINIMAL, OIDC_ISSUER: address, OIDC_CLIENT_ID: 'formvault' });
    expect(config.cases.signIn?.issuer).toBe(address);
  },
);

test('an issuer without a client is a problem', () => {
  expect(problemsOf({ ...MINIMAL, OIDC_ISSUER: 'https://id.example.org/' })).toEqual([
    'OIDC_CLIENT_ID is missing; it must be given too, because OIDC_ISSUER is',
  ]);
});

test('environment and default product must make a bucket name', () => {
  const checkBucket = (environment: string, product: string) => `${environment}-${product} is too bad`;

  expect(problemsOf(MINIMAL, { checkBucket })).toEqual([
    'ENVIRONMENT and DEFAULT_PRODUCT make no valid bucket name: dev-cop-case is too bad',
  ]);
  expect(problemsOf(MINIMAL, { checkBucket: () => null })).toEqual([]);
});

test.each(['Vault', 'ab', 'a..b', '-ab', 'x'.repeat(64)])('STATE_BUCKET=%s is a problem', (name) => {
  expect(problemsOf({ ...MINIMAL, STATE_BUCKET: name })).toHaveLength(1);
});
