// The photo form: checks before sending, preview, drag and drop, camera.

import { openCamera, hasCamera } from "./webcam.js";

const form = document.getElementById("upload");
const input = form.querySelector("#id_file");
const part = (name) => form.querySelector(`[data-${name}]`);
const drop = part("drop");
const problem = form.querySelector("#file-problem");
const preview = part("preview");
const TYPES = /^image\/(jpeg|png|webp|hei[cf](-sequence)?)$/;
const MOST = Number(form.dataset.maxPhotos);
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
  const [file, ...others] = input.files;
  URL.revokeObjectURL(preview.src);
  part("empty").hidden = Boolean(file);
  part("full").hidden = !file;
  showOthers(others);
  if (!file) return;
  part("name").textContent = [...input.files].map((each) => each.name).join(", ");
  part("no-preview").hidden = true;
  preview.hidden = false;
  preview.src = URL.createObjectURL(file);
  const full = input.files.length >= MOST;
  part("more").hidden = full;
  part("camera-more").hidden = full || !hasCamera();
}

/** The second and third photo, small; one that the browser cannot show is still named. */
function showOthers(files) {
  for (const picture of part("others").querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  part("others").replaceChildren(
    ...files.map((file) => {
      const item = document.createElement("li");
      const picture = document.createElement("img");
      picture.alt = file.name;
      picture.src = URL.createObjectURL(file);
      item.append(picture);
      return item;
    }),
  );
  part("others").hidden = !files.length;
}

preview.addEventListener("error", () => {
  preview.hidden = true;
  part("no-preview").hidden = false;
  part("no-preview").textContent = form.dataset.sayNoPreview;
});

/** Take what was chosen, dropped or photographed, as far as it can be sent. */
function take() {
  const files = [...input.files];
  const good = files.filter((file) => !fault(file));
  const bad = files.find(fault);
  const kept = good.slice(0, MOST);
  complain(bad ? fault(bad) : good.length > MOST ? form.dataset.saySeveral : "");
  if (kept.length === files.length) return show();
  if (!kept.length) return clear();
  put(kept);
  show();
}

function put(files) {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
}

/** ``before``: photos that stay. Where nothing of the new can be sent, they are what is left. */
function give(files, before = []) {
  put([...before, ...files]);
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
  give(files, input.files.length < MOST ? [...input.files] : []);
});
part("drop-say").hidden = !matchMedia("(pointer: fine)").matches;

if (hasCamera()) {
  const button = part("camera");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const photo = await openCamera();
    if (photo) give([photo]);
    else button.focus();
  });
  part("camera-more").addEventListener("click", async () => {
    const photo = await openCamera();
    if (photo) give([photo], [...input.files]);
    else part("camera-more").focus();
  });
}

part("more").addEventListener("click", () => {
  const chooser = document.createElement("input");
  Object.assign(chooser, { type: "file", accept: input.accept, multiple: true });
  chooser.addEventListener("change", () => give(chooser.files, [...input.files]));
  chooser.click();
});

if (input.files.length) take(); // a reload may keep the choice
