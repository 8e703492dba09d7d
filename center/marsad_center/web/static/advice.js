// Recommendations: what is open, first what nobody has answered yet, and what was closed lately. Each is one view that is
// updated in place, so that whoever writes an answer is not interrupted by news.

import { AdviceView } from './advice-view.js';
import { element, fill, isolated, setText } from './dom.js';

const DAY_MS = 24 * 3600 * 1000;

export class Advice {
  constructor(context) {
    this.context = context;
    this.list = document.getElementById('advice');
    this.lately = document.getElementById('lately');
    this.count = document.getElementById('advice-count');
    this.announcer = document.getElementById('announce');
    this.known = new Map();
    this.views = new Map();
    this.isSettled = false;
    this.calm = element('li', { class: 'calm', hidden: true }, context.texts.advice.none);
    this.list.append(this.calm);
  }

  show(recommendation) {
    const isNew = !this.known.has(recommendation.id);
    this.known.set(recommendation.id, recommendation);
    if (recommendation.state === 'open') this.#open(recommendation);
    else this.#close(recommendation.id);
    this.#summarise();
    if (this.isSettled && isNew && recommendation.state === 'open') this.#announce(recommendation);
  }

  /** Everything there is has been sent: from now on, what comes is new. */
  settled() {
    this.isSettled = true;
    this.#summarise();
  }

  /** A figure changed: causes say what it is now. */
  heard(figure) {
    for (const view of this.views.values()) view.heard(figure);
  }

  #open(recommendation) {
    let view = this.views.get(recommendation.id);
    if (!view) {
      view = new AdviceView(recommendation, this.context);
      this.views.set(recommendation.id, view);
    }
    view.show(recommendation);
    const order = [...this.context.rules.keys()];
    const rank = ({ shown }) => [shown.decision ? 1 : 0, order.indexOf(shown.rule), shown.id];
    const sorted = [...this.views.values()].sort((a, b) => {
      const [x, y] = [rank(a), rank(b)];
      return x[0] - y[0] || x[1] - y[1] || x[2] - y[2];
    });
    sorted.forEach((each, index) => {
      if (this.list.children[index] !== each.node && !each.node.contains(document.activeElement)) this.list.insertBefore(each.node, this.list.children[index] ?? null);
    });
  }

  #close(id) {
    this.views.get(id)?.node.remove();
    this.views.delete(id);
  }

  #summarise() {
    const { format, texts } = this.context;
    const unanswered = [...this.views.values()].filter((view) => !view.shown.decision).length;
    setText(this.count, unanswered ? format.number.format(unanswered) : '');
    this.calm.hidden = this.views.size > 0 || !this.isSettled;
    const closed = [...this.known.values()].filter((each) => each.closedAt && Date.parse(each.closedAt) > Date.now() - DAY_MS);
    closed.sort((a, b) => b.closedAt.localeCompare(a.closedAt) || b.id - a.id);
    this.lately.hidden = !closed.length;
    setText(this.lately.querySelector('summary'), fill(texts.advice.lately, { count: format.number.format(closed.length) }));
    this.lately.querySelector('ul').replaceChildren(...closed.map((each) => this.#line(each)));
  }

  #line(recommendation) {
    const { format, rules, texts, nameOf } = this.context;
    const answered = recommendation.events.findLast((event) => event.by);
    const what = answered
      ? fill(texts.advice.said[answered.kind], { by: isolated(answered.by), time: format.time(answered.at) }) + (answered.note ? ` “${isolated(answered.note)}”` : '')
      : texts.advice.unanswered;
    return element('li', {},
      element('strong', {}, rules.get(recommendation.rule)?.name ?? recommendation.rule), ' · ',
      element('bdi', {}, nameOf(recommendation.facility)), ' · ',
      fill(texts.advice.lasted, { from: format.time(recommendation.openedAt), to: format.time(recommendation.closedAt) }),
      element('span', { class: 'sentence' }, what));
  }

  #announce(recommendation) {
    const { rules, texts, nameOf } = this.context;
    setText(this.announcer, fill(texts.advice.announce, { name: rules.get(recommendation.rule)?.name ?? recommendation.rule, facility: nameOf(recommendation.facility) }));
  }
}
