import { expect } from '@jest/globals';
import { jsonVariable } from '../../dev/clients/engine-calls.ts';
import { aProcess } from './a-process.ts';
import { eventually } from './eventually.ts';
import type { World } from './world.ts';

export const FEED_STATE_KEY = '.formvault/feed.json';

/** `.formvault/feed.json`, with times in ms since 1970. */
export type FeedState = { owner: string | null; variableUpdatesMs: number; finishedTasksMs: number; renewed: string };

export async function readFeedState({ vault, bucket }: World): Promise<FeedState> {
  const { owner, position, renewed } = JSON.parse((await vault.read(bucket, FEED_STATE_KEY)).text);
  return {
    owner,
    renewed,
    variableUpdatesMs: Date.parse(position.variableUpdates),
    finishedTasksMs: Date.parse(position.finishedTasks),
  };
}

/**
 * Completes tasks until the feed has settled what lies a second behind `beyondMs`, which the position of the finished tasks
 * tells, while that of the variable updates stands at `heldMs`. Wants a Formvault with FEED_SETTLE_SECONDS=1.
 */
export async function untilPositionIsHeldAt(world: World, heldMs: number, beyondMs = heldMs): Promise<void> {
  const process = aProcess({ steps: [{ userTask: 'go-on', formKey: 'go-on' }] });
  await world.engine.deploy(process.files);
  await eventually(
    async () => {
      const { id } = await world.engine.start(process.id, { businessKey: world.newCase() });
      await world.engine.complete((await world.engine.task(id)).id);
      const { variableUpdatesMs, finishedTasksMs } = await readFeedState(world);
      expect(finishedTasksMs).toBeGreaterThan(beyondMs + 1_000);
      expect(variableUpdatesMs).toBe(heldMs);
    },
    { withinMs: 20_000, everyMs: 300 },
  );
}

/** Submits until the position of the variable updates has passed a time. Wants a Formvault with FEED_SETTLE_SECONDS=1. */
export async function untilPositionIsBeyond(world: World, timeMs: number): Promise<void> {
  const process = aProcess({ steps: [{ message: 'never' }] });
  await world.engine.deploy(process.files);
  const { id } = await world.engine.start(process.id, { businessKey: world.newCase() });
  await eventually(
    async () => {
      await world.engine.setVariable(id, 'go_on', jsonVariable({ go: 'on' }));
      expect((await readFeedState(world)).variableUpdatesMs).toBeGreaterThan(timeMs);
    },
    { withinMs: 20_000, everyMs: 300 },
  );
}
