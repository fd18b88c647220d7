"""Backbones and the encoder that stands on one.

`lse.representation.encoders.backbones` lists the backbones and checks a choice without loading torch;
`lse.representation.encoders.encoder` builds the network.
"""
