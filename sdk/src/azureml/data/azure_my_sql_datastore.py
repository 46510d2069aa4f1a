"""`AzureMySqlDatastore`: a MySQL or MariaDB database, which the studio reads for `Dataset.Tabular.from_sql_query`."""

from __future__ import annotations

from typing import Any, Optional

from azureml import _absent
from azureml.data.abstract_datastore import AbstractDatastore


class AzureMySqlDatastore(AbstractDatastore):
    """User and password are None: they do not leave the studio."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        server_name: str,
        database_name: str,
        user_id: Optional[str],
        user_password: Optional[str],
        port_number: Optional[int] = None,
    ):
        super().__init__(workspace, name, "AzureMySql")
        self.server_name = server_name
        self.database_name = database_name
        self.user_id = user_id
        self.user_password = user_password
        self.port_number = port_number


__getattr__ = _absent.find_missing(__name__)

__all__ = ["AzureMySqlDatastore"]
