"""What arranges, groups and ranks vectors: neighbours, reducers, clusterers, scores, suggestions."""
