// Turns every <div class="collapse-frames"> of the page into one picture with its controls. The
// frames are all there, made beforehand, so nothing is loaded and no kernel is asked.
(() => {
  const state = window.collapseFrames ??= { axes: [], keys: {} };
  // A page of its own keeps positions in its address; JupyterLab's and VS Code's is not ours.
  const ownPage = !document.getElementById("jupyter-config-data") && !location.protocol.startsWith("vscode");
  if (!document.getElementById("collapse-frames-style")) {
    const style = document.createElement("style");
    style.id = "collapse-frames-style";
    style.textContent = ".collapse-controls{display:flex;flex-wrap:wrap;gap:.3em 1.2em;align-items:center;margin:.3em 0 .6em}" +
      ".collapse-controls label{display:flex;flex-wrap:wrap;gap:.3em .6em;align-items:center}" +
      ".collapse-controls input{width:min(20em,60vw);margin:.2em}" +
      ".collapse-controls button{font:inherit;padding:.1em .8em;min-width:4.5em}" +
      ".collapse-controls output{min-width:3em;font-variant-numeric:tabular-nums}" +
      ".collapse-controls :focus-visible{outline:3px solid #0072b2;outline-offset:2px}";
    document.head.append(style);
  }

  const element = (name, parent, properties) => {
    const e = Object.assign(document.createElement(name), properties);
    parent.append(e);
    return e;
  };

  const show = (box) => {
    let at = 0;
    for (const a of box.axes) at = at * a.labels.length + Number(a.range.value);
    for (const [i, f] of box.frames.entries()) f.hidden = i !== at;
    for (const a of box.axes) {
      a.output.textContent = a.labels[a.range.value];
      a.range.setAttribute("aria-valuetext", a.labels[a.range.value]);
    }
  };

  const writeAddress = (moved) => {
    if (!ownPage) return;
    const q = state.axes.filter((a) => a === moved || Number(a.range.value) !== a.start)
      .map((a) => a.key + "=" + encodeURIComponent(a.labels[a.range.value]));
    try { history.replaceState(null, "", "#" + q.join("&")); } catch { /* the viewer keeps its address */ }
  };

  const readAddress = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    let first;
    for (const a of state.axes) {
      const want = asked.get(a.key);
      if (want === null) continue;
      let i = a.labels.indexOf(want);
      if (i < 0 && Number.isFinite(Number(want))) { // the nearest of the numbers
        const far = a.labels.map((l) => Math.abs(Number(l) - Number(want)));
        i = far.indexOf(Math.min(...far.filter((d) => !Number.isNaN(d))));
      }
      if (i < 0) continue;
      a.range.value = i;
      show(a.box);
      first ??= a.box.root;
    }
    first?.scrollIntoView({ block: "center" });
  };

  const addPlay = (box, axis, row) => {
    const button = element("button", row, { type: "button", textContent: "Play" });
    let timer;
    const stop = () => {
      clearInterval(timer);
      timer = undefined;
      button.textContent = "Play";
    };
    const step = () => {
      if (!button.isConnected) return stop();
      axis.range.value = Number(axis.range.value) + 1;
      show(box);
      if (Number(axis.range.value) === axis.labels.length - 1) {
        stop();
        writeAddress(axis);
      }
    };
    button.addEventListener("click", () => {
      if (timer) {
        stop();
        return writeAddress(axis);
      }
      if (Number(axis.range.value) === axis.labels.length - 1) axis.range.value = 0;
      show(box);
      button.textContent = "Pause";
      timer = setInterval(step, 400);
    });
    axis.range.addEventListener("input", stop);
  };

  const begin = (root) => {
    root.dataset.ready = "";
    const box = { root, frames: [...root.querySelectorAll(".collapse-frame")], axes: JSON.parse(root.dataset.axes) };
    for (const f of box.frames) {
      f.style.flex = "1 1 100%";
      f.querySelector(".collapse-at")?.remove();
    }
    const row = document.createElement("div");
    row.className = "collapse-controls";
    // JupyterLab's shortcuts would take the arrow keys: it moves to another cell.
    row.dataset.lmSuppressShortcuts = "true";
    row.addEventListener("keydown", (e) => e.stopPropagation());
    root.prepend(row);
    for (const axis of box.axes) {
      const label = element("label", row);
      element("span", label, { textContent: axis.name });
      axis.range = element("input", label, { type: "range", min: 0, max: axis.labels.length - 1 });
      axis.range.value = axis.start;
      axis.output = element("output", label);
      axis.box = box;
      const twice = state.keys[axis.key] = (state.keys[axis.key] ?? 0) + 1;
      if (twice > 1) axis.key += "-" + twice;
      axis.range.addEventListener("input", () => { show(box); writeAddress(axis); });
      if (axis.play) addPlay(box, axis, row);
      state.axes.push(axis);
    }
    show(box);
  };

  for (const root of document.querySelectorAll(".collapse-frames:not([data-ready])")) begin(root);
  if (ownPage) {
    readAddress();
    if (!state.listens) addEventListener("hashchange", readAddress);
    state.listens = true;
  }
})();
