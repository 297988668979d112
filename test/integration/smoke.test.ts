import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { eventually } from '../support/eventually.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

test('the engine runs a process through every kind of step that tests are built from', async () => {
  const called = aProcess({ steps: [{ userTask: 'inner', formRef: 'some-form' }] });
  const message = `message-${called.id}`;
  const outer = aProcess({
    properties: { product: 'a "quoted" & <odd> product' },
    neighbour: { properties: { product: 'other' } },
    steps: [
      { userTask: 'first', formKey: 'embedded:app:forms/first.html', outputs: { copied: 'answer' } },
      { parallel: [{ userTask: 'left', formFields: [{ id: 'amount', type: 'long' }] }, { userTask: 'right' }] },
      { sleepMs: 1 },
      { message },
      { call: called.id },
      { asyncPoint: true },
      { topic: 'nobody-listens' },
    ],
  });
  await world.engine.deploy({ ...called.files, ...outer.files });
  const instance = await world.engine.start(outer.id, { businessKey: world.newCase() });

  const first = await world.engine.task(instance.id);
  await world.engine.complete(first.id, { answer: jsonVariable({ city: 'Oslo' }) });
  for (const key of ['left', 'right']) await world.engine.complete((await world.engine.task(instance.id, key)).id);
  await world.engine.correlate({ messageName: message, processInstanceId: instance.id });
  const [inner] = (await world.engine.http.get('/task', { params: { processDefinitionKey: called.id } })).data;
  await world.engine.complete(inner.id);

  await eventually(async () => {
    const { data } = await world.engine.http.get('/external-task', { params: { processInstanceId: instance.id } });
    expect(data).toMatchObject([{ topicName: 'nobody-listens', businessKey: instance.businessKey }]);
  });
});

test('the S3 server gives back what was put', async () => {
  await world.vault.createBucket(world.bucket);
  await world.vault.put(world.bucket, 'case/form/someone.json', '{"form":{}}');

  await expect(world.kept('case')).resolves.toMatchObject([{ key: 'case/form/someone.json', text: '{"form":{}}' }]);
  await expect(world.vault.exists(world.bucket, 'case/form/nobody.json')).resolves.toBe(false);
});

test('a Formvault that is started, stopped and killed says so', async () => {
  const stopped = await world.startFormvault();
  await stopped.stop();
  await expect(stopped.exited).resolves.toBe(0);

  const killed = await world.startFormvault();
  await killed.kill();
  await expect(killed.exited).resolves.toBe(137);
});
