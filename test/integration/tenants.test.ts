import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from '../support/a-process.ts';
import { keyTime } from '../support/convention.ts';
import { readPastTask } from '../support/engine-history.ts';
import { eventually } from '../support/eventually.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

let world: World;
beforeAll(async () => {
  world = createWorld();
  await world.startFormvault();
});
afterAll(() => world.end());

const visit = jsonVariable({ form: { name: 'visit', submittedBy: 'ada', submissionDate: '2026-01-02T03:04:05Z' } });

/** Starts by the definition's id: an address cannot carry every tenant. */
async function startFor(tenantId: string, businessKey: string) {
  const process = aProcess({
    properties: { product: 'permits' },
    steps: [{ userTask: 'claim', formKey: 'claim', assignee: 'grace' }, { userTask: 'later' }],
  });
  const { definitionIds } = await world.engine.deploy(process.files, { tenantId });
  const path = `/process-definition/${definitionIds[process.id]}/start`;
  const { data } = await world.engine.http.post<{ id: string }>(path, { businessKey, variables: { visit } });
  return { ...data, definitionId: definitionIds[process.id] };
}

const listed = (prefix: string) => world.vault.list(`${world.environment}-permits`, prefix);

test('the cases of a tenant are kept below the tenant, also where two tenants have a case of one name', async () => {
  const caseId = world.newCase();
  const [red, blue] = [`red-${caseId}`, `blue-${caseId}`];
  const instance = await startFor(red, caseId);
  await startFor(blue, caseId);
  const task = await world.engine.task(instance.id);
  await world.engine.complete(task.id, { city: { type: 'String', value: 'Oslo' } });

  const { endTime } = await readPastTask(world.engine, task.id);
  const visitKey = (tenant: string) => `tenants/${tenant}/${caseId}/visit/ada-20260102T030405.json`;
  const claimKey = `tenants/${red}/${caseId}/claim/grace-${keyTime(endTime)}.json`;
  await eventually(async () => {
    expect(await listed(`tenants/${red}/`)).toEqual([claimKey, visitKey(red)]);
    expect(await listed(`tenants/${blue}/`)).toEqual([visitKey(blue)]);
  });
  await expect(listed(`${caseId}/`)).resolves.toEqual([]);
  for (const key of [claimKey, visitKey(red)]) {
    await expect(world.vault.read(`${world.environment}-permits`, key)).resolves.toMatchObject({
      metadata: { tenantid: red, businesskey: caseId, processdefinitionid: instance.definitionId },
    });
  }
});

test.each([
  { tenantId: '../../x', segment: '..%2F..%2Fx' },
  { tenantId: 'a/b', segment: 'a%2Fb' },
  { tenantId: '.', segment: '%2E' },
  { tenantId: '🦊', segment: '🦊' },
  { tenantId: 'n'.repeat(64), segment: 'n'.repeat(64) },
])('a tenant called $tenantId does not lead out of its place', async ({ tenantId, segment }) => {
  const caseId = world.newCase();
  await startFor(tenantId, caseId);

  const prefix = `tenants/${segment}/${caseId}/`;
  await eventually(async () => expect(await listed(prefix)).toEqual([`${prefix}visit/ada-20260102T030405.json`]));
});
