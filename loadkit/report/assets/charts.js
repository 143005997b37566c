"use strict";
// Linked charts: one visible stretch of time and one crosshair for all of them.
const Charts = (() => {
  const UNKNOWN = "—";
  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const LEAST = 2; // seconds that may fill the width
  const find = (root, selector) => [...root.querySelectorAll(selector)];

  // Numbers read as in the tables: three significant digits.
  function significant(value) {
    if (value === 0) return "0";
    let exponent = Math.floor(Math.log10(Math.abs(value)));
    const rounded = Number(value.toPrecision(3));
    exponent = Math.floor(Math.log10(Math.abs(rounded)) + 1e-12);
    const digits = Math.max(0, 2 - exponent);
    return rounded.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  }
  function duration(seconds) {
    const size = Math.abs(seconds);
    if (size === 0) return "0 ms";
    if (size >= 119.5) {
      const whole = Math.round(size);
      const pad = (n) => String(n).padStart(2, "0");
      if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
      return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
    }
    for (const [scale, unit] of [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]) {
      if (size >= 0.9995 * scale) return `${significant(seconds / scale)} ${unit}`;
    }
    return `${significant(seconds / 1e-9)} ns`;
  }
  const FORMATS = {
    duration,
    rate: (value) => `${significant(value)}/s`,
    percent: (value) => `${significant(value * 100)} %`,
  };
  const shown = (kind, value) => (value === null || value === undefined ? UNKNOWN : FORMATS[kind](value));

  function clock(seconds, digits) {
    const ticks = Math.round(Math.abs(seconds) * 10 ** digits);
    const whole = Math.floor(ticks / 10 ** digits);
    const pad = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    let text = hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
    if (digits) text += `.${String(ticks % 10 ** digits).padStart(digits, "0")}`;
    return seconds < 0 && ticks ? `−${text}` : text;
  }

  // The nearest measurement, if one is near enough to be of this instant.
  function nearest(series, at) {
    const x = series.x;
    if (!x.length) return null;
    let low = 0, high = x.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle] <= at) low = middle; else high = middle;
    }
    const n = Math.abs(x[low] - at) <= Math.abs(x[high] - at) ? low : high;
    return Math.abs(x[n] - at) <= series.reach ? n : null;
  }
  function reach(x) {
    const gaps = x.slice(1).map((v, i) => v - x[i]).sort((a, b) => a - b);
    return gaps.length ? Math.max(0.51, gaps[gaps.length >> 1] * 0.75) : 0.51;
  }

  function start(data) {
    const view = { from: data.start, to: data.end };
    const figures = find(document, ".chart[data-chart]:not(.empty)").map((root) => figure(root, data.charts[root.dataset.chart]));
    const reset = document.getElementById("reset");
    const spoken = document.getElementById("spoken");
    const steps = figures.flatMap((f) => f.series.map((s) => s.x)).sort((a, b) => b.length - a.length)[0] || [];
    const pace = Math.max(1, Math.round(reach(steps) / 0.75));
    let at = null, speaking = 0;

    function figure(root, chart) {
      const plot = root.querySelector(".plot");
      const overlay = root.querySelector(".overlay");
      const cross = document.createElement("i");
      cross.className = "cross";
      cross.hidden = true;
      cross.append(document.createElement("b"));
      plot.append(cross);
      const series = chart.series.map((one, n) => {
        const button = root.querySelector(`button[data-series="${n}"]`);
        const dot = document.createElement("i");
        dot.className = `dot ${button.className}`;
        dot.hidden = true;
        overlay.append(dot);
        return { ...one, n, button, dot, output: button.querySelector("output"), reach: reach(one.x), lines: find(root, `g[data-series="${n}"]`) };
      });
      return { root, plot, svg: plot.querySelector("svg"), times: root.querySelector(".times"), cross, chart, series,
        spans: find(root, "[data-a]"), points: find(root, "[data-at]") };
    }

    const share = (seconds) => ((seconds - view.from) / (view.to - view.from)) * 100;
    const percent = (value) => `${value.toFixed(4)}%`;

    function draw() {
      const length = view.to - view.from;
      const step = STEPS.find((s) => length / s <= 11) || STEPS[STEPS.length - 1];
      const digits = step < 1 ? 1 : 0;
      for (const f of figures) {
        const box = f.svg.viewBox.baseVal;
        f.svg.setAttribute("viewBox", `${view.from} 0 ${length} ${box.height}`);
        for (const mark of f.spans) {
          const left = Math.max(0, share(+mark.dataset.a)), right = Math.min(100, share(+mark.dataset.b));
          mark.style.left = percent(left);
          mark.style.width = percent(Math.max(0, right - left));
          mark.hidden = right <= left;
        }
        for (const mark of f.points) {
          const left = share(+mark.dataset.at);
          mark.style.left = percent(Math.max(0, left));
          mark.hidden = left > 92;
        }
        f.times.replaceChildren();
        for (let n = Math.ceil(view.from / step - 1e-9); n * step <= view.to + 1e-9; n += 1) {
          const label = document.createElement("span");
          label.textContent = clock(n * step, digits);
          label.style.left = percent(share(n * step));
          f.times.append(label);
        }
      }
      if (reset) reset.disabled = view.from === data.start && view.to === data.end;
      point(at, null);
    }

    function zoom(from, to) {
      const full = data.end - data.start;
      const length = Math.min(full, Math.max(Math.min(LEAST, full), to - from));
      const low = Math.min(Math.max(data.start, (from + to - length) / 2), data.end - length);
      view.from = length === full ? data.start : low;
      view.to = length === full ? data.end : low + length;
      draw();
    }

    const stageAt = (seconds) => (data.stages.find(([a, b]) => a <= seconds && seconds < b) || [])[2];

    function point(seconds, speaker) {
      at = seconds;
      const visible = at !== null && at >= view.from && at <= view.to;
      for (const f of figures) {
        f.cross.hidden = !visible;
        if (visible) {
          f.cross.style.left = percent(share(at));
          const stage = stageAt(at);
          const label = f.cross.firstChild;
          label.textContent = clock(at, 1) + (stage ? ` ${stage}` : "");
          const place = share(at);
          label.style.transform = place < 6 ? "translateX(0)" : place > 94 ? "translateX(-100%)" : "";
        }
        for (const one of f.series) mark(f, one, visible);
      }
      if (speaker && visible) speak(speaker);
    }

    function mark(f, one, visible) {
      const n = visible ? nearest(one, at) : null;
      const value = n === null ? null : one.y[n];
      one.output.textContent = visible ? shown(f.chart.kind, value) : "";
      one.output.value = one.output.textContent;
      const y = value === null || value === undefined ? null : f.chart.y(value);
      one.dot.hidden = y === null || one.button.getAttribute("aria-pressed") === "false";
      if (y !== null) {
        one.dot.style.left = percent(share(one.x[n]));
        one.dot.style.top = `${y}px`;
      }
    }

    function speak(f) {
      clearTimeout(speaking);
      speaking = setTimeout(() => {
        const values = f.series.map((s) => `${s.name} ${s.output.textContent}`).join(", ");
        spoken.textContent = `${clock(at, 1)} ${stageAt(at) || ""}: ${values}`;
      }, 250);
    }

    function move(direction, f) {
      const middle = (view.from + view.to) / 2;
      const from = at === null ? Math.floor(middle / pace) * pace + pace / 2 : at + direction * pace;
      const held = Math.min(Math.max(from, data.start), data.end);
      const length = view.to - view.from;
      if (held < view.from) zoom(held, held + length);
      else if (held > view.to) zoom(held - length, held);
      point(held, f);
    }

    function keys(event, f) {
      const factor = event.shiftKey ? 10 : 1;
      const length = view.to - view.from;
      const centre = at ?? (view.from + view.to) / 2;
      const actions = {
        ArrowLeft: () => move(-factor, f),
        ArrowRight: () => move(factor, f),
        Home: () => point(view.from, f),
        End: () => point(view.to, f),
        "+": () => zoom(centre - length / 4, centre + length / 4),
        "-": () => zoom(centre - length, centre + length),
        0: () => zoom(data.start, data.end),
        Escape: () => point(null, null),
      };
      const action = event.ctrlKey || event.metaKey || event.altKey ? null : actions[event.key === "=" ? "+" : event.key];
      if (!action || (event.target.closest("button,summary,table") && event.key.startsWith("Arrow") === false && event.key !== "0")) return;
      event.preventDefault();
      action();
    }

    function pointer(f) {
      let drag = null;
      const seconds = (event) => {
        const box = f.plot.getBoundingClientRect();
        const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        return view.from + part * (view.to - view.from);
      };
      f.plot.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") return;
        f.plot.setPointerCapture(event.pointerId);
        drag = { pan: event.shiftKey, from: seconds(event), x: event.clientX, view: { ...view } };
        if (!drag.pan) {
          drag.box = document.createElement("i");
          drag.box.className = "selection";
          f.plot.append(drag.box);
        }
      });
      f.plot.addEventListener("pointermove", (event) => {
        if (drag && drag.pan) {
          const length = drag.view.to - drag.view.from;
          const by = ((drag.x - event.clientX) / f.plot.clientWidth) * length;
          const from = Math.min(Math.max(data.start, drag.view.from + by), data.end - length);
          zoom(from, from + length);
        } else if (drag) {
          const here = seconds(event);
          drag.box.style.left = percent(share(Math.min(drag.from, here)));
          drag.box.style.width = percent(Math.abs(share(here) - share(drag.from)));
        }
        point(seconds(event), null);
      });
      const finish = (event) => {
        if (!drag) return;
        const { box, from, x } = drag;
        const here = seconds(event);
        drag = null;
        if (box) box.remove();
        if (box && event.type === "pointerup" && Math.abs(event.clientX - x) > 5) zoom(Math.min(from, here), Math.max(from, here));
      };
      f.plot.addEventListener("pointerup", finish);
      f.plot.addEventListener("pointercancel", finish);
      f.plot.addEventListener("pointerleave", () => { if (!drag) point(null, null); });
      f.plot.addEventListener("dblclick", () => zoom(data.start, data.end));
      f.plot.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const centre = seconds(event), factor = event.deltaY < 0 ? 0.8 : 1.25;
        zoom(centre - (centre - view.from) * factor, centre + (view.to - centre) * factor);
      }, { passive: false });
    }

    function toggle(one) {
      const on = one.button.getAttribute("aria-pressed") !== "true";
      one.button.setAttribute("aria-pressed", String(on));
      for (const line of one.lines) line.style.display = on ? "" : "none";
      point(at, null);
    }

    for (const f of figures) {
      f.chart.y = scale(f.chart.scale);
      pointer(f);
      f.root.addEventListener("keydown", (event) => keys(event, f));
      for (const one of f.series) one.button.addEventListener("click", () => toggle(one));
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "0" && event.target === document.body) zoom(data.start, data.end);
    });
    if (reset) reset.addEventListener("click", () => zoom(data.start, data.end));
    return { zoom, point, view };
  }

  function scale(s) {
    if (!s) return () => null;
    return (value) => {
      const held = Math.min(Math.max(value, s.low), s.high);
      const part = s.log ? Math.log(held / s.low) / Math.log(s.high / s.low) : (held - s.low) / (s.high - s.low);
      return s.height * (1 - part);
    };
  }

  return { start, show: shown };
})();
