/** How a part is; `state` is one of few words, and nothing here comes from outside. */
export type Check = {
  ok: boolean;
  state: string;
  details?: Record<string, string | number | boolean | null>;
};

export type Part = {
  /** Whether its loop turns; a part without a loop of its own has none. */
  live?(): Check;
  /** Whether it can do its work. */
  ready(): Check;
};

type PartReport = { ok: boolean; state: string; [detail: string]: string | number | boolean | null };

export type Report = {
  ok: boolean;
  body: { status: 'ok' | 'failing'; parts: Record<string, PartReport> };
};

export type Health = {
  add(name: string, part: Part): void;
  /** A process that answers is alive unless a part says otherwise. */
  live(): Report;
  /** Not before there is a part: a process that has just begun cannot do anything yet. */
  ready(): Report;
};

export function createHealth(): Health {
  const parts = new Map<string, Part>();

  return {
    add(name, part) {
      parts.set(name, part);
    },
    live() {
      const alive = [...parts].filter(([, part]) => part.live !== undefined);
      return reportOf(alive.map(([name, part]) => [name, reportOfPart(() => part.live?.())]));
    },
    ready() {
      const report = reportOf([...parts].map(([name, part]) => [name, reportOfPart(() => part.ready())]));
      return parts.size > 0 ? report : { ok: false, body: { ...report.body, status: 'failing' } };
    },
  };
}

function reportOf(parts: [name: string, part: PartReport][]): Report {
  const ok = parts.every(([, part]) => part.ok);
  return { ok, body: { status: ok ? 'ok' : 'failing', parts: Object.fromEntries(parts) } };
}

function reportOfPart(check: () => Check | undefined): PartReport {
  try {
    const { ok, state, details } = check() ?? { ok: true, state: 'ok' };
    return Object.assign({ ok, state }, details, { ok, state });
  } catch {
    return { ok: false, state: 'unknown' };
  }
}
