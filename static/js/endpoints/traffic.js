// The traffic of versions: each has a slider and a number, and all of them always add up to 100.
import { balanceShares } from "../pure/shares.js";

const form = document.querySelector("[data-traffic]");

const readShares = () => Object.fromEntries([...form.querySelectorAll("[type=number]")].map((input) => [input.dataset.share, Number(input.value) || 0]));

const show = (shares, typed) => {
  for (const input of form.querySelectorAll("[data-share]")) {
    // What is being typed stays as it is, also while it is empty.
    if (input !== typed) input.value = shares[input.dataset.share];
  }
};

if (form) {
  let shares = readShares();
  for (const slider of form.querySelectorAll("[type=range]")) slider.hidden = false;
  form.addEventListener("input", ({ target }) => {
    if (!target.dataset.share) return;
    const value = Math.min(100, Math.max(0, Math.round(Number(target.value) || 0)));
    shares = balanceShares(shares, target.dataset.share, value, form.elements.default.value);
    show(shares, target);
  });
  form.addEventListener("change", () => show(shares));
}
