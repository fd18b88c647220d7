"""What the tests of point clouds share."""

from buckets import bucket, s3_endpoint

__all__ = ["bucket", "s3_endpoint"]
