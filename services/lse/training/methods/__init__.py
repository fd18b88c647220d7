"""Methods of representation learning, one module each, and their registry.

A method is a frozen set of parameters and two functions: the networks it needs beside the encoder, and its loss on a
batch.  Nothing here loads torch before a method is used, so that asking which methods there are is quick.
"""

from lse.training.methods.registry import get_method, list_methods, parse_parameters

__all__ = ["get_method", "list_methods", "parse_parameters"]
