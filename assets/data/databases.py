"""Databases as datastores: how the reading process connects to them."""

from assets.data import rules
from assets.data.models import Datastore
from studio import outbound


def build_connection(row: Datastore) -> dict:
    """The connection for lazuli.data.queries, with the password. Raises Invalid."""
    if row.kind == Datastore.Kind.SQLITE:
        # Check again, because the site admin may have changed the allowed folders, or the file may now be a link.
        return {"kind": row.kind, "file": str(rules.check_file(row.settings["file"]))}
    given, secrets = row.settings, row.read_secrets()
    host, port = given["host"], int(given["port"])
    arguments = {"host": host, "port": port, "user": secrets["user_id"], "password": secrets["user_password"]}
    # Check again, because the name of the host may resolve to another address now.
    address = outbound.find_host(host, port, "serverName")
    if row.kind == Datastore.Kind.MYSQL:
        arguments |= {"database": given["database_name"], "ssl_mode": given["ssl_mode"], "address": address or host}
    else:
        arguments |= {"dbname": given["database_name"], "sslmode": given["ssl_mode"]}
        arguments |= {"hostaddr": address} if address else {}
    return {"kind": row.kind, "arguments": arguments}
