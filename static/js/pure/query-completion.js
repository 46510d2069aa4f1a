// Completes a query of the grammar in studio/search/grammar.py. `names` are those that the jobs of the list have:
// {metrics, params, tags, attributes: [names], values: {key: [values]}}.

const MAX_OFFERS = 12;
const COMPARISONS = ["=", "!=", ">", ">=", "<", "<=", "~", "!~", "in (", "like", "is null", "is not null"];
const TOKEN = /'(?:[^']|'')*'?|`[^`]*`?|[\w./:-]+(?:`[^`]*`?)?|[!<>=~]+|[(),]|\S/g;

const quoteName = (name) => (/^[A-Za-z_][\w/:-]*$/.test(name) ? name : `\`${name}\``);
const quoteValue = (value) => `'${value.replaceAll("'", "''")}'`;

const listKeys = ({ metrics, params, tags, attributes }) => [
  ...metrics.map((name) => `metrics.${quoteName(name)}`), ...params.map((name) => `params.${quoteName(name)}`),
  ...tags.map((name) => `tags.${quoteName(name)}`), ...attributes,
];

const listValues = (names, key = "") => (names.values[key] || names.values[key.toLowerCase()] || []).map(quoteValue);

const isComparison = (token = "") => /^([!<>=~]+|like|ilike)$/i.test(token);
const isKey = (token = "") => /^[A-Za-z_]/.test(token) && !/^(and|or|not|in|is|null|like|ilike)$/i.test(token);

// The token at the end of the text, its start, and the tokens before it.
export const parseQuery = (text) => {
  const tokens = [...text.matchAll(TOKEN)];
  const last = tokens.at(-1);
  const isUnfinished = last && last.index + last[0].length === text.length && !/^[(),]$/.test(last[0]);
  const before = (isUnfinished ? tokens.slice(0, -1) : tokens).map((token) => token[0]);
  return { start: isUnfinished ? last.index : text.length, typed: isUnfinished ? last[0] : "", before };
};

// The key whose list of values is open at the end: of `params.model in ('a',` it is params.model.
const findOpenList = (before) => {
  const bracket = before.lastIndexOf("(");
  if (bracket < 2 || before.includes(")", bracket) || !/^in$/i.test(before[bracket - 1])) return null;
  return before[bracket - (/^not$/i.test(before[bracket - 2]) ? 3 : 2)];
};

// The completions that the grammar allows after these tokens.
const listNext = (before, names) => {
  const last = before.at(-1), second = before.at(-2), openList = findOpenList(before);
  if (openList) return /^[(,]$/.test(last) ? listValues(names, openList) : [",", ")"];
  if (isComparison(last)) return listValues(names, /^not$/i.test(second) ? before.at(-3) : second);
  if (/^is$/i.test(last)) return ["null", "not null"];
  if (/^not$/i.test(last) && /^is$/i.test(second)) return ["null"];
  if (/^not$/i.test(last) && isKey(second)) return ["in (", "like", "ilike"];
  if (!last || /^(and|or|not|\()$/i.test(last)) return [...listKeys(names), ...(/^not$/i.test(last) ? [] : ["not"])];
  return isKey(last) ? COMPARISONS : ["and", "or"];
};

// Backquotes around a name do not count, because people start typing without them.
const withoutQuotes = (token) => token.toLowerCase().replaceAll("`", "");

// Completions at the end of the text: first those that start with the typed text, then those that contain it.
export const completeQuery = (text, names) => {
  const { typed, before } = parseQuery(text), wanted = withoutQuotes(typed);
  const fitting = listNext(before, names).filter((token) => withoutQuotes(token).includes(wanted) && token !== typed);
  const begins = (token) => withoutQuotes(token).startsWith(wanted);
  return [...fitting.filter(begins), ...fitting.filter((token) => !begins(token))].slice(0, MAX_OFFERS);
};

// The text that a completion inserts into the query.
export const spellOffer = (offer) => `${offer}${offer.endsWith("(") ? "" : " "}`;
