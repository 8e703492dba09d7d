// Small tools to build and update the page. Text always goes in as text: nothing here parses markup.

/** An element with attributes (true sets an empty one, false and null none) and children (nodes or text). */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Set text only where it differs, so that assistive technology and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Replace what a value element shows, given the parts of format.js; a change is marked unless it is the first value. */
export function setValue(node, parts) {
  const text = parts.map((part) => part.text).join('');
  if (node.textContent === text) return;
  const first = node.dataset.filled === undefined;
  node.dataset.filled = '';
  node.replaceChildren(...parts.map((part) => (part.unit ? element('small', {}, part.text) : part.text)));
  if (!first) flash(node);
}

function flash(node) {
  node.classList.remove('changed');
  void node.offsetWidth; // restarts the animation
  node.classList.add('changed');
}

/** Fill the {places} of a text. */
export function fill(text, places) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in places ? places[key] : whole));
}

/** Text of whatever direction that stands within a sentence and must not turn it (FSI ... PDI of Unicode). */
export function isolated(text) {
  return `\u2068${text}\u2069`;
}
