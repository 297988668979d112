import { describe, expect, test } from '@jest/globals';
import { createEnvironmentBuckets } from '../../../src/cases/environment-buckets.ts';
import { FormvaultError } from '../../../src/errors.ts';
import { createMemoryObjectStore } from '../../../src/object-store/memory-object-store.ts';
import type { ObjectStore } from '../../../src/object-store/object-store.ts';
import { createRememberingLog } from '../../support/builders-log.ts';

const { signal } = new AbortController();

function anAccount(names: string[], faults: Partial<Pick<ObjectStore, 'listBuckets' | 'head'>> = {}) {
  const memory = createMemoryObjectStore(...names);
  const log = createRememberingLog();
  const buckets = createEnvironmentBuckets({
    store: { ...memory, ...faults },
    environment: 'Prod',
    defaultProduct: 'cop-case',
    known: ['prod-cop-case', 'state-of-prod'],
    log,
  });
  const putFeedState = (bucket: string) =>
    memory.putIfAbsent({ bucket, key: '.formvault/feed.json', body: '{}', contentType: 'application/json' }, signal);
  return { buckets, log, putFeedState };
}

const refuse = (code: 'VAULT_REJECTED' | 'VAULT_UNAVAILABLE') => new FormvaultError(code, 'could not');
function listing(code: 'VAULT_REJECTED' | 'VAULT_UNAVAILABLE'): Pick<ObjectStore, 'listBuckets'> {
  return {
    // biome-ignore lint/correctness/useYield: it fails before the first name
    async *listBuckets() {
      throw refuse(code);
    },
  };
}

describe('the buckets of an environment', () => {
  test('are those that begin with its name, and the ones that are known', async () => {
    const { buckets } = anAccount(['prod-visits', 'prod-cop-case', 'production-cop-case', 'dev-cop-case']);
    await expect(buckets.list(signal)).resolves.toEqual(['prod-cop-case', 'prod-visits', 'state-of-prod']);
  });

  test('are not those of another environment whose name goes on where this one ends', async () => {
    const { buckets, putFeedState } = anAccount([
      'prod-cop-case',
      'prod-eu-cop-case',
      'prod-eu-visits',
      'prod-evening-cop-case',
      'prod-visits',
    ]);
    await putFeedState('prod-eu-cop-case');
    await putFeedState('prod-cop-case');
    await putFeedState('prod-visits');
    await expect(buckets.list(signal)).resolves.toEqual([
      'prod-cop-case',
      'prod-evening-cop-case',
      'prod-visits',
      'state-of-prod',
    ]);
  });

  test('are the known ones and those that were noted where they may not be listed, which is told once', async () => {
    const { buckets, log } = anAccount(['prod-visits'], listing('VAULT_REJECTED'));
    buckets.note('prod-noted');
    await buckets.list(signal);
    await expect(buckets.list(signal)).resolves.toEqual(['prod-cop-case', 'prod-noted', 'state-of-prod']);
    expect(log.lines).toHaveLength(1);
  });

  test('are not known while S3 is away', async () => {
    const { buckets } = anAccount([], listing('VAULT_UNAVAILABLE'));
    await expect(buckets.list(signal)).rejects.toMatchObject({ code: 'VAULT_UNAVAILABLE' });
  });

  test.each([
    ['VAULT_REJECTED', false],
    ['VAULT_UNAVAILABLE', true],
  ] as const)('with one that answers %s when it is looked into', async (code, isThrown) => {
    const { buckets } = anAccount(['prod-eu-cop-case'], {
      async head() {
        throw refuse(code);
      },
    });
    const listed = buckets.list(signal).catch((error: { code: string }) => error.code);
    await expect(listed).resolves.toEqual(isThrown ? code : ['prod-cop-case', 'prod-eu-cop-case', 'state-of-prod']);
  });
});
