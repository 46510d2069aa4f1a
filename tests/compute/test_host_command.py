"""How another machine joins."""

import pytest
from django.core.management import CommandError, call_command

from compute import keys
from compute.models import Host


@pytest.mark.django_db
def test_a_host_gets_its_variables(capsys, settings):
    settings.REDIS_URL = "redis://box:6379/0"
    call_command("host", "gpu-box")
    printed = capsys.readouterr().out
    assert keys.host_key(Host.objects.get(name="gpu-box")) in printed
    assert "/pypi/simple/ 'lazuli-sdk[agent]'" in printed
    assert "python -m lazuli.agent.host" in printed
    assert "export REDIS_URL='redis://box:6379/0'" in printed
    call_command("host", "gpu-box")
    assert Host.objects.count() == 1


@pytest.mark.django_db
def test_a_host_needs_a_name_that_fits():
    with pytest.raises(CommandError, match="is not a host name"):
        call_command("host", "a b")
