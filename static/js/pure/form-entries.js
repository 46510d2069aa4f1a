// What a form contains, as plain data: fields are {name, type, value, autocomplete}; entries are [name, value].

const NOT_STORED = ["hidden", "password", "file", "submit", "button", "image", "reset"];
const OF_ITS_PAGE = ["csrfmiddlewaretoken", "form_key"];

const isSecret = ({ autocomplete = "" }) => /-password|one-time-code/.test(autocomplete);

// Whether a field's entry may be stored: no secret, no file, nothing that the page sets itself.
export const isEntry = (field) => Boolean(field.name) && !NOT_STORED.includes(field.type) && !isSecret(field);

// Of all entries that are sent, those that may be stored.
export const selectEntries = (sent, fields) => {
  const names = new Set(fields.filter(isEntry).map(({ name }) => name));
  return sent.filter(([name, value]) => names.has(name) && typeof value === "string");
};

// Distinguishes the forms of a page, which may have the same address and differ by their hidden fields.
export const describeForm = (address, fields) => JSON.stringify([
  address, fields.filter(({ name, type }) => type === "hidden" && !OF_ITS_PAGE.includes(name)).map(({ name, value }) => [name, value]),
]);

// What a page does with the entries that are stored: "keep", "restore" or "remove". `isInterrupted`: a page that keeps
// entries, such as the sign-in, was shown since the form was sent.
export const chooseStep = (stored, { person, page, keepsEntries }) => {
  if (keepsEntries) return "keep";
  if (!stored.isInterrupted || stored.person !== person) return "remove";
  return stored.page === page ? "restore" : "keep";
};
