// The live page: one stream in, every view updated in place.

import { Advice } from './advice.js';
import { Attention } from './attention.js';
import { Codes } from './codes.js';
import { Facilities } from './facilities.js';
import { Feeds } from './feeds.js';
import { Forecasts } from './forecasts.js';
import { Format } from './format.js';
import { Help } from './help.js';
import { History } from './history.js';
import { Link } from './link.js';
import { Panels } from './panels.js';
import { Scope } from './scope.js';
import { Stream } from './stream.js';
import { Trends } from './trends.js';

const config = JSON.parse(document.getElementById('config').textContent);
const RELOAD_MS = 15000;
const WORST = ['silent', 'refused', 'stale', 'live', 'never']; // a facility is never connected only when no feed of it is
const byId = (id) => document.getElementById(id);

const names = new Map(config.center.facilities.map((facility) => [facility.code, facility.displayNames]));
// Facilities that declare the same group are counted together; the first of them says what it is called.
const groupNames = new Map(config.center.facilities.flatMap((facility) => facility.vaccination.map((group) => [group.name, group.displayNames])).reverse());
const named = (texts, code) => texts?.[config.locale.code] ?? texts?.en ?? code;
const context = {
  center: config.center,
  texts: config.texts,
  direction: config.locale.direction,
  groups: config.groups,
  format: new Format(config.locale.tag, config.center.timeZone),
  entries: new Map(config.catalogue.map((entry) => [entry.id, entry])),
  rules: new Map(config.rules.map((rule) => [rule.id, rule])),
  figures: new Map(), // "facility id" -> the newest object
  feeds: new Map(), // "facility feed" -> the newest object
  look: (code) => scope.choose(code),
  nameOf: (code) => named(names.get(code), code),
  groupName: (name) => named(groupNames.get(name), name),
};
context.help = new Help(byId('help'), context);
context.history = new History(byId('history'), context);
context.trends = new Trends(context);

const advice = new Advice(context);
const facilities = new Facilities(byId('facilities'), context);
const feedTable = new Feeds(byId('feeds'), context);
new Codes(byId('codes'), context);
const attention = new Attention(byId('attention'), byId('attention-count'), context);
const panels = new Panels(byId('panels'), context);
const forecasts = new Forecasts(byId('forecasts'), byId('forecast-where'), context);
const scope = new Scope(byId('scope'), byId('quality'), context, (code) => {
  panels.look(code);
  forecasts.look(code);
});
const link = new Link(context);

let due = false;
/** Lists made from many objects are made once a frame, however many events came. */
function summarise() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    attention.show([...context.figures.values()], [...context.feeds.values()]);
    panels.summarise();
    scope.summarise();
    const states = new Map();
    for (const feed of context.feeds.values()) states.set(feed.facility, [...(states.get(feed.facility) ?? []), feed.state]);
    for (const [code, found] of states) facilities.showState(code, WORST.find((state) => found.includes(state)));
  });
}

/** The declaration changed (a facility, a language, a release): begin anew, but never in a loop. */
function declared(center) {
  if (JSON.stringify(center) === JSON.stringify(config.center)) return;
  const last = Number(sessionStorage.getItem('marsad-reloaded') ?? 0);
  setTimeout(() => {
    sessionStorage.setItem('marsad-reloaded', String(Date.now()));
    location.reload();
  }, Math.max(0, last + RELOAD_MS - Date.now()));
}

new Stream('/api/v1/stream', {
  open: () => link.opened(),
  cut: () => link.cut(),
  status: (status) => {
    link.told(status);
    advice.settled();
  },
  center: declared,
  recommendation: (recommendation) => advice.show(recommendation),
  indicator(figure) {
    context.figures.set(`${figure.facility ?? ''} ${figure.id}`, figure);
    panels.show(figure);
    facilities.show(figure);
    advice.heard(figure);
    link.heard(figure.computedAt);
    summarise();
  },
  feed(feed) {
    context.feeds.set(`${feed.facility} ${feed.feed}`, feed);
    feedTable.show(feed);
    summarise();
  },
});
