"""Several processes of one machine that answer on one port, and what each knows of the others."""
