import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import type { EnrichedSubmission } from '../../../src/submission/submission.ts';
import { persistSubmission } from '../../../src/vault/persist-submission.ts';
import { aSubmission, contentsOf, listedIn } from './a-submission.ts';

const { signal } = new AbortController();
const persist = (store: ObjectStore, submission: EnrichedSubmission, createBuckets = false) =>
  persistSubmission(store, submission, { createBuckets }, signal);

/** Two answers, two persons, files in two versions below one name: plenty of equal and of clashing keys. */
const aChoice = fc.record({
  answers: fc.constantFrom('yes', 'no'),
  submittedBy: fc.constantFrom('anna', 'bo'),
  files: fc.constantFrom<Record<string, string>>({}, { photo: 'a' }, { photo: 'b' }, { photo: 'a', scan: 'c' }),
});

test('V1 to V4: however runs race, crash and are repeated, each submission is there once, whole, and nothing was overwritten', async () => {
  const schedule = fc.record({
    choices: fc.array(aChoice, { minLength: 1, maxLength: 8 }),
    /** For each call of the store: goes well, fails before, or fails after it took effect (a lost answer). */
    faults: fc.array(fc.constantFrom('none', 'none', 'before', 'after'), { maxLength: 40 }),
    atOnce: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(schedule, async ({ choices, faults, atOnce }) => {
      const kept = createMemoryObjectStore();
      const store = recordingStore(kept, faults);
      const submissions = choices.map(aSubmission);
      const run = (submission: EnrichedSubmission) => untilPersisted(store, submission);
      const results = atOnce ? await Promise.all(submissions.map(run)) : await inTurn(submissions, run);

      const contents = await contentsOf(kept);
      const different = new Map(
        submissions.map((submission) => [`${submission.submittedBy} ${submission.digest}`, submission]),
      );
      const documents = Object.keys(contents).filter((key) => !key.includes('/attachments/'));
      expect(documents).toHaveLength(different.size);
      expect(new Set(results.map(({ key }) => key))).toEqual(new Set(documents));
      for (const [index, submission] of submissions.entries()) {
        const key = results[index]?.key ?? '';
        const listed = listedIn(contents[key]);
        expect(contents[key]).toBe(submission.renderBody(listed));
        const files = await Promise.all(submission.attachments.map((file) => file.read(signal)));
        expect(listed.map((file) => contents[file.key])).toEqual(files.map(String));
      }
      expect(store.overwritten).toEqual([]);
      expect(store.halves).toEqual([]);
      for (const submission of different.values()) {
        await expect(persist(kept, submission)).resolves.toMatchObject({ result: 'unchanged' });
      }
    }),
    { numRuns: 300 },
  );
});

/** Fails as told, and watches each write: what it overwrites, and which submission it publishes before its files. */
function recordingStore(kept: ObjectStore, faults: string[]) {
  const overwritten: string[] = [];
  const halves: string[] = [];
  let call = 0;
  async function faulty<T>(send: () => Promise<T>): Promise<T> {
    const fault = faults[call++] ?? 'none';
    if (fault === 'before') throw new FormvaultError('VAULT_UNAVAILABLE', 'could not reach the store');
    const answer = await send();
    if (fault === 'after') throw new FormvaultError('VAULT_UNAVAILABLE', 'could not hear the store');
    return answer;
  }
  const store: ObjectStore = {
    ...kept,
    head: (bucket, key) => faulty(() => kept.head(bucket, key, signal)),
    createBucket: (bucket) => faulty(() => kept.createBucket(bucket, signal)),
    putIfAbsent: (object) =>
      faulty(async () => {
        const before = await contentsOf(kept).catch(() => ({}) as Record<string, string>);
        const answer = await kept.putIfAbsent(object, signal);
        const was = before[object.key];
        if (answer !== 'taken' && was !== undefined) overwritten.push(object.key);
        if (answer !== 'taken' && !object.key.includes('/attachments/')) {
          const missing = listedIn(String(object.body)).some((file) => before[file.key] === undefined);
          if (missing) halves.push(object.key);
        }
        return answer;
      }),
  };
  return { ...store, overwritten, halves };
}

async function untilPersisted(store: ObjectStore, submission: EnrichedSubmission) {
  for (;;) {
    try {
      return await persist(store, submission, true);
    } catch (error) {
      if ((error as FormvaultError).code !== 'VAULT_UNAVAILABLE') throw error;
    }
  }
}

async function inTurn<T, R>(items: T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}
