import { setTimeout as timeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { fileVariable, jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { readEngineTime } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { readIncidents, retry } from '../support/handed-over.ts';
import { siteVisitVariable } from '../support/site-visit.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(240_000);

const SUBMISSIONS = 300;
const ROUNDS = 10;
const LONGEST_LIFE_MS = 700;

const visit = aProcess({ steps: [{ userTask: 'visit', formKey: 'visit-form', assignee: 'inspector' }] });

/** Whole convention data, such that lacks who and when, and a task form with a file: by turns. */
const variablesOf = (number: number) => {
  if (number % 3 === 0) return { visit: siteVisitVariable('inspector', { number }) };
  if (number % 3 === 1) return { visit: jsonVariable({ number, form: { name: 'visit-form' } }) };
  const plan = fileVariable('plan.txt', 'text/plain', Buffer.from(`plan of ${number}`));
  return { number: { type: 'Long', value: number }, plan };
};

let world: World;
let caseId: string;
beforeEach(async () => {
  world = createWorld({ FEED_LEASE_SECONDS: '2' });
  caseId = world.newCase();
  await world.engine.deploy(visit.files);
});
afterEach(() => world.end());

async function completeForm(number: number): Promise<void> {
  const instance = await world.engine.start(visit.id, { businessKey: caseId });
  const task = await world.engine.task(instance.id);
  await world.engine.complete(task.id, variablesOf(number));
}

/** Some at a time, all through the rounds. */
async function completeAllForms(isOver: () => boolean): Promise<void> {
  for (let number = 0; number < SUBMISSIONS; number += 6) {
    await Promise.all(Array.from({ length: 6 }, (_, i) => completeForm(number + i)));
    if (!isOver()) await timeout(600);
  }
}

const listKeys = async () => world.vault.list(world.bucket, `${caseId}/`);
const isAttachment = (key: string) => key.includes('/attachments/');

test('F1, V1: of 300 forms each is kept exactly once by a Formvault that is killed at random moments ten times', async () => {
  const FEED_START = await readEngineTime(world.engine);
  let isOver = false;
  const completing = completeAllForms(() => isOver);
  completing.catch(() => undefined); // told where it is awaited
  const lives: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const formvault = await world.startFormvault({ FEED_START });
    const lifeMs = Math.round(Math.random() * LONGEST_LIFE_MS);
    lives.push(lifeMs);
    await timeout(lifeMs);
    await formvault.kill();
  }
  isOver = true;
  await completing;
  await world.startFormvault({ FEED_START });

  await eventually(
    async () => {
      await retrySuspects();
      const submissions = (await listKeys()).filter((key) => !isAttachment(key));
      expect({ lives, kept: submissions.length }).toEqual({ lives, kept: SUBMISSIONS });
    },
    { withinMs: 90_000, everyMs: 500 },
  );
  await completeForm(SUBMISSIONS);
  await eventually(async () => expect((await readKept()).map(numberOf)).toContain(SUBMISSIONS), { everyMs: 500 });

  const numbers = Array.from({ length: SUBMISSIONS + 1 }, (_, number) => number);
  const kept = await readKept();
  expect(kept.map(numberOf).sort((a, b) => a - b)).toEqual(numbers);
  // A file that no submission lists may be left of a life that ended before its submission was written.
  const files = kept.flatMap(({ attachments = [] }) => attachments.map(({ key }) => key));
  expect(new Set(files).size).toBe(SUBMISSIONS / 3);
  expect((await listKeys()).filter(isAttachment)).toEqual(expect.arrayContaining(files));
});

/** A change that was tried while two lives ended may be what ended them: it waits for a person. */
async function retrySuspects(): Promise<void> {
  for (const incident of await readIncidents(world.engine)) {
    expect(incident.incidentMessage).toMatch(/^UNEXPECTED: could not keep a change during which Formvault ended twice/);
    await retry(world.engine, incident);
  }
}

type Body = { number?: number; data?: { number: number }; attachments?: { key: string }[] };

const numberOf = ({ number, data }: Body) => number ?? data?.number ?? Number.NaN;

async function readKept(): Promise<Body[]> {
  const keys = (await listKeys()).filter((key) => !isAttachment(key));
  return Promise.all(keys.map(async (key) => JSON.parse((await world.vault.read(world.bucket, key)).text)));
}
