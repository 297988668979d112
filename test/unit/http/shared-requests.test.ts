import { expect, test } from '@jest/globals';
import { createSharedRequests } from '../../../src/http/shared-requests.ts';

const forever = new AbortController().signal;

test('callers with the same key share one request, others do not', async () => {
  const requests = createSharedRequests<number>();
  let started = 0;
  const start = async () => ++started;

  const answers = await Promise.all([
    requests.share('a', start, forever),
    requests.share('a', start, forever),
    requests.share('b', start, forever),
  ]);
  expect(answers).toEqual([1, 1, 2]);
});

test('one caller who leaves does not take the others along', async () => {
  const requests = createSharedRequests<string>();
  const answer = Promise.withResolvers<string>();
  const leaving = new AbortController();
  let isStopped = false;
  const start = (signal: AbortSignal) => {
    signal.addEventListener('abort', () => {
      isStopped = true;
    });
    return answer.promise;
  };

  const left = requests.share('a', start, leaving.signal);
  const stays = requests.share('a', start, forever);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(isStopped).toBe(false);
  answer.resolve('here');
  await expect(stays).resolves.toBe('here');
});

test('a request that nobody waits for any more is aborted, and the next caller starts a new one', async () => {
  const requests = createSharedRequests<string>();
  const stopped = Promise.withResolvers<void>();
  const leaving = new AbortController();

  const left = requests.share(
    'a',
    (signal) => {
      signal.addEventListener('abort', () => stopped.resolve());
      return new Promise(() => undefined);
    },
    leaving.signal,
  );
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await stopped.promise;
  await expect(requests.share('a', async () => 'new', forever)).resolves.toBe('new');
});

test('a failure reaches everybody who waits and is not remembered', async () => {
  const requests = createSharedRequests<string>();
  const fail = async () => {
    throw new Error('no');
  };

  const failures = await Promise.allSettled([requests.share('a', fail, forever), requests.share('a', fail, forever)]);
  expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(requests.share('a', async () => 'yes', forever)).resolves.toBe('yes');
});

test('a caller who is stopped already starts nothing', async () => {
  const requests = createSharedRequests<string>();
  let isStarted = false;
  const start = async () => {
    isStarted = true;
    return 'x';
  };

  await expect(requests.share('a', start, AbortSignal.abort())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(isStarted).toBe(false);
});
