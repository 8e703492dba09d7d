// One open recommendation: what to consider, the figures that caused it, what people said, and the form to answer.

import { AnswerForm } from './answer-form.js';
import { element, fill, isolated, setText } from './dom.js';

export class AdviceView {
  constructor(recommendation, context) {
    this.context = context;
    const { format, rules, texts, nameOf } = context;
    const rule = rules.get(recommendation.rule);
    const name = rule?.name ?? recommendation.rule;
    const where = nameOf(recommendation.facility);
    this.causes = recommendation.causes.map((cause) => this.#cause(cause, recommendation.facility));
    this.state = element('span', { class: 'status' });
    this.events = element('ul', { class: 'events' });
    const form = new AnswerForm(recommendation.id, `${name}, ${where}`, context);
    this.node = element('li', { 'data-recommendation': String(recommendation.id), 'data-rule': recommendation.rule },
      element('span', { class: 'sign', 'aria-hidden': 'true' }),
      element('article', { 'aria-label': `${name}, ${where}` },
        element('h3', {}, name, ' · ', element('bdi', {}, where), ' ', this.state),
        element('p', { class: 'since' }, fill(texts.advice.since, { time: format.time(recommendation.openedAt) })),
        element('p', { class: 'sentence' }, rule?.sentence ?? ''),
        element('ul', { class: 'causes' }, ...this.causes.map((cause) => cause.node)),
        this.events, form.node));
    this.facility = recommendation.facility;
  }

  show(recommendation) {
    const { format, texts } = this.context;
    this.shown = recommendation;
    this.node.dataset.decision = recommendation.decision ?? '';
    setText(this.state, texts.advice.decision[recommendation.decision ?? 'none']);
    const said = recommendation.events.filter((event) => event.by);
    this.events.replaceChildren(...said.map((event) => element('li', { title: event.identity ?? '' },
      fill(texts.advice.said[event.kind], { by: isolated(event.by), time: format.time(event.at) }),
      event.note ? ' ' : null,
      event.note ? element('q', {}, isolated(event.note)) : null)));
  }

  heard(figure) {
    if (figure.facility !== this.facility) return;
    for (const cause of this.causes) if (cause.figure === figure.id) cause.now(figure);
  }

  #cause(cause, facility) {
    const { entries, figures, format, texts, help } = this.context;
    const entry = entries.get(cause.figure);
    const unit = cause.part ? 'count' : entry?.unit;
    const name = (entry?.name ?? cause.figure) + (cause.part ? ` (${texts.state[cause.part] ?? cause.part})` : '');
    const current = element('span', { class: 'current' });
    const node = element('li', { class: cause.holds ? 'holds' : 'other' },
      entry ? help.button(name, facility, cause.figure) : name, ' ',
      element('strong', {}, format.value(cause.value, unit)), ' ',
      element('span', { class: 'limit' }, fill(texts.advice.is[cause.is], { threshold: format.value(cause.threshold, unit) })), ' ', current);
    const now = (figure) => {
      const value = figure && figure.value !== null && cause.part ? figure.breakdown?.[cause.part] : figure?.value;
      setText(current, fill(texts.advice.now, { value: format.value(value, unit) }));
    };
    now(figures.get(`${facility} ${cause.figure}`));
    return { figure: cause.figure, node, now };
  }
}
