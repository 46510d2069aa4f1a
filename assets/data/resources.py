"""Datastores over REST, in Azure's format."""

import datetime as dt
from typing import Annotated, Any, Self

import pydantic
from django.conf import settings

from assets.data import file_batches, models, partial_uploads, stores
from studio.formats import utc_time
from studio.request_body import Body, LooseBody
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Shape, SystemData

Kind = models.Datastore.Kind
# Azure's clients know only these types; `kind` has the real one.
AZURE_TYPES = {
    Kind.FOLDER: "AzureBlob",
    Kind.S3: "AzureBlob",
    Kind.BLOB: "AzureBlob",
    Kind.FILE: "AzureFile",
    Kind.LAKE: "AzureDataLakeGen2",
}
CONTAINER_NAMES = {Kind.FILE: "fileShareName", Kind.LAKE: "filesystem"}
# Maps the kind of credentials to the names in Azure's bodies: of secrets, and of the credentials themselves.
SECRET_NAMES = {
    "key": "account_key",
    "sasToken": "sas_token",
    "clientSecret": "client_secret",
    "accessKeyId": "access_key_id",
    "secretAccessKey": "secret_access_key",
    "userPassword": "user_password",
}


class DatastoreCredentials(Shape):
    credentialsType: str


class DatastoreProperties(Shape):
    datastoreType: str
    kind: str
    accountName: str | None = pydantic.Field(
        None,
        description="For a store of the studio, the address to which Azure's storage client adds `.blob.` and the suffix.",
    )
    storageAccount: str | None = None
    containerName: str | None = None
    fileShareName: str | None = None
    filesystem: str | None = None
    endpoint: str | None = None
    protocol: str | None = None
    folder: str | None = None
    region: str | None = None
    prefix: str | None = None
    serverName: str | None = None
    databaseName: str | None = None
    port: int | None = None
    sslMode: str | None = None
    file: str | None = None
    isDefault: bool
    description: str
    tags: dict[str, str]
    properties: dict[str, Any]
    credentials: DatastoreCredentials


class DatastoreResource(Shape):
    id: str
    name: str
    type: str
    properties: DatastoreProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: models.Datastore) -> Self:
        return cls(
            id=row.arm_id,
            name=row.name,
            type="Microsoft.MachineLearningServices/workspaces/datastores",
            properties=DatastoreProperties(
                kind=row.kind,
                isDefault=row.is_default,
                description=row.description,
                tags=row.tags,
                properties={},
                credentials=DatastoreCredentials(credentialsType=row.credentials or "None"),
                **_address(row),
            ),
            systemData=SystemData.of(row),
        )


def _blob_address(row: models.Datastore) -> str:
    """The path of its files as blobs (runs/api/blobs.py), which ends with its name."""
    return f"{settings.PUBLIC_URL}{row.arm_id}/blobs/{row.name}".partition("://")[2]


def _address(row: models.Datastore) -> dict:
    if row.is_built_in:
        word = models.BUILT_IN[row.name]
        container = f"azureml-{word}-{row.workspace.workspace_id}"
        is_share = row.has_share
        return {
            "datastoreType": "AzureFile" if is_share else "AzureBlob",
            "accountName": row.workspace.storage_account if is_share else _blob_address(row),
            "storageAccount": row.workspace.storage_account,
            "fileShareName" if is_share else "containerName": container,
            "endpoint": "core.windows.net",
            "protocol": "https",
        }
    given = row.settings
    if row.kind == Kind.SQLITE:
        return {"datastoreType": row.kind, "file": given["file"]}
    if row.is_database_server:
        names = {"serverName": given["server_name"], "databaseName": given["database_name"]}
        details = {"port": int(given["port"]), "sslMode": given["ssl_mode"], "endpoint": given.get("endpoint")}
        return {"datastoreType": row.kind, **names, **details}
    container = CONTAINER_NAMES.get(Kind(row.kind), "containerName")
    return {
        "datastoreType": AZURE_TYPES[Kind(row.kind)],
        "accountName": given.get("account_name") or _blob_address(row),
        "storageAccount": given.get("account_name") or row.kind.lower(),
        container: given.get("container") or row.name,
        **{name: given.get(name) for name in ("endpoint", "protocol", "folder", "region", "prefix")},
    }


class CredentialsUpdate(LooseBody):
    credentialsType: str = "None"
    tenantId: str | None = None
    clientId: str | None = None
    userId: str | None = None
    secrets: dict[str, Any] | None = None


class DatastorePropertiesUpdate(LooseBody):
    datastoreType: str
    accountName: str | None = None
    containerName: str | None = None
    fileShareName: str | None = None
    filesystem: str | None = None
    endpoint: str | None = None
    protocol: str | None = None
    folder: str | None = None
    region: str | None = None
    prefix: str | None = None
    serverName: str | None = None
    databaseName: str | None = None
    port: int | None = None
    sslMode: str | None = None
    file: str | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    credentials: CredentialsUpdate | None = None

    def read_fields(self) -> dict:
        """The fields for Datastore.register."""
        given = self.credentials or CredentialsUpdate()
        secrets = {SECRET_NAMES.get(name, name): value for name, value in (given.secrets or {}).items()}
        secrets |= {"tenant_id": given.tenantId, "client_id": given.clientId, "user_id": given.userId}
        settings = {
            "account_name": self.accountName,
            "container": self.containerName or self.fileShareName or self.filesystem,
            **{name: getattr(self, name) for name in ("endpoint", "protocol", "folder", "region", "prefix", "file")},
            "server_name": self.serverName,
            "database_name": self.databaseName,
            "port": None if self.port is None else str(self.port),
            "ssl_mode": self.sslMode,
        }
        return {
            "kind": self.datastoreType,
            "settings": settings,
            "credentials": given.credentialsType,
            "secrets": secrets,
            "description": self.description,
            "tags": self.tags,
        }


class DatastoreUpdate(LooseBody):
    properties: DatastorePropertiesUpdate


class DatastoreFile(Shape):
    """A file, or a folder if it has no size."""

    path: str
    size: int | None
    lastModified: str | None
    etag: str

    @classmethod
    def of(cls, file: stores.File) -> Self:
        modified = file.modified.astimezone(dt.UTC) if file.modified else None
        return cls(path=file.path, size=file.size, lastModified=utc_time(modified), etag=file.etag)


class StoredFiles(Shape):
    stored: int
    skipped: list[str] = pydantic.Field(description="The paths at which a file was already, which has stayed.")


class FilePaths(Body):
    paths: list[str] = pydantic.Field(description=f"1 to {file_batches.MAX_FILES} paths.")


class ArrivedPiece(Shape):
    start: int
    size: int
    sha256: str = pydantic.Field(description="Empty if it was sent without one.")


class PartialUploadResource(Shape):
    arrived: int
    pieces: list[ArrivedPiece]

    @classmethod
    def of(cls, found: list[partial_uploads.Piece]) -> Self:
        pieces = [ArrivedPiece(start=piece.start, size=piece.size, sha256=piece.sha256) for piece in found]
        return cls(arrived=sum(piece.size for piece in found), pieces=pieces)
