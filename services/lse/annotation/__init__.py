"""What experts say about images: classes, labels, selections; and the catalogue of an experiment as a file."""
