"use strict";
// The page as a whole: started once, and again whenever its content was replaced (the live page).
const Page = (() => {
  const root = document.documentElement;
  const PIECE = 1 << 16; // characters, a few milliseconds each

  let charts = null;
  // Boxes that were scrolled: to ask all of them how far would have each laid out, on the screen or not.
  const scrolled = new Set();
  document.addEventListener("scroll", ({ target }) => {
    if (target !== document && target.matches(".scroll")) scrolled.add(target);
  }, { capture: true, passive: true });

  function start() {
    charts = Charts.start(JSON.parse(document.getElementById("data").textContent));
    document.querySelectorAll(".flame").forEach(flame);
    if (root.dataset.state !== "running") settle();
    return charts;
  }

  // The first view doesn't wait for what is below it; that is laid out in idle moments, a piece at a
  // time, so that a scroll meets no first layout and a picture of the whole page has all of it.
  function settle() {
    const waiting = [...document.querySelectorAll(".chart, .part, .flame")];
    const idle = window.requestIdleCallback || ((call) => setTimeout(call, 50));
    const next = () => {
      const piece = waiting.shift();
      if (!piece) return;
      piece.classList.add("settled");
      idle(next);
    };
    idle(next);
  }

  // Where a reader is: what is unfolded, what has the focus, and which part lies at the top.
  function place() {
    const name = (element) => {
      const owner = element.closest("[id]");
      const peers = owner ? [...owner.querySelectorAll(element.tagName)] : [];
      return owner && `${owner.id} ${element.tagName} ${peers.indexOf(element)}`;
    };
    // Of what is off the screen nothing is asked: that alone would have it laid out.
    const near = [...document.querySelectorAll("main > *, .part, .chart")].filter((e) => {
      const { top, bottom } = e.getBoundingClientRect();
      return bottom > 44 && top < innerHeight;
    });
    const named = near.flatMap((e) => [e, ...e.querySelectorAll("[id]")]).filter((e) => e.id)
      .map((e) => [e, e.getBoundingClientRect()]);
    // The first that begins in the window: of one that began above, it is not known where it grows.
    const [top] = named.find(([, box]) => box.top >= 44 && box.height) || named.find(([, box]) => box.bottom > 60) || [];
    const focus = document.activeElement;
    return {
      opened: [...document.querySelectorAll("main details[open]")].map(name),
      focus: focus && focus.closest("main") ? (focus.id ? `#${focus.id}` : name(focus)) : null,
      top: top && { id: top.id, y: top.getBoundingClientRect().top },
      scrolled: [...scrolled].filter((e) => e.isConnected).map((e) => [name(e), e.scrollLeft, e.scrollTop]),
    };
  }

  function find(name) {
    if (!name) return null;
    if (name.startsWith("#")) return document.getElementById(name.slice(1));
    const [id, tag, n] = name.split(" ");
    const owner = document.getElementById(id);
    return owner ? owner.querySelectorAll(tag)[n] : null;
  }

  function back({ opened, focus, top, scrolled }) {
    for (const name of opened) {
      const one = find(name);
      if (one) one.open = true;
    }
    for (const [name, x, y] of scrolled) find(name)?.scrollTo({ left: x, top: y, behavior: "instant" });
    const held = find(focus);
    if (held) held.focus({ preventScroll: true });
    const first = top && document.getElementById(top.id);
    if (first) scrollBy({ top: first.getBoundingClientRect().top - top.y, behavior: "instant" });
  }

  // Reads a newer report a piece at a time, so that the page goes on answering meanwhile.
  async function read(text) {
    const next = document.implementation.createHTMLDocument();
    next.open();
    for (let at = 0; at < text.length; at += PIECE) {
      next.write(text.slice(at, at + PIECE));
      await new Promise((done) => setTimeout(done));
    }
    next.close();
    return next;
  }

  // Takes the content of a newer report of the same run, which read() has made a document of.
  function replace(next) {
    const kept = place();
    scrolled.clear();
    for (const selector of ["main", ".bar nav", ".bar .run", "#data"]) {
      const [old, made] = [document.querySelector(selector), next.querySelector(selector)];
      if (old && made) old.replaceWith(document.adoptNode(made));
    }
    document.title = next.title;
    Object.assign(root.dataset, next.documentElement.dataset);
    start();
    back(kept);
    return charts;
  }

  root.classList.add("js");
  document.getElementById("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.style.colorScheme || (dark ? "dark" : "light");
    root.style.colorScheme = now === "dark" ? "light" : "dark";
  });
  // On paper everything is open, and afterwards as it was.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".part details:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
  // An address that names a window is no anchor: the browser doesn't scroll by itself.
  if (Address.read(location.hash)) document.getElementById("charts").scrollIntoView();
  start();
  return { start, read, replace, charts: () => charts };
})();
