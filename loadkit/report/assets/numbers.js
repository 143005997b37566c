"use strict";
// Numbers as the tables show them: three significant digits, a unit, a dash for the unknown.
const Numbers = (() => {
  const UNKNOWN = "—";
  const pad = (n) => String(n).padStart(2, "0");

  function significant(value) {
    if (value === 0) return "0";
    const rounded = Number(value.toPrecision(3));
    const exponent = Math.floor(Math.log10(Math.abs(rounded)) + 1e-12);
    const digits = Math.max(0, 2 - exponent);
    return rounded.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  }

  function duration(seconds) {
    const size = Math.abs(seconds);
    if (size === 0) return "0 ms";
    if (size >= 119.5) {
      const whole = Math.round(size);
      if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
      return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
    }
    for (const [scale, unit] of [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]) {
      if (size >= 0.9995 * scale) return `${significant(seconds / scale)} ${unit}`;
    }
    return `${significant(seconds / 1e-9)} ns`;
  }

  // A point on the time axis: 1:30, −0:05, 1:02:03; with digits, 1:30.4.
  function clock(seconds, digits) {
    const ticks = Math.round(Math.abs(seconds) * 10 ** digits);
    const whole = Math.floor(ticks / 10 ** digits);
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    let text = hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
    if (digits) text += `.${String(ticks % 10 ** digits).padStart(digits, "0")}`;
    return seconds < 0 && ticks ? `−${text}` : text;
  }

  const FORMATS = {
    duration,
    clock: (value) => clock(value, Number.isInteger(value) ? 0 : 1),
    count: (value) => value.toLocaleString("en-US"),
    rate: (value) => `${significant(value)}/s`,
    percent: (value) => `${significant(value * 100)} %`,
  };
  const show = (kind, value) => (value === null || value === undefined ? UNKNOWN : FORMATS[kind](value));
  return { show, clock };
})();
