import { beforeEach, describe, expect, test } from '@jest/globals';
import { createKeptAnswer } from '../../../src/access/kept-answer.ts';
import { FormvaultError } from '../../../src/errors.ts';

const FRESH_MS = 5_000;
const USABLE_MS = 900_000;
const { signal } = new AbortController();
const away = new FormvaultError('ENGINE_UNAVAILABLE', 'could not ask');
const refused = new FormvaultError('ENGINE_REJECTED', 'could not ask');

let nowMs: number;
let asked: number;
let failure: FormvaultError | null;
let takesMs: number;
beforeEach(() => {
  nowMs = 1_000_000;
  asked = 0;
  failure = null;
  takesMs = 0;
});

/** Answers with how often it was asked. */
const someAnswer = () =>
  createKeptAnswer({
    async ask() {
      asked++;
      nowMs += takesMs;
      if (failure !== null) throw failure;
      return asked;
    },
    freshMs: FRESH_MS,
    usableMs: USABLE_MS,
    nowMs: () => nowMs,
  });

test('an answer is used for five seconds, then asked for again', async () => {
  const answer = someAnswer();
  await answer.read(signal);
  nowMs += FRESH_MS;
  await expect(answer.read(signal)).resolves.toBe(1);
  nowMs += 1;
  await expect(answer.read(signal)).resolves.toBe(2);
});

test('the age counts from the question', async () => {
  takesMs = 2_000;
  const answer = someAnswer();
  await answer.read(signal);
  nowMs += 3_001;
  await expect(answer.read(signal)).resolves.toBe(2);
});

test('an answer that takes long is asked for less often', async () => {
  takesMs = 10_000;
  const answer = someAnswer();
  await answer.read(signal);
  nowMs += 10_000;
  await expect(answer.read(signal)).resolves.toBe(1);
  nowMs += 1;
  await expect(answer.read(signal)).resolves.toBe(2);
});

test('all who wait share one question', async () => {
  const answer = someAnswer();
  await expect(Promise.all([answer.read(signal), answer.read(signal), answer.read(signal)])).resolves.toEqual([
    1, 1, 1,
  ]);
});

describe('while the engine is away', () => {
  test('the last answer is used for a quarter of an hour, and then nothing', async () => {
    const answer = someAnswer();
    await answer.read(signal);
    failure = away;
    nowMs += USABLE_MS;
    await expect(answer.read(signal)).resolves.toBe(1);
    expect(answer.peek()).toBe(1);

    nowMs += 1;
    await expect(answer.read(signal)).rejects.toBe(away);
    expect(answer.peek()).toBeNull();
  });

  test('it is told that an answer is old, until there is a new one', async () => {
    const answer = someAnswer();
    await answer.read(signal);
    expect(answer.isStale()).toBe(false);

    failure = away;
    nowMs += FRESH_MS + 1;
    await answer.read(signal);
    expect(answer.isStale()).toBe(true);

    failure = null;
    nowMs += FRESH_MS + 1;
    await expect(answer.read(signal)).resolves.toBe(3);
    expect(answer.isStale()).toBe(false);
  });

  test('the engine is asked again after five seconds at the earliest', async () => {
    const answer = someAnswer();
    await answer.read(signal);
    failure = away;
    nowMs += FRESH_MS + 1;
    for (let each = 0; each < 10; each++) await answer.read(signal);
    expect(asked).toBe(2);
  });

  test('who has no answer yet asks each time', async () => {
    const answer = someAnswer();
    failure = away;
    await expect(answer.read(signal)).rejects.toBe(away);
    failure = null;
    await expect(answer.read(signal)).resolves.toBe(2);
  });
});

test('after a refusal nothing old is used', async () => {
  const answer = someAnswer();
  await answer.read(signal);
  failure = refused;
  nowMs += FRESH_MS + 1;
  await expect(answer.read(signal)).rejects.toBe(refused);
  expect(answer.peek()).toBeNull();

  failure = away;
  await expect(answer.read(signal)).rejects.toBe(away);
});

test('who leaves takes nobody along', async () => {
  const release = Promise.withResolvers<string>();
  const answer = createKeptAnswer({ ask: () => release.promise, freshMs: 1, usableMs: 1, nowMs: () => nowMs });
  const leaving = new AbortController();
  const [left, stayed] = [answer.read(leaving.signal), answer.read(signal)];
  leaving.abort();
  release.resolve('answer');

  await expect(left).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await expect(stayed).resolves.toBe('answer');
});
