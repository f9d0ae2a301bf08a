"""Authlib as it comes, a step for each line of JSON. Whoever starts it opens the URLs, as a browser would."""

import json
import os
import sys
import time
import traceback
from urllib.parse import parse_qsl, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = os.environ["ISSUER"]
METADATA = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN = METADATA["token_endpoint"]


def assertions():
    # By default it names the endpoint and lives an hour; Daypass wants the issuer, and minutes (RFC 7523 §3).
    # It keeps a jti with the claims it is given, so each request has claims of its own.
    claims = {"exp": int(time.time()) + 60}
    return PrivateKeyJWT(METADATA["issuer"], claims=claims, alg="ES256")


class Client:
    def __init__(self, client_id, redirect_uri, secret=None, jwk=None):
        method = "client_secret_basic" if jwk is None else "private_key_jwt"
        self.session = OAuth2Session(
            client_id,
            secret if jwk is None else ECKey.import_key(jwk),
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope="openid offline_access",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        self.method = method
        self.flow = {}

    def ready(self):
        self.session.register_client_auth_method(assertions())
        return self.session

    def authorize(self, pushed, **params):
        self.flow = {"verifier": generate_token(48), "nonce": generate_token(20)}
        url, self.flow["state"] = self.session.create_authorization_url(
            METADATA["authorization_endpoint"],
            code_verifier=self.flow["verifier"],
            nonce=self.flow["nonce"],
            **params,
        )
        return {"url": self.push(url) if pushed else url}

    def push(self, url):
        query = urlsplit(url).query
        session = self.ready()
        answer = session.post(
            METADATA["pushed_authorization_request_endpoint"],
            data=dict(parse_qsl(query)),
            auth=session.client_auth(self.method),
            withhold_token=True,
        ).json()
        again, _ = self.session.create_authorization_url(
            METADATA["authorization_endpoint"],
            state=self.flow["state"],
            scope=None,
            redirect_uri=None,
            request_uri=answer["request_uri"],
        )
        return again

    def redeem(self, back):
        token = self.ready().fetch_token(
            TOKEN,
            authorization_response=back,
            state=self.flow["state"],
            code_verifier=self.flow["verifier"],
        )
        keys = KeySet.import_key_set(requests.get(METADATA["jwks_uri"], timeout=10).json())
        decoded = jwt.decode(token["id_token"], keys, algorithms=["ES256"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"value": ISSUER}, "aud": {"value": self.session.client_id}},
            {"nonce": self.flow["nonce"], "client_id": self.session.client_id, "access_token": token["access_token"]},
        )
        claims.validate(leeway=10)  # two clocks: by default it has them agree to the second
        return {"token": token, "claims": dict(claims)}

    def userinfo(self):
        return self.session.get(METADATA["userinfo_endpoint"]).json()

    def refresh(self):
        return dict(self.ready().refresh_token(TOKEN, scope=None))

    def exchange(self, **params):
        return dict(self.ready().fetch_token(TOKEN, grant_type=EXCHANGE, **params))

    def introspect(self, token):
        return self.ready().introspect_token(METADATA["introspection_endpoint"], token=token).json()

    def revoke(self, token):
        answer = self.ready().revoke_token(METADATA["revocation_endpoint"], token=token)
        return {"status": answer.status_code}


def main():
    clients = {}
    for line in sys.stdin:
        message = json.loads(line)
        name, step = message.pop("client"), message.pop("step")
        try:
            if step == "register":
                clients[name] = Client(name, **message)
                answer = {}
            else:
                answer = getattr(clients[name], step)(**message)
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer))


main()
