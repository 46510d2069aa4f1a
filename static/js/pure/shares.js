// The shares after one has got `value`: they still add up to 100. What it gains, `first` loses before the others do, in their order; what it
// loses, `first` gains, or the first other one.
export const balanceShares = (shares, changed, value, first) => {
  const others = Object.keys(shares).filter((name) => name !== changed);
  const order = [...others.filter((name) => name === first), ...others.filter((name) => name !== first)];
  if (order.length === 0) return { [changed]: 100 };
  const balanced = { ...shares, [changed]: value };
  let surplus = Object.values(balanced).reduce((sum, share) => sum + share, 0) - 100;
  for (const name of order) {
    const share = Math.min(100, Math.max(0, balanced[name] - surplus));
    surplus -= balanced[name] - share;
    balanced[name] = share;
  }
  return balanced;
};
