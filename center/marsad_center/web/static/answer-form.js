// A person's answer to a recommendation. The name is remembered for this tab only: control rooms share their computers.

import { element, fill } from './dom.js';

const DECISIONS = ['acknowledged', 'acted', 'declined'];
const NAME = 'marsad-name';

export class AnswerForm {
  constructor(id, about, context) {
    this.id = id;
    this.texts = context.texts.answer;
    this.by = element('input', { name: 'by', required: true, maxlength: '100', autocomplete: 'name', dir: 'auto' });
    this.by.value = sessionStorage.getItem(NAME) ?? '';
    this.note = element('textarea', { name: 'note', rows: '2', maxlength: '500', dir: 'auto' });
    this.fault = element('p', { class: 'fault', role: 'alert' });
    this.send = element('button', {}, this.texts.send);
    const choices = DECISIONS.map((decision, index) => element('label', { class: 'choice' },
      element('input', { type: 'radio', name: 'decision', value: decision, checked: index === 0 }), this.texts[decision]));
    this.form = element('form', {},
      element('fieldset', {}, element('legend', {}, this.texts.decision), ...choices),
      element('label', {}, this.texts.by, this.by),
      element('label', {}, this.texts.note, this.note),
      this.fault, this.send);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.node = element('details', { class: 'answer' }, element('summary', { 'aria-label': fill(this.texts.about, { about }) }, this.texts.open), this.form);
  }

  async #submit() {
    const decision = new FormData(this.form).get('decision');
    this.send.disabled = true;
    this.fault.textContent = '';
    try {
      const answer = await fetch(`/api/v1/recommendations/${this.id}/acknowledge`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ by: this.by.value, note: this.note.value, decision }),
      });
      if (answer.ok) this.#done();
      else this.fault.textContent = `${this.texts.failed} ${(await answer.json()).detail ?? ''}`;
    } catch {
      this.fault.textContent = this.texts.failed;
    }
    this.send.disabled = false;
  }

  #done() {
    sessionStorage.setItem(NAME, this.by.value);
    this.note.value = '';
    this.node.open = false;
    this.node.querySelector('summary').focus();
  }
}
