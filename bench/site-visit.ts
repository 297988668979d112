/** The form that is submitted in every measurement: always 2,043 bytes of JSON, and with everything that its key is made of. */

export const FORM_BYTES = 2_043;
export const FORM_NAME = 'site-visit';
export const VARIABLE_NAME = 'siteVisit';

const SUBMITTED_BY = 'inspector@bench.example';
const SUBMISSION_DATE = '2026-01-15T09:30:00.000Z';

/** The text of the Json variable; `number` tells one form from another. */
export function siteVisitJson(number: number): string {
  const answers = {
    reference: `visit-${String(number).padStart(8, '0')}`,
    site: { name: 'Harbour depot', street: '14 Quay Road', town: 'Port Example', country: 'NO' },
    arrivedAt: '2026-01-15T08:05:00Z',
    leftAt: '2026-01-15T09:20:00Z',
    weather: ['cold', 'dry'],
    checks: ['fences', 'gates', 'lights', 'cameras', 'alarms', 'pumps', 'drains', 'signs'].map((item, index) => ({
      item,
      inOrder: index % 3 !== 2,
      rating: 4.5 - index / 4,
      seenAt: `2026-01-15T08:${10 + index * 5}:00Z`,
    })),
    followUp: { needed: true, by: '2026-02-01', contact: 'manager@site.example' },
    remarks: '',
  };
  const form = {
    name: FORM_NAME,
    formId: '5f0c7a52-0f6e-4a58-9b3a-3d1f2f6a7c11',
    formVersionId: 'c9a1e1de-6c0b-4f8f-8f0a-7f8a3c2b9d22',
    title: 'Site visit',
    submittedBy: SUBMITTED_BY,
    submissionDate: SUBMISSION_DATE,
  };
  const bytesLeft = FORM_BYTES - JSON.stringify({ ...answers, form }).length;
  const remarks = 'The gate on the north side was open again. '.repeat(30).slice(0, bytesLeft);
  return JSON.stringify({ ...answers, remarks, form });
}

/** What a user task is completed with: the form in one Json variable (the convention). */
export function conventionVariables(number: number): string {
  return JSON.stringify({ variables: { [VARIABLE_NAME]: { type: 'Json', value: siteVisitJson(number) } } });
}

/** What a task's own form is completed with: variables of its fields, about as many bytes, nothing of the convention. */
export function plainVariables(number: number): string {
  const text = (value: string) => ({ type: 'String', value });
  return JSON.stringify({
    variables: {
      reference: text(`visit-${number}`),
      siteName: text('Harbour depot'),
      inOrder: { type: 'Boolean', value: true },
      rating: { type: 'Double', value: 4.5 },
      visits: { type: 'Long', value: 12 },
      remarks: text('The gate on the north side was open again. '.repeat(50).slice(0, 1_800)),
    },
  });
}

export function expectedKey(businessKey: string): string {
  const time = SUBMISSION_DATE.replace(/[-:]|\.\d+Z$/g, '');
  return `${businessKey}/${FORM_NAME}/${SUBMITTED_BY}-${time}.json`;
}
