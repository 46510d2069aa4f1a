// <time data-when="relative|exact|seconds"> in the reader's own time zone, and <span data-since="time"> that keeps counting.
import { formatAge, formatDuration } from "../pure/times.js";

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

const secondsSince = (moment) => (Date.now() - moment) / 1000;

const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };

const writeTimes = (root) => {
  for (const element of root.querySelectorAll("time[data-when]")) {
    const moment = new Date(element.dateTime);
    element.title = precise.format(moment);
    const age = element.dataset.when === "relative" ? formatAge(secondsSince(moment)) : "";
    setText(element, age || (element.dataset.when === "seconds" ? toTheSecond : exact).format(moment));
  }
  for (const element of root.querySelectorAll("[data-since]")) setText(element, formatDuration(secondsSince(new Date(element.dataset.since))));
};

writeTimes(document);
setInterval(() => { if (!document.hidden) writeTimes(document); }, 1000);
document.addEventListener("htmx:load", (event) => writeTimes(event.detail.elt.parentNode || document));
