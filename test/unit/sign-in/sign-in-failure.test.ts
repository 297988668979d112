import { expect, test } from '@jest/globals';
import { Configuration } from 'openid-client';
import { FormvaultError } from '../../../src/errors.ts';
import { keysUrlOf } from '../../../src/sign-in/issuer.ts';
import { asSignInFailure, signInProblemOf } from '../../../src/sign-in/sign-in-failure.ts';

const failure = (parts: object, cause?: unknown) => Object.assign(new Error('x', { cause }), parts);

test.each([
  ['no connection', failure({ message: 'fetch failed' }), 'away'],
  ['no connection, wrapped', failure({}, failure({ message: 'fetch failed' })), 'away'],
  ['no answer in time', failure({ code: 'OAUTH_TIMEOUT' }), 'away'],
  ['a page of a proxy', failure({ code: 'OAUTH_RESPONSE_IS_NOT_JSON' }), 'away'],
  ['status 502', failure({}, { status: 502 }), 'away'],
  ['status 429', failure({ status: 429 }), 'away'],
  ['a provider that says so', failure({ error: 'temporarily_unavailable' }), 'away'],
  ['a person who said no', failure({ error: 'access_denied' }), 'denied'],
  ['a code that is used up', failure({ error: 'invalid_grant', status: 400 }), 'lost'],
  ['a client that is unknown', failure({ error: 'invalid_client', status: 400 }), 'refused'],
  ['a signature that does not hold', failure({ code: 'OAUTH_INVALID_RESPONSE' }), 'refused'],
  ['nothing that is known', 'thrown', 'refused'],
])('%s is told as it is', (_what, error, problem) => {
  expect(signInProblemOf(asSignInFailure(error, 'could not sign in'))).toBe(problem);
});

test('what came from outside is not told', () => {
  const error = failure({ error: 'Anna <script>', status: 400 }, { body: 'anna@example.com' });
  expect(String(asSignInFailure(error, 'could not sign in').cause)).not.toMatch(/anna/i);
});

test('other failures have no such problem', () => {
  expect(signInProblemOf(new FormvaultError('ENGINE_UNAVAILABLE', 'x'))).toBeNull();
  expect(signInProblemOf(undefined)).toBeNull();
});

test.each([
  [{ issuer: 'https://a.example', jwks_uri: 'http://a.example/keys' }],
  [{ issuer: 'https://a.example', jwks_uri: 'nonsense' }],
  [{ issuer: 'https://a.example' }],
])('keys are not taken from %j', (metadata) => {
  expect(() => keysUrlOf(new Configuration(metadata, 'formvault'))).toThrow(
    expect.objectContaining({ code: 'SIGN_IN_FAILED', context: { problem: 'refused' } }),
  );
});
