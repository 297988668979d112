import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseConfig } from '../../src/config.ts';
import { SETTING_NAMES, SETTINGS, type Setting } from '../../src/config-settings.ts';

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const page = readFileSync(new URL('../../docs/CONFIGURATION.md', import.meta.url), 'utf8');
const table = SETTING_NAMES.map((name): Setting & { name: string } => ({ name, ...SETTINGS[name] }));

test('.env.example shows every setting with its meaning and its default, and no other', () => {
  const shown = [...example.matchAll(/^# ([A-Z0-9_]+): (.+)\n(#? ?)([A-Z0-9_]+)=(.*)$/gm)].map(
    ([, about, meaning, comment, name, value]) => ({ about, meaning, given: comment === '', name, value }),
  );

  expect(shown.toSorted(byName)).toEqual(
    table
      .map(({ name, meaning, required, fallback }) => ({
        about: name,
        meaning,
        given: required !== undefined,
        name,
        value: required ?? fallback ?? '',
      }))
      .toSorted(byName),
  );
});

test('every line of .env.example with a value belongs to a setting', () => {
  const assignments = example.split('\n').filter((line) => /^#? ?[A-Z0-9_]+=/.test(line));

  expect(assignments).toHaveLength(SETTING_NAMES.length);
});

test('.env.example can be used as it is', () => {
  const given = Object.fromEntries(
    [...example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );

  expect(parseConfig(given)).toMatchObject({ vault: { environment: 'dev' } });
});

test('every default obeys its own rule', () => {
  const defaults = Object.fromEntries(table.map(({ name, required, fallback }) => [name, required ?? fallback]));

  expect(() => parseConfig(defaults)).not.toThrow();
});

test('docs/CONFIGURATION.md lists every setting with its default and its meaning, and no other', () => {
  const rows = [...page.matchAll(/^\| `[A-Z0-9_]+` \|.*$/gm)].map(([row]) => row);

  expect(rows.toSorted()).toEqual(
    table
      .map(({ name, meaning, required, fallback, fallbackNote }) => {
        const shown = required !== undefined ? 'required' : fallback !== undefined ? `\`${fallback}\`` : fallbackNote;
        return `| \`${name}\` | ${shown ?? '–'} | ${meaning} |`;
      })
      .toSorted(),
  );
});

test('settings that nothing reads yet stand in the last section of the page, and only they', () => {
  const last = page.slice(page.indexOf('## Settings that this version checks but does not use'));
  const names = [...last.matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);

  expect(names.toSorted()).toEqual(
    table
      .filter(({ later }) => later)
      .map(({ name }) => name)
      .toSorted(),
  );
});

function byName(a: { name?: string | undefined }, b: { name?: string | undefined }): number {
  return String(a.name) < String(b.name) ? -1 : 1;
}
