"""The package of the collector of Azure ML's v2."""
