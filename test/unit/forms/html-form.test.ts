import { describe, expect, test } from '@jest/globals';
import { readHtmlForm } from '../../../src/forms/read-html-form.ts';
import { aTaskBody, linesOf, viewOfBody } from './a-view.ts';

function html(text: string, data: object): string[] {
  return linesOf(viewOfBody(aTaskBody(data), readHtmlForm(text)));
}

const field = (more = '') => `<input cam-variable-name="name" cam-variable-type="String" ${more}>`;

test.each([
  ['for it', `<label for="n">Your <em>name</em>:</label><div>${field('id="n"')}</div>`, 'Your name:'],
  ['for it, further down', `${field('id="n"')}<p>x</p><label for=n>Your name</label>`, 'Your name'],
  ['around it', `<label>Your name ${field()}</label>`, 'Your name'],
  ['just before it', `<label>Your name</label><div>${field()}</div>`, 'Your name'],
  ['in another case, with entities', `<LABEL FOR='n'>Caf&eacute; &amp; bar</LABEL>${field("ID='n'")}`, 'Café & bar'],
  ['as an attribute', field('aria-label="Your name"'), 'Your name'],
  ['that is its hint', field('placeholder="Your name"'), 'Your name'],
  ['of nothing: the words of its variable', '<textarea cam-variable-name="fullName"></textarea>', 'Full name'],
  [
    'around it, without the text that is in it',
    '<label>Full name <textarea cam-variable-name="fullName">old text</textarea></label>',
    'Full name',
  ],
  ['of another one', `<label for="x">Other</label>${field()}`, 'Name'],
])('a variable has the label that stands %s', (_where, text, label) => {
  expect(html(text, { name: 'Anna', fullName: 'Anna' })[0]).toBe(`${label}: Anna`);
});

describe('controls', () => {
  test('a select shows the text of the option', () => {
    const select = `<label for=c>City</label><select id=c cam-variable-name="city">
      <option value="o">Oslo &amp; around<option value="h" selected>Hull</option><optgroup label=x><option>Leeds</optgroup></select>`;
    expect(html(select, { city: 'o' })).toEqual(['City: Oslo & around']);
    expect(html(select, { city: 'Leeds' })).toEqual(['City: Leeds']);
    expect(html(select, { city: 'x' })).toEqual(['City: x']);
  });

  test('a select whose choices are a variable shows them where they were sent', () => {
    const select = '<select cam-variable-name="city" cam-choices="cities"></select>';
    expect(html(select, { city: 'o', cities: { o: 'Oslo' } })[0]).toBe('City: Oslo');
  });

  test('radio buttons of one variable are one answer, below the legend around them', () => {
    const radios = `<fieldset><legend>In work?</legend>
      <label><input type=radio cam-variable-name="work" cam-variable-type="Boolean" value=true> In work</label>
      <label><input type=radio cam-variable-name="work" cam-variable-type="Boolean" value=false> Out of work</label></fieldset>`;
    expect(html(radios, { work: false })).toEqual(['In work?: Out of work']);
  });

  test('a field set around several is a group', () => {
    const text = `<fieldset><legend>Person</legend>${field()}<input cam-variable-name="age"></fieldset><input cam-variable-name="city">`;
    expect(html(text, { name: 'Anna', age: 4, city: 'Hull' })).toEqual([
      'Person › Name: Anna',
      'Person › Age: 4',
      'City: Hull',
    ]);
  });

  test('check boxes, dates, files, passwords and hidden variables are what they are', () => {
    const text = `<input type="checkbox" cam-variable-name="ok"><input cam-variable-name="day" cam-variable-type="Date">
      <input type=datetime-local cam-variable-name=at><input type=file cam-variable-name=photo>
      <input type=password cam-variable-name=pin><input type=hidden cam-variable-name=token>`;
    const data = { ok: false, day: '2026-11-21T00:00:00.000Z', at: '2026-11-21T08:53', pin: 'x', token: 'y' };
    expect(html(text, data)).toEqual([
      'Ok: no',
      'Day: 21 November 2026',
      'At: 21 November 2026, 08:53',
      'Photo: –',
      'Pin: Not shown, as in the form',
    ]);
  });
});

test('what a script of the form wrote is shown after the fields', () => {
  const text = `${field()}<script cam-script>var x = '<input cam-variable-name="fake">';</script>`;
  expect(html(text, { name: 'Anna', total: 5 })).toEqual(['Name: Anna', 'More data › Total: 5']);
});

test.each([
  '',
  'no form',
  '<form><input name="x"></form>',
  '<!-- <input cam-variable-name="x"> -->',
  '<input cam-variable-name="">',
  '< input cam-variable-name="x">',
])('%j is no form that can be read', (text) => {
  expect(readHtmlForm(text)).toBeNull();
});

test('broken HTML is read as far as it goes, in a time that follows its length', () => {
  const started = performance.now();
  for (const piece of [
    '<',
    '<a ',
    '<a b="',
    "<a b='",
    '<label>',
    '<select cam-variable-name=x><option',
    '<!--',
    '<script>',
  ])
    readHtmlForm(`<input cam-variable-name=a>${piece.repeat(100_000)}`);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(html('<input cam-variable-name="name', { name: 'Anna' })).toEqual(['Name: Anna']);
});
