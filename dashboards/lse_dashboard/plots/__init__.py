"""Pure functions that draw: arrays in, pictures out."""
