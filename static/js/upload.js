// The photo form: checks before sending, preview, drag and drop, camera.

import { openCamera, hasCamera } from "./webcam.js";

const form = document.getElementById("upload");
const input = form.querySelector("#id_file");
const part = (name) => form.querySelector(`[data-${name}]`);
const drop = part("drop");
const problem = form.querySelector("#file-problem");
const preview = part("preview");
const TYPES = /^image\/(jpeg|png|webp|hei[cf](-sequence)?)$/;
const NAMES = /\.(jpe?g|png|webp|hei[cf])$/i;

function complain(text) {
  problem.hidden = !text;
  part("problem").textContent = text;
}

/** Why this file cannot be sent, or "". Phones leave the type of HEIC files empty, so the name counts too. */
function fault(file) {
  if (file.size > Number(form.dataset.maxBytes)) return form.dataset.saySize;
  if (!TYPES.test(file.type) && !NAMES.test(file.name)) return form.dataset.sayType;
  return "";
}

function clear() {
  input.value = "";
  show();
}

function show() {
  const file = input.files[0];
  URL.revokeObjectURL(preview.src);
  part("empty").hidden = Boolean(file);
  part("full").hidden = !file;
  if (!file) return;
  part("name").textContent = file.name;
  part("no-preview").hidden = true;
  preview.hidden = false;
  preview.src = URL.createObjectURL(file);
}

preview.addEventListener("error", () => {
  preview.hidden = true;
  part("no-preview").hidden = false;
  part("no-preview").textContent = form.dataset.sayNoPreview;
});

/** Take what was chosen, dropped or photographed, if it can be sent. */
function take() {
  const file = input.files[0];
  const text = file ? fault(file) : "";
  complain(text);
  if (text) clear();
  else show();
}

function give(file) {
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
  take();
  if (input.files.length) part("submit").focus();
}

input.addEventListener("change", take);
part("again").addEventListener("click", () => input.click());
input.addEventListener("invalid", (event) => {
  event.preventDefault();
  complain(form.dataset.sayNone);
  input.focus();
});

for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", (event) => {
  if (!drop.contains(event.relatedTarget)) drop.classList.remove("over");
});
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const files = event.dataTransfer.files;
  if (!files.length) return;
  give(files[0]);
  if (files.length > 1 && problem.hidden) complain(form.dataset.saySeveral);
});
part("drop-say").hidden = !matchMedia("(pointer: fine)").matches;

if (hasCamera()) {
  const button = part("camera");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const photo = await openCamera();
    if (photo) give(photo);
    else button.focus();
  });
}

if (input.files.length) take(); // a reload may keep the choice
