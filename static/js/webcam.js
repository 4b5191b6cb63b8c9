// A photo from the camera, in a dialog: permission, outline, advice, countdown, look at it, use it or take another.

const SECONDS = 3;
const ERRORS = { NotAllowedError: "sayDenied", SecurityError: "sayDenied", NotFoundError: "sayMissing", OverconstrainedError: "sayMissing" };

export function hasCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia && window.HTMLDialogElement);
}

/** Opens the dialog; resolves to a JPEG File, or null when it was closed. */
export function openCamera() {
  const dialog = document.getElementById("camera");
  const part = (name) => dialog.querySelector(`[data-${name}]`);
  const video = part("video");
  const canvas = part("shot");
  const listening = new AbortController();
  const on = (target, name, handle) => target.addEventListener(name, handle, { signal: listening.signal });
  let stream = null;
  let timer = 0;
  let photo = null;
  let stopGuiding = () => {};

  const say = (name) => {
    part("say").textContent = name ? dialog.dataset[name] : "";
  };

  function live(running) {
    video.hidden = !running;
    canvas.hidden = running;
    part("guide").toggleAttribute("hidden", !running);
    part("guide").dataset.state = "";
    part("take").hidden = !running;
    part("use").hidden = running;
    part("retake").hidden = running;
  }

  /** Advice until the shutter; the panel works the same where it cannot be loaded. */
  async function startGuiding() {
    stopGuiding();
    try {
      const { guide } = await import("./guidance.js");
      if (!dialog.open || video.hidden) return;
      stopGuiding = guide(video, {
        ...JSON.parse(dialog.dataset.guidance),
        url: dialog.dataset.check,
        token: document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "",
        show: ({ state, text }) => {
          part("guide").dataset.state = state;
          part("say").textContent = text;
        },
      });
    } catch {
      // the words that are there already say enough
    }
  }

  async function start() {
    live(true);
    photo = null;
    part("take").disabled = true;
    say("");
    try {
      stream ??= await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "user", width: { ideal: 1440 }, height: { ideal: 1800 } },
        audio: false,
      });
      if (!dialog.open) return stop();
      video.srcObject = stream;
      await video.play();
      part("take").disabled = false;
      part("take").focus();
      say("sayReady");
      startGuiding();
    } catch (error) {
      say(ERRORS[error.name] ?? "sayBusy");
    }
  }

  function stop() {
    stopGuiding();
    clearTimeout(timer);
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  }

  function count(left) {
    part("count").textContent = left || "";
    part("take").disabled = left > 0;
    if (left) timer = setTimeout(() => count(left - 1), 1000);
    else shoot();
  }

  /** What the dialog shows is what is taken: the middle of the picture at 4 to 5, not mirrored. */
  function shoot() {
    stopGuiding();
    const { videoWidth: w, videoHeight: h } = video;
    const width = Math.min(w, h * 0.8);
    const height = Math.min(h, w * 1.25);
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").drawImage(video, (w - width) / 2, (h - height) / 2, width, height, 0, 0, width, height);
    live(false);
    say("sayTaken");
    part("use").focus();
    // Writing the JPEG takes a moment; whoever presses "use" before it is done waits for it.
    photo = new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92)).then(
      (blob) => new File([blob], "camera.jpg", { type: "image/jpeg" }),
    );
  }

  return new Promise((resolve) => {
    let answer = null;
    on(part("take"), "click", () => count(SECONDS));
    on(part("retake"), "click", start);
    on(part("close"), "click", () => dialog.close());
    on(part("use"), "click", async () => {
      const taken = photo;
      const file = await taken;
      if (!dialog.open || photo !== taken) return; // closed, or another is being taken
      answer = file;
      dialog.close();
    });
    on(dialog, "close", () => {
      stop();
      part("count").textContent = "";
      listening.abort();
      resolve(answer);
    });
    dialog.showModal();
    start();
  });
}
