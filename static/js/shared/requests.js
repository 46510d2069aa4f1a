// Requests with the headers that the server needs: the CSRF token, or the header of htmx for a partial.

export const readCsrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

export const postForm = (url, body, options = {}) =>
  fetch(url, { method: "POST", body, headers: { "X-CSRFToken": readCsrfToken() }, ...options });

export const fetchPiece = (url) => fetch(url, { headers: { "HX-Request": "true" } });

export const fetchJson = (url) => fetch(url, { headers: { Accept: "application/json" } });
