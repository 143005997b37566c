"use strict";
// Keeps the page up to date while the run goes on: asks for the next edition of the report and has
// the page take it over (Page.replace keeps what the reader has zoomed into, hidden or opened). Says
// how old the page is, and when nobody answers any more.
(() => {
  const start = JSON.parse(document.getElementById("live").textContent);
  const LONGEST_PAUSE_MS = 5000;
  let etag = start.etag;
  let over = start.final;
  let pending = null; // an edition that waits until the reader has both hands free
  let held = false; // by the button
  let pressed = false; // a pointer is down: a drag may be under way
  let refreshed = new Date();
  let lost = null; // since when the server does not answer
  let waiter = null; // ends the request under way

  // -- the bar ------------------------------------------------------------------------------

  const bar = document.createElement("div");
  bar.className = "live-bar";
  bar.innerHTML = '<i></i><span class="live-said" role="status"></span><time></time><button type="button"></button>';
  const [, said, time, button] = bar.children;
  document.querySelector(".bar").insertBefore(bar, document.getElementById("theme"));
  button.addEventListener("click", () => {
    held = !held;
    apply();
    show();
  });

  const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  function set(node, text) { if (node.textContent !== text) node.textContent = text; }
  function show() {
    const selecting = pending && selected();
    const state = over && !pending ? "final" : lost ? "lost" : held || selecting ? "held" : "running";
    bar.dataset.state = state;
    set(said, {
      final: "finished, the final report",
      lost: "connection lost",
      held: selecting && !held ? "held: text is selected" : "held",
      running: "running, so far",
    }[state]);
    set(time, `refreshed ${clock(refreshed)}`);
    time.dateTime = refreshed.toISOString();
    set(button, held ? "Follow" : "Hold");
    button.hidden = over && !pending;
  }

  // -- a newer edition --------------------------------------------------------------------

  function selected() {
    const selection = getSelection();
    return !selection.isCollapsed && document.querySelector("main").contains(selection.anchorNode);
  }

  function apply() {
    if (!pending || held || pressed || selected()) return;
    const next = pending;
    pending = null;
    Page.replace(next);
  }

  // -- asking -------------------------------------------------------------------------------

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function ask() {
    waiter = new AbortController();
    // Nobody looks: then only the end is of interest, and nothing is made for this page meanwhile.
    const path = document.hidden ? "final" : "next";
    const answer = await fetch(path, { cache: "no-store", headers: { "If-None-Match": etag }, signal: waiter.signal });
    if (answer.status !== 200 && answer.status !== 304) throw new Error(`status ${answer.status}`);
    if (answer.status === 200) {
      if (start.run && answer.headers.get("X-Loadkit-Run") !== start.run) { location.reload(); return; }
      const next = await Page.read(await answer.text());
      etag = answer.headers.get("ETag");
      over = answer.headers.get("X-Loadkit-State") === "final";
      pending = next;
    }
    if (path === "next") refreshed = new Date();
    lost = null;
  }

  async function follow() {
    let wait = 500;
    while (!over) {
      try {
        await ask();
        wait = 500;
      } catch (error) {
        if (error.name !== "AbortError") {
          lost = lost || new Date();
          show();
          await pause(wait);
          wait = Math.min(LONGEST_PAUSE_MS, wait * 2);
        }
      }
      apply();
      show();
    }
    lost = null;
    refreshed = new Date();
    show();
  }

  addEventListener("visibilitychange", () => { if (waiter && !over) waiter.abort(); });
  addEventListener("pointerdown", () => { pressed = true; }, true);
  for (const name of ["pointerup", "pointercancel", "blur"]) {
    addEventListener(name, () => { pressed = false; setTimeout(() => { apply(); show(); }, 0); }, true);
  }
  document.addEventListener("selectionchange", () => { if (pending) { apply(); show(); } });
  show();
  follow();
})();
