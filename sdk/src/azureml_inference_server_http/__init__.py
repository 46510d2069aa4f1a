"""What entry scripts import of Azure's scoring server; `lazuli.scoring` is the server."""
