"use strict";
// Flame graphs: a click on a frame gives it the whole width, the top row gives it back.
function flame(root) {
  const svg = root.querySelector("svg");
  const name = root.querySelector(".flame-name");
  if (!svg) return;
  const frames = [...svg.querySelectorAll(":scope > g")].map((g) => ({
    g, left: +g.dataset.left, width: +g.dataset.width, depth: +g.dataset.depth, title: g.querySelector("title").textContent,
  }));
  const within = (inner, outer) => inner.left >= outer.left - 1e-3 && inner.left + inner.width <= outer.left + outer.width + 1e-3;

  function show(chosen) {
    for (const f of frames) {
      const above = f.depth < chosen.depth && within(chosen, f);
      const below = f.depth >= chosen.depth && within(f, chosen);
      f.g.style.display = above || below ? "" : "none";
      f.g.classList.toggle("above", above);
      const left = above ? 0 : ((f.left - chosen.left) / chosen.width) * 100;
      const width = above ? 100 : (f.width / chosen.width) * 100;
      for (const part of [f.g.querySelector("rect"), f.g.querySelector("svg")]) {
        part.setAttribute("x", `${left}%`);
        part.setAttribute("width", `${width}%`);
      }
    }
  }
  for (const f of frames) {
    f.g.addEventListener("click", () => show(f));
    f.g.addEventListener("pointerenter", () => { name.textContent = f.title; });
  }
  svg.addEventListener("pointerleave", () => { name.textContent = ""; });
}
