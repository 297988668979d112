import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { addParts } from '../../src/app-health.ts';
import { FormvaultError } from '../../src/errors.ts';
import { createFeedStatus, type FeedStatus } from '../../src/feed/feed-status.ts';
import type { Cause } from '../../src/incidents/incident-message.ts';
import type { Gauges } from '../../src/observability/metrics.ts';
import { createOutages } from '../../src/pipeline/outages.ts';
import { createHealth } from '../../src/web/health.ts';
import { createRememberingMetrics } from '../support/builders-pipeline.ts';

let nowMs = 0;

beforeEach(() => {
  nowMs = 1_000_000;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
});

afterEach(() => {
  jest.restoreAllMocks();
});

const { signal } = new AbortController();
const BUCKET: Cause = { code: 'VAULT_REJECTED', target: 'dev-cop-case' };
const passMinutes = (minutes: number): void => {
  nowMs += minutes * 60_000;
};

type CasesState = { index: { state: string; waiting: number; failures: number }; audit: { failures: number } };
type World = {
  feed?: Partial<FeedStatus> | null;
  hasWorker?: boolean;
  isWorking?: boolean;
  cases?: CasesState | null;
};

function aWorld({ feed: ofFeed = {}, hasWorker = true, isWorking = true, cases: ofCases = null }: World = {}) {
  const health = createHealth();
  const engine = { isOpen: true };
  const worker = { lastPollMs: nowMs, failures: 0, watchdogFailures: 0, openIncidents: 2 };
  const feed: FeedStatus | null =
    ofFeed === null
      ? null
      : { ...createFeedStatus(), state: 'leading', readMs: nowMs, lagSeconds: () => 1.25, ...ofFeed };
  const outages = createOutages({ limit: 0, onRecovered() {}, onStandStill() {}, onGoesOn() {} });
  let gauges: Gauges | null = null;
  const metrics = {
    ...createRememberingMetrics(),
    watch(given: Gauges) {
      gauges = given;
    },
  };
  addParts(health, metrics, {
    engine: {
      request: async () => {
        throw new Error('not asked for anything here');
      },
      authorization: async () => null,
      refuse() {},
      gate: { isOpen: () => engine.isOpen, failures: () => 0 },
      close() {},
    },
    outages,
    feed,
    worker: () => (isWorking ? { state: () => worker } : null),
    hasWorker,
    cases: ofCases === null ? null : { state: () => ofCases },
    neededBuckets: ['dev-state', 'dev-cop-case'],
  });
  async function fail(target: string): Promise<void> {
    const denied = new FormvaultError('VAULT_REJECTED', 'could not write an object', { context: { bucket: target } });
    await expect(outages.attempt(target, () => Promise.reject(denied))).rejects.toBe(denied);
  }
  return {
    health,
    engine,
    worker,
    feed,
    outages,
    fail,
    part: (name: string) => health.ready().body.parts[name],
    gauges: () => gauges,
  };
}

describe('a Formvault that does its work', () => {
  test('is alive and ready, and says how far behind it is', () => {
    const { health } = aWorld();
    expect(health.live().ok).toBe(true);
    expect(health.ready()).toEqual({
      ok: true,
      body: {
        status: 'ok',
        parts: {
          feed: { ok: true, state: 'leading', lagSeconds: 1.3 },
          lease: { ok: true, state: 'ok' },
          engine: { ok: true, state: 'ok' },
          vault: { ok: true, state: 'ok', failing: '' },
          worker: { ok: true, state: 'polling', openIncidents: 2 },
        },
      },
    });
  });

  test('is ready while another instance leads', () => {
    const { part } = aWorld({ feed: { state: 'waiting', readMs: null, lagSeconds: () => null } });
    expect(part('feed')).toEqual({ ok: true, state: 'waiting', lagSeconds: null });
  });

  test('has the parts of its roles only', () => {
    const { health } = aWorld({ feed: null, hasWorker: false, isWorking: false });
    expect(Object.keys(health.ready().body.parts)).toEqual(['engine', 'vault']);
  });
});

describe('a feed that stands still in an outage', () => {
  test('is not ready, and says for which cause; a restart would not help, so it is alive', () => {
    const { part, health, outages } = aWorld();
    void outages.decide(BUCKET, signal);
    passMinutes(60);
    expect(part('feed')).toEqual({
      ok: false,
      state: 'standing still',
      lagSeconds: 1.3,
      code: 'VAULT_REJECTED',
      target: 'dev-cop-case',
      held: 1,
    });
    expect(health.live().ok).toBe(true);
  });
});

describe('a feed that cannot be read', () => {
  test('is not ready from the first failure on, and alive', () => {
    const { part, health } = aWorld({ feed: { failures: 3 } });
    passMinutes(60);
    expect(part('feed')).toMatchObject({ ok: false, state: 'failing', failures: 3 });
    expect(health.live().ok).toBe(true);
  });

  test('because its loop hangs is not ready after a minute and not alive after five', () => {
    const { part, health } = aWorld();
    passMinutes(1);
    expect([part('feed'), health.live().ok]).toMatchObject([{ ok: false, state: 'late' }, true]);
    passMinutes(4.1);
    expect(health.live()).toMatchObject({ ok: false, body: { parts: { feed: { ok: false } } } });
  });

  test('because the engine is away is alive, also for a while after that is back', () => {
    const { part, health, engine } = aWorld();
    engine.isOpen = false;
    passMinutes(60);
    expect(part('engine')).toEqual({ ok: false, state: 'away' });
    expect(health.live().ok).toBe(true);
    engine.isOpen = true;
    passMinutes(4);
    expect(health.live().ok).toBe(true);
    passMinutes(2);
    expect(health.live().ok).toBe(false);
  });

  test.each(['starting', 'stopped'] as const)('because it is %s is not ready, and alive', (state) => {
    const { part, health } = aWorld({ feed: { state, readMs: null } });
    expect(part('feed')).toMatchObject({ ok: false, state });
    expect(health.live().ok).toBe(true);
  });
});

describe('not ready', () => {
  test('is an instance that cannot keep its lease', () => {
    expect(aWorld({ feed: { leaseFailures: 1 } }).part('lease')).toEqual({ ok: false, state: 'failing' });
  });

  test('is one without a bucket that everything needs; another bucket is told, and leaves it ready', async () => {
    const { fail, part } = aWorld();
    await fail('dev-one-product');
    nowMs += 8_000;
    expect(part('vault')).toEqual({ ok: true, state: 'failing', failing: 'dev-one-product' });
    await fail('dev-cop-case');
    nowMs += 8_000;
    expect(part('vault')).toMatchObject({ ok: false, failing: 'dev-one-product, dev-cop-case' });
  });

  test.each([
    [{ failures: 1 }, 'failing'],
    [{ lastPollMs: null }, 'starting'],
    [{ lastPollMs: 1_000_000 - 3_600_000 }, 'starting'],
  ])('is a worker with %j: %s', (given, state) => {
    const { worker, part } = aWorld();
    Object.assign(worker, given);
    expect(part('worker')).toMatchObject({ ok: false, state });
  });

  test('is a worker that has not begun', () => {
    expect(aWorld({ isWorking: false }).part('worker')).toEqual({ ok: false, state: 'starting' });
  });
});

describe('the gauges', () => {
  test('say what the parts say', () => {
    const cases = { index: { state: 'failing', waiting: 0, failures: 5 }, audit: { failures: 6 } };
    const { gauges, worker } = aWorld({ feed: { failures: 1, leaseFailures: 2 }, cases });
    Object.assign(worker, { failures: 3, watchdogFailures: 4 });
    expect(gauges()?.feedLagSeconds()).toBe(1.25);
    expect(gauges()?.openIncidents()).toBe(2);
    expect(gauges()?.isLeader()).toBe(true);
    expect(gauges()?.consecutiveFailures()).toEqual({ feed: 1, lease: 2, worker: 3, watchdog: 4, index: 5, audit: 6 });
  });

  test('say nothing of parts that are not there', () => {
    const { gauges } = aWorld({ feed: null, hasWorker: false, isWorking: false });
    expect(gauges()?.feedLagSeconds()).toBeNull();
    expect(gauges()?.openIncidents()).toBeNull();
    expect(gauges()?.isLeader()).toBe(false);
    expect(gauges()?.consecutiveFailures()).toEqual({ feed: 0, lease: 0, worker: 0, watchdog: 0, index: 0, audit: 0 });
  });
});

test.each([
  ['fresh', { index: { state: 'fresh', waiting: 3, failures: 0 }, audit: { failures: 0 } }],
  ['failing', { index: { state: 'failing', waiting: 3, failures: 2 }, audit: { failures: 0 } }],
  ['audit failing', { index: { state: 'fresh', waiting: 3, failures: 0 }, audit: { failures: 1 } }],
])('cases are told as %s, and are no reason to be not ready', (state, cases) => {
  const { health } = aWorld({ cases });

  expect(health.ready().body.parts.cases).toEqual({ ok: true, state, waiting: 3 });
});
