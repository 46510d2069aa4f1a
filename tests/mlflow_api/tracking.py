"""A plain client of the API, for raw requests."""

INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")


class Tracking:
    """`tracking.post("runs/create", …)`: the JSON of an answer, or status and error code of a refusal."""

    def __init__(self, api, workspace):
        self.api, self.base = api, f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow/"

    def post(self, route, **body):
        return self._read(self.api.post(self.base + route, body))

    def patch(self, route, **body):
        return self._read(self.api.patch(self.base + route, body))

    def delete(self, route, **body):
        return self._read(self.api.delete(self.base + route, body))

    def get(self, route, **query):
        return self._read(self.api.client.get(self.base + route, query))

    def _read(self, response):
        body = response.json()
        return body if response.status_code == 200 else (response.status_code, body["error_code"])

    def new_run(self, **body):
        body = {"experiment_id": "0", "start_time": 1000, **body}
        return self.post("runs/create", **body)["run"]["info"]["run_id"]

    def run(self, run_id):
        return self.get("runs/get", run_id=run_id)["run"]


def tags_of(run):
    return {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
