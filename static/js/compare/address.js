// Changes by scripts on the page that compares jobs are written to the address, the form and the links.
import { replaceParameter } from "../pure/address.js";

const LINKS = "#compare .tabs a, #compare [data-refresh], #compare [data-compare-add], #compare-copy a";

export const findForm = () => document.getElementById("compare-form");

const addHiddenField = (name, value) => {
  const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
  field.setAttribute("form", "compare-form");
  document.getElementById("compare").append(field);
};

export const setParameter = (name, values) => {
  const given = values.filter((value) => value !== "");
  history.replaceState(history.state, "", replaceParameter(location.search, name, given));
  for (const link of document.querySelectorAll(LINKS)) {
    const url = new URL(link.href);
    link.href = url.pathname + replaceParameter(url.search, name, given);
  }
  const fields = [...findForm().elements].filter((field) => field.name === name);
  for (const field of fields) if (field.type === "hidden") field.remove();
  // A visible field has the value already.
  if (!fields.some((field) => field.type !== "hidden")) for (const value of given) addHiddenField(name, value);
};
