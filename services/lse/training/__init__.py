"""Training service: learns encoders that give every image of a collection a vector, without labels.

The pure subjects, usable from a notebook without any service:

`lse.training.methods`
    What can be learned and with which parameters (`list_methods`, `parse_parameters`).
`lse.training.encoders`
    Backbones, and the encoder that stands on one.
`lse.training.run`
    `train`: one resumable run.
`lse.training.onnx_files`
    Export to ONNX, and the check of an ONNX encoder made elsewhere.
`lse.training.judging`
    How good an encoder is, with and without labels, and its card.
"""
