import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { expectedDigest, keyTime } from '../support/convention.ts';
import { readEngineTime, readPastTask } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { untilFeedHasPassed } from '../support/marker.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
const process = aProcess({
  properties: { product: 'past' },
  steps: [
    { userTask: 'first', formKey: 'first-form', assignee: 'ada' },
    { userTask: 'second', formKey: 'second-form', assignee: 'grace' },
  ],
});

beforeAll(async () => {
  world = createWorld();
  await world.engine.deploy(process.files);
});
afterAll(() => world.end());

const report = { answer: 'dry', form: { name: 'report', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' } };

async function startAndReport() {
  const businessKey = world.newCase();
  const variables = { report: jsonVariable(report) };
  const instance = await world.engine.start(process.id, { businessKey, variables });
  const first = await world.engine.task(instance.id, 'first');
  await world.engine.complete(first.id, { city: { type: 'String', value: 'Oslo' } });
  const { endTime } = await readPastTask(world.engine, first.id);
  return { businessKey, instance, firstKey: `${businessKey}/first-form/ada-${keyTime(endTime)}.json` };
}

test('what was submitted in instances that are over or cancelled when the feed looks is kept all the same', async () => {
  const FEED_START = await readEngineTime(world.engine);
  const over = await startAndReport();
  const second = await world.engine.task(over.instance.id, 'second');
  await world.engine.complete(second.id, { answer: jsonVariable({ form: { name: 'second', submittedBy: 'ada' } }) });
  const cancelled = await startAndReport();
  await world.engine.setTaskVariables((await world.engine.task(cancelled.instance.id)).id, {
    draft: { type: 'String', value: 'not sent' },
  });
  await world.engine.cancel(cancelled.instance.id);
  await expect(world.engine.isRunning(over.instance.id)).resolves.toBe(false);

  await world.startFormvault({ FEED_START });

  const bucket = `${world.environment}-past`;
  const reportKey = ({ businessKey }: { businessKey: string }) => `${businessKey}/report/ada-20260102T030405.json`;
  const overKeys = [over.firstKey, reportKey(over), expect.stringContaining(`${over.businessKey}/second/ada-`)];
  const cancelledKeys = [cancelled.firstKey, reportKey(cancelled)];
  const expectKept = async () => {
    expect(await world.vault.list(bucket, `${over.businessKey}/`)).toEqual(overKeys);
    expect(await world.vault.list(bucket, `${cancelled.businessKey}/`)).toEqual(cancelledKeys);
  };
  await eventually(expectKept);
  await untilFeedHasPassed(world);
  await expectKept();
  const kept = await world.kept(cancelled.businessKey, bucket);
  expect(kept[1]?.metadata).toMatchObject({
    processinstanceid: cancelled.instance.id,
    processdefinitionid: cancelled.instance.definitionId,
    businesskey: cancelled.businessKey,
    digest: expectedDigest(report),
  });
});
