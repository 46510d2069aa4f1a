// The order of a list, as its address has it: `sort=name` rises, `sort=-name` falls; the first counts most.

// Shift and a click on a column: sort by it too, then the other way round, then no longer.
export const cycleSort = (sorts, column) => {
  if (sorts.includes(column)) return sorts.map((sort) => (sort === column ? `-${column}` : sort));
  if (sorts.includes(`-${column}`)) return sorts.filter((sort) => sort !== `-${column}`);
  return [...sorts, column];
};

// Widths in the address are `width=240:name`; this replaces that of one column.
export const replaceWidth = (widths, column, width) =>
  [...widths.filter((one) => one.slice(one.indexOf(":") + 1) !== column), `${width}:${column}`];
