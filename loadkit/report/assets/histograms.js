"use strict";
// The run's histograms by step of time: unpacked (loadkit/report/charts/pack.py wrote them), added
// up over a stretch, and asked for percentiles by nearest rank, as loadkit/bundle/histogram.py does.
const Histograms = (() => {
  const FIRST_ORDER = 6;

  function reader(text) {
    const content = atob(text);
    const bytes = new Uint8Array(content.length + 4); // room to look ahead
    for (let n = 0; n < content.length; n += 1) bytes[n] = content.charCodeAt(n);
    let at = 0;
    const bit = () => {
      const value = (bytes[at >> 3] >> (7 - (at & 7))) & 1;
      at += 1;
      return value;
    };
    // No shifts: numbers may have more than 31 bits.
    const plain = (width) => {
      let value = 0;
      for (let n = 0; n < width; n += 1) value = value * 2 + bit();
      return value;
    };
    const golomb = (order) => {
      // Most codes are short: the next 25 bits hold them whole.
      const n = at >> 3;
      const ahead = ((bytes[n] << 24) | (bytes[n + 1] << 16) | (bytes[n + 2] << 8) | bytes[n + 3]) << (at & 7);
      const width = 2 * Math.clz32(ahead) + 1 + order;
      if (width <= 25) {
        at += width;
        return (ahead >>> (32 - width)) - 2 ** order;
      }
      let zeros = 0;
      while (!bit()) zeros += 1;
      return 2 ** (zeros + order) + plain(zeros + order) - 2 ** order;
    };
    return { plain, golomb };
  }

  // Whole nanoseconds of a bucket: the first, and how many.
  function edges(bucket, bits) {
    const shift = Math.max(0, Math.floor(bucket / 2 ** bits) - 1);
    return { low: (bucket - shift * 2 ** bits) * 2 ** shift, width: 2 ** shift, shift };
  }

  function unpack(text, steps, bits) {
    const { plain, golomb } = reader(text);
    const first = new Int32Array(steps + 1), low = new Float64Array(steps), high = new Float64Array(steps);
    const buckets = [], counts = [];
    for (let step = 0; step < steps; step += 1) {
      const size = golomb(0);
      for (let n = 0; n < size; n += 1) {
        buckets.push(n ? buckets[buckets.length - 1] + 1 + golomb(0) : golomb(FIRST_ORDER));
        counts.push(golomb(0) + 1);
      }
      if (size) {
        const a = edges(buckets[buckets.length - size], bits), b = edges(buckets[buckets.length - 1], bits);
        low[step] = a.low + plain(a.shift);
        high[step] = b.low + plain(b.shift);
      }
      first[step + 1] = buckets.length;
    }
    return { first, low, high, buckets: Int32Array.from(buckets), counts: Float64Array.from(counts), bits,
      room: buckets.reduce((most, bucket) => Math.max(most, bucket), 0) + 1 };
  }

  // One histogram of several stretches of steps, each [from, to).
  function merge(all, stretches) {
    const sums = new Float64Array(all.room);
    let count = 0, low = Infinity, high = 0;
    for (const [from, to] of stretches) {
      for (let step = from; step < to; step += 1) {
        if (all.first[step] === all.first[step + 1]) continue;
        low = Math.min(low, all.low[step]);
        high = Math.max(high, all.high[step]);
        for (let n = all.first[step]; n < all.first[step + 1]; n += 1) {
          sums[all.buckets[n]] += all.counts[n];
          count += all.counts[n];
        }
      }
    }
    return { sums, count, low, high, bits: all.bits };
  }

  // Seconds at nearest rank; null of nothing. The middle of the bucket, within the exact extremes.
  function quantile(histogram, q) {
    const { sums, count, low, high, bits } = histogram;
    if (!count) return null;
    const rank = Math.max(1, Math.ceil(Number((q * count).toFixed(9))));
    if (rank >= count) return high / 1e9;
    let seen = 0;
    for (let bucket = 0; bucket < sums.length; bucket += 1) {
      seen += sums[bucket];
      if (seen >= rank) {
        const { low: edge, width } = edges(bucket, bits);
        return Math.min(Math.max(edge + (width - 1) / 2, low), high) / 1e9;
      }
    }
    return null;
  }

  // Requests of one step range that took as long as the buckets [from, to) say.
  function within(all, steps, from, to) {
    let count = 0;
    for (let n = all.first[steps[0]]; n < all.first[steps[1]]; n += 1) {
      if (all.buckets[n] >= from && all.buckets[n] < to) count += all.counts[n];
    }
    return count;
  }

  // What a page holds of one run; unpacked when first asked.
  function timeline(data) {
    if (!data) return null;
    const steps = data.due.length;
    const made = {};
    const get = (measure) => {
      const name = data[measure] === null ? "response" : measure;
      made[name] ??= unpack(data[name], steps, data.bits);
      return made[name];
    };
    const sum = (values, stretches) => stretches.reduce((total, [a, b]) => values.slice(a, b).reduce((x, y) => x + y, total), 0);
    return {
      // Takes some milliseconds that would be missed at the first touch.
      prepare: () => ["response", "service"].forEach(get),
      step: data.step,
      length: steps * data.step,
      steps,
      // Numbers of stretches in seconds, each [from, to); the ends are rounded to whole steps.
      numbers(stretches) {
        const at = (seconds) => Math.min(steps, Math.max(0, Math.round(seconds / data.step)));
        const parts = stretches.map(([a, b]) => [at(a), at(b)]).filter(([a, b]) => b > a);
        if (!parts.length) return null;
        const due = sum(data.due, parts), failed = sum(data.failed, parts);
        const result = { due, failed, completed: sum(data.completed, parts), errors: due ? failed / due : null };
        for (const measure of ["response", "service"]) {
          const merged = merge(get(measure), parts);
          result[measure] = [0.5, 0.95, 0.99].map((q) => quantile(merged, q));
        }
        return result;
      },
      // Count and edges (seconds) of a cell of the heat map.
      cell(heat, column, row) {
        const each = heat.column / data.step;
        const steps_ = [Math.min(steps, column * each), Math.min(steps, (column + 1) * each)];
        const last = edges(heat.bounds[row + 1] - 1, data.bits);
        return {
          count: within(get("response"), steps_, heat.bounds[row], heat.bounds[row + 1]),
          low: edges(heat.bounds[row], data.bits).low / 1e9,
          high: (last.low + last.width) / 1e9,
        };
      },
    };
  }
  return { timeline };
})();
