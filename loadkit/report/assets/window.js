"use strict";
// The numbers of the stretch that was selected, worked out from the run's histograms.
const Selected = (() => {
  const MEASURES = ["response", "service"];
  const QUANTILES = ["p50", "p95", "p99"];

  // The stretches of the baseline that lie under [from, to); null where they are no whole steps.
  function under(from, to, baseline) {
    const parts = [];
    for (const [start, end, shift] of baseline.places) {
      const a = Math.max(from, start), b = Math.min(to, end);
      if (b > a) parts.push([a - shift, b - shift]);
    }
    const step = baseline.histograms.step;
    const whole = (value) => Math.abs(value / step - Math.round(value / step)) < 0.02;
    return parts.length && parts.every((part) => part.every(whole)) ? parts : null;
  }

  function make(root, signal, act) {
    const slot = (name) => root.querySelector(`[data-slot="${name}"]`);
    for (const name of ["zoom", "copy", "clear"]) {
      root.querySelector(`[data-act="${name}"]`).addEventListener("click", () => act[name](), { signal });
    }

    const values = (numbers, length) => {
      const found = {
        requests: Numbers.show("count", numbers ? numbers.due : null),
        rate: Numbers.show("rate", numbers ? numbers.completed / length : null),
        errors: Numbers.show("percent", numbers ? numbers.errors : null),
      };
      for (const measure of MEASURES) {
        QUANTILES.forEach((name, n) => { found[`${measure}-${name}`] = Numbers.show("duration", numbers ? numbers[measure][n] : null); });
      }
      return found;
    };

    function fill(found, prefix) {
      for (const [name, text] of Object.entries(found)) {
        const place = slot(prefix + name);
        if (place && place.textContent !== text) place.textContent = text;
      }
    }

    // Shows [from, to) and returns it in a sentence for those who listen.
    function show(chosen, end, stages, histograms, busiest, baseline) {
      root.hidden = !chosen;
      if (!chosen) return "";
      const [from, to] = chosen;
      const length = Math.min(to, end) - from;
      const when = `${Numbers.show("clock", from)} to ${Numbers.show("clock", to)}`;
      slot("when").textContent = when;
      slot("stages").textContent = `${length >= 120 ? Numbers.show("duration", length) : `${Number(length.toFixed(1))} s`}${stages.length ? `, ${stages.join(", ")}` : ""}`;
      const found = values(histograms ? histograms.numbers([[from, to]]) : null, length);
      found.busiest = busiest ? `${busiest.name} ${Numbers.show("percent", busiest.mean)}` : Numbers.show("percent", null);
      fill(found, "");
      if (baseline) {
        const parts = under(from, to, baseline);
        const whole = parts ? parts.reduce((sum, [a, b]) => sum + b - a, 0) : length;
        fill(values(parts && baseline.histograms.numbers(parts), whole), "before-");
      }
      return `Selected ${when}: ${found.requests} requests, ${found.rate}, errors ${found.errors}, response `
        + `${QUANTILES.map((name) => `${name} ${found[`response-${name}`]}`).join(", ")}, busiest ${found.busiest}`;
    }

    function told(text) {
      slot("told").textContent = text;
    }
    return { show, told };
  }
  return { make };
})();
