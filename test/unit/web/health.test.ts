import { expect, test } from '@jest/globals';
import { createHealth } from '../../../src/web/health.ts';

const leading = { ready: () => ({ ok: true, state: 'leading', details: { lagSeconds: 2, since: null } }) };
const away = { live: () => ({ ok: true, state: 'turning' }), ready: () => ({ ok: false, state: 'away' }) };

test('a report says how each part is', () => {
  const health = createHealth();
  health.add('feed', leading);

  expect(health.ready()).toEqual({
    ok: true,
    body: { status: 'ok', parts: { feed: { ok: true, state: 'leading', lagSeconds: 2, since: null } } },
  });
});

test('one part that cannot work makes the process not ready, and leaves it alive', () => {
  const health = createHealth();
  health.add('feed', leading);
  health.add('worker', away);

  expect(health.ready()).toMatchObject({ ok: false, body: { status: 'failing', parts: { worker: { ok: false } } } });
  expect(health.live().ok).toBe(true);
});

test('one loop that does not turn makes the process not alive', () => {
  const health = createHealth();
  health.add('worker', away);
  health.add('feed', { ...leading, live: () => ({ ok: false, state: 'stuck' }) });

  expect(health.live()).toMatchObject({ ok: false, body: { status: 'failing', parts: { feed: { state: 'stuck' } } } });
});

test('a part without a loop is not asked whether it is alive', () => {
  const health = createHealth();
  health.add('feed', leading);

  expect(health.live()).toEqual({ ok: true, body: { status: 'ok', parts: {} } });
});

test('a process without a part is alive and not ready', () => {
  const health = createHealth();

  expect(health.live().ok).toBe(true);
  expect(health.ready()).toEqual({ ok: false, body: { status: 'failing', parts: {} } });
});

test('a check that throws is not ok, of unknown state, and tells nothing of the error', () => {
  const health = createHealth();
  const fail = () => {
    throw new Error('Mrs Smith');
  };
  health.add('feed', { live: fail, ready: fail });

  expect(health.ready().body).toEqual({ status: 'failing', parts: { feed: { ok: false, state: 'unknown' } } });
  expect(health.live().body).toEqual({ status: 'failing', parts: { feed: { ok: false, state: 'unknown' } } });
});

test('details cannot say something else than the check', () => {
  const health = createHealth();
  health.add('feed', { ready: () => ({ ok: false, state: 'away', details: { ok: true, state: 'leading' } }) });

  expect(health.ready().body.parts).toEqual({ feed: { ok: false, state: 'away' } });
});
