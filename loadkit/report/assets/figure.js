"use strict";
// One chart of the page: where things lie in it, and what its crosshair reads.
const Figure = (() => {
  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const MOST_TICKS = 11;
  const find = (root, selector) => [...root.querySelectorAll(selector)];
  const percent = (value) => `${value.toFixed(4)}%`;
  // Only what changes is written: a write that changes nothing still costs the browser a layout.
  const put = (style, name, value) => { if (style[name] !== value) style[name] = value; };

  function create(parent, name, css) {
    const made = document.createElement(name);
    made.className = css;
    parent.append(made);
    return made;
  }

  // The usual distance of neighbours decides how near a measurement must be to be of an instant.
  function reach(x) {
    const gaps = x.slice(1).map((v, i) => v - x[i]).sort((a, b) => a - b);
    return gaps.length ? Math.max(0.51, gaps[gaps.length >> 1] * 0.75) : 0.51;
  }

  function nearest({ x, reach: far }, at) {
    if (!x.length) return null;
    let low = 0, high = x.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle] <= at) low = middle; else high = middle;
    }
    const n = Math.abs(x[low] - at) <= Math.abs(x[high] - at) ? low : high;
    return Math.abs(x[n] - at) <= far ? n : null;
  }

  function scale(s) {
    if (!s) return () => null;
    return (value) => {
      const held = Math.min(Math.max(value, s.low), s.high);
      const part = s.log ? Math.log(held / s.low) / Math.log(s.high / s.low) : (held - s.low) / (s.high - s.low);
      return s.height * (1 - part);
    };
  }

  // root: the figure element; chart: its part of the page's data; histograms: of the run, or null.
  function make(root, chart, histograms) {
    const key = root.dataset.chart;
    const plot = root.querySelector(".plot");
    const svg = plot.querySelector("svg");
    const overlay = root.querySelector(".overlay");
    const times = root.querySelector(".times");
    const reading = root.querySelector(".reading");
    const height = svg.viewBox.baseVal.height;
    const spans = find(root, "[data-a]").map((mark) => ({ mark, from: +mark.dataset.a, to: +mark.dataset.b }));
    const points = find(root, "[data-at]").map((mark) => ({ mark, at: +mark.dataset.at }));
    const y = scale(chart.scale);
    const brush = create(overlay, "i", "brush");
    const cell = chart.heat ? create(overlay, "i", "cell") : null;
    const cross = create(plot, "i", "cross");
    const label = create(cross, "b", "");
    brush.hidden = cross.hidden = true;
    if (cell) cell.hidden = true;
    const series = chart.series.map((one, n) => {
      const button = root.querySelector(`button[data-series="${n}"]`);
      const dot = create(overlay, "i", `dot ${button.className}`);
      dot.hidden = true;
      const before = one.before ? { ...one.before, reach: reach(one.before.x) } : null;
      return { ...one, key: `${key}:${one.name}`, button, dot, before, output: button.querySelector("output"),
        reach: reach(one.x), lines: find(root, `g[data-series="${n}"]`), hidden: false };
    });
    let ticks = "";

    function draw(view, share) {
      const length = view.to - view.from;
      svg.setAttribute("viewBox", `${view.from} 0 ${length} ${height}`);
      for (const { mark, from, to } of spans) {
        const left = Math.max(0, share(from)), right = Math.min(100, share(to));
        mark.hidden = right <= left;
        if (mark.hidden) continue;
        put(mark.style, "left", percent(left));
        put(mark.style, "width", percent(right - left));
      }
      for (const { mark, at } of points) {
        const left = share(at);
        put(mark.style, "left", percent(Math.max(0, left)));
        mark.hidden = left > 92;
      }
      mark_times(view, share);
    }

    function mark_times(view, share) {
      const length = view.to - view.from;
      const step = STEPS.find((s) => length / s <= MOST_TICKS) || STEPS[STEPS.length - 1];
      const digits = step < 1 ? 1 : 0;
      const wanted = [];
      for (let n = Math.ceil(view.from / step - 1e-9); n * step <= view.to + 1e-9; n += 1) wanted.push(n * step);
      const key_ = wanted.map((at) => Numbers.clock(at, digits)).join();
      if (key_ !== ticks) {
        ticks = key_;
        times.replaceChildren(...wanted.map((at) => {
          const made = document.createElement("span");
          made.textContent = Numbers.clock(at, digits);
          return made;
        }));
      }
      wanted.forEach((at, n) => put(times.children[n].style, "left", percent(share(at))));
    }

    // at: seconds or null; row: of the heat map, or null; stage: name to stand beside the time.
    function point(at, row, stage, share, baseline) {
      cross.hidden = at === null;
      if (at !== null) {
        const place = share(at);
        put(cross.style, "left", percent(place));
        label.textContent = Numbers.clock(at, 1) + (stage ? ` ${stage}` : "");
        put(label.style, "transform", place < 6 ? "translateX(0)" : place > 94 ? "translateX(-100%)" : "");
      }
      for (const one of series) read(one, at, share, baseline);
      if (cell) read_cell(at, row, share);
    }

    function read(one, at, share, baseline) {
      const n = at === null ? null : nearest(one, at);
      const value = n === null ? null : one.y[n];
      let text = at === null ? "" : Numbers.show(chart.kind, value);
      if (at !== null && one.before && baseline) {
        const m = nearest(one.before, at);
        text += ` (${Numbers.show(chart.kind, m === null ? null : one.before.y[m])})`;
      }
      if (one.output.textContent !== text) one.output.textContent = text;
      const height_ = value === null || value === undefined ? null : y(value);
      one.dot.hidden = height_ === null || one.hidden;
      if (!one.dot.hidden) {
        put(one.dot.style, "left", percent(share(one.x[n])));
        put(one.dot.style, "top", `${height_}px`);
      }
    }

    function read_cell(at, row, share) {
      const found = at === null || row === null || !histograms ? null
        : histograms.cell(chart.heat, Math.floor(at / chart.heat.column), row);
      cell.hidden = !found;
      let text = "";
      if (found) {
        const start = Math.floor(at / chart.heat.column) * chart.heat.column;
        text = `${Numbers.show("duration", found.low)} to ${Numbers.show("duration", found.high)}: `
          + `${Numbers.show("count", found.count)} in ${chart.heat.column} s`;
        const tall = height / rows();
        put(cell.style, "left", percent(share(start)));
        put(cell.style, "width", percent(share(start + chart.heat.column) - share(start)));
        put(cell.style, "top", `${height - (row + 1) * tall}px`);
        put(cell.style, "height", `${tall}px`);
      }
      if (reading.textContent !== text) reading.textContent = text;
    }

    const rows = () => chart.heat.bounds.length - 1;

    // The row of the heat map at a height in pixels, or that of a latency.
    function row_at(pixels) {
      return chart.heat ? Math.min(rows() - 1, Math.max(0, Math.floor((1 - pixels / height) * rows()))) : null;
    }

    function row_of(seconds) {
      return chart.heat && seconds ? row_at(y(seconds)) : null;
    }

    function paint(chosen, view, share) {
      brush.hidden = !chosen || chosen[1] <= view.from || chosen[0] >= view.to;
      if (brush.hidden) return;
      const left = share(chosen[0]), right = share(chosen[1]);
      put(brush.style, "left", percent(left));
      put(brush.style, "width", percent(right - left));
    }

    function hide(one, on) {
      one.hidden = on;
      one.button.setAttribute("aria-pressed", String(!on));
      for (const line of one.lines) line.style.display = on ? "none" : "";
    }

    const said = () => [...series.map((s) => `${s.name} ${s.output.textContent}`), reading ? reading.textContent : ""]
      .filter(Boolean).join(", ");

    // Mean and largest of a series' points in a stretch.
    function means(from, to) {
      return series.map((one) => {
        const values = one.y.filter((v, n) => v !== null && one.x[n] >= from && one.x[n] < to);
        return { name: one.name, n: values.length, mean: values.reduce((a, b) => a + b, 0) / values.length };
      }).filter((one) => one.n);
    }

    // What was added to the page, so that it can be started again.
    function remove() {
      for (const made of [brush, cross, cell, ...series.map((s) => s.dot)]) if (made) made.remove();
    }

    return { key, root, plot, chart, series, draw, point, paint, hide, said, means, row_at, row_of, rows, remove };
  }

  return { make, reach };
})();
