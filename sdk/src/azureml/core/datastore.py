"""`Datastore`: the datastores of a workspace by name, and their registration."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from lazuli.data import datastores
from lazuli.errors import Conflict, NotAvailable, UserErrorException

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.azure_my_sql_datastore import AzureMySqlDatastore
from azureml.data.azure_postgre_sql_datastore import AzurePostgreSqlDatastore
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore

Json = Dict[str, Any]
# Other databases than PostgreSQL, MySQL and SQLite.
INSTEAD_OF_DATABASE = (
    "Read the rows in your script with the driver of the database, its password from Run.get_secret, and register them "
    "by Dataset.Tabular.register_pandas_dataframe."
)


class Datastore:
    """`Datastore(ws, "name")` is the datastore of this name, or the default one, as an object of its own class."""

    def __new__(cls, workspace: Any, name: Optional[str] = None) -> Any:
        return Datastore.get(workspace, name) if name else Datastore.get_default(workspace)

    def __init__(self, workspace: Any, name: Optional[str] = None):
        # Not called: `__new__` gives an object of another class. Here for its signature and its attributes.
        self.workspace = workspace
        self.name = name

    @staticmethod
    def get(workspace: Any, datastore_name: str) -> AbstractDatastore:
        """Raises UserErrorException if the workspace has no datastore of this name."""
        return from_resource(workspace, datastores.get_datastore(workspace._remote, datastore_name))

    @staticmethod
    def get_default(workspace: Any) -> AbstractDatastore:
        return from_resource(workspace, datastores.get_default(workspace._remote))

    def set_as_default(self) -> None:
        datastores.set_default(self.workspace._remote, str(self.name))

    def unregister(self) -> None:
        datastores.delete_datastore(self.workspace._remote, str(self.name))

    # ---- registering

    @staticmethod
    def register_azure_blob_container(
        workspace: Any,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: Optional[int] = None,
        grant_workspace_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
    ) -> AbstractDatastore:
        """A container of Azure Blob Storage. The key goes into the key vault, and is not shown again."""
        if sas_token and account_key:
            raise UserErrorException("Give a sas_token or an account_key, not both.")
        warn_of_unused(
            "Datastore.register_azure_blob_container",
            create_if_not_exists=create_if_not_exists,
            blob_cache_timeout=blob_cache_timeout,
            grant_workspace_access=grant_workspace_access,
            subscription_id=subscription_id,
            resource_group=resource_group,
        )
        properties: Json = {
            "datastoreType": "AzureBlob",
            "accountName": account_name,
            "containerName": container_name,
            "protocol": protocol,
            "endpoint": endpoint,
            "credentials": _keys(sas_token, account_key),
        }
        return _register(workspace, datastore_name, properties, overwrite, skip_validation)

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Any,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
    ) -> AbstractDatastore:
        """A file system of Azure Data Lake Storage Gen2, with the secret of a service principal."""
        warn_of_unused(
            "Datastore.register_azure_data_lake_gen2",
            resource_url=resource_url,
            authority_url=authority_url,
            subscription_id=subscription_id,
            resource_group=resource_group,
            grant_workspace_access=grant_workspace_access,
        )
        credentials: Json = {"credentialsType": "None"}
        if client_secret:
            secrets = {"clientSecret": client_secret}
            credentials = {
                "credentialsType": "ServicePrincipal",
                "tenantId": tenant_id,
                "clientId": client_id,
                "secrets": secrets,
            }
        properties: Json = {
            "datastoreType": "AzureDataLakeGen2",
            "accountName": account_name,
            "filesystem": filesystem,
            "protocol": protocol,
            "endpoint": endpoint,
            "credentials": credentials,
        }
        return _register(workspace, datastore_name, properties, overwrite, False)

    @staticmethod
    def register_azure_file_share(
        workspace: Any,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> AbstractDatastore:
        """A file share of an Azure storage account. The key goes into the key vault, and is not shown again."""
        if sas_token and account_key:
            raise UserErrorException("Give a sas_token or an account_key, not both.")
        warn_of_unused("Datastore.register_azure_file_share", create_if_not_exists=create_if_not_exists)
        properties: Json = {
            "datastoreType": "AzureFile",
            "accountName": account_name,
            "fileShareName": file_share_name,
            "protocol": protocol,
            "endpoint": endpoint,
            "credentials": _keys(sas_token, account_key),
        }
        return _register(workspace, datastore_name, properties, overwrite, skip_validation)

    @staticmethod
    def register_folder(workspace: Any, datastore_name: str, folder: str, overwrite: bool = False) -> AbstractDatastore:
        """A folder of the server, below one that the site admin allows. SDK v1 has no such method."""
        return _register(workspace, datastore_name, {"datastoreType": "Folder", "folder": folder}, overwrite, False)

    @staticmethod
    def register_s3(
        workspace: Any,
        datastore_name: str,
        bucket_name: str,
        access_key_id: Optional[str] = None,
        secret_access_key: Optional[str] = None,
        region: Optional[str] = None,
        endpoint: Optional[str] = None,
        prefix: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> AbstractDatastore:
        """A bucket of S3 or of a store like it. SDK v1 has no such method."""
        credentials: Json = {"credentialsType": "None"}
        if access_key_id:
            secrets = {"accessKeyId": access_key_id, "secretAccessKey": secret_access_key}
            credentials = {"credentialsType": "AccessKey", "secrets": secrets}
        properties: Json = {
            "datastoreType": "S3",
            "containerName": bucket_name,
            "region": region,
            "endpoint": endpoint,
            "prefix": prefix,
            "credentials": credentials,
        }
        return _register(workspace, datastore_name, properties, overwrite, skip_validation)

    @staticmethod
    def register_azure_data_lake(
        workspace: Any,
        datastore_name: str,
        store_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        overwrite: bool = False,
        grant_workspace_access: bool = False,
    ) -> AbstractDatastore:
        raise NotAvailable("Data Lake Storage Gen1", "Datastore.register_azure_data_lake")

    @staticmethod
    def register_azure_sql_database(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        username: Optional[str] = None,
        password: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
        **kwargs: Any,
    ) -> AbstractDatastore:
        """Refused: the studio reads PostgreSQL, MySQL and SQLite."""
        raise NotAvailable("access to SQL Server", "Datastore.register_azure_sql_database", INSTEAD_OF_DATABASE)

    @staticmethod
    def register_azure_postgre_sql(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[int] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        enforce_ssl: bool = True,
        **kwargs: Any,
    ) -> AbstractDatastore:
        """A PostgreSQL database, on Azure or anywhere else: a `server_name` with a dot is the host itself. The password
        goes into the key vault, and is not shown again."""
        warn_of_unused("Datastore.register_azure_postgre_sql", **kwargs)
        server = (server_name, database_name, port_number, endpoint)
        properties = _describe_server("AzurePostgreSql", server, user_id, user_password, enforce_ssl)
        return _register(workspace, datastore_name, properties, overwrite, False)

    @staticmethod
    def register_sqlite(workspace: Any, datastore_name: str, file: str, overwrite: bool = False) -> AbstractDatastore:
        """A SQLite file of the server, below a folder that the site admin allows. SDK v1 has no such method."""
        return _register(workspace, datastore_name, {"datastoreType": "Sqlite", "file": file}, overwrite, False)

    @staticmethod
    def register_azure_my_sql(
        workspace: Any,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[int] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> AbstractDatastore:
        """A MySQL or MariaDB database, as `register_azure_postgre_sql`; `enforce_ssl=False` allows a connection without
        encryption."""
        enforce_ssl = kwargs.pop("enforce_ssl", True)
        warn_of_unused("Datastore.register_azure_my_sql", **kwargs)
        server = (server_name, database_name, port_number, endpoint)
        properties = _describe_server("AzureMySql", server, user_id, user_password, enforce_ssl)
        return _register(workspace, datastore_name, properties, overwrite, False)

    @staticmethod
    def register_dbfs(workspace: Any, datastore_name: str) -> AbstractDatastore:
        raise NotAvailable("Databricks", "Datastore.register_dbfs")

    @staticmethod
    def register_hdfs(
        workspace: Any,
        datastore_name: str,
        protocol: Any,
        namenode_address: str,
        hdfs_server_certificate: Optional[str],
        kerberos_realm: str,
        kerberos_kdc_address: str,
        kerberos_principal: str,
        kerberos_keytab: Optional[str] = None,
        kerberos_password: Optional[str] = None,
        overwrite: bool = False,
    ) -> AbstractDatastore:
        raise NotAvailable("HDFS", "Datastore.register_hdfs")


def _describe_server(
    kind: str, server: Tuple[str, str, Optional[int], Optional[str]], user: str, password: str, enforce_ssl: bool
) -> Json:
    name, database, port, endpoint = server
    return {
        "datastoreType": kind,
        "serverName": name,
        "databaseName": database,
        "port": port,
        "endpoint": endpoint,
        "sslMode": "require" if enforce_ssl else "prefer",
        "credentials": {"credentialsType": "Password", "userId": user, "secrets": {"userPassword": password}},
    }


def _open_mysql(workspace: Any, resource: Json) -> AbstractDatastore:
    found = resource["properties"]
    server, database, port = found["serverName"], found["databaseName"], found["port"]
    return AzureMySqlDatastore(workspace, resource["name"], server, database, None, None, port)


def _open_postgresql(workspace: Any, resource: Json) -> AbstractDatastore:
    found = resource["properties"]
    server, database, port = found["serverName"], found["databaseName"], found["port"]
    enforce_ssl = found["sslMode"] == "require"
    return AzurePostgreSqlDatastore(workspace, resource["name"], server, database, None, None, port, enforce_ssl)


DATABASES: Dict[str, Callable[[Any, Json], AbstractDatastore]] = {
    "AzurePostgreSql": _open_postgresql,
    "AzureMySql": _open_mysql,
    "Sqlite": lambda workspace, resource: AbstractDatastore(workspace, resource["name"], "Sqlite"),
}


def from_resource(workspace: Any, resource: Json) -> AbstractDatastore:
    """The object for a datastore of the server's answer."""
    found = resource["properties"]
    if found["kind"] in DATABASES:
        return DATABASES[found["kind"]](workspace, resource)
    kind: Any = AzureFileDatastore if found["datastoreType"] == "AzureFile" else AzureBlobDatastore
    container = found.get("containerName") or found.get("fileShareName") or found.get("filesystem")
    address = {"protocol": found.get("protocol"), "endpoint": found.get("endpoint")}
    account = found.get("storageAccount") or found.get("accountName")
    datastore: AbstractDatastore = kind(workspace, resource["name"], container, account, **address)
    vars(datastore)["credential_type"] = found["credentials"]["credentialsType"]
    return datastore


def _keys(sas_token: Optional[str], account_key: Optional[str]) -> Json:
    if sas_token:
        return {"credentialsType": "Sas", "secrets": {"sasToken": sas_token}}
    if account_key:
        return {"credentialsType": "AccountKey", "secrets": {"key": account_key}}
    return {"credentialsType": "None"}


def _register(workspace: Any, name: str, properties: Json, overwrite: bool, skip_validation: bool) -> AbstractDatastore:
    try:
        found = datastores.register_datastore(workspace._remote, name, properties, overwrite, skip_validation)
    except Conflict as error:
        if error.code == "Conflict" and not overwrite:
            raise UserErrorException(f"{error.message} Or set overwrite=True to replace it.") from error
        raise
    return from_resource(workspace, found)


__getattr__ = _absent.find_missing(__name__)

__all__ = ["Datastore"]
