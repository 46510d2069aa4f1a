// Requests with the headers that the server needs: the CSRF token, the header of htmx for a partial, and whether somebody is here.
import { attendanceHeaders } from "./attendance.js";

export const readCsrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

export const postForm = (url, body, options = {}) =>
  fetch(url, { method: "POST", body, headers: { "X-CSRFToken": readCsrfToken() }, ...options });

export const fetchUrl = (url, headers = {}) => fetch(url, { headers: { ...headers, ...attendanceHeaders() } });

export const fetchPiece = (url) => fetchUrl(url, { "HX-Request": "true" });

export const fetchJson = (url) => fetchUrl(url, { Accept: "application/json" });
