// Links that MLflow's clients print: …/#/experiments/1/runs/abc, …/#/models/name/versions/1. What follows the # stays in the browser.
const SHAPES = [
  /^\/experiments\/[\w-]{1,36}(\/runs\/[\w.-]{1,256}|\/models\/m-[\w-]{1,62})?(\/[^?]*)?$/,
  /^\/models\/[^/?]{1,255}\/versions\/\d{1,10}\/?$/,
];
const MOST = 2000;

// The query that asks the server to open what the fragment names; that of the workspace if it names neither.
export function openQuery(fragment) {
  let link = "";
  try {
    link = decodeURIComponent(fragment.replace(/^#/, "").split("?")[0]);
  } catch {
    // An invalid percent escape: not a link of MLflow's.
  }
  const known = link.length <= MOST && SHAPES.some((shape) => shape.test(link));
  return `?open=${known ? encodeURIComponent(link) : ""}`;
}
