"""A provider of OpenID Connect on loopback: strict where it must be, and wrong when told to be."""

import base64
import hashlib
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT = "desk"
SECRET = "a secret: between/us"


class SignOn:
    """`claims` change those of the next ID tokens; `wrong` names what else is to go wrong."""

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {}
        self.wrong = ""
        self.exchanges = 0
        self._key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self._codes: dict[str, dict[str, str]] = {}
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/.well-known/openid-configuration", self._describe)
        self.app.add_api_route("/keys", self._keys)
        self.app.add_api_route("/token", self._token, methods=["POST"])

    def approve(self, address: str) -> str:
        """What a person does who signs in there: the path and query they come back by."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        there = urlsplit(asked["redirect_uri"])
        return f"{there.path}?{urlencode({'code': code, 'state': asked['state']})}"

    def _describe(self) -> Response:
        if self.wrong == "nothing":
            return Response("<html>", 200)
        issuer = "https://other.example" if self.wrong == "issuer" else self.issuer
        base = "http://elsewhere.example" if self.wrong == "plain" else self.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{base}/authorize?tenant=1",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
            }
        )

    def _keys(self) -> Response:
        if self.wrong == "keys":
            return JSONResponse({"keys": [{"kty": "what"}]})
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        self.exchanges += 1
        form = {name: value[0] for name, value in parse_qs((await request.body()).decode()).items()}
        pair = base64.b64encode(b"desk:a%20secret%3A%20between%2Fus").decode()
        assert request.headers["authorization"] == f"Basic {pair}"
        asked = self._codes.pop(form["code"], None)
        if asked is None or self.wrong == "refused":
            return JSONResponse({"error": "invalid_grant"}, 400)
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        if self.wrong == "flood":
            return Response(b" " * 300_000)
        if self.wrong == "moved":
            return Response(status_code=307, headers={"Location": f"{self.issuer}/keys"})
        if self.wrong == "tokenless":
            return JSONResponse({"access_token": "x"})
        return JSONResponse({"id_token": self._signed(asked["nonce"]), "access_token": "x"})

    def _signed(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "4711",
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "email": "Ann@example.com",
            "email_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        match self.wrong:
            case "unsigned":
                head, body = (
                    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
                    for part in (b'{"alg":"none"}', str(claims).replace("'", '"').encode())
                )
                return f"{head}.{body}."
            case "shared":
                # The old trick: our public key taken for a shared secret.
                key = OctKey.import_key(self._key.as_pem(private=False))
                return jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"])
            case "stranger":
                other = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
                return jwt.encode({"alg": "RS256", "kid": "one"}, claims, other)
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)
