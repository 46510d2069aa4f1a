"""The host agent and its node workers, with which a machine runs jobs. Installed by `lazuli-sdk[agent]`."""
