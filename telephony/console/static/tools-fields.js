// A form drawn from the declarations of a file: every field with its help, bounds and mistakes.
import { make } from "./base.js";

const key = (path) => path.map(String).join(".");

/** What a field's control says, as an edit; null where it cannot be read. */
function edited(field, control) {
  const text = control.value;
  const said = { path: field.path };
  if (field.kind === "lines") {
    const rows = text.split("\n").map((row) => row.trim()).filter(Boolean);
    return rows.length ? { ...said, value: rows } : { ...said, remove: true };
  }
  if (text === "") return control.validity?.badInput ? null : { ...said, remove: true };
  switch (field.kind) {
    case "number": case "integer": return Number.isNaN(Number(text)) ? null : { ...said, value: Number(text) };
    case "flag": return { ...said, value: text === "yes" };
    case "yaml": return { ...said, yaml: text };
    default: return { ...said, value: text };
  }
}

function shown(field) {
  if (field.value === null || field.value === undefined) return "";
  if (field.kind === "flag") return field.value ? "yes" : "no";
  return Array.isArray(field.value) ? field.value.join("\n") : String(field.value);
}

/** Draws fields into `place`; `act(edits, structure)` is told of each change. */
export class Fields {
  constructor(place, act) {
    this.place = place;
    this.act = act;
    this.controls = new Map();
    this.mistakes = new Map();
    this.waiting = new Map();
    this.shape = "";
  }

  /** Says at once what was typed and would be said only when the typing has paused. */
  flush() {
    for (const [change, timer] of this.waiting) {
      clearTimeout(timer);
      change();
    }
  }

  /** Shows the fields: drawn anew where they are others, filled in where they are the same. */
  show(fields) {
    const shape = JSON.stringify(this.outline(fields));
    if (shape !== this.shape) this.draw(fields, shape);
    this.fill(fields);
  }

  outline(fields) {
    return fields.map((field) => [field.path, field.kind, this.outline(field.fields)]);
  }

  draw(fields, shape) {
    this.flush();
    const focused = document.activeElement;
    const open = new Set([...this.place.querySelectorAll("details[open]")].map((each) => each.id));
    const top = this.place.scrollTop;
    this.controls.clear();
    this.mistakes.clear();
    this.place.replaceChildren(make("div", { class: "fill" }, ...fields.map((field) => this.field(field, open))));
    this.shape = shape;
    this.place.scrollTop = top;
    if (focused?.id) this.refocus(focused, document.getElementById(focused.id));
  }

  /** Who types into a control that was made anew goes on where they were. */
  refocus(old, young) {
    if (!young || young === old) return;
    if (old.dataset.last !== undefined) {
      young.value = old.value;
      young.dataset.last = old.dataset.last;
    }
    young.focus();
    // Numbers have no selection.
    if (old.selectionStart !== null && young.setSelectionRange) young.setSelectionRange(old.selectionStart, old.selectionEnd);
  }

  field(field, open) {
    return ["part", "map", "list"].includes(field.kind) ? this.part(field, open) : this.plain(field);
  }

  part(field, open) {
    const id = `p-${key(field.path)}`;
    const inside = field.fields.map((each) => this.field(each, open));
    if (field.kind !== "part") inside.push(this.more(field));
    const entry = field.said && field.path.length > 1 && !field.help;
    if (entry) {
      inside.push(make("button", { type: "button", class: "quiet", onclick: () => this.act([{ path: field.path, remove: true }]) }, `Take ${field.label} out`));
    }
    const mistake = make("p", { class: "error" });
    const box = make("details", { class: "part", id, open: open.has(id) || field.errors.length > 0 },
      make("summary", {}, field.label, field.said ? "" : make("span", { class: "dim small" }, " not said")),
      field.help ? make("p", { class: "hint" }, field.help) : null, mistake, make("div", { class: "fill" }, ...inside));
    this.mistakes.set(key(field.path), { mistake, box });
    return box;
  }

  more(field) {
    const path = field.path;
    if (field.kind === "list") {
      const add = () => this.act([{ path: [...path, field.fields.length], value: {} }]);
      return make("button", { type: "button", onclick: add }, "Add one");
    }
    const name = make("input", { type: "text", "aria-label": `Name of a new one of ${field.label}`, placeholder: "name" });
    const add = () => { if (name.value.trim()) this.act([{ path: [...path, name.value.trim()], value: {} }]); };
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); add(); } });
    return make("div", { class: "more" }, name, make("button", { type: "button", onclick: add }, "Add"));
  }

  plain(field) {
    const id = `f-${key(field.path)}`;
    const control = this.control(field, id);
    const mistake = make("p", { class: "error", id: `e-${id}` });
    control.setAttribute("aria-describedby", `h-${id} e-${id}`);
    const bounds = [];
    if (field.low !== null && field.high !== null) bounds.push(`${field.low} to ${field.high}`);
    if (field.most !== null && field.kind !== "lines") bounds.push(`up to ${field.most} ${field.kind === "yaml" ? "entries" : "characters"}`);
    if (field.kind === "lines") bounds.push("one on each line");
    if (field.kind === "lines" && field.choices.length) bounds.push(`of ${field.choices.join(", ")}`);
    if (field.kind === "yaml") bounds.push("written as YAML");
    if (field.default) bounds.push(`${field.default} if not said`);
    const help = [field.help, bounds.length ? `(${bounds.join("; ")})` : ""].filter(Boolean).join(" ").replaceAll("`", "");
    const box = make("div", { class: "field" },
      make("label", { for: id }, field.label, field.required ? make("span", { class: "dim small" }, "required") : null),
      control, help ? make("p", { class: "hint", id: `h-${id}` }, help) : null, mistake);
    const change = () => {
      this.waiting.delete(change);
      // Leaving a field says again what was said: a text that was changed since is not to be undone.
      if (control.dataset.last === control.value) return;
      const edit = edited(field, control);
      if (!edit) return;
      control.dataset.last = control.value;
      this.act([edit]);
    };
    control.addEventListener("input", () => {
      clearTimeout(this.waiting.get(change));
      this.waiting.set(change, setTimeout(change, control.tagName === "SELECT" ? 0 : 400));
    });
    control.addEventListener("change", () => { clearTimeout(this.waiting.get(change)); change(); });
    this.controls.set(key(field.path), control);
    this.mistakes.set(key(field.path), { mistake, box });
    return box;
  }

  control(field, id) {
    if (field.kind === "choice" || field.kind === "flag") {
      const options = field.kind === "flag" ? ["yes", "no"] : field.choices;
      const all = ["", ...options].map((each) => make("option", { value: each }, each || "not said"));
      return make("select", { id }, ...all);
    }
    if (field.kind === "number" || field.kind === "integer") {
      return make("input", { id, type: "number", step: field.kind === "integer" ? 1 : "any" });
    }
    if (field.kind === "text") {
      const list = field.choices.length ? `l-${id}` : null;
      if (list) this.suggest(list, field.choices);
      return make("input", { id, type: "text", list, maxlength: field.most });
    }
    const rows = field.kind === "yaml" ? 1 : Math.min(10, Math.max(2, shown(field).split("\n").length + 1));
    return make("textarea", { id, rows, spellcheck: field.kind === "long" ? "true" : "false" });
  }

  suggest(id, choices) {
    document.getElementById(id)?.remove();
    document.body.append(make("datalist", { id }, ...choices.map((each) => make("option", { value: each }))));
  }

  fill(fields) {
    for (const field of fields) {
      const at = key(field.path);
      const control = this.controls.get(at);
      // What is being typed stays; one that was just made shows nothing yet.
      if (control && (control !== document.activeElement || control.dataset.last === undefined)) {
        control.value = shown(field);
        control.dataset.last = control.value;
      }
      const { mistake, box } = this.mistakes.get(at);
      mistake.textContent = field.errors.join(" ");
      const wrong = field.errors.length > 0;
      box.classList.toggle("wrong", wrong);
      if (control) control.setAttribute("aria-invalid", String(wrong));
      this.fill(field.fields);
      if (box.tagName === "DETAILS" && box.querySelector(".wrong")) { box.classList.add("wrong"); box.open = true; }
    }
  }

  /** Goes to a field, by its path. */
  reach(path) { this.controls.get(key(path))?.focus(); }
}
