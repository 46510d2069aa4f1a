"""What a machine runs to be a host of compute: the host agent and its node workers. Installed by `lazuli-sdk[agent]`."""
