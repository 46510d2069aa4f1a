// The order of a list, as its address has it: `sort=name` rises, `sort=-name` falls; the first counts most.

// Shift and a click on a column: sort by it too, then in the other direction, then not any more. `first` is its first direction.
export const cycleSort = (sorts, column, first = column) => {
  const second = first === column ? `-${column}` : column;
  if (sorts.includes(first)) return sorts.map((sort) => (sort === first ? second : sort));
  if (sorts.includes(second)) return sorts.filter((sort) => sort !== second);
  return [...sorts, first];
};

// Widths in the address are `width=240:name`; this replaces that of one column.
export const replaceWidth = (widths, column, width) =>
  [...widths.filter((one) => one.slice(one.indexOf(":") + 1) !== column), `${width}:${column}`];
