import type { Page } from '../../index/case-index.ts';

type PageLink = { number: number; href: string; current: boolean } | { ellipsis: true };

/** As the pagination of govuk-frontend takes it. */
export type PageLinks = {
  count: number;
  previous: { href: string } | null;
  next: { href: string } | null;
  items: PageLink[];
};

/** The first page, the last one, and those around this one; `null` where one page is enough. People count from 1. */
export function pageLinks({ number, size }: Page, total: number, hrefOf: (number: number) => string): PageLinks | null {
  const count = Math.ceil(total / size);
  if (count <= 1 && number === 0) return null;
  const shown = [0, number - 1, number, number + 1, count - 1].filter((each) => each >= 0 && each < count);
  const items: PageLink[] = [];
  let last = -1;
  for (const each of [...new Set(shown)].sort((a, b) => a - b)) {
    if (each > last + 1) items.push({ ellipsis: true });
    items.push({ number: each + 1, href: hrefOf(each), current: each === number });
    last = each;
  }
  return {
    count,
    previous: number > 0 ? { href: hrefOf(Math.min(number - 1, Math.max(0, count - 1))) } : null,
    next: number + 1 < count ? { href: hrefOf(number + 1) } : null,
    items,
  };
}
