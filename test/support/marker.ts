import { expect } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from './a-process.ts';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/**
 * Waits until the feed has passed everything that was done before now: a task submission and convention data that come last
 * have arrived. For tests that say what is *not* kept.
 */
export async function untilFeedHasPassed(world: World): Promise<void> {
  const process = aProcess({ steps: [{ userTask: 'marker', formKey: 'marker' }, { userTask: 'end' }] });
  await world.engine.deploy(process.files);
  for (const round of ['first', 'second']) {
    const caseId = world.newCase();
    const instance = await world.engine.start(process.id, { businessKey: caseId });
    await world.engine.complete((await world.engine.task(instance.id)).id);
    const form = { name: round, formId: 'marker', formVersionId: 'marker' };
    await world.engine.setVariable(instance.id, 'marker', jsonVariable({ form }));
    await eventually(async () => expect(await world.kept(caseId)).toHaveLength(2), { withinMs: 10_000 });
  }
}
