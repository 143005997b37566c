"use strict";
// Pointer, wheel and keys on a chart, as calls of the page that holds it (charts.js).
const Gestures = (() => {
  const CLICK = 5; // pixels that are no drag yet
  const GRIP = 6; // pixels beside an edge of the window by which it can be taken

  function pointer(f, page, signal) {
    let drag = null, box = null;
    // Asking where a plot lies costs a layout, so it is asked once a frame.
    const measured = () => {
      if (!box) {
        box = f.plot.getBoundingClientRect();
        requestAnimationFrame(() => { box = null; });
      }
      return box;
    };
    const place = (event) => {
      const { left, top, width } = measured();
      const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
      return { at: page.view.from + part * (page.view.to - page.view.from), row: f.row_at(event.clientY - top) };
    };
    // A drag that begins at an edge of the window moves that edge.
    const opposite = (at) => {
      const chosen = page.chosen();
      if (!chosen) return null;
      const grip = (GRIP / measured().width) * (page.view.to - page.view.from);
      if (Math.abs(at - chosen[0]) <= grip) return chosen[1];
      return Math.abs(at - chosen[1]) <= grip ? chosen[0] : null;
    };
    const on = (name, act, options) => f.plot.addEventListener(name, act, { signal, ...options });

    on("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return;
      f.plot.setPointerCapture(event.pointerId);
      const { at } = place(event);
      drag = { pan: event.shiftKey, from: opposite(at) ?? at, x: event.clientX, view: { ...page.view }, before: page.chosen() };
    });
    on("pointermove", (event) => {
      const { at, row } = place(event);
      if (drag && drag.pan) {
        const length = drag.view.to - drag.view.from;
        const by = ((drag.x - event.clientX) / measured().width) * length;
        page.pan(drag.view.from + by, length);
      } else if (drag && Math.abs(event.clientX - drag.x) > CLICK) {
        page.select(drag.from, at, false);
      }
      page.point(at, row, null);
    });
    const finish = (event) => {
      if (!drag) return;
      const { pan, from, x, before } = drag;
      drag = null;
      if (pan) page.settle();
      else if (event.type === "pointercancel") page.select(...(before || [null, null]), false);
      else if (Math.abs(event.clientX - x) > CLICK) page.select(from, place(event).at, true);
    };
    on("pointerup", finish);
    on("pointercancel", finish);
    on("pointerleave", () => { if (!drag) page.point(null, null, null); });
    on("dblclick", () => page.all());
    on("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      page.zoomBy(place(event).at, event.deltaY < 0 ? 0.8 : 1.25);
    }, { passive: false });
  }

  function keys(f, page, signal) {
    const sideways = (event, direction) => {
      const steps = direction * (event.ctrlKey ? 10 : 1);
      if (event.shiftKey) page.extend(steps, f); else page.move(steps, f);
    };
    const actions = {
      ArrowLeft: (event) => sideways(event, -1),
      ArrowRight: (event) => sideways(event, 1),
      ArrowUp: f.chart.heat && (() => page.climb(1, f)),
      ArrowDown: f.chart.heat && (() => page.climb(-1, f)),
      Home: () => page.point(page.view.from, null, f),
      End: () => page.point(page.view.to, null, f),
      "+": () => page.zoomBy(null, 0.5),
      "-": () => page.zoomBy(null, 2),
      0: () => page.all(),
      Enter: () => page.zoomIn(),
      Escape: () => page.escape(),
    };
    f.root.addEventListener("keydown", (event) => {
      const arrow = event.key.startsWith("Arrow");
      if (event.metaKey || event.altKey || (event.ctrlKey && !arrow)) return;
      const action = actions[event.key === "=" ? "+" : event.key];
      const inside = event.target.closest("button,summary,table");
      if (!action || (inside && !["ArrowLeft", "ArrowRight", "0", "Escape"].includes(event.key))) return;
      event.preventDefault();
      event.stopPropagation();
      action(event);
    }, { signal });
  }

  return { pointer, keys };
})();
