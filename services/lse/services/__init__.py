"""The gRPC services, thin over the library and the platform: `service.py` answers, `jobs.py` does long work."""
