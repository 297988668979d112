import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { readFeedState } from '../support/feed-state.ts';
import { siteVisitKey, submitSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const LEASE_SECONDS = 3;
/** The lease, and once more the time between two looks of the one who waits. */
const TAKEOVER_MS = LEASE_SECONDS * 1_000 * 1.4 + 500;

const waiting = aProcess({ steps: [{ message: 'never' }] });

let world: World;
let caseId: string;
let instanceId: string;
beforeEach(async () => {
  world = createWorld({ FEED_LEASE_SECONDS: String(LEASE_SECONDS) });
  await world.engine.deploy(waiting.files);
  caseId = world.newCase();
  instanceId = (await world.engine.start(waiting.id, { businessKey: caseId })).id;
});
afterEach(() => world.end());

const keptKeys = () => world.vault.list(world.bucket, `${caseId}/`);
const keysOf = (...people: string[]) => people.map((person) => siteVisitKey(caseId, person)).sort();

test('F10: a second instance waits, takes over within the lease of a killed leader, and keeps what came meanwhile', async () => {
  const first = await world.startFormvault();
  const second = await world.startFormvault({}, { until: 'waiting' });
  await submitSiteVisit(world, instanceId, 'before');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('before')));
  expect(second.logs()).not.toContain('leading the feed');

  await first.kill();
  await submitSiteVisit(world, instanceId, 'meanwhile');
  await eventually(() => expect(second.logs()).toContain('leading the feed'), { withinMs: TAKEOVER_MS });

  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('before', 'meanwhile')));
});

test('F10: a frozen leader that wakes up steps down and leaves the feed to the one who took over', async () => {
  const frozen = await world.startFormvault();
  const { owner: firstOwner } = await readFeedState(world);
  const second = await world.startFormvault({}, { until: 'waiting' });

  process.kill(frozen.pid, 'SIGSTOP');
  await submitSiteVisit(world, instanceId, 'frozen');
  await eventually(() => expect(second.logs()).toContain('leading the feed'), { withinMs: TAKEOVER_MS });
  const { owner: secondOwner } = await readFeedState(world);
  expect(secondOwner).not.toBe(firstOwner);

  process.kill(frozen.pid, 'SIGCONT');
  await eventually(() => expect(frozen.logs()).toContain('stepping down'));
  await eventually(() => expect(frozen.logs()).toContain('another instance leads; waiting'));
  await submitSiteVisit(world, instanceId, 'awake');
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('awake', 'frozen')));
  await expect(readFeedState(world)).resolves.toMatchObject({ owner: secondOwner });

  await second.kill();
  await submitSiteVisit(world, instanceId, 'again');
  await eventually(() => expect(frozen.logs().match(/leading the feed/g)).toHaveLength(2), { withinMs: TAKEOVER_MS });
  await eventually(async () => expect(await keptKeys()).toEqual(keysOf('again', 'awake', 'frozen')));
});

test('an instance that is stopped gives its lease up, and the next one leads at once', async () => {
  const first = await world.startFormvault({ FEED_LEASE_SECONDS: '60' });
  const second = await world.startFormvault({ FEED_LEASE_SECONDS: '3' }, { until: 'waiting' });
  await first.stop();

  await expect(first.exited).resolves.toBe(0);
  await eventually(() => expect(second.logs()).toContain('leading the feed'), { withinMs: 2_000 });
});
