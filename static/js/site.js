// What every page does: the theme button without a reload, busy submit buttons, one announcement area, focus after swaps.

const root = document.documentElement;
const toasts = document.getElementById("toasts");
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const YEAR = 365 * 24 * 3600;

function wireTheme(form) {
  const button = form.querySelector("button");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const theme = button.value;
    if (theme === "auto") {
      delete root.dataset.theme;
      document.cookie = "theme=; path=/; max-age=0; samesite=lax";
    } else {
      root.dataset.theme = theme;
      document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
    }
    button.dataset.state = theme;
    button.value = NEXT[theme];
    button.setAttribute("aria-label", button.getAttribute(`data-label-${theme}`));
  });
}

/** Say something once, to eyes and to screen readers. */
export function announce(text) {
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  toasts.replaceChildren(note);
  setTimeout(() => note.remove(), 6000);
}

function setBusy(button, busy) {
  const label = button.querySelector("[data-label]");
  if (busy) {
    button.dataset.rest = label.textContent;
    label.textContent = button.dataset.busy;
    button.setAttribute("aria-busy", "true");
  } else if (button.dataset.rest) {
    label.textContent = button.dataset.rest;
    button.removeAttribute("aria-busy");
  }
  button.disabled = busy;
}

document.querySelectorAll("[data-theme-form]").forEach(wireTheme);

// A second click sends nothing. Disabled after the event, so that the browser still sends the form.
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("[data-submit]");
  if (button && !event.defaultPrevented) setTimeout(() => setBusy(button, true));
});
// Back from the next page: the browser shows this one as it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("[data-submit]").forEach((button) => setBusy(button, false));
});

document.addEventListener("htmx:sendError", () => announce(toasts.dataset.offline));
document.addEventListener("htmx:timeout", () => announce(toasts.dataset.offline));
document.addEventListener("htmx:responseError", () => announce(toasts.dataset.failed));

// What a swap says is said to screen readers too (they ignore live regions that arrive with their text), and where the swap
// removed the focused button, the focus goes to what took its place.
document.addEventListener("htmx:afterSettle", (event) => {
  const part = event.detail.elt;
  const said = part.querySelector("[data-said]");
  if (said) document.getElementById("said").textContent = said.textContent;
  if (part.matches(".reactions") && document.activeElement === document.body) part.querySelector("button").focus();
});
