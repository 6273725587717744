// The shell: rail on narrow screens, menus, search dialog, toasts, copy buttons, focus after swaps.
// Everything here only adds comfort: each page works without it.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

// -- rail
const rail = document.getElementById("rail");
const setRail = (open) => {
  rail?.classList.toggle("open", open);
  document.querySelector(".rail-toggle")?.setAttribute("aria-expanded", String(open));
  if (open) rail?.querySelector("a")?.focus();
};

// -- tabs that do not all fit: the open one is in sight
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// -- search
const dialog = document.getElementById("search-dialog");
const openSearch = () => {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("input")?.select();
};
const options = () => all("[role=option]", dialog ?? document);
const choose = (step) => {
  const list = options();
  if (!list.length) return;
  const now = list.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const next = (now + step + list.length) % list.length;
  list.forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
  list[next].scrollIntoView({ block: "nearest" });
  dialog.querySelector("input").setAttribute("aria-activedescendant", list[next].id);
};

dialog?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  }
  if (event.key === "Enter") {
    const chosen = options().find((option) => option.getAttribute("aria-selected") === "true");
    if (chosen) {
      event.preventDefault();
      location.assign(chosen.getAttribute("href"));
    }
  }
});

// -- toasts
const dismiss = (toast) => {
  toast.remove();
};
all(".toast-line").forEach((toast) => {
  let timer = setTimeout(() => dismiss(toast), 15000);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => (timer = setTimeout(() => dismiss(toast), 6000)));
});

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button, a, summary");
  all("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  if (rail?.classList.contains("open") && !rail.contains(event.target) && !target?.matches(".rail-toggle")) setRail(false);
  if (!target) {
    if (event.target === dialog) dialog.close();
    return;
  }
  if (target.matches(".rail-toggle")) {
    event.preventDefault();
    setRail(!rail.classList.contains("open"));
  } else if (target.matches(".rail-close")) {
    event.preventDefault();
    setRail(false);
    document.querySelector(".rail-toggle")?.focus();
  } else if (target.matches("[data-search-open]") && dialog) {
    event.preventDefault();
    openSearch();
  } else if (target.matches("[data-dialog-close]")) {
    target.closest("dialog").close();
  } else if (target.matches("[data-dialog]")) {
    const wanted = document.getElementById(target.dataset.dialog);
    if (wanted) {
      event.preventDefault();
      wanted.showModal();
    }
  } else if (target.matches(".toast-line .close")) {
    dismiss(target.closest(".toast-line"));
  } else if (target.matches("[data-copy]")) {
    const source = document.getElementById(target.dataset.copy);
    const text = source?.value ?? source?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text.trim());
    } catch {
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    announce("Copied");
    const label = target.querySelector("[data-copy-label]");
    if (label) {
      const before = label.textContent;
      label.textContent = "Copied";
      setTimeout(() => (label.textContent = before), 1600);
    }
  }
});

// -- keyboard
const GO = { h: "/", p: "/profiles/", r: "/identity/review/", a: "/segments/", s: "/sources/", d: "/destinations/", j: "/jobs/" };
const shortcuts = () => document.documentElement.dataset.shortcuts !== "off";
let waiting = 0;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openSearch();
    return;
  }
  if (event.key === "Escape") {
    setRail(false);
    all("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog?.open || !shortcuts()) return;
  if (waiting && Date.now() - waiting < 1200 && GO[event.key]) {
    location.assign(GO[event.key]);
  }
  waiting = event.key === "g" ? Date.now() : 0;
  if (event.key === "/") {
    const filter = document.querySelector("[data-filter]");
    if (filter) {
      event.preventDefault();
      filter.focus();
    }
  } else if (event.key === "?") {
    location.assign("/help/");
  } else {
    const button = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (button && !event.repeat) {
      event.preventDefault();
      button.click();
    }
  }
});

// -- fragments: busy while loading, and the focus stays where the work is
document.addEventListener("htmx:before:request", (event) => event.detail.ctx.target?.setAttribute?.("aria-busy", "true"));
document.addEventListener("htmx:finally:request", (event) => event.detail.ctx.target?.removeAttribute?.("aria-busy"));
// A page that came back with mistakes begins at what is wrong, which may be far down.
const focusOn = (wanted) => {
  wanted?.removeAttribute("data-focus");
  wanted?.focus();
};
focusOn(document.querySelector("[role=alert][data-focus]"));
document.addEventListener("htmx:after:swap", () => {
  focusOn(document.querySelector("[data-focus]"));
  const said = document.querySelector("[data-announce]");
  if (said) announce(said.dataset.announce);
});

// -- leaving a half-filled form
let changed = false;
document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-guard]")) changed = true;
});
document.addEventListener("submit", () => (changed = false));
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
