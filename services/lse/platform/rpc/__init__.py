"""How services are served: errors, interceptors, messages that all share, and the server itself."""
