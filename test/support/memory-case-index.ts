import { isVisible } from '../../src/access/visible.ts';
import type { CaseHit, CaseIndex, IndexEntry } from '../../src/index/case-index.ts';

/** What the contract of the index says, for tests of what stands on it. A search only knows words, as they are in `words`. */
export function createMemoryCaseIndex(...entries: IndexEntry[]): CaseIndex {
  const rows = new Map<string, IndexEntry>();
  const nameOf = ({ bucket, key }: { bucket: string; key: string }) => `${bucket}/${key}`;
  const put = async (some: readonly IndexEntry[]) => {
    for (const entry of some) rows.set(nameOf(entry), entry);
  };
  for (const entry of entries) rows.set(nameOf(entry), entry);
  const newestFirst = () => [...rows.values()].sort((a, b) => b.submittedAtMs - a.submittedAtMs);
  let run: { done: Set<string> } | null = null;

  return {
    put,
    async searchCases({ terms }, visible, { number, size }) {
      const hits = new Map<string, CaseHit>();
      for (const row of newestFirst()) {
        const isFound = terms.every(({ words }) => words.every((word) => row.words.includes(word)));
        if (!isFound || !isVisible(visible, row)) continue;
        const hit = hits.get(row.caseId) ?? {
          caseId: row.caseId,
          processInstanceIds: [],
          submissions: 0,
          latestMs: row.submittedAtMs,
          latestTitle: row.title ?? row.formName,
        };
        const ids = new Set([
          ...hit.processInstanceIds,
          ...((row.processInstanceId ?? '') ? [row.processInstanceId ?? ''] : []),
        ]);
        hits.set(row.caseId, { ...hit, processInstanceIds: [...ids], submissions: hit.submissions + 1 });
      }
      return { total: hits.size, cases: [...hits.values()].slice(number * size, (number + 1) * size) };
    },
    async findSubmissions(caseId, visible) {
      return newestFirst().filter((row) => row.caseId === caseId && isVisible(visible, row));
    },
    async findSubmission({ caseId, key, bucket }, visible) {
      const found = newestFirst().find(
        (row) =>
          row.caseId === caseId &&
          row.key === key &&
          (bucket === undefined || row.bucket === bucket) &&
          isVisible(visible, row),
      );
      return found ?? null;
    },
    async findKnown(bucket, keys) {
      return new Set(keys.filter((key) => rows.has(nameOf({ bucket, key }))));
    },
    async beginReindex() {
      run ??= { done: new Set() };
      const { done } = run;
      return {
        async findDone(bucket, keys) {
          return new Set(keys.filter((key) => done.has(nameOf({ bucket, key }))));
        },
        async put(some) {
          await put(some);
          for (const entry of some) done.add(nameOf(entry));
        },
        async retain(bucket, keys) {
          for (const key of keys) if (rows.has(nameOf({ bucket, key }))) done.add(nameOf({ bucket, key }));
        },
        async finish(buckets) {
          const gone = [...rows].filter(([name, { bucket }]) => buckets.includes(bucket) && !done.has(name));
          for (const [name] of gone) rows.delete(name);
          run = null;
          return { removed: gone.length };
        },
      };
    },
    async *rows() {
      const sorted = [...rows.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
      yield* sorted;
    },
    countSubmissions: async () => rows.size,
    close: async () => undefined,
  };
}

export function anIndexEntry(fields: Partial<IndexEntry> = {}): IndexEntry {
  const caseId = fields.caseId ?? 'CASE-1';
  const formName = fields.formName ?? 'site-visit';
  return {
    bucket: 'dev-cop-case',
    key: `${caseId}/${formName}/anna-20261121T085306.json`,
    caseId,
    tenantId: null,
    processInstanceId: 'instance-1',
    processDefinitionId: 'site-visit:2:f64b29c4',
    formName,
    title: 'Site visit',
    formId: null,
    formVersionId: 'version-1',
    submittedBy: 'anna',
    submissionDate: '2026-11-21T08:53:06.968Z',
    submittedAtMs: Date.parse('2026-11-21T08:53:06.968Z'),
    taskId: null,
    activityId: null,
    digest: 'c0ffee',
    source: 'task/1',
    bytes: 100,
    words: '',
    pairs: '',
    ...fields,
  };
}
