"""What the explorer shows, as plain data: fetched from the services through `lse.client`, never touching Panel."""
