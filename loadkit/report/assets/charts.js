"use strict";
// Linked charts: one visible stretch of time, one crosshair and one selected window for all of them.
// start() may be called again on a page whose content was replaced: it lets go of what it held
// before, and goes on from what was shown, told apart by the names of charts and series.
const Charts = (() => {
  const LEAST = 2; // seconds that may fill the width
  let running = null;

  function start(data) {
    const kept = running ? running.stop() : Address.read(location.hash);
    running = page(data, kept);
    return running;
  }

  function page(data, kept) {
    const ending = new AbortController();
    const { signal } = ending;
    const view = { from: data.start, to: data.end };
    const histograms = Histograms.timeline(data.timeline);
    const step = histograms ? histograms.step : 1;
    const before = data.before ? { places: data.before.places, histograms: Histograms.timeline(data.before.timeline) } : null;
    const figures = [...document.querySelectorAll(".chart[data-chart]:not(.empty)")]
      .map((root) => Figure.make(root, data.charts[root.dataset.chart], histograms));
    const section = document.getElementById("charts");
    const reset = document.getElementById("reset");
    const toggle = document.getElementById("baseline");
    const spoken = document.getElementById("spoken");
    const root = document.getElementById("window");
    const longest = figures.flatMap((f) => f.series.map((s) => s.x)).sort((a, b) => b.length - a.length)[0] || [];
    const pace = Math.max(1, Math.round(Figure.reach(longest) / 0.75)); // seconds an arrow goes
    let hidden = new Set(); // keys of series, of those too that this page doesn't have (yet)
    let at = null, row = null, chosen = null, anchor = null, baseline = true, frame = 0, speaking = 0;

    const share = (seconds) => ((seconds - view.from) / (view.to - view.from)) * 100;
    const whole = () => view.from === data.start && view.to === data.end;
    const state = () => ({ window: chosen, zoom: whole() ? null : [view.from, view.to], hidden, baseline });
    const stageAt = (seconds) => (data.stages.find(([a, b]) => a <= seconds && seconds < b) || [])[2];

    // The time shown.

    function draw() {
      for (const f of figures) {
        f.draw(view, share);
        f.paint(chosen, view, share);
      }
      if (reset) reset.disabled = whole();
      point(at, row, null);
    }

    // Wheel and pointer can ask more often than the screen is painted.
    function later() {
      if (frame) return;
      frame = requestAnimationFrame(() => { frame = 0; draw(); });
    }

    function hold(from, to) {
      const full = data.end - data.start;
      const length = Math.min(full, Math.max(Math.min(LEAST, full), to - from));
      const low = Math.min(Math.max(data.start, (from + to - length) / 2), data.end - length);
      view.from = length === full ? data.start : low;
      view.to = length === full ? data.end : low + length;
    }

    function zoom(from, to) {
      hold(from, to);
      draw();
      Address.write(state());
    }

    function zoomBy(centre, factor) {
      const middle = centre ?? at ?? (view.from + view.to) / 2;
      hold(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
      later();
      Address.write(state());
    }

    function pan(from, length) {
      const held = Math.min(Math.max(data.start, from), data.end - length);
      hold(held, held + length);
      later();
    }

    function zoomIn() {
      if (chosen) zoom(chosen[0], Math.min(chosen[1], data.end));
    }

    const all = () => zoom(data.start, data.end);

    // The crosshair.

    function point(seconds, height, speaker) {
      at = seconds;
      row = height;
      const visible = at !== null && at >= view.from && at <= view.to ? at : null;
      const stage = visible === null ? "" : stageAt(visible);
      for (const f of figures) f.point(visible, row, stage, share, baseline);
      if (speaker && visible !== null) say(() => `${Numbers.clock(at, 1)} ${stage || ""}: ${speaker.said()}`);
    }

    function say(text) {
      clearTimeout(speaking);
      speaking = setTimeout(() => { spoken.textContent = text(); }, 250);
    }

    function reveal(seconds) {
      const length = view.to - view.from;
      if (seconds < view.from) zoom(seconds, seconds + length);
      else if (seconds > view.to) zoom(seconds - length, seconds);
    }

    function move(steps, f) {
      const middle = (view.from + view.to) / 2;
      const to = at === null ? Math.floor(middle / pace) * pace + pace / 2 : at + steps * pace;
      const held = Math.min(Math.max(to, data.start), data.end);
      reveal(held);
      point(held, row, f);
    }

    function climb(by, f) {
      if (at === null) move(0, null);
      const p50 = f.series[0] ? f.series[0].y[Math.floor(at)] : null;
      const from = row ?? f.row_of(p50) ?? Math.floor(f.rows() / 2);
      point(at, Math.min(f.rows() - 1, Math.max(0, row === null ? from : from + by)), f);
    }

    // The selected window: whole steps, because those are what the histograms know.

    function select(from, to, done) {
      if (from === null) chosen = null;
      else {
        const last = Math.ceil((data.end - 1e-9) / step) * step;
        const low = Math.floor(Math.min(from, to) / step + 1e-9) * step;
        const high = Math.ceil(Math.max(from, to) / step - 1e-9) * step;
        const a = Math.max(0, Math.min(low, last - step));
        chosen = [a, Math.min(last, Math.max(high, a + step))];
      }
      for (const f of figures) f.paint(chosen, view, share);
      const text = show();
      if (!done) return;
      anchor = null;
      if (text) say(() => text);
      Address.write(state());
    }

    function show() {
      const saturation = figures.find((f) => f.key === "saturation");
      const means = chosen && saturation ? saturation.means(...chosen) : [];
      const busiest = means.reduce((most, one) => (!most || one.mean > most.mean ? one : most), null);
      const stages = chosen ? data.stages.filter(([a, b]) => a < chosen[1] && b > chosen[0]).map((stage) => stage[2]) : [];
      return panel.show(chosen, data.end, stages, histograms, busiest, before);
    }

    function extend(steps, f) {
      if (!chosen || !anchor) {
        const begin = chosen ? chosen[0] : Math.floor((at ?? (view.from + view.to) / 2) / step) * step;
        anchor = { from: begin, to: chosen ? chosen[1] : begin };
      }
      anchor.to = Math.min(Math.max(anchor.to + steps * step, data.start), Math.ceil(data.end / step) * step);
      const held = anchor;
      select(anchor.from, anchor.to, true);
      anchor = held;
      reveal(Math.min(anchor.to, data.end));
      point(Math.min(anchor.to, data.end), row, null);
    }

    function escape() {
      if (chosen) {
        select(null, null, true);
        say(() => "Selection cleared");
      } else point(null, null, null);
    }

    // Series, and the other run's.

    function toggleSeries(f, one) {
      f.hide(one, !one.hidden);
      if (one.hidden) hidden.add(one.key); else hidden.delete(one.key);
      point(at, row, null);
      Address.write(state());
    }

    function overlay(on) {
      baseline = on;
      if (section) section.classList.toggle("alone", !on);
      if (toggle) toggle.setAttribute("aria-pressed", String(on));
      point(at, row, null);
    }

    async function copy() {
      const link = Address.link(state());
      let done = false;
      try {
        await navigator.clipboard.writeText(link);
        done = true;
      } catch {
        const field = document.createElement("textarea");
        field.value = link;
        field.className = "unseen";
        document.body.append(field);
        field.select();
        done = document.execCommand("copy");
        field.remove();
      }
      panel.told(done ? "Link copied" : link);
      setTimeout(() => panel.told(""), done ? 2500 : 30000);
    }

    // From an address or from the page before this one.
    function take(wanted) {
      hidden = new Set(wanted.hidden);
      for (const f of figures) for (const one of f.series) f.hide(one, hidden.has(one.key));
      overlay(wanted.baseline);
      hold(...(wanted.zoom || [data.start, data.end]));
      chosen = null;
      if (wanted.window) select(...wanted.window, false);
      else show();
      draw();
    }

    const api = { view, zoom, zoomBy, zoomIn, pan, all, point, move, climb, select, extend, escape,
      chosen: () => chosen, state, settle: () => { draw(); Address.write(state()); } };
    const panel = Selected.make(root, signal, { zoom: zoomIn, copy, clear: () => select(null, null, true) });

    for (const f of figures) {
      Gestures.pointer(f, api, signal);
      Gestures.keys(f, api, signal);
      for (const one of f.series) one.button.addEventListener("click", () => toggleSeries(f, one), { signal });
    }
    document.addEventListener("keydown", (event) => {
      const free = event.target === document.body || root.contains(event.target);
      if (!free || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "0") all();
      if (event.key === "Escape") escape();
    }, { signal });
    addEventListener("hashchange", () => {
      const wanted = Address.read(location.hash);
      if (!wanted) return;
      take(wanted);
      if (section) section.scrollIntoView();
    }, { signal });
    if (reset) reset.addEventListener("click", all, { signal });
    if (toggle) toggle.addEventListener("click", () => { overlay(!baseline); Address.write(state()); }, { signal });
    const idle = globalThis.requestIdleCallback || ((act) => setTimeout(act, 200));
    if (histograms) idle(() => { if (!signal.aborted) histograms.prepare(); });
    if (kept) take(kept);
    if (kept && kept.at !== undefined) point(kept.at, kept.row, null);

    api.stop = () => {
      ending.abort();
      cancelAnimationFrame(frame);
      clearTimeout(speaking);
      for (const f of figures) f.remove();
      return { ...state(), at, row };
    };
    return api;
  }

  return { start, show: Numbers.show };
})();
