"""MLflow's tracking API over our experiments and runs: each workspace is a tracking server.

`views.answer` takes a request apart and finds its verb in `routes`; the verbs are in `experiments`, `runs`, `logging`,
`history`, `files`, `searching`; what rows look like over this wire is in `shapes`.
"""
