// Texts of the buttons above a list of jobs for the selected jobs.

// `isAll`: all that match, on all pages.
export const describeSelection = (count, isAll) => {
  const number = count.toLocaleString("en");
  const jobs = count === 1 ? "1 job" : `${number} jobs`;
  const subject = count === 1 ? "1 job is" : `${jobs} are`;
  const status = isAll ? `All ${number} selected` : `${number} selected`;
  return { jobs, subject, status: count ? status : "" };
};

// A button may require that between `min` and `max` rows are selected.
export const isEnabled = (count, isAll, { min, max } = {}) => {
  if (!count) return false;
  return min === undefined || (!isAll && count >= Number(min) && count <= Number(max));
};
