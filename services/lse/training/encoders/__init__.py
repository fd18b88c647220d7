"""Backbones and the encoder that stands on one.

`lse.training.encoders.backbones` names the backbones and checks a choice without loading torch;
`lse.training.encoders.encoder` builds the network.
"""
