// The query of an address with one parameter replaced.

// Commas, colons and slashes stay readable, as the server writes them.
export const replaceParameter = (query, name, values) => {
  const parameters = new URLSearchParams(query);
  parameters.delete(name);
  for (const value of values) parameters.append(name, value);
  return `?${parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/")}`;
};
