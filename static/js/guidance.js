// What to change before the photo is taken. Light and sharpness are measured here on small frames, by the formulas and limits of
// the server's photo check; where the face is comes from the server, or from the browser's own detector where it has one.
// Advice only: nothing here holds the shutter.

const WIDTH = 256;
const HEIGHT = 320;
const LOOK_MS = 400;
const ASK_MS = 600;
const FRESH_MS = 2500; // how long an answer about an older frame still counts
const STEADY = 2; // looks that must agree before the words change
const GIVE_UP = 3; // failed answers in a row
const STOPS = new Set(["no_face", "several_faces", "too_dark", "too_bright", "too_blurry"]);

const LINEAR = Float32Array.from({ length: 256 }, (_, value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
});

function lightness(r, g, b) {
  const y = 0.2126 * LINEAR[r] + 0.7152 * LINEAR[g] + 0.0722 * LINEAR[b];
  return y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y;
}

function median(values) {
  return values.length ? Float32Array.from(values).sort()[values.length >> 1] : 0;
}

function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Median L*, difference of the sides, contrast, burnt share and sharpness inside the outline that is drawn over the picture. */
export function measure({ data, width, height }, middle) {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i += 1) grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
  const sides = [[], []];
  const greys = [];
  let burnt = 0;
  let detail = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const across = (x / width - 0.5) / 0.27;
      if (across ** 2 + ((y / height - middle) / 0.31) ** 2 > 1) continue;
      const i = y * width + x;
      const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
      sides[across < 0 ? 0 : 1].push(lightness(r, g, b));
      greys.push(grey[i]);
      burnt += Math.min(r, g, b) >= 250;
      detail += (grey[i - 1] + grey[i + 1] + grey[i - width] + grey[i + width] - 4 * grey[i]) ** 2;
    }
  }
  const all = sides[0].concat(sides[1]);
  const spread = deviation(greys);
  return {
    brightness: median(all),
    uneven: Math.abs(median(sides[0]) - median(sides[1])),
    contrast: deviation(all),
    burnt: burnt / greys.length,
    sharpness: spread > 0.001 ? Math.sqrt(detail / greys.length) / spread : 0,
  };
}

/** The codes that the measures earn, most urgent first. */
export function judge(found, limits) {
  const dark = found.brightness < limits.dark;
  return [
    ["too_dark", dark],
    ["too_bright", found.burnt > limits.clipped],
    ["too_blurry", !dark && found.contrast >= limits.contrast && found.sharpness < limits.blurry],
    ["dim", !dark && found.brightness < limits.dim],
    ["uneven_light", found.uneven > limits.uneven],
    ["low_contrast", !dark && found.contrast < limits.contrast],
  ].filter(([, holds]) => holds).map(([code]) => code);
}

/** The same for the place of faces, given as boxes in shares of the frame. */
export function place(boxes, limits) {
  if (!boxes.length) return ["no_face"];
  if (boxes.length > 1) return ["several_faces"];
  const [{ x, y, width, height }] = boxes;
  const aside = Math.hypot(x + width / 2 - 0.5, (y + height / 2 - limits.middle) * 1.25);
  const size = width < limits.far ? ["too_far"] : width > limits.near ? ["too_near"] : [];
  return aside > limits.aside ? [...size, "off_centre"] : size;
}

/**
 * Look at `video` until the returned function is called. `show({ state, text })` hears each steady change; state is "good",
 * "warn", "stop" or "" (nothing is known about the face).
 */
export function guide(video, { limits, say, url, token, show }) {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const detector = "FaceDetector" in window ? new window.FaceDetector({ fastMode: true, maxDetectedFaces: 2 }) : null;
  const closing = new AbortController();
  let answer = null; // the server's last: { at, issues }
  let failures = 0;
  let asking = false;
  let askAfter = 0;
  let timer = 0;
  let shown = "";
  let candidate = { key: "", seen: 0 };

  function grab() {
    const { videoWidth: w, videoHeight: h } = video;
    const width = Math.min(w, h * 0.8);
    const height = Math.min(h, w * 1.25);
    context.drawImage(video, (w - width) / 2, (h - height) / 2, width, height, 0, 0, WIDTH, HEIGHT);
  }

  async function ask() {
    if (asking || failures >= GIVE_UP || performance.now() < askAfter) return;
    asking = true;
    askAfter = performance.now() + ASK_MS;
    const at = performance.now();
    try {
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
      const body = new FormData();
      body.append("file", blob, "frame.jpg");
      const response = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token }, signal: closing.signal });
      if (response.status === 429) {
        askAfter = performance.now() + 1000 * Number(response.headers.get("Retry-After") || 5);
      } else if (response.ok) {
        answer = { at, issues: (await response.json()).data.issues };
        failures = 0;
      } else {
        failures += 1;
      }
    } catch {
      failures += 1;
    } finally {
      asking = false;
    }
  }

  async function faces() {
    if (!detector) return null;
    try {
      const found = await detector.detect(canvas);
      return found.map(({ boundingBox: box }) => ({
        x: box.x / WIDTH,
        y: box.y / HEIGHT,
        width: box.width / WIDTH,
        height: box.height / HEIGHT,
      }));
    } catch {
      return null; // named by the browser, but not there on this machine
    }
  }

  /** One piece of advice out of what is known now. */
  async function advice() {
    const light = judge(measure(context.getImageData(0, 0, WIDTH, HEIGHT), limits.middle), limits);
    const local = (codes) => ({ state: STOPS.has(codes[0]) ? "stop" : "warn", text: say[codes[0]] });
    if (answer && performance.now() - answer.at < FRESH_MS) {
      const [first] = answer.issues;
      if (!first) return { state: "good", text: say.good };
      // Where no face can be seen for want of light, the light is what to say.
      if (first.code === "no_face" && STOPS.has(light[0])) return local(light);
      return { state: first.severity, text: first.message };
    }
    const boxes = await faces();
    const codes = boxes && !STOPS.has(light[0]) ? [...place(boxes, limits), ...light] : light;
    if (codes.length) return local(codes);
    return boxes ? { state: "good", text: say.good } : { state: "", text: say.light };
  }

  async function look() {
    if (video.readyState >= 2 && !document.hidden) {
      grab();
      ask();
      const found = await advice();
      if (closing.signal.aborted) return;
      const key = found.state + found.text;
      candidate = { key, seen: candidate.key === key ? candidate.seen + 1 : 1 };
      if (key !== shown && candidate.seen >= STEADY) {
        shown = key;
        show(found);
      }
    }
    timer = setTimeout(look, LOOK_MS);
  }

  timer = setTimeout(look, LOOK_MS);
  return () => {
    closing.abort();
    clearTimeout(timer);
  };
}
