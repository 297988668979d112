import type { ViewItem } from '../../src/forms/form-view.ts';
import { aKeptForm, aStubProcess, type KeptForm, type StubCases, text } from './builders-cases.ts';

/** Cases as people have them, with everything in a form that a page can show. */
export const CASE = 'BF-2026-0001';
export const FORM_KEY = `${CASE}/site-visit/anna@example.com-20260302T090341.json`;
export const PLAIN_KEY = `${CASE}/handover-note/ben@example.com-20260301T161500.json`;
const PHOTO_KEY = `${CASE}/site-visit/anna@example.com-20260302T090341/attachments/photo/gate north.png`;

const SITE_VISIT: ViewItem[] = [
  {
    kind: 'group',
    label: 'The site',
    items: [
      text('Name of the site', 'Harbour warehouse, north gate'),
      text('Address', '14 Quay Street\nHarwich\nCO12 3HH'),
      text('Date of the visit', '2 March 2026'),
      { kind: 'answer', label: 'Was the gate locked?', answer: { kind: 'checked', checked: true } },
      { kind: 'answer', label: 'Alarm code was changed', answer: { kind: 'checked', checked: false } },
      { kind: 'answer', label: 'Telephone of the site', answer: { kind: 'none' } },
    ],
  },
  {
    kind: 'group',
    label: 'What was seen',
    items: [
      {
        kind: 'answer',
        label: 'Areas that were visited',
        answer: { kind: 'choices', texts: ['Loading bay', 'Cold store', 'Office'] },
      },
      { kind: 'answer', label: 'How urgent is it?', answer: { kind: 'choices', texts: ['Within a week'] } },
      text(
        'Notes',
        'The north gate does not close by itself any more. The hinge is worn, and the latch was tied with wire.\n\nThe driver of the first lorry said that it has been like this since January.',
      ),
      {
        kind: 'table',
        label: 'Goods that were checked',
        columns: ['Consignment', 'Description', 'Pallets', 'Sealed', 'Remarks'],
        rows: [
          cells('GB-77120', 'Machine parts', '12', true, 'Seal number matches the papers'),
          cells('GB-77121', 'Textiles', '4', true, null),
          cells('NO-1043', 'Frozen fish', '21', false, 'Seal broken, photograph taken; the haulier was told at once'),
        ],
      },
    ],
  },
  {
    kind: 'group',
    label: 'Evidence',
    items: [
      {
        kind: 'answer',
        label: 'Photographs',
        answer: {
          kind: 'files',
          files: [
            { kind: 'file', fileName: 'gate north.png', contentType: 'image/png', bytes: 182_044, key: PHOTO_KEY },
            { kind: 'file', fileName: 'sketch of the yard.pdf', contentType: 'application/pdf', bytes: 900, key: null },
          ],
        },
      },
      {
        kind: 'list',
        label: 'People who were met',
        entries: [
          [text('Name', 'Ingrid Olsen'), text('Role', 'Shift leader')],
          [
            text('Name', 'Tom Baker'),
            text('Role', 'Driver'),
            { kind: 'group', label: 'Vehicle', items: [text('Plate', 'AB12 CDE')] },
          ],
        ],
      },
    ],
  },
];

function cells(consignment: string, description: string, pallets: string, sealed: boolean, remarks: string | null) {
  return [
    { kind: 'text' as const, text: consignment },
    { kind: 'text' as const, text: description },
    { kind: 'text' as const, text: pallets },
    { kind: 'checked' as const, checked: sealed },
    remarks === null ? { kind: 'none' as const } : { kind: 'text' as const, text: remarks },
  ];
}

export function sampleForms(): KeptForm[] {
  return [
    aKeptForm({
      key: FORM_KEY,
      submittedAt: '2026-03-02T09:03:41.000Z',
      view: { title: 'Site visit', labelledBy: 'definition', items: SITE_VISIT },
      files: [
        {
          bucket: 'test-cop-case',
          key: PHOTO_KEY,
          fileName: 'gate north.png',
          contentType: 'image/png',
          body: Buffer.from('png'),
        },
      ],
    }),
    aKeptForm({
      key: PLAIN_KEY,
      name: 'handover-note',
      title: null,
      submittedBy: 'ben@example.com',
      submittedAt: '2026-03-01T16:15:00.000Z',
      view: {
        title: '',
        labelledBy: 'names',
        items: [
          text('Shift', 'late'),
          {
            kind: 'group',
            label: 'Open points',
            items: [text('Gate', 'ask the landlord'), { kind: 'group', label: 'Keys', items: [text('Number', '3')] }],
          },
        ],
      },
    }),
    aKeptForm({
      key: `${CASE}/request/carol@example.com-20260227T110000.json`,
      name: 'request',
      title: 'Request for an inspection',
      submittedBy: 'carol@example.com',
      submittedAt: '2026-02-27T11:00:00.000Z',
    }),
  ];
}

export function sampleCases(): Partial<StubCases> {
  const forms = sampleForms();
  return {
    forms,
    processes: [
      aStubProcess({
        keys: [FORM_KEY, PLAIN_KEY],
        openTasks: [{ id: 't1', name: 'Write the report', assignee: 'anna', created: '2026-03-02T09:03:42.000Z' }],
      }),
      aStubProcess({
        id: 'e1',
        key: 'request',
        name: 'Request for an inspection',
        state: 'ended',
        startDate: '2026-02-27T10:58:00.000Z',
        endDate: '2026-02-27T13:00:00.000Z',
        keys: forms.slice(2).map(({ key }) => key),
      }),
    ],
  };
}

/** Beside the one above, enough for several pages of results. */
export function manyCases(count: number): Partial<StubCases> {
  const titles = ['Site visit', 'Request for an inspection', 'Complaint about noise near the harbour at night'];
  const forms = Array.from({ length: count }, (_, index) =>
    aKeptForm({
      caseId: `BF-2026-${String(count - index).padStart(4, '0')}`,
      title: titles[index % titles.length] ?? null,
      submittedAt: new Date(Date.parse('2026-03-01T08:05:09Z') - index * 5_000_000).toISOString(),
    }),
  );
  const processes = forms.map(({ caseId, key }) => aStubProcess({ caseId, keys: [key] }));
  return { forms, processes };
}
