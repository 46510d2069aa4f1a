"""Finding runs by a filter and an order: the grammar, and what its words mean in SQL."""
