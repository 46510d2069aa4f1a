// As studio/formats.py writes numbers, without zeros at the end.
export const formatNumber = (value) => {
  const size = Math.abs(value), short = Number(value.toPrecision(4));
  const isPlain = size < 1e12 && (size >= 1e-4 || !value);
  const text = !isPlain ? short.toExponential().replace(/e([+-])(\d)$/, "e$10$2")
    : size >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(short);
  return text.replaceAll("-", "−");
};
