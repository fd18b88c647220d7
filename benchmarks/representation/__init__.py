"""Parts of `representations.py`: its data sets, its peer, the curve of labels, and its table."""
