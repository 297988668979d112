import { describe, expect, test } from '@jest/globals';
import type { Visible } from '../../../src/access/visible.ts';
import { createAskEngine } from '../../../src/cases/ask-engine.ts';
import { findCases } from '../../../src/cases/find-cases.ts';
import type { CaseInstance } from '../../../src/engine/engine-cases.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { IndexEntry } from '../../../src/index/case-index.ts';
import type { CaseQuery } from '../../../src/index/parse-query.ts';
import { createRememberingLog } from '../../support/builders-log.ts';
import { anIndexEntry, createMemoryCaseIndex } from '../../support/memory-case-index.ts';
import { aCaseInstance, createStubEngineCases } from '../../support/stub-engine-cases.ts';

const { signal } = new AbortController();

/** Each word by itself; one that begins with `!` cannot be understood. */
function parseQuery(text: string): CaseQuery {
  const words = text.split(' ').filter((word) => word !== '');
  return {
    terms: words
      .filter((word) => !word.startsWith('!'))
      .map((word) => ({ words: [word], prefix: false, not: false, field: null })),
    fromMs: null,
    toMs: null,
    ignored: words.filter((word) => word.startsWith('!')),
  };
}

function aVault(entries: IndexEntry[], instances: CaseInstance[] = []) {
  const stub = createStubEngineCases(instances);
  const askEngine = createAskEngine({ engine: stub.engine, log: createRememberingLog() });
  const from = { index: createMemoryCaseIndex(...entries), askEngine, parseQuery };
  const find = (query = '', page = { number: 0, size: 20 }, visible: Visible = 'everything') =>
    findCases(from, { query, page }, visible, signal);
  return { find, ...stub };
}

const entryOf = (caseId: string, fields: Partial<IndexEntry> = {}) =>
  anIndexEntry({ caseId, processInstanceId: `of-${caseId}`, ...fields });

describe('a search', () => {
  test('finds cases with their process instances', async () => {
    const { find } = aVault(
      [entryOf('A', { words: 'oslo', submittedAtMs: 20 }), entryOf('B', { words: 'bergen' })],
      [aCaseInstance({ id: 'of-A', endDate: '2026-11-21T09:00:00.000Z' })],
    );
    await expect(find('oslo')).resolves.toEqual({
      total: 1,
      cases: [
        {
          businessKey: 'A',
          submissions: 1,
          latestMs: 20,
          latestTitle: 'Site visit',
          processInstances: [
            {
              id: 'of-A',
              key: 'site-visit',
              name: 'Visit of a site',
              definitionId: 'site-visit:2:f64b29c4',
              startDate: '2026-11-21T08:00:00.000Z',
              endDate: '2026-11-21T09:00:00.000Z',
            },
          ],
        },
      ],
      ignored: [],
      away: [],
    });
  });

  test('asks the engine once for a whole page, and not at all for none', async () => {
    const { find, asked } = aVault(
      Array.from({ length: 30 }, (_, each) => entryOf(`C${each}`, { submittedAtMs: each })),
    );
    const { total, cases } = await find('', { number: 1, size: 20 });
    expect([total, cases.length]).toEqual([30, 10]);
    expect(asked).toEqual([`instances ${cases.map(({ businessKey }) => `of-${businessKey}`).join()}`]);
    await find('nothing');
    expect(asked).toHaveLength(1);
  });

  test('stands with what the vault knows where the engine has cleaned up, or is away', async () => {
    const unknown = { id: 'of-A', key: null, name: null, definitionId: null, startDate: null, endDate: null };
    const { find, control } = aVault([entryOf('A')]);
    await expect(find()).resolves.toMatchObject({ cases: [{ processInstances: [unknown] }], away: [] });
    control.fault = new FormvaultError('ENGINE_UNAVAILABLE', 'could not read');
    await expect(find()).resolves.toMatchObject({ cases: [{ processInstances: [unknown] }], away: ['engine'] });
  });

  test('says what it did not understand', async () => {
    await expect(aVault([]).find('!what')).resolves.toMatchObject({ ignored: ['!what'] });
  });

  test('tells nothing of an instance that belongs to another tenant in the engine', async () => {
    const { find } = aVault([entryOf('A')], [aCaseInstance({ id: 'of-A', tenantId: 'north' })]);
    const visible: Visible = { instances: { allExcept: [] }, tenants: [] };
    await expect(find('', { number: 0, size: 20 }, visible)).resolves.toMatchObject({
      cases: [{ processInstances: [{ id: 'of-A', name: null }] }],
    });
  });

  test('asks for a thousand instances at the most, however many a page has', async () => {
    const entries = Array.from({ length: 1_200 }, (_, each) =>
      anIndexEntry({ key: `CASE-1/f/${each}`, processInstanceId: `i-${each}` }),
    );
    const { find, asked } = aVault(entries);
    const [found] = (await find()).cases;
    expect(found?.processInstances).toHaveLength(1_200);
    expect(asked[0]?.split(',')).toHaveLength(1_000);
  });
});
