"""From the trash to freed space: restoring, purging, retention."""
