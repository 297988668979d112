import { describe, expect, test } from '@jest/globals';
import { createOrigins } from '../../../src/enrichment/origins.ts';
import { FormvaultError } from '../../../src/errors.ts';
import type { VariableChange } from '../../../src/submission/change.ts';
import { aVariableChange, NOON_MS, onlySubmissionIn, submissionsIn } from '../../support/builders.ts';

const { signal } = new AbortController();
const FORM_A = '{"form":{"name":"a"}}';
const FORM_B = '{"form":{"name":"b"}}';

/** One variable and all its writings, a second apart unless a test says otherwise. */
function aVariable(
  texts: string[],
  timesMs = texts.map((_, each) => NOON_MS + each * 1_000),
  revisions = [...texts.keys()],
) {
  const writings = texts.map(
    (text, each): VariableChange =>
      aVariableChange({ ref: `detail/d${each}`, text, timeMs: timesMs[each] ?? 0, revision: revisions[each] ?? 0 }),
  );
  let requests = 0;
  let rowsRead = 0;
  const origins = createOrigins({
    readEarlierValues: async (_change, { fromMs, toMs }, maxRows) => {
      requests++;
      const page = writings.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs).slice(0, maxRows);
      rowsRead += page.length;
      return { bytes: 2_000_000, rows: page.map((change) => ({ id: change.ref, timeMs: change.timeMs, change })) };
    },
  });
  /** The first writing of the only submission of a writing, by its reference. */
  const findOrigin = async (index: number): Promise<string | null> => {
    const change = writings[index];
    if (change === undefined) throw new Error('no such writing');
    origins.note(change);
    const origin = await origins.find(change, onlySubmissionIn(change.text).digest, signal);
    return origin?.change.ref ?? null;
  };
  return { origins, writings, findOrigin, requests: () => requests, rowsRead: () => rowsRead };
}

test('earlier writings that the engine fails to give are asked for by smaller pages the next time', async () => {
  const asked: number[] = [];
  const origins = createOrigins({
    async readEarlierValues(_change, _window, maxRows) {
      asked.push(maxRows);
      throw new FormvaultError('ENGINE_UNAVAILABLE', 'could not read');
    },
  });
  const change = aVariableChange({ revision: 1 });
  for (let each = 0; each < 2; each++) {
    await expect(origins.find(change, 'digest', signal)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  }
  expect(asked).toEqual([50, 25]);
});

describe('the first writing of a submission', () => {
  test('is the change itself where the variable was never written before, without a request', async () => {
    const { findOrigin, requests } = aVariable([FORM_A]);
    expect(await findOrigin(0)).toBeNull();
    expect(requests()).toBe(0);
  });

  test('is the earlier one where it was written again unchanged, by any later step', async () => {
    const { findOrigin } = aVariable([FORM_A, FORM_A, FORM_A]);
    expect(await findOrigin(1)).toBe('detail/d0');
    expect(await findOrigin(2)).toBe('detail/d0');
  });

  test('is found by content, not by bytes', async () => {
    const { findOrigin } = aVariable(['{"form":{"name":"a"},"x":1}', '{ "x":1, "form":{"name":"\\u0061"} }']);
    expect(await findOrigin(1)).toBe('detail/d0');
  });

  test('is the change itself where the content is new', async () => {
    const { findOrigin } = aVariable([FORM_A, FORM_B]);
    expect(await findOrigin(1)).toBeNull();
  });

  test('is the very first one where the content came back', async () => {
    const { findOrigin } = aVariable([FORM_A, FORM_B, FORM_A]);
    expect(await findOrigin(2)).toBe('detail/d0');
  });

  test('is told apart for two writings in one transaction, both of one revision', async () => {
    const { findOrigin } = aVariable([FORM_A, FORM_A], [NOON_MS, NOON_MS + 3], [0, 0]);
    expect(await findOrigin(0)).toBeNull();
    expect(await findOrigin(1)).toBe('detail/d0');
  });

  test('is found in what else a variable held: nested, beside others, beside what is invalid', async () => {
    const { findOrigin } = aVariable([`[{"form":{"name":{}}},{"x":${FORM_A}}]`, 'not "form" json', FORM_A]);
    expect(await findOrigin(2)).toBe('detail/d0');
  });

  test('brings along who wrote it, and where it stood', async () => {
    const { origins, writings } = aVariable([
      `{"shiftDetailsContext":{"email":"first@example.com"},"list":[${FORM_A}]}`,
      FORM_A,
    ]);
    const again = writings[1];
    if (again === undefined) throw new Error('no writing');
    const origin = await origins.find(again, submissionsIn(FORM_A)[0]?.digest ?? '', signal);
    expect(origin?.submission).toEqual({ source: 'detail/d0#/list/0', email: 'first@example.com' });
    expect(origin?.change).not.toHaveProperty('text');
  });

  test('is found across pages of writings at one instant', async () => {
    const texts = [FORM_A, ...Array.from({ length: 130 }, (_, each) => `{"form":{"name":"n${each}"}}`), FORM_A];
    const { findOrigin } = aVariable(
      texts,
      texts.map((_, each) => NOON_MS + (each === texts.length - 1 ? 1 : 0)),
    );
    expect(await findOrigin(texts.length - 1)).toBe('detail/d0');
  });
});

test('a variable that changes a thousand times is not read a million times', async () => {
  const texts = Array.from({ length: 1_000 }, (_, each) => `{"form":{"name":"n${each}"}}`);
  const { findOrigin, rowsRead } = aVariable(texts);
  for (const each of texts.keys()) expect(await findOrigin(each)).toBeNull();
  expect(rowsRead()).toBeLessThan(3 * texts.length);
});
