import { describe, expect, test } from '@jest/globals';
import { FormvaultError, failureCodeOf } from '../../../src/errors.ts';
import { createEngineFaults } from '../../../src/pipeline/engine-faults.ts';

const signal = new AbortController().signal;
const failing = (context: Record<string, string | number>) =>
  new FormvaultError('ENGINE_UNAVAILABLE', 'could not read process instances', { context });
const fault = failing({ status: 500, type: 'ProcessEngineException' });
const away = failing({ status: 503 });

/** What becomes of failures, one after the other; `others`: what the engine says to something else, the last one again and again. */
async function judgeInTurn(errors: unknown[], others: unknown[] = [null]): Promise<string[]> {
  const answers = [...others];
  const judge = createEngineFaults(async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer !== null) throw answer;
  }).watch();
  const codes: string[] = [];
  for (const error of errors) codes.push(failureCodeOf(await judge(error, signal)));
  return codes;
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);

describe('a request that the engine answers with an exception', () => {
  test('counts as refused the sixth time, if something else was answered each time', async () => {
    await expect(judgeInTurn(times(7, fault))).resolves.toEqual([
      ...times(5, 'ENGINE_UNAVAILABLE'),
      ...times(2, 'ENGINE_REJECTED'),
    ]);
  });

  test('never does while nothing is answered, as when the database of the engine is away', async () => {
    await expect(judgeInTurn(times(50, fault), [fault])).resolves.toEqual(times(50, 'ENGINE_UNAVAILABLE'));
  });

  test('is not counted for the time in which nothing was answered', async () => {
    const codes = await judgeInTurn(times(11, fault), [...times(5, fault), null]);
    expect(codes).toEqual([...times(10, 'ENGINE_UNAVAILABLE'), 'ENGINE_REJECTED']);
  });

  test('is counted anew after the engine was away', async () => {
    const codes = await judgeInTurn([...times(5, fault), away, ...times(6, fault)]);
    expect(codes).toEqual([...times(11, 'ENGINE_UNAVAILABLE'), 'ENGINE_REJECTED']);
  });

  test('is counted for each attempt at something by itself', async () => {
    const faults = createEngineFaults(async () => null);
    const judges = times(4, null).map(() => faults.watch());
    for (let attempt = 0; attempt < 3; attempt++) {
      const judged = await Promise.all(judges.map((judge) => judge(fault, signal)));
      expect(judged).toEqual(times(4, fault));
    }
  });

  test('keeps what was attempted and whatever is known, with what to do', async () => {
    const judge = createEngineFaults(async () => null).watch();
    const judged = await times(6, null).reduce<Promise<unknown>>(async (before) => {
      await before;
      return judge(fault, signal);
    }, Promise.resolve());
    expect(judged).toMatchObject({
      message: 'could not read process instances',
      context: { status: 500, type: 'ProcessEngineException' },
      hint: expect.stringContaining('log'),
      cause: fault,
    });
  });
});

test.each([
  ['the engine is away', away],
  ['a proxy answers in its place', failing({ status: 500 })],
  ['two changes met each other', failing({ status: 500, type: 'OptimisticLockingException' })],
  ['something else is wrong', new FormvaultError('VAULT_UNAVAILABLE', 'x', { context: { status: 500, type: 'X' } })],
  ['nobody knows what is wrong', new Error('x')],
  ['nothing was thrown', undefined],
])('where %s it stays what it is, and nothing else is asked', async (_, error) => {
  let asked = 0;
  const judge = createEngineFaults(async () => void asked++).watch();
  for (let attempt = 0; attempt < 10; attempt++) await expect(judge(error, signal)).resolves.toBe(error);
  expect(asked).toBe(0);
});
