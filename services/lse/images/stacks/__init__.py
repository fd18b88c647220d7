"""Files that hold many images: archives of image files, arrays of images, tables with a column of images.

One module a kind, each a `Method` that opens a file as a `Stack`; content decides what a file is.
"""

from lse.images.stacks.opening import STACKS, images_of, is_stack_name, read_member
from lse.images.stacks.stack import Stack, StackFacts

__all__ = ["STACKS", "Stack", "StackFacts", "images_of", "is_stack_name", "read_member"]
