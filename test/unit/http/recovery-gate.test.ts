import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type FailureCode, type FailureDetails, FormvaultError } from '../../../src/errors.ts';
import { createRecoveryGate } from '../../../src/http/recovery-gate.ts';

const forever = new AbortController().signal;

/** A service behind a gate that answers when the test says so. */
function aService() {
  const gate = createRecoveryGate();
  const underWay: { name: string; answer(): void; fail(error: unknown): void }[] = [];

  /** Settles with how the request ended, for its caller. */
  function ask(name: string, signal = forever): Promise<string> {
    const request = () =>
      new Promise<string>((resolve, reject) => {
        underWay.push({ name, answer: () => resolve('answered'), fail: reject });
      });
    return gate.pass(request, signal).catch((error: FormvaultError) => error.code);
  }

  /** The oldest request that is under way. */
  async function end(how: 'answered' | FormvaultError): Promise<void> {
    const request = underWay.shift();
    if (how === 'answered') request?.answer();
    else request?.fail(how);
    await pass(0);
  }

  async function failInARow(times: number, error = away()): Promise<void> {
    for (let each = 0; each < times; each++) {
      void ask(`failing ${each}`);
      await end(error);
    }
  }

  return { gate, underWay, ask, end, failInARow, names: () => underWay.map(({ name }) => name) };
}

const failing = (code: FailureCode, details: FailureDetails = {}) => new FormvaultError(code, 'could not ask', details);
const away = (details: FailureDetails = {}) => failing('ENGINE_UNAVAILABLE', details);
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

let service: ReturnType<typeof aService>;

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(0);
  service = aService();
});

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('an open gate', () => {
  test('lets everybody through at once', async () => {
    void service.ask('a');
    void service.ask('b');
    expect(service.names()).toEqual(['a', 'b']);
  });

  test('stays open while failures are fewer than three in a row', async () => {
    await service.failInARow(2);
    void service.ask('good');
    await service.end('answered');
    await service.failInARow(2);
    expect([service.gate.isOpen(), service.gate.failures()]).toEqual([true, 2]);
  });

  test.each([
    ['a refusal', failing('ENGINE_REJECTED')],
    ['two changes that met each other', away({ context: { type: 'OptimisticLockingException' } })],
  ])('takes %s for an answer', async (_what, error) => {
    await service.failInARow(2);
    await service.failInARow(1, error);
    expect(service.gate.failures()).toBe(0);
  });

  test.each<FailureCode>(['SHUTTING_DOWN', 'UNEXPECTED'])('learns nothing from %s', async (code) => {
    await service.failInARow(2);
    await service.failInARow(3, failing(code));
    expect([service.gate.isOpen(), service.gate.failures()]).toEqual([true, 2]);
  });
});

describe('after three failures in a row', () => {
  test('everybody waits for half a second, then one goes through and the others wait for it', async () => {
    await service.failInARow(3);
    expect([service.gate.isOpen(), service.gate.failures()]).toEqual([false, 3]);
    for (const name of ['a', 'b', 'c']) void service.ask(name);

    await pass(499);
    expect(service.names()).toEqual([]);
    await pass(1);
    expect(service.names()).toEqual(['a']);
    await pass(60_000);
    expect(service.names()).toEqual(['a']);
    await service.end('answered');
    expect(service.names()).toEqual(['b', 'c']);
    expect([service.gate.isOpen(), service.gate.failures()]).toEqual([true, 0]);
  });

  test('the failure of the probe is that of its caller alone; who waits longest is the next probe', async () => {
    await service.failInARow(3);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => service.ask(name));
    await pass(500);
    await service.end(away());
    await expect(a).resolves.toBe('ENGINE_UNAVAILABLE');

    void service.ask('a again');
    await pass(1_000);
    expect(service.names()).toEqual(['b']);
    await service.end('answered');
    await service.end('answered');
    await expect(Promise.all([b, c])).resolves.toEqual(['answered', 'answered']);
    expect(service.names()).toEqual(['a again']);
  });

  test('each failed probe doubles the pause, up to fifteen seconds', async () => {
    await service.failInARow(3);
    for (const pauseMs of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
      void service.ask(`after ${pauseMs}`);
      await pass(pauseMs - 1);
      expect(service.names()).toEqual([]);
      await pass(1);
      expect(service.names()).toEqual([`after ${pauseMs}`]);
      await service.end(away());
    }
    expect(service.gate.failures()).toBe(10);
  });

  test('what was under way when it closed counts, but makes the pause no longer', async () => {
    for (let each = 0; each < 20; each++) void service.ask(`early ${each}`);
    for (let each = 0; each < 20; each++) await service.end(away());
    expect(service.gate.failures()).toBe(20);

    void service.ask('probe');
    await pass(500);
    expect(service.names()).toEqual(['probe']);
  });

  test('what was under way when it closed and is answered late does not open it', async () => {
    const asked = service.ask('early');
    const [early] = service.underWay.splice(0);
    await service.failInARow(3);
    early?.answer();
    await expect(asked).resolves.toBe('answered');
    expect(service.gate.isOpen()).toBe(false);
  });

  test('a pause that is over lets the next one through without a wait', async () => {
    await service.failInARow(3);
    await pass(500);
    void service.ask('late');
    await pass(0);
    expect(service.names()).toEqual(['late']);
  });

  test('it closes again as before when it has been open', async () => {
    await service.failInARow(3);
    for (const [pauseMs, end] of [
      [500, away()],
      [1_000, away()],
      [2_000, 'answered'],
    ] as const) {
      void service.ask(`after ${pauseMs}`);
      await pass(pauseMs);
      await service.end(end);
    }
    await service.failInARow(3);
    void service.ask('probe');
    await pass(500);
    expect(service.names()).toEqual(['probe']);
  });
});

describe('a Retry-After', () => {
  test.each([
    [7_000, 7_000],
    [100, 500],
  ])('of %s ms makes the pause %s ms', async (retryAfterMs, pauseMs) => {
    await service.failInARow(3, away({ retryAfterMs }));
    void service.ask('probe');
    await pass(pauseMs - 1);
    expect(service.names()).toEqual([]);
    await pass(1);
    expect(service.names()).toEqual(['probe']);
  });

  test('counts from any failure, also one that was under way or comes before the third', async () => {
    await service.failInARow(1, away({ retryAfterMs: 3_000 }));
    void service.ask('early');
    const [early] = service.underWay.splice(0);
    await service.failInARow(2);
    void service.ask('probe');
    await pass(2_000);
    early?.fail(away({ retryAfterMs: 2_500 }));
    await pass(2_499);
    expect(service.names()).toEqual([]);
    await pass(1);
    expect(service.names()).toEqual(['probe']);
  });
});

describe('who is stopped', () => {
  test('while waiting leaves at once, and nobody else is let through for it', async () => {
    await service.failInARow(3);
    const stop = new AbortController();
    const stopped = service.ask('stopped', stop.signal);
    void service.ask('stays');
    stop.abort();
    await expect(stopped).resolves.toBe('SHUTTING_DOWN');
    await pass(499);
    expect(service.names()).toEqual([]);
    await pass(1);
    expect(service.names()).toEqual(['stays']);
  });

  test('before asking does not wait at all', async () => {
    await service.failInARow(3);
    await expect(service.ask('stopped', AbortSignal.abort())).resolves.toBe('SHUTTING_DOWN');
  });

  test('as the last one that waits leaves no timer behind', async () => {
    await service.failInARow(3);
    const stop = new AbortController();
    const stopped = service.ask('stopped', stop.signal);
    expect(jest.getTimerCount()).toBe(1);
    stop.abort();
    await stopped;
    expect(jest.getTimerCount()).toBe(0);
  });

  test('as the probe leaves that to the next one, half a second later', async () => {
    await service.failInARow(3);
    void service.ask('probe');
    void service.ask('next');
    await pass(500);
    await service.end(failing('SHUTTING_DOWN'));
    expect(service.names()).toEqual([]);
    await pass(500);
    expect(service.names()).toEqual(['next']);
    expect(service.gate.failures()).toBe(3);
  });
});
