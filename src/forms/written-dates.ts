import type { DayPart } from './form-outline.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const CLOCK = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?`;
const ZONE = String.raw`(Z|[+-]\d\d:?\d\d)?`;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME = new RegExp(String.raw`^(\d{4})-(\d\d)-(\d\d)[T ]${CLOCK}\s?${ZONE}$`);
const TIME = new RegExp(`^${CLOCK}${ZONE}$`);
const LONGEST = 40;

/**
 * An ISO 8601 date or time as a person writes it: `21 November 2026, 08:53 UTC`. Times with an offset are told in UTC, those
 * without one as they stand. `null` for anything else.
 *
 * `date`: only the day was asked for. Pickers then store midnight or noon where the person was, so the day is taken as it stands
 * there; at any other hour it may be another day somewhere else, and the whole time is told.
 */
export function writeDate(text: string, asked: 'date' | 'date-time'): string | null {
  if (text.length > LONGEST) return null;
  const [, ...date] = DATE.exec(text) ?? [];
  if (date.length > 0) return isDay(date) ? writeDay(utc(date)) : null;
  const [, year, month, day, hour, minute, second = '00', zone] = DATE_TIME.exec(text) ?? [];
  if (year === undefined || !isDay([year, month, day]) || !isTime([hour, minute, second])) return null;
  const written = utc([year, month, day, hour, minute, second]);
  if (asked === 'date' && minute === '00' && second === '00' && (hour === '00' || hour === '12')) {
    return writeDay(written);
  }
  const moment = new Date(written.getTime() - offsetMs(zone));
  const clock = moment.toISOString().match(/T(\d\d:\d\d)(:\d\d)/);
  if (clock === null) return null;
  const seconds = clock[2] === ':00' ? '' : clock[2];
  return `${writeDay(moment)}, ${clock[1]}${seconds}${zone === undefined ? '' : ' UTC'}`;
}

/** `08:53`, with its zone where it has one. */
export function writeTime(text: string): string | null {
  const [, hour, minute, second = '00', zone] = TIME.exec(text.slice(0, LONGEST)) ?? [];
  if (hour === undefined || !isTime([hour, minute, second])) return null;
  const told = zone === undefined ? '' : zone === 'Z' ? ' UTC' : ` UTC${zone}`;
  return `${hour}:${minute}${second === '00' ? '' : `:${second}`}${told}`;
}

/** Day, month and year with slashes between, some of which may be zeros or absent: `00/11/2026` is "November 2026". */
export function writeParts(text: string, order: readonly DayPart[], shown: readonly DayPart[]): string | null {
  const values = text.split('/', 4);
  const parts = values.length === 3 ? order : shown;
  if (values.length !== parts.length || !values.every((value) => /^\d{1,4}$/.test(value))) return null;
  const numberOf = (part: DayPart): number => Number(values[parts.indexOf(part)] ?? 0);
  const month = numberOf('month');
  if (month > 12 || numberOf('day') > 31) return null;
  const words = [numberOf('day') || '', MONTHS[month - 1] ?? '', numberOf('year') || ''];
  return words.filter((word) => word !== '').join(' ');
}

function utc([year, month, day, hour = '0', minute = '0', second = '0']: (string | undefined)[]): Date {
  const date = new Date(0); // `Date.UTC` takes the years before 100 for those of the last century
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  return date;
}

function isDay([year, month, day]: (string | undefined)[]): boolean {
  const date = utc([year, month, day]);
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

function isTime([hour, minute, second]: (string | undefined)[]): boolean {
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

function offsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? '') ?? [];
  const ms = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  return sign === '-' ? -ms : ms;
}

function writeDay(date: Date): string {
  const year = String(Math.max(date.getUTCFullYear(), 0)).padStart(4, '0');
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${year}`;
}
