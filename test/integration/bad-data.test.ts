import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { RunningFormvault } from '../../dev/servers/formvault.ts';
import { aProcess } from '../support/a-process.ts';
import { readUpdate } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { untilPositionIsBeyond } from '../support/feed-state.ts';
import { readIncidents } from '../support/handed-over.ts';
import { aSiteVisit, siteVisitKey, submitSiteVisit } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(60_000);

const MEGABYTE = 1_000_000;
/** Of the JavaScript heap, and of everything together. */
const HEAP_MEGABYTES = 256;
const MAX_MEMORY_BYTES = 800 * MEGABYTE;

const waiting = aProcess({ steps: [{ message: 'never' }] });
const visit = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form', assignee: 'inspector' }] });

let world: World;
let formvault: RunningFormvault;
beforeAll(async () => {
  world = createWorld({ FEED_LEASE_SECONDS: '2', FEED_SETTLE_SECONDS: '1' });
  await world.engine.deploy({ ...waiting.files, ...visit.files });
  formvault = await world.startFormvault({}, { nodeArgs: [`--max-old-space-size=${HEAP_MEGABYTES}`] });
});
afterAll(() => world.end());

async function startInstance(process = waiting): Promise<{ caseId: string; instanceId: string }> {
  const caseId = world.newCase();
  return { caseId, instanceId: (await world.engine.start(process.id, { businessKey: caseId })).id };
}

const write = (instanceId: string, text: string) =>
  world.engine.setVariable(instanceId, 'data', { type: 'Json', value: text });

const keptKeys = (caseId: string) => world.vault.list(world.bucket, `${caseId}/`);

/** What comes behind bad data is kept as quickly as ever. */
async function expectFeedGoesOn(): Promise<void> {
  const { caseId, instanceId } = await startInstance();
  await submitSiteVisit(world, instanceId, 'behind');
  await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'behind')]));
}

/** The incident that stands for what a Formvault could not keep of a case; there is one at most. */
const incidentOf = (caseId: string) =>
  eventually(
    async () => {
      const standing = await readIncidents(world.engine);
      const about = standing.filter(({ incidentMessage }) => incidentMessage.includes(`case ${caseId})`));
      expect(about).toHaveLength(1);
      return about[0]?.incidentMessage;
    },
    { withinMs: 15_000, everyMs: 100 },
  );

test('a form in JSON that is none is an incident at once; the feed goes on and the position passes it', async () => {
  const { caseId, instanceId } = await startInstance();
  await write(instanceId, '{"form": {"name": "secret answer"');
  const invalidMs = Date.parse((await readUpdate(world.engine, instanceId, 'data')).at);

  await expect(incidentOf(caseId)).resolves.toMatch(/^SUBMISSION_INVALID: could not parse the variable as JSON /);
  await expectFeedGoesOn();
  await untilPositionIsBeyond(world, invalidMs);
  expect(formvault.logs()).toMatch(/"code":"SUBMISSION_INVALID".*could not parse the variable as JSON/);
  expect(formvault.logs()).not.toContain('secret answer');
  await expect(keptKeys(caseId)).resolves.toEqual([]);
});

/** Complete submissions that are hard to read, and come out byte for byte as they went in, but for what is filled in. */
const form = (person: string) => JSON.stringify(aSiteVisit(person).form);
const HEAVY = {
  fiveMegabytes: `{"form":${form('fiveMegabytes')},"scan":"${'x'.repeat(5 * MEGABYTE)}"}`,
  deep: `{"form":${form('deep')},"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  inTheDeep: `${'{"deep":'.repeat(9_999)}{"form":${form('inTheDeep')}}${'}'.repeat(9_999)}`,
  aMillion: `{"form":${form('aMillion')},"readings":[${Array.from({ length: 1_000_000 }, (_, i) => i).join()}]}`,
  aMillionObjects: `{"form":${form('aMillionObjects')},"readings":[${Array(1_000_000).fill('{}').join()}]}`,
};

test.each(Object.entries(HEAVY))(
  '%s: it is kept, nothing of it is dropped, and the feed goes on',
  async (person, text) => {
    const { caseId, instanceId } = await startInstance();
    await write(instanceId, text);

    const key = siteVisitKey(caseId, person);
    await eventually(async () => expect(await keptKeys(caseId)).toEqual([key]), { withinMs: 20_000, everyMs: 200 });
    const { text: body } = await world.vault.read(world.bucket, key);
    const submission = person === 'inTheDeep' ? `{"form":${form(person)}}` : text;
    const behindTheForm = submission.slice(submission.indexOf('}') + 1, -1);
    expect(body.includes(behindTheForm)).toBe(true);
    await expectFeedGoesOn();
  },
);

test('a dozen variables of 5 MB in a row are kept', async () => {
  const { caseId, instanceId } = await startInstance();
  const people = Array.from({ length: 12 }, (_, i) => `person-${i}`);
  const scan = 'x'.repeat(5 * MEGABYTE);
  for (const person of people) await submitSiteVisit(world, instanceId, person, { scan });

  const keys = people.map((person) => siteVisitKey(caseId, person)).sort();
  await eventually(async () => expect(await keptKeys(caseId)).toEqual(keys), { withinMs: 20_000, everyMs: 200 });
  await expectFeedGoesOn();
});

test.each([
  ['null', '{"form":null}'],
  ['an array', '{"form":[]}'],
  ['a text', '{"form":"x"}'],
  ['an object with nothing of the convention', '{"form":{"colour":"red"}}'],
])(
  'a form section that is %s is just data: nothing is kept of it, but the form of a task with it is',
  async (_, text) => {
    const { caseId, instanceId } = await startInstance(visit);
    const outside = await startInstance();
    await write(outside.instanceId, text);
    const task = await world.engine.task(instanceId);
    await world.engine.complete(task.id, { data: { type: 'Json', value: text } });

    const [kept] = await eventually(async () => {
      const objects = await world.kept(caseId);
      expect(objects).toHaveLength(1);
      return objects;
    });
    await expectFeedGoesOn();
    expect(kept?.metadata).toMatchObject({ source: `task/${task.id}`, name: 'visit-form', submittedby: 'inspector' });
    expect(JSON.parse(kept?.text ?? '').data).toEqual({ data: JSON.parse(text) });
    await expect(keptKeys(caseId)).resolves.toHaveLength(1);
    await expect(keptKeys(outside.caseId)).resolves.toEqual([]);
  },
);

test('a form section with an object where a text belongs is invalid and does not hold up the good one beside it', async () => {
  const { caseId, instanceId } = await startInstance();
  await write(instanceId, JSON.stringify([{ form: { name: { first: 'secret answer' } } }, aSiteVisit('beside')]));

  await eventually(async () => expect(await keptKeys(caseId)).toEqual([siteVisitKey(caseId, 'beside')]));
  await expect(incidentOf(caseId)).resolves.toMatch(/^SUBMISSION_INVALID: .*form\.name, which is an object/);
  expect(formvault.logs()).not.toContain('secret answer');
  await expectFeedGoesOn();
});

test('JSON that is none and does not mention a form is ignored', async () => {
  const { caseId, instanceId } = await startInstance();
  await write(instanceId, '{"city": Oslo');
  await expectFeedGoesOn();
  await expect(keptKeys(caseId)).resolves.toEqual([]);
});

test('the memory of a Formvault that has read all of this stays bounded', () => {
  const status = readFileSync(`/proc/${formvault.pid}/status`, 'utf8');
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  expect(peakBytes).toBeGreaterThan(50 * MEGABYTE);
  expect(peakBytes).toBeLessThan(MAX_MEMORY_BYTES);
});
