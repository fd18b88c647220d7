"""Everything on one machine: the servers of a cluster as child processes of one command."""
