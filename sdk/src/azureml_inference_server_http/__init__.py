"""Names of Azure's scoring server that entry scripts import; `lazuli.scoring` is the server."""
