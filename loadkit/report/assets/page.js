"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  Charts.start(JSON.parse(document.getElementById("data").textContent));
  document.querySelectorAll(".flame").forEach(flame);
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
})();
