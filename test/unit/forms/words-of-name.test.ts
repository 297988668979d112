import { expect, test } from '@jest/globals';
import { wordsOf, wordsOfPath } from '../../../src/forms/words-of-name.ts';

test.each([
  ['rentPerWeek', 'Rent per week'],
  ['rent_per_week', 'Rent per week'],
  ['rent-per-week', 'Rent per week'],
  ['claim.form', 'Claim form'],
  ['address1', 'Address 1'],
  ['URLOfSite', 'URL of site'],
  ['userID', 'User ID'],
  ['IBAN', 'IBAN'],
  ['größeÄußerung', 'Größe äußerung'],
  ['x', 'X'],
  ['Name', 'Name'],
])('%s is written as %s', (name, words) => {
  expect(wordsOf(name)).toBe(words);
});

test.each(['__proto__', 'bob@example.com', 'a  b', '2024', '<b>', '名前 です', '-'])(
  '%s is no plain name and stays as it is',
  (name) => {
    expect(wordsOf(name)).toBe(name);
  },
);

test.each(['', '  ', '\n'])('a name without a visible character says so', (name) => {
  expect(wordsOf(name)).toBe('Without a name');
});

test('a name of absurd length is cut', () => {
  expect(wordsOf('😀'.repeat(5_000)).length).toBeLessThan(310);
});

test('of a path the last name counts', () => {
  expect(wordsOfPath('address.postCode')).toBe('Post code');
  expect(wordsOfPath('address.')).toBe('address.');
});
