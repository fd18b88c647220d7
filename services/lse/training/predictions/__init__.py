"""From the labels of some images to the classes of all: linear probe and fine-tuning."""
