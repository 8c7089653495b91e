// Adds to the charts of a page: read-outs under the pointer, a legend that switches series on and
// off, and zoom over time (drag to choose, wheel, shift-drag to move, double click for all).
// Works on the SVG as it is in the page; without this script the chart can still be read.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const tip = document.createElement("div");
  tip.className = "runner-tip";
  tip.hidden = true;

  const make = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const figure = (v) => {
    const a = Math.abs(v);
    const digits = a >= 99.95 || a === 0 ? 0 : a >= 9.995 ? 1 : 2;
    return v.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };

  const showTip = (event, fill) => {
    tip.replaceChildren();
    fill(tip);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width : event.clientX + 16;
    const top = Math.min(event.clientY + 12, innerHeight - box.height - 8);
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = Math.max(4, top) + "px";
  };
  const textRow = (words) => (box) => {
    const row = document.createElement("div");
    row.textContent = words;
    box.append(row);
  };

  // Ticks of time at round numbers, as the layout chooses them.
  const ticks = (from, to, wanted) => {
    const rough = (to - from) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((f) => rough / power <= f * 1.0001) || 10);
    const digits = Math.max(0, Math.min(4, Math.ceil(-Math.log10(step) - 1e-9)));
    const found = [];
    for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++)
      found.push([n * step, (n * step).toFixed(digits)]);
    return found;
  };

  const chart = (svg) => {
    const plots = JSON.parse(svg.dataset.plots || "[]");
    const hidden = new Set();
    const each = (selector, act) => svg.querySelectorAll(selector).forEach(act);
    plots.forEach((plot, p) => prepare(svg, plot, p));

    const place = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const plot = plots.find(({ area: [x, y, w, h] }) => point.x >= x && point.x <= x + w && point.y >= y && point.y <= y + h);
      return { x: point.x, plot };
    };
    const figureAt = (plot, x) => plot.view[0] + ((x - plot.area[0]) / plot.area[2]) * (plot.view[1] - plot.view[0]);

    const zoom = (view) => {
      for (const plot of plots) {
        if (!plot.time) continue;
        const least = (plot.x[1] - plot.x[0]) / 2000;
        let [from, to] = view;
        if (to - from < least) to = from + least;
        if (from < plot.x[0]) [from, to] = [plot.x[0], Math.min(plot.x[1], plot.x[0] + to - from)];
        if (to > plot.x[1]) [from, to] = [Math.max(plot.x[0], plot.x[1] - (to - from)), plot.x[1]];
        plot.view = [from, to];
        redraw(svg, plot, hidden);
      }
    };

    const show = () => {
      each("[data-legend]", (e) => e.classList.toggle("runner-off", hidden.has(e.dataset.legend)));
      each("[data-line]", (e) => {
        const [p, s] = e.dataset.line.split(",");
        e.classList.toggle("runner-hidden", hidden.has(plots[p].series[s].name));
      });
    };
    each("[data-legend]", (entry) => {
      const name = entry.dataset.legend;
      entry.addEventListener("click", () => {
        hidden.has(name) ? hidden.delete(name) : hidden.add(name);
        show();
      });
      entry.addEventListener("dblclick", () => {
        const names = new Set(plots.flatMap((plot) => plot.series.map((s) => s.name)));
        const alone = [...names].every((n) => n === name || hidden.has(n));
        hidden.clear();
        if (!alone) names.forEach((n) => n !== name && hidden.add(n));
        show();
      });
    });

    const cursor = make("line", { class: "runner-cursor" });
    const range = make("rect", { class: "runner-range" });
    let start = null;
    const hover = (event) => {
      const { x, plot } = place(event);
      const words = event.target.closest?.("[data-tip]")?.dataset.tip;
      if (words) showTip(event, textRow(words));
      if (!plot || words) {
        cursor.remove();
        if (!words) tip.hidden = true;
        return;
      }
      const at = nearest(plot, figureAt(plot, x), hidden);
      if (at === null) return;
      const [left, top, wide, high] = plot.area;
      const cx = left + ((at - plot.view[0]) / (plot.view[1] - plot.view[0])) * wide;
      for (const [key, value] of [["x1", cx], ["x2", cx], ["y1", top], ["y2", top + high]]) cursor.setAttribute(key, value);
      svg.append(cursor);
      showTip(event, (box) => readOut(box, plot, at, hidden));
    };

    svg.addEventListener("pointermove", (event) => {
      if (!start) return hover(event);
      const { x } = place(event);
      const [left, top, wide, high] = start.plot.area;
      if (start.move) {
        const shift = ((start.x - x) / wide) * (start.view[1] - start.view[0]);
        return zoom([start.view[0] + shift, start.view[1] + shift]);
      }
      const here = Math.max(left, Math.min(left + wide, x));
      const box = { x: Math.min(start.x, here), y: top, width: Math.abs(here - start.x), height: high };
      for (const key in box) range.setAttribute(key, box[key]);
      svg.append(range);
    });
    svg.addEventListener("pointerdown", (event) => {
      const { x, plot } = place(event);
      if (!plot?.time || event.button !== 0) return;
      start = { x, plot, view: plot.view, move: event.shiftKey };
      svg.setPointerCapture(event.pointerId);
      tip.hidden = true;
    });
    svg.addEventListener("pointerup", (event) => {
      if (!start) return;
      const { x } = place(event);
      const [left, , wide] = start.plot.area;
      const here = Math.max(left, Math.min(left + wide, x));
      if (!start.move && Math.abs(here - start.x) > 6)
        zoom([figureAt(start.plot, Math.min(here, start.x)), figureAt(start.plot, Math.max(here, start.x))]);
      range.remove();
      start = null;
    });
    svg.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cursor.remove();
    });
    svg.addEventListener("dblclick", (event) => {
      const { plot } = place(event);
      if (plot?.time) zoom(plot.x);
    });
    svg.addEventListener("wheel", (event) => {
      const { x, plot } = place(event);
      // A page full of charts must still scroll: only a chart that is zoomed, or ctrl, zooms.
      const zoomed = plot?.time && (plot.view[0] > plot.x[0] || plot.view[1] < plot.x[1]);
      if (!plot?.time || !(zoomed || event.ctrlKey)) return;
      event.preventDefault();
      const at = figureAt(plot, x);
      const factor = event.deltaY < 0 ? 0.8 : 1.25;
      zoom([at - (at - plot.view[0]) * factor, at + (plot.view[1] - at) * factor]);
    }, { passive: false });

    if (document.body.classList.contains("runner-page") && plots.some((plot) => plot.time)) {
      const hint = document.createElement("p");
      hint.className = "runner-hint";
      hint.textContent = "Drag to zoom, ctrl-wheel to zoom at the pointer, shift-drag to move, double click for everything; " +
        "click a name to hide it, double click to see it alone.";
      if (!svg.querySelector("[data-legend]")) hint.textContent = hint.textContent.split(";")[0] + ".";
      svg.after(hint);
    }
  };

  // Remembers where things lay at first and joins a series' pieces into one line.
  const prepare = (svg, plot, p) => {
    plot.number = p;
    plot.view = plot.x;
    const [x, y, width, height] = plot.area;
    const id = "runner-plot-" + document.querySelectorAll("clipPath").length;
    const clip = make("clipPath", { id });
    clip.append(make("rect", { x, y, width, height }));
    svg.append(clip);
    plot.clip = `url(#${id})`;
    plot.moving = [...svg.querySelectorAll(`[data-time="${p}"]`)].map((element) => ({ element, box: element.getBBox() }));
  };

  const redraw = (svg, plot, hidden) => {
    const [left, top, wide, high] = plot.area;
    const [from, to] = plot.view;
    const px = (t) => left + ((t - from) / (to - from)) * wide;
    const py = (v) => top + high - ((v - plot.y[0]) / (plot.y[1] - plot.y[0])) * high;
    const old = (x) => px(plot.x[0] + ((x - left) / wide) * (plot.x[1] - plot.x[0]));
    plot.series.forEach((series, s) => {
      const pieces = svg.querySelectorAll(`[data-line="${plot.number},${s}"]`);
      if (!pieces.length) return;
      const first = [...pieces].find((e) => e.getAttribute("fill") === "none");
      const line = first || make("path", { fill: "none", stroke: series.colour, "stroke-width": 2 });
      line.setAttribute("d", path(plot.times[series.t], series.v, plot.view, px, py));
      line.setAttribute("stroke-linecap", "round");
      line.dataset.line = `${plot.number},${s}`;
      const parent = pieces[0].parentNode;
      pieces.forEach((e) => e !== line && e.remove());
      if (!line.parentNode) parent.append(line);
      line.classList.toggle("runner-hidden", hidden.has(series.name));
    });
    for (const { element, box } of plot.moving) move(element, box, old, plot);
    axis(svg, plot, px);
  };

  // The visible part of a series, one point beyond each side; absent figures break it.
  const path = (times, values, [from, to], px, py) => {
    let d = "", pen = false;
    for (let n = 0; n < times.length; n++) {
      if (values[n] === null) { pen = false; continue; }
      if (times[n + 1] < from || times[n - 1] > to) { pen = false; continue; }
      d += `${pen ? "L" : "M"}${px(times[n]).toFixed(1)} ${py(values[n]).toFixed(1)}`;
      if (!pen && (n + 1 === times.length || values[n + 1] === null)) d += "h0";
      pen = true;
    }
    return d;
  };

  const move = (element, box, old, plot) => {
    const [left, , wide] = plot.area;
    const from = old(box.x), to = old(box.x + box.width);
    if (element.tagName === "rect") {
      const a = Math.max(left, Math.min(left + wide, from)), b = Math.max(left, Math.min(left + wide, to));
      element.setAttribute("x", a);
      element.setAttribute("width", b - a);
    } else if (element.tagName === "path" && element.getAttribute("fill") === "none" && box.width > 1) {
      element.setAttribute("vector-effect", "non-scaling-stroke");
      const k = (to - from) / box.width;
      element.setAttribute("transform", `matrix(${k} 0 0 1 ${from - k * box.x} 0)`);
    } else {
      const anchor = element.tagName === "text" ? box.x : box.x + box.width / 2;
      const shift = old(anchor) - anchor;
      element.setAttribute("transform", `translate(${shift} 0)`);
      element.classList.toggle("runner-hidden", anchor + shift < left - 1 || anchor + shift > left + wide + 1);
    }
  };

  const axis = (svg, plot, px) => {
    const marks = [...svg.querySelectorAll(`[data-axis="${plot.number}"]`)];
    const line = marks.find((e) => e.tagName === "path"), label = marks.find((e) => e.tagName === "text");
    if (!line || !label) return;
    const bottom = plot.area[1] + plot.area[3];
    const per = plot.time[0];
    const made = ticks(plot.view[0] / per, plot.view[1] / per, plot.area[2] > 500 ? 10 : 7).flatMap(([at, words]) => {
      const x = px(at * per);
      const stroke = line.cloneNode(), text = label.cloneNode();
      stroke.setAttribute("d", `M${x} ${bottom}L${x} ${bottom + 5}`);
      text.setAttribute("x", x);
      text.textContent = words;
      return [stroke, text];
    });
    marks[0].before(...made);
    marks.forEach((e) => e.remove());
  };

  // The time of a measured point that lies nearest, among the series that are shown.
  const nearest = (plot, wanted, hidden) => {
    let best = null;
    const shown = new Set(plot.series.filter((s) => !hidden.has(s.name)).map((s) => s.t));
    for (const t of shown) {
      const n = index(plot.times[t], wanted);
      if (n >= 0 && (best === null || Math.abs(plot.times[t][n] - wanted) < Math.abs(best - wanted))) best = plot.times[t][n];
    }
    return best;
  };
  const index = (times, wanted) => {
    let low = 0, high = times.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      times[middle] <= wanted ? (low = middle) : (high = middle);
    }
    return high < 0 || wanted - times[low] <= times[high] - wanted ? Math.min(low, high) : high;
  };

  const readOut = (box, plot, at, hidden) => {
    textRow(plot.steps ? plot.steps[at] : `${figure(at / plot.time[0])} ${plot.time[1]}`)(box);
    const rows = plot.series
      .filter((s) => !hidden.has(s.name))
      .map((s) => ({ s, v: s.v[index(plot.times[s.t], at)] }))
      .filter(({ v }) => v !== null && v !== undefined)
      .sort((a, b) => b.v - a.v);
    for (const { s, v } of rows.slice(0, 14)) {
      const row = document.createElement("div");
      const square = document.createElement("i"), name = document.createElement("span"), value = document.createElement("b");
      square.style.background = s.colour;
      name.textContent = s.name;
      value.textContent = `${figure(v)} ${plot.unit}`;
      row.append(square, name, value);
      box.append(row);
    }
    if (rows.length > 14) textRow(`and ${rows.length - 14} more`)(box);
  };

  const begin = () => {
    document.body.append(tip);
    document.querySelectorAll("svg.runner-chart").forEach(chart);
  };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", begin) : begin();
})();
