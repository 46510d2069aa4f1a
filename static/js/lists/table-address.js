// The URL of a list contains its whole state. This changes it without leaving the page.

export const readAddress = () => new URL(location.href);

export const setParameters = (url, name, values) => {
  url.searchParams.delete(name);
  for (const value of values) url.searchParams.append(name, value);
};

export const openAddress = (url) => {
  if (url.href !== location.href) history.pushState({ isJobList: true }, "", url);
  return htmx.ajax("GET", url.pathname + url.search, { target: "#run-table", swap: "outerHTML" });
};

window.addEventListener("popstate", (event) => { if (event.state?.isJobList) location.reload(); });
