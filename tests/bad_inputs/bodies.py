"""A job with every field that it may have."""

JOB = {
    "experimentName": "exp",
    "displayName": "d",
    "description": "d",
    "command": "true",
    "commandArgv": ["true"],
    "environmentDefinition": {
        "python": {"condaDependencies": {"dependencies": ["python", {"pip": ["numpy"]}]}},
        "docker": {"baseImage": "x"},
        "environmentVariables": {"A": "b"},
    },
    "computeId": "cpu-cluster",
    "environmentVariables": {"A": "b"},
    "resources": {"instanceCount": 1},
    "limits": {"timeout": "PT9S"},
    "tags": {"a": "b"},
    "parentRunId": "r1",
    "runDefinition": {"history": {"directoriesToWatch": ["logs"]}},
}
