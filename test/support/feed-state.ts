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
