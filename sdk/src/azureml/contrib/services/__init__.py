"""Classes for entry scripts that use the whole request and set status and headers of the response."""
