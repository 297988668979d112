import { Readable } from 'node:stream';
import type { AuditEntry } from '../../src/audit/audit-entry.ts';
import type { CaseAnswer, CaseProcessInstance, FormReference, FoundCase, Service } from '../../src/cases/found-case.ts';
import type { StoredFile } from '../../src/cases/read-attachment.ts';
import type { StoredSubmission } from '../../src/cases/read-submission.ts';
import type { FormView } from '../../src/forms/form-view.ts';
import type { CaseServices } from '../../src/web/case-services.ts';

export type KeptForm = {
  caseId: string;
  key: string;
  bucket: string;
  name: string;
  title: string | null;
  submittedBy: string;
  submittedAt: string;
  body: string;
  view: FormView;
  files: (Omit<StoredFile, 'submission' | 'bytes' | 'parts'> & { body: Uint8Array })[];
};

export type StubProcess = Omit<CaseProcessInstance, 'formReferences'> & { caseId: string; keys: string[] };

export type StubCases = {
  forms: KeptForm[];
  processes: StubProcess[];
  /** Told as missing in every answer. */
  away: Service[];
  ignored: string[];
  metrics: CaseAnswer['metrics'];
};

const FIGURES = {
  noOfRunningProcessInstances: 1,
  noOfCompletedProcessInstances: 1,
  noOfOpenUserTasks: 1,
  noOfCompletedUserTasks: 3,
  overallTimeInSeconds: 266_400,
  averageTimeToCompleteProcessInSeconds: 7_320,
};

let count = 0;

export function aKeptForm(form: Partial<KeptForm> = {}): KeptForm {
  const { caseId = 'BF-2026-0001', name = 'site-visit', submittedBy = 'anna@example.com' } = form;
  count++;
  return {
    caseId,
    name,
    submittedBy,
    key: `${encodeURIComponent(caseId)}/${name}/${submittedBy}-20260301T0805${String(count % 60).padStart(2, '0')}-${count}.json`,
    bucket: 'test-cop-case',
    title: 'Site visit',
    submittedAt: '2026-03-01T08:05:09.000Z',
    body: '{"data":{"city":"Oslo","ratio":1.50}}',
    view: { title: form.title ?? 'Site visit', labelledBy: 'definition', items: [text('City', 'Oslo')] },
    files: [],
    ...form,
  };
}

export function text(label: string, answer: string): FormView['items'][number] {
  return { kind: 'answer', label, answer: { kind: 'text', text: answer } };
}

export function aStubProcess(process: Partial<StubProcess> = {}): StubProcess {
  return {
    caseId: 'BF-2026-0001',
    id: 'f844afdf',
    key: 'site-visit',
    name: 'Site visit and report',
    definitionId: 'site-visit:2:f64b29c4',
    startDate: '2026-03-01T08:00:00.000Z',
    endDate: null,
    state: 'running',
    openTasks: [],
    keys: [],
    ...process,
  };
}

export type StubCaseServices = CaseServices & { audited: AuditEntry[]; cases: StubCases };

/** Cases in memory that everybody may see; one service can be replaced by another. */
export function stubCaseServices(
  cases: Partial<StubCases> = {},
  replaced: Partial<CaseServices> = {},
): StubCaseServices {
  const known: StubCases = { forms: [], processes: [], away: [], ignored: [], metrics: FIGURES, ...cases };
  const audited: AuditEntry[] = [];
  const find = (place: { caseId: string; key: string; bucket?: string }): KeptForm | undefined =>
    known.forms.find(
      ({ caseId, key, bucket }) =>
        caseId === place.caseId && key === place.key && (place.bucket === undefined || bucket === place.bucket),
    );

  return {
    audited,
    cases: known,
    async findCases({ query, page }) {
      const words = query.toLowerCase().split(/\s+/);
      const found = foundCases(known).filter(({ businessKey, latestTitle }) =>
        words.every((word) => `${businessKey} ${latestTitle}`.toLowerCase().includes(word)),
      );
      const first = page.number * page.size;
      const { away, ignored } = known;
      return { total: found.length, cases: found.slice(first, first + page.size), ignored, away };
    },
    async readCase({ caseId, excludes }) {
      const forms = known.forms.filter((form) => form.caseId === caseId);
      if (forms.length === 0) return null;
      const processes = processesOf(known, caseId).filter(({ key }) => !excludes.includes(key ?? ''));
      return {
        businessKey: caseId,
        processInstances: processes.map((each) => instanceOf(each, forms)),
        metrics: known.away.includes('engine') ? null : known.metrics,
        away: known.away,
      };
    },
    async readSubmission(place) {
      const form = find(place);
      return form === undefined ? null : storedOf(form);
    },
    async readAttachment({ caseId, key }) {
      for (const form of known.forms.filter((each) => each.caseId === caseId)) {
        const file = form.files.find((each) => each.key === key);
        if (file === undefined) continue;
        const { body, ...place } = file;
        return { ...place, bytes: body.length, parts: Readable.from([body]), submission: storedOf(form).submission };
      }
      return null;
    },
    async formViewOf({ submission: { caseId, key, bucket } }) {
      const form = find({ caseId, key, bucket });
      if (form === undefined) throw new Error('no such form');
      return { view: form.view, away: known.away };
    },
    visibilityOf: async () => 'everything',
    mayOpen: async () => true,
    audit: {
      async record(entry) {
        audited.push(entry);
      },
    },
    signIn: null,
    ...replaced,
  };
}

function foundCases({ forms, processes }: StubCases): FoundCase[] {
  const byCase = Map.groupBy(forms, ({ caseId }) => caseId);
  return [...byCase].map(([businessKey, ofCase]) => {
    const newest = ofCase.toSorted((a, b) => b.submittedAt.localeCompare(a.submittedAt))[0] ?? aKeptForm();
    const instances = processes.filter(({ caseId, id }) => caseId === businessKey && id !== null);
    return {
      businessKey,
      submissions: ofCase.length,
      latestMs: Date.parse(newest.submittedAt),
      latestTitle: newest.title ?? newest.name,
      processInstances: instances.map(({ id, key, name, definitionId, startDate, endDate }) => {
        return { id: id ?? '', key, name, definitionId, startDate, endDate };
      }),
    };
  });
}

/** Forms that no process of the stub names stand in one without an id. */
function processesOf({ forms, processes }: StubCases, caseId: string): StubProcess[] {
  const own = processes.filter((process) => process.caseId === caseId);
  const named = new Set(own.flatMap(({ keys }) => keys));
  const keys = forms.filter((form) => form.caseId === caseId && !named.has(form.key)).map(({ key }) => key);
  if (keys.length === 0) return own;
  const nothing = { id: null, key: null, name: null, definitionId: null, startDate: null };
  return [...own, aStubProcess({ caseId, ...nothing, state: 'unknown', keys })];
}

function instanceOf(process: StubProcess, forms: KeptForm[]): CaseProcessInstance {
  const { caseId: _, keys, ...instance } = process;
  return { ...instance, formReferences: forms.filter(({ key }) => keys.includes(key)).map(referenceOf) };
}

function referenceOf({ name, title, key, bucket, submittedAt, submittedBy }: KeptForm): FormReference {
  return { name, title, formVersionId: null, dataPath: key, bucket, submissionDate: submittedAt, submittedBy };
}

function storedOf(form: KeptForm): StoredSubmission {
  const body = Buffer.from(form.body);
  return {
    body,
    submission: {
      bucket: form.bucket,
      key: form.key,
      caseId: form.caseId,
      tenantId: null,
      processInstanceId: null,
      processDefinitionId: null,
      formName: form.name,
      title: form.title,
      formId: null,
      formVersionId: null,
      submittedBy: form.submittedBy,
      submissionDate: form.submittedAt,
      submittedAtMs: Date.parse(form.submittedAt),
      taskId: null,
      activityId: null,
      digest: null,
      source: null,
      bytes: body.byteLength,
    },
  };
}
