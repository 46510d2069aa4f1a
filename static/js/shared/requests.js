// Requests that carry what the server asks for: the CSRF token, or the mark of htmx for a piece of a page.

export const readCsrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

export const postForm = (url, body, options = {}) =>
  fetch(url, { method: "POST", body, headers: { "X-CSRFToken": readCsrfToken() }, ...options });

export const fetchPiece = (url) => fetch(url, { headers: { "HX-Request": "true" } });

export const fetchJson = (url) => fetch(url, { headers: { Accept: "application/json" } });
