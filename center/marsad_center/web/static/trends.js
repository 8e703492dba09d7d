// The last 24 hours of every figure on the page: asked for when its card comes into view, and then continued live.

import { line } from './chart.js';
import { fill } from './dom.js';

const SPAN_MS = 24 * 3600 * 1000;
const STEP_SECONDS = 900;
const AT_ONCE = 4;

export class Trends {
  constructor(context) {
    this.context = context;
    this.shown = new Map(); // "facility id" -> {button, entry, points}
    this.waiting = [];
    this.running = 0;
    this.observer = new IntersectionObserver((seen) => seen.filter((each) => each.isIntersecting).forEach((each) => this.#ask(each.target)));
  }

  /** Forget all cards: others come. */
  forget() {
    this.observer.disconnect();
    this.shown.clear();
    this.waiting = [];
  }

  attach(button, facility, entry) {
    const key = `${facility} ${entry.id}`;
    this.shown.set(key, { button, entry, facility, points: null });
    button.setAttribute('aria-label', fill(this.context.texts.history.about, { name: entry.name }));
    button.addEventListener('click', () => this.context.history.show(facility, entry.id));
    button.closest('.card').dataset.trend = key;
    this.observer.observe(button.closest('.card'));
  }

  add(figure) {
    const trend = this.shown.get(`${figure.facility ?? ''} ${figure.id}`);
    if (!trend?.points || figure.value === null) return;
    const last = trend.points.at(-1);
    const at = Date.parse(figure.computedAt);
    if (last && at - last.at < (STEP_SECONDS * 1000) / 4) Object.assign(last, { value: figure.value });
    else trend.points.push({ at, value: figure.value });
    this.#draw(trend);
  }

  #ask(card) {
    this.observer.unobserve(card);
    this.waiting.push(card.dataset.trend);
    this.#next();
  }

  async #next() {
    if (this.running >= AT_ONCE || !this.waiting.length) return;
    const key = this.waiting.shift();
    const trend = this.shown.get(key);
    if (trend) {
      this.running += 1;
      try {
        trend.points = await points(trend.facility, trend.entry.id, { step: STEP_SECONDS });
        const figure = this.context.figures.get(key);
        if (figure) this.add(figure);
        this.#draw(trend);
      } catch {
        trend.points = null; // the figure itself is there; its past is asked for with the next look
      }
      this.running -= 1;
    }
    this.#next();
  }

  #draw({ button, points: known, facility, entry }) {
    const now = Date.now();
    const seen = known.filter((point) => point.at > now - SPAN_MS).map(({ at, value }) => ({ at, value }));
    button.hidden = seen.length < 2;
    if (button.hidden) return;
    const target = this.context.figures.get(`${facility} ${entry.id}`)?.target ?? null;
    button.replaceChildren(line(seen, { from: now - SPAN_MS, to: now, gap: 3 * STEP_SECONDS * 1000, target, width: 96, height: 22 }));
  }
}

/** Points {at, value, low, high} of a figure, oldest first. `query` of: step, from, to, part. */
export async function points(facility, id, query) {
  const parameters = new URLSearchParams({ facility, ...query });
  const answer = await fetch(`/api/v1/indicators/${encodeURIComponent(id)}/history?${parameters}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).map((point) => ({ ...point, at: Date.parse(point.at) }));
}
