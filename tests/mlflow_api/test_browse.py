"""The link that MLflow's clients print opens the studio."""


def test_the_tracking_address_leads_to_the_workspace(workspace, as_user, bob, mallory, client):
    address = f"/mlflow/v1.0{workspace.arm_id}/"
    assert as_user(bob).get(address).url == workspace.get_absolute_url()
    assert as_user(mallory).get(address).status_code == 404
    assert as_user(bob).post(address).status_code in (403, 405)
    assert client.get(address).url.startswith("/signin/?next=/mlflow/")
