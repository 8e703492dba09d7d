// What stands behind a figure: formula, unit, window, target and its source, and the times of this very value.

import { element, fill } from './dom.js';

export class Help {
  constructor(dialog, context) {
    this.dialog = dialog;
    this.context = context;
  }

  /** A button named `label` (`about` in full) that opens the help of an indicator for a facility. */
  button(label, facility, id, about = label) {
    const button = element('button', { type: 'button', class: 'name', title: fill(this.context.texts.help.about, { name: about }) }, label);
    button.addEventListener('click', () => this.show(facility, id));
    return button;
  }

  show(facility, id) {
    const { entries, texts, format, figures, nameOf } = this.context;
    const entry = entries.get(id);
    const figure = figures.get(`${facility} ${id}`);
    const where = facility ? nameOf(facility) : texts.attention.cluster;
    this.dialog.querySelector('#help-name').textContent = `${entry.name} · ${where}`;
    this.dialog.querySelector('#help-formula').textContent = entry.formula;
    const count = (value, what) => (value === null || value === undefined || !what ? null : `${format.number.format(value)} ${what}`);
    const rows = [
      [texts.help.now, figure && `${format.value(figure.value, figure.unit)} ${texts.status[figure.status] ?? ''}`],
      [texts.help.numerator, count(figure?.numerator, entry.numerator)],
      [texts.help.denominator, count(figure?.denominator, entry.denominator)],
      [texts.help.unit, texts.unit[entry.unit]],
      [texts.help.window, entry.window && fill(texts.window, { duration: format.duration(entry.window) })],
      [texts.help.target, figure?.target === null ? null : figure && format.value(figure.target, figure.unit)],
      [texts.help.source, entry.source],
      [texts.help.sourceAt, figure?.sourceAt && format.dateAndTime.format(new Date(figure.sourceAt))],
      [texts.help.quality, figure?.quality > 0 && fill(texts.silentShare, { share: format.value(figure.quality, 'share') })],
      [texts.help.computedAt, figure?.computedAt && format.time(figure.computedAt)],
    ];
    this.dialog.querySelector('#help-facts').replaceChildren(
      ...rows.filter(([, text]) => text).flatMap(([name, text]) => [element('dt', {}, name), element('dd', {}, element('bdi', {}, text))]),
    );
    this.dialog.showModal();
  }
}
