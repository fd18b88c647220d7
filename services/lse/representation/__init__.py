"""What learns a vector for every image, and what judges, explains and predicts with it."""
