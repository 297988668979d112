import type { Service } from '../../cases/found-case.ts';

/** What is missing on a page while a service is away, in a sentence for each. */
export type MissingWithout = Record<Service, string>;

const NO_ANSWER: Record<Service, string> = {
  engine: 'The process engine does not answer now.',
  'form-api': 'The form API does not answer now.',
};

export function tellAway(away: readonly Service[], missing: MissingWithout): string[] {
  return away.map((service) => `${NO_ANSWER[service]} ${missing[service]}`);
}
