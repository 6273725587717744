/* Tells what people do on a page, and fills its slots. See docs/sources.md and docs/personalisation.md. */
((w, d, n) => {
  const tag = d.currentScript, set = tag.dataset, key = set.writeKey, host = set.host || new URL(tag.src).origin;
  const early = w.cdp || [], held = [], kept = {};
  let ready, busy, wait = 0, timer;

  // The site's own storage, or memory where there is none.
  const name = (what) => `cdp.${key}.${what}`;
  const get = (what) => {
    try { return JSON.parse(localStorage.getItem(name(what))) ?? kept[what]; } catch {}
    return kept[what];
  };
  const put = (what, value) => {
    kept[what] = value;
    try { localStorage.setItem(name(what), JSON.stringify(value)); } catch {}
    return value;
  };
  const uuid = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) =>
    (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4).toString(16));
  const me = () => get("anonymous") || put("anonymous", uuid());
  const queue = () => get("queue") || [];
  const page = ({ pathname: path, search, href: url } = location) =>
    ({ path, referrer: d.referrer, search, title: d.title, url });
  const context = () => ({
    library: { name: "cdp.js", version: "1" }, page: page(), userAgent: n.userAgent, locale: n.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width: screen.width, height: screen.height, density: devicePixelRatio },
    webdriver: n.webdriver || undefined
  });

  const api = {
    page: (title, more) => typeof title == "object" ? api.page("", title) :
      { type: "page", name: title || undefined, properties: { ...page(), ...more } },
    track: (event, properties = {}) => ({ type: "track", event, properties }),
    identify: (id, traits = {}) => {
      if (typeof id == "object") return api.identify("", id || {});
      if (id) put("user", `${id}`);
      return { type: "identify", traits };
    },
    group: (id, traits = {}) => ({ type: "group", groupId: `${id}`, traits }),
    alias: (id, before = get("user") || me()) =>
      ({ type: "alias", previousId: before, userId: put("user", `${id}`) }),
    consent: (choices) => {
      put("consent", { ...get("consent"), ...choices });
      return api.track("Segment Consent Preference Updated");
    },
    reset: () => { put("user", null); put("anonymous", uuid()); ask("&new=1"); }
  };
  const run = (call, args, timestamp, told) => {
    const item = api[call](...args), chosen = get("consent");
    if (!item) return;
    if (chosen) told.consent = { categoryPreferences: chosen };
    put("queue", [...queue(), {
      userId: get("user") || undefined, anonymousId: me(), messageId: uuid(), timestamp, context: told, ...item
    }].slice(-1000));
    later();
  };
  const start = () => { ready = true; held.splice(0).forEach((call) => run(...call)); later(); };

  // What may have arrived is sent again; repeats are told by their messageId.
  const part = (size = 6e4) => queue().filter((item) => (size -= JSON.stringify(item).length * 2) > 0);
  const body = (batch) => JSON.stringify({ writeKey: key, sentAt: new Date(), batch });
  const done = (items) => put("queue", queue().filter((one) => !items.some((item) => item.messageId == one.messageId)));
  const later = () => { if (!timer && !busy && queue()[0]) timer = setTimeout(flush, wait * (1 + Math.random()) || 200); };
  const flush = async () => {
    clearTimeout(timer);
    timer = 0;
    const items = part();
    if (busy || !ready || !queue()[0]) return;
    if (!items[0]) done(queue().slice(0, 1));
    else {
      busy = true;
      try {
        const { ok, status } = await fetch(`${host}/v1/batch`, { method: "POST", body: body(items), keepalive: true });
        if (!ok && status != 400 && status != 413) throw status;
        done(items);
        wait = 0;
      } catch { wait = Math.min((wait || 250) * 2, 6e4); }
      busy = false;
    }
    later();
  };
  const leave = () => {
    if (d.visibilityState != "hidden") return;
    if (!ready) start();
    if (part()[0]) n.sendBeacon(`${host}/v1/batch`, body(part()));
  };

  // A cookie of the server outlives what scripts may keep.
  const ask = async (anew = "") => {
    if (!set.cookie) return;
    try {
      const answer = await fetch(`${host}/v1/visitor?writeKey=${key}${anew}`, {
        method: "POST", credentials: "include", body: JSON.stringify({ anonymousId: me() })
      });
      if (answer.ok && !ready) put("anonymous", (await answer.json()).anonymousId);
    } catch {}
  };

  // Slots are filled with text, and with few attributes: no answer can bring markup or a script.
  const inside = (root, what) => [root, ...root.querySelectorAll(`[${what}]`)].filter((el) => el.hasAttribute(what));
  const address = (text) => {
    try { return /^https?:/.test(new URL(text, location).protocol) ? text : null; } catch { return null; }
  };
  const write = (root, content) => {
    inside(root, "data-cdp-text").forEach((el) => {
      const value = content[el.dataset.cdpText];
      if (value != null) el.textContent = value;
    });
    inside(root, "data-cdp-attr").forEach((el) => el.dataset.cdpAttr.split(",").forEach((pair) => {
      const [attribute, field] = pair.split(":").map((part) => part.trim());
      const link = attribute == "href" && el.matches("a") || attribute == "src" && el.matches("img");
      const value = link ? address(content[field] ?? "") : content[field];
      if (content[field] != null && value != null && (link || /^(alt|title|aria-label)$/.test(attribute)))
        el.setAttribute(attribute, value);
    }));
    root.querySelectorAll("template[data-cdp-each]").forEach((mould) => {
      const each = mould.dataset.cdpEach, told = content[each], place = mould.parentNode, now = [...place.children];
      now.forEach((el) => el.dataset.cdpItem == each && el.remove());
      // The page's own items give way to those that are told, and come back where none are.
      mould.own ||= now.filter((el) => el.dataset.cdpItem === "");
      if (!told) return place.append(...mould.own);
      mould.own.forEach((el) => el.remove());
      [].concat(told).forEach((item) => {
        const copy = mould.content.firstElementChild.cloneNode(true);
        copy.dataset.cdpItem = each;
        write(copy, item);
        place.append(copy);
      });
    });
  };
  const fill = async (again) => {
    // What was seen already is left as it is, unless the page asks again: text that jumps is worse than the default.
    const unseen = (el) => !performance.getEntriesByName("first-contentful-paint")[0] ||
      getComputedStyle(el).visibility == "hidden";
    const found = [...d.querySelectorAll("[data-cdp-slot]")].filter((el) =>
      again || !el.dataset.cdpFilled && (unseen(el) || (el.dataset.cdpFilled = "seen", false)));
    if (!found[0]) return;
    if (!again) found.forEach((el) => { el.dataset.cdpFilled = "waits"; el.style.visibility = "hidden"; });
    const late = new Promise((go) => setTimeout(go, 300));
    const answer = async () => {
      if (known && !again) await known;
      const { pathname: path } = location, slots = [...new Set(found.map((el) => el.dataset.cdpSlot))];
      const context = { path, locale: n.language, device: innerWidth < 768 ? "mobile" : "desktop" };
      const got = await fetch(`${host}/v1/personalise`, {
        method: "POST", body: JSON.stringify({ writeKey: key, anonymousId: me(), slots, context })
      });
      return got.ok ? (await got.json()).slots : {};
    };
    const told = await Promise.race([answer().catch(() => 0), ...again ? [] : [late]]) || {};
    found.forEach((el) => {
      const one = told[el.dataset.cdpSlot];
      if (one) write(el, one.content);
      if (one || !again) el.dataset.cdpFilled = one && !one.fallback ? "personal" : "default";
      el.style.visibility = "";
      el.dispatchEvent(new CustomEvent("cdp:slot", { bubbles: true, detail: one }));
    });
  };

  w.cdp = { slots: () => fill(true), push: ([call, ...args]) => w.cdp[call](...args), flush, anonymousId: me };
  for (const call in api) w.cdp[call] = (...args) => {
    const one = [call, args, new Date(), context()];
    if (ready) run(...one); else held.push(one);
  };
  if (set.page != "off") w.cdp.page();
  early.forEach(w.cdp.push);
  d.addEventListener("visibilitychange", leave);
  w.addEventListener("online", flush);
  // Whom this browser has not told about yet may be known by the cookie.
  const stranger = !get("anonymous"), asking = Promise.race([ask(), new Promise((go) => setTimeout(go, 2000))]);
  const known = set.cookie && stranger && asking;
  asking.then(start);
  fill();
  if (d.readyState == "loading") d.addEventListener("DOMContentLoaded", () => fill());
})(window, document, navigator);
