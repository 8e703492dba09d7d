// Numbers, durations and times in the reader's language. Units: shares are 0 to 1, times are seconds.
// Times of day are the center's, wherever its reader is: two who talk about one page see the same.

const DASH = '–';

/** The zone, or the reader's own where the browser has not heard of it. */
function known(timeZone) {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return timeZone;
  } catch {
    return undefined;
  }
}

export class Format {
  constructor(tag, zone) {
    const timeZone = known(zone);
    this.number = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
    this.decimal = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 });
    this.fraction = new Intl.NumberFormat(tag, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    this.percent = new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 });
    this.units = Object.fromEntries(
      [['second', 1], ['second', 0], ['minute', 0], ['hour', 1], ['day', 0]].map(([unit, digits]) => [
        unit + digits,
        new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }),
      ]),
    );
    this.timeOfDay = new Intl.DateTimeFormat(tag, { timeStyle: 'medium', hourCycle: 'h23', timeZone });
    const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
    this.clock = new Intl.DateTimeFormat(tag, { ...clock, timeZone });
    this.clockOnly = new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
    this.hourOfDay = new Intl.DateTimeFormat(tag, { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone });
    this.dateAndTime = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23', timeZone });
    this.day = new Intl.DateTimeFormat(tag, { dateStyle: 'short', timeZone });
  }

  /** Parts {text, unit} of a value; a dash when there is not enough data. Never 0 for nothing. */
  parts(value, unit) {
    if (value === null || value === undefined) return [{ text: DASH, unit: false }];
    const [format, amount] = this.#chosen(value, unit);
    return format.formatToParts(amount).map((part) => ({
      text: part.value,
      unit: part.type === 'unit' || part.type === 'percentSign',
    }));
  }

  /** The same as one string. */
  value(value, unit) {
    return this.parts(value, unit).map((part) => part.text).join('');
  }

  duration(seconds) {
    return this.value(seconds, 'seconds');
  }

  /** Time of day, with the date when it is not today's. */
  time(instant) {
    if (!instant) return DASH;
    const date = new Date(instant);
    const today = this.day.format(date) === this.day.format(new Date());
    return (today ? this.timeOfDay : this.dateAndTime).format(date);
  }

  /** The same without seconds. */
  minute(instant) {
    const date = new Date(instant);
    const today = this.day.format(date) === this.day.format(new Date());
    return (today ? this.clockOnly : this.dateAndTime).format(date);
  }

  #chosen(value, unit) {
    if (unit === 'share') return [this.percent, value];
    if (unit !== 'seconds') return [Math.abs(value) < 100 ? this.decimal : this.number, value];
    if (value < 10) return [this.units.second1, value];
    if (value < 120) return [this.units.second0, value];
    if (value < 7200) return [this.units.minute0, value / 60];
    if (value < 172800) return [this.units.hour1, value / 3600];
    return [this.units.day0, value / 86400];
  }
}
