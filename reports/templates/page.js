// The glue of a page: what a control chooses becomes rows and axis titles of a Vega-Lite chart.
function page(state) {
  const form = document.getElementById("controls");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const AXES = {
    train_seconds: ["training time", "time"], step: ["training step", ""],
    forward_evaluations: ["evaluations of T", ""], memory: ["peak memory (MiB)", ""],
    image_seconds: ["time per image", "time"], parameters: ["learned parameters", ""],
  };
  const UNITS = { s: 1, min: 60, h: 3600, ms: 0.001 };
  const METRICS = { psnr: "PSNR (dB)", gain: "gain above the observed image (dB)", ssim: "SSIM" };
  const value = (name) => form.elements[name].value;

  const option = (text, chosen) => {
    const one = document.createElement("option");
    one.value = one.textContent = text;
    one.selected = chosen === text;
    return one;
  };
  const fill = (name, texts) => form.elements[name].replaceChildren(...[...new Set(texts)].map((text) => option(String(text))));

  const workload = () => state.workloads.findIndex(
    (one) => one.problem === value("problem") && String(one.size) === value("size"));

  function chosen(rows) {
    const at = workload();
    const layer = value("layer");
    return rows.filter((row) => row.w === at && form.elements["m" + row.m].checked
      && (layer === "all" || state.methods[row.m].layer === layer || state.methods[row.m].layer === ""));
  }

  function scaled(row, axis) {
    if (row[axis] === null || row[axis] === undefined) return null;
    return AXES[axis][1] === "time" ? row[axis] / UNITS[value("seconds")] : row[axis];
  }

  const titled = (axis) => AXES[axis][0] + (AXES[axis][1] === "time" ? ` (${value("seconds")})` : "");
  const named = (row) => state.methods[row.m].name;

  function curves() {
    const axis = value("axis");
    const metric = value("metric");
    const observed = state.workloads[workload()].observed;
    const of = (row) => metric === "ssim" ? row.ssim : row.psnr - (metric === "gain" ? observed : 0);
    const band = (row) => (metric === "ssim" ? 0 : row.psnr_std);
    const points = chosen(state.curves).filter((row) => row[metric === "ssim" ? "ssim" : "psnr"] !== null)
      .map((row) => ({ method: named(row), x: scaled(row, axis), y: of(row), low: of(row) - band(row), high: of(row) + band(row) }));
    const levels = metric === "ssim" ? [] : chosen(state.levels).map((row) => ({ method: named(row), y: of(row) }));
    const start = { psnr: observed, gain: 0, ssim: Infinity }[metric];
    return { points, levels, x: titled(axis), y: `validation ${METRICS[metric]}`, domain: lowest(points, start) };
  }

  function times() {
    const target = value("target");
    const points = chosen(state.times.filter((row) => row.target === target)).map((row) => ({
      method: named(row), seed: row.seed, kept: row.kept, x: row.s / UNITS[value("seconds")],
      said: row.kept ? `${row.level} dB kept from here on` : `${row.level} dB not kept by the end`,
    }));
    return { points, levels: [], x: `training time to the target (${value("seconds")})`, y: "" };
  }

  function costs() {
    const axis = value("cost");
    const metric = value("metric") === "ssim" ? "ssim" : "psnr";
    const observed = value("metric") === "gain" ? state.workloads[workload()].observed : 0;
    const shift = (number) => (number === null ? null : number - observed);
    const points = chosen(state.costs).map((row) => ({
      method: named(row), x: scaled(row, axis), y: metric === "ssim" ? row.ssim : shift(row.psnr),
      low: metric === "ssim" ? row.ssim : shift(row.low), high: metric === "ssim" ? row.ssim : shift(row.high),
    })).filter((row) => row.x !== null && row.y !== null);
    return { points, levels: [], x: titled(axis), y: `final ${METRICS[value("metric")]}` };
  }

  // From the observed images, or the worst final result, up: early points may lie far below.
  function lowest(points, observed) {
    const finals = new Map(points.map((row) => [row.method, row.y]));
    const low = Math.min(...finals.values(), observed);
    const high = Math.max(...points.map((row) => row.high));
    return Number.isFinite(low) && high > low ? [low - 0.06 * (high - low), high + 0.06 * (high - low)] : undefined;
  }

  // Dark colours would be lost on a dark page: they are mixed with white, and black becomes it.
  function lit(color) {
    const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    const light = (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255;
    const white = color === "#000000" ? 1 : light < 0.35 ? 0.45 : 0;
    return "#" + parts.map((one) => Math.round(one + white * (255 - one)).toString(16).padStart(2, "0")).join("");
  }

  const parts = (spec) => (spec.layer ? spec.layer : [spec]);

  async function draw(name, data) {
    const spec = structuredClone(state.charts[name]);
    spec.datasets = { points: data.points, levels: data.levels };
    const scale = data.points.some((row) => row.x > 0) && value("scale") === "log" ? "log" : "linear";
    // A layer of nothing would be warned of.
    const known = data.points.some((row) => Number.isFinite(row.low));
    if (spec.layer) spec.layer = spec.layer.filter((part) => part.data?.name === "levels" ? data.levels.length : known || !part.encoding.y2);
    for (const part of parts(spec)) {
      const encoding = part.encoding;
      for (const told of encoding.tooltip || []) {
        if (told.field === "x") told.title = data.x;
        if (told.field === "y") told.title = data.y;
      }
      if (encoding.x) {
        encoding.x.title = data.x;
        encoding.x.scale = { zero: scale === "linear", nice: false, padding: 14, type: scale };
      }
      if (encoding.y && data.y) encoding.y.title = data.y;
      if (encoding.y && data.domain) encoding.y.scale = { ...encoding.y.scale, domain: data.domain, nice: false };
      for (const one of [encoding.color, encoding.fill]) {
        if (one && dark.matches) one.scale.range = one.scale.range.map(lit);
      }
      for (const one of [encoding.color, encoding.strokeDash]) {
        if (one && one.legend) one.legend.columns = Math.max(2, Math.floor(innerWidth / 150));
      }
    }
    if (scale === "log") spec.datasets.points = data.points.filter((row) => row.x > 0);
    const ink = dark.matches ? "#e6e6e6" : "#222222";
    const grid = dark.matches ? "#444444" : "#dddddd";
    spec.config = {
      background: null, font: "system-ui, sans-serif", view: { stroke: grid },
      axis: { labelColor: ink, titleColor: ink, gridColor: grid, tickColor: grid, domainColor: grid, labelFontSize: 12, titleFontSize: 13 },
      legend: { labelColor: ink, labelFontSize: 12, symbolStrokeWidth: 2 },
    };
    const place = document.getElementById(name);
    const left = place.querySelector(".chart");
    if (left.view) left.view.finalize();
    data.points = data.points.filter((row) => row.x !== null);
    place.querySelector(".count").textContent = data.points.length ? "" : "Nothing to show for this choice.";
    if (!data.points.length) {
      left.view = null;
      left.replaceChildren();
      return;
    }
    const shown = await vegaEmbed(left, spec, { ast: true, actions: false, renderer: "svg", tooltip: { theme: dark.matches ? "dark" : "light" } });
    left.view = shown.view;
    const graphic = left.querySelector("svg");
    if (graphic) {
      graphic.setAttribute("role", "img");
      graphic.setAttribute("aria-label", `${place.querySelector("h3").textContent}: ${data.y || "methods"} against ${data.x}`);
    }
  }

  // A choice that comes while charts are drawn waits; of several that wait, the last is drawn.
  let turn = Promise.resolve();
  let latest = 0;

  async function drawAll() {
    const own = ++latest;
    document.documentElement.dataset.drawn = "no";
    await turn;
    if (own !== latest) return;
    const problem = value("problem");
    const sizes = state.workloads.filter((one) => one.problem === problem).map((one) => String(one.size));
    if (!sizes.includes(value("size"))) form.elements.size.value = sizes[0];
    turn = Promise.all([draw("curves", curves()), draw("times", times()), draw("costs", costs())]);
    await turn;
    if (own === latest) document.documentElement.dataset.drawn = "yes";
  }

  function boxes() {
    const places = document.getElementById("methods");
    state.methods.forEach((method, at) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.name = "m" + at;
      box.defaultChecked = true;
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.style.background = dark.matches ? lit(method.color) : method.color;
      label.append(box, mark, method.name);
      places.append(label);
    });
    for (const [id, on] of [["every", true], ["none", false]]) {
      document.getElementById(id).addEventListener("click", () => {
        state.methods.forEach((_, at) => { form.elements["m" + at].checked = on; });
        drawAll();
      });
    }
  }

  // ------------------------------------------------------------------------------------ tables

  // Cells are written for readers (≈ 34.19 ± 0.12): they are sorted by their first number.
  function numbered(table) {
    for (const cell of table.querySelectorAll("td")) {
      const number = cell.textContent.match(/-?\d+(\.\d+)?(e[-+]?\d+)?/);
      if (cell.style.textAlign === "right") cell.dataset.order = number ? number[0] : "Infinity";
    }
  }

  // What is the same in every row, and is said elsewhere, gives its room to what is not.
  function constant(table) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    return ["problem", "size (px)", "status"].map((name) => heads.indexOf(name))
      .filter((at) => at > 0 && new Set([...table.tBodies[0].rows].map((row) => row.cells[at].textContent)).size === 1);
  }

  function sortable() {
    for (const table of document.querySelectorAll(".scrolled > table")) {
      if (!table.tBodies[0]) continue;
      const many = table.rows.length > 4;
      numbered(table);
      new tables.default(table, {
        columnDefs: [{ targets: constant(table), visible: false }],
        paging: table.rows.length > 60, pageLength: 50, info: false, searching: many, order: [], autoWidth: false,
        language: { search: "Search this table:" }, layout: { topStart: null, topEnd: many ? "search" : null, bottomStart: null, bottomEnd: table.rows.length > 60 ? "paging" : null },
      });
      // What scrolls now is inside: the keyboard has to reach it.
      const [outer, inner] = [table.closest(".scrolled"), table.closest(".dt-layout-cell")];
      for (const name of ["tabindex", "role", "aria-label"]) {
        inner.setAttribute(name, outer.getAttribute(name));
        outer.removeAttribute(name);
      }
    }
  }

  // ----------------------------------------------------------------------------------- gallery

  function gallery() {
    const place = document.getElementById("gallery");
    const sets = state.gallery;
    if (!sets.length) { place.remove(); return; }
    const of = (name) => place.querySelector(`[name=${name}]`);
    const pictures = sets.flatMap((set) => set.pictures.map((picture, at) => ({ ...picture, title: `${set.title} ${at + 1}` })));
    of("picture").replaceChildren(...pictures.map((one, at) => Object.assign(option(one.title), { value: at })));
    const figures = place.querySelector(".figures");
    function show() {
      const picture = pictures[of("picture").value];
      const view = of("view").value;
      const zoom = of("zoom").value;
      place.style.setProperty("--zoom", `${zoom}px`);
      const panel = (title, psnr, image, shown = view) => {
        const figure = document.createElement("figure");
        const frame = document.createElement("div");
        frame.className = `frame ${shown}`;
        for (const [data, kind] of [[image, "over"], [shown === "error" ? picture.clean : picture.observed, "under"]]) {
          if (shown === "plain" && kind === "under") continue;
          const one = document.createElement("img");
          one.src = data;
          one.className = kind;
          one.alt = kind === "over" ? `${title}${view === "error" ? ", error" : ""}` : "";
          frame.append(one);
        }
        const caption = document.createElement("figcaption");
        caption.textContent = psnr ? `${title}: ${psnr} dB` : title;
        figure.append(frame, caption);
        return figure;
      };
      figures.replaceChildren(
        panel("clean", "", picture.clean, "plain"),
        panel("observed", picture.observed_psnr, picture.observed, view === "error" ? view : "plain"),
        ...picture.methods.map((one) => panel(one.name, one.psnr, one.image)));
      of("split").closest("label").hidden = view !== "slider";
      of("gain").closest("label").hidden = view !== "error";
      move();
    }
    function move() {
      place.style.setProperty("--split", `${of("split").value}%`);
      place.style.setProperty("--gain", of("gain").value);
    }
    if (innerWidth < 500) of("zoom").value = "160"; // two in a row on a phone
    for (const name of ["picture", "view", "zoom"]) of(name).addEventListener("input", show);
    for (const name of ["split", "gain"]) of(name).addEventListener("input", move);
    show();
  }

  fill("problem", state.workloads.map((one) => one.problem));
  fill("size", state.workloads.map((one) => one.size));
  const layers = new Set(state.methods.map((one) => one.layer).filter(Boolean));
  fill("layer", layers.size > 1 ? ["all", ...layers] : ["all"]);
  fill("target", state.targets);
  document.getElementById("left-out").textContent = state.note;
  for (const name of ["problem", "size", "layer", "target"]) {
    form.elements[name].closest("label").hidden = form.elements[name].options.length < 2;
  }
  boxes();
  form.addEventListener("change", drawAll);
  form.addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", drawAll);
  document.documentElement.classList.add("scripted");
  document.getElementById("explore").hidden = false;
  sortable();
  gallery();
  drawAll();
}
