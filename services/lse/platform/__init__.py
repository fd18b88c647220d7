"""What every service stands on: errors, config, rpc, operations, catalogue, artifacts, vectors, inference, compute."""
