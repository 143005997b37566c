"use strict";
// What is shown, as the part of the address after #: t=60-90&zoom=30-120&hide=latency:p99.
// It is replaced, never added to the history; anchors of sections are left alone.
const Address = (() => {
  const written = (value) => String(Number(value.toFixed(3)));
  const stretch = (text) => {
    const found = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text || "");
    return found && +found[1] < +found[2] ? [+found[1], +found[2]] : null;
  };

  function read(hash) {
    if (!/^#(t|zoom|hide|baseline)=/.test(hash)) return null;
    const parts = new Map(hash.slice(1).split("&").map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    }));
    const names = (parts.get("hide") || "").split(",").filter(Boolean);
    const plain = (name) => {
      try { return decodeURIComponent(name); } catch { return name; }
    };
    return {
      window: stretch(parts.get("t")),
      zoom: stretch(parts.get("zoom")),
      hidden: new Set(names.map(plain)),
      baseline: parts.get("baseline") !== "off",
    };
  }

  function text({ window: chosen, zoom, hidden, baseline }) {
    const parts = [];
    if (chosen) parts.push(`t=${chosen.map(written).join("-")}`);
    if (zoom) parts.push(`zoom=${zoom.map(written).join("-")}`);
    // encodeURIComponent leaves no comma.
    if (hidden.size) parts.push(`hide=${[...hidden].sort().map(encodeURIComponent).join(",")}`);
    if (!baseline) parts.push("baseline=off");
    return parts.length ? `#${parts.join("&")}` : "";
  }

  const bare = () => location.href.split("#")[0];

  let waiting = 0;
  // Browsers refuse an address that changes too often.
  function write(state) {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const now = text(state);
      if (now === location.hash || (!now && !read(location.hash))) return;
      try { history.replaceState(history.state, "", bare() + now); } catch { /* not allowed in this frame */ }
    }, 200);
  }

  return { read, write, link: (state) => bare() + text(state) };
})();
