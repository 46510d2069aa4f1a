"""A passkey in software: what a device answers to the options of the studio."""

import json
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

FLAGS = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class Device:
    def __init__(self, origin: str = "http://localhost"):
        self.origin, self.id = origin, os.urandom(16)
        self.key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict) -> str:
        options = options["publicKey"]
        self.user = options["user"]["id"]
        client = CollectedClientData.create("webauthn.create", websafe_decode(options["challenge"]), self.origin)
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        data = AuthenticatorData.create(
            sha256(options["rp"]["id"].encode()), FLAGS | AuthenticatorData.FLAG.AT, 0, credential
        )
        attestation = AttestationObject.create("none", data, {})
        return self._write(client, attestationObject=websafe_encode(attestation))

    def get(self, options: dict) -> str:
        options = options["publicKey"]
        client = CollectedClientData.create("webauthn.get", websafe_decode(options["challenge"]), self.origin)
        data = AuthenticatorData.create(sha256(options["rpId"].encode()), FLAGS, 0)
        signature = self.key.sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._write(
            client, authenticatorData=websafe_encode(data), signature=websafe_encode(signature), userHandle=self.user
        )

    def _write(self, client: CollectedClientData, **response) -> str:
        identifier = websafe_encode(self.id)
        response["clientDataJSON"] = websafe_encode(client)
        answer = {"id": identifier, "rawId": identifier, "type": "public-key", "response": response}
        return json.dumps({**answer, "clientExtensionResults": {"credProps": {"rk": True}}})
