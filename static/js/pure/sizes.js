const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

// `12.4 MB`, as the server writes sizes (studio/formats.py).
export const formatBytes = (size) => {
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(unit === 0 || size >= 100 ? 0 : 1)} ${UNITS[unit]}`;
};
