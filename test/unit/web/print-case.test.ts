import { describe, expect, test } from '@jest/globals';
import { aKeptForm, type KeptForm, text } from '../../support/builders-cases.ts';
import { aCaseSite } from './a-case-site.ts';

const PATH = '/cases/CASE-1/print';

/** A form with so many answers; its number stands in each. */
function aFormOf(answers: number, number: number): KeptForm {
  const title = `Form number ${number}.`;
  const items = Array.from({ length: answers }, () => text('Depth', `answer of ${number}`));
  return aKeptForm({ caseId: 'CASE-1', title, view: { title, labelledBy: 'definition', items } });
}

async function printOf(sizes: number[]) {
  const forms = sizes.map((answers, index) => aFormOf(answers, index + 1));
  const viewed: string[] = [];
  const site = await aCaseSite({
    cases: { forms },
    services: {
      async formViewOf({ submission: { key } }) {
        viewed.push(key);
        const form = forms.find((each) => each.key === key) as KeptForm;
        return { view: form.view, away: [] };
      },
    },
  });
  const { status, text: page } = await site.ask(PATH);
  const printed = forms.map((_form, index) => page.includes(`answer of ${index + 1}<`));
  return { status, page, printed, viewed, audited: site.services.audited };
}

describe('a print that would be too much for one page', () => {
  test('has the first forms whole, and says which are missing for want of room', async () => {
    const { status, page, printed, audited } = await printOf([75_000, 75_000, 75_000, 1]);

    expect([status, printed]).toEqual([200, [true, true, false, false]]);
    expect(page).toContain('There was no room for 2 forms: print them from their own pages.');
    expect(page).not.toContain('could not be read');
    expect(page.split('The forms before this one fill this print').length - 1).toBe(2);
    expect(page).toContain('4. <bdi>Form number 4.');
    expect(audited.map(({ count, key }) => count ?? key)).toEqual([2, expect.any(String), expect.any(String)]);
  });

  test('reads none of those that there is no room for, but the few that were under way', async () => {
    const { viewed } = await printOf([150_000, 150_000, ...Array.from({ length: 20 }, () => 1)]);

    expect(viewed.length).toBe(4);
  });

  test('has the first form, however much there is in it', async () => {
    const { printed } = await printOf([225_000, 1]);

    expect(printed).toEqual([true, false]);
  });
});

test('a print lets other requests through between its forms', async () => {
  const forms = Array.from({ length: 40 }, (_, index) => aFormOf(1, index + 1));
  let turns = 0;
  let isCounting = true;
  const count = (): void => {
    turns++;
    if (isCounting) setImmediate(count);
  };
  let first = 0;
  let last = 0;
  const site = await aCaseSite({
    cases: { forms },
    services: {
      async formViewOf() {
        last = turns;
        first ||= turns;
        return { view: { title: 'A form', labelledBy: 'definition', items: [] }, away: [] };
      },
    },
  });

  setImmediate(count);
  await site.ask(PATH);
  isCounting = false;

  expect(last - first).toBeGreaterThanOrEqual(9);
});
