"""RAM, STS, IMS and the credentials library, official and unmodified: an account grants, applications get in without keys.

Arguments: http endpoint, https endpoint, access key id, secret, KMS key id, a folder for the token, the deployment's CA file.
Prints one JSON object. The library speaks https only and has no way to name a CA: the default of the HTTP library is set, as an
operator does by adding the CA to the system's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import requests
from alibabacloud_credentials.provider.oidc import OIDCRoleArnCredentialsProvider
from alibabacloud_credentials.provider.ram_role_arn import RamRoleArnCredentialsProvider
from alibabacloud_credentials.provider.static_ak import StaticAKCredentialsProvider
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.models import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from darabonba.runtime import RuntimeOptions

ISSUER, CLIENT, SUBJECT = "https://issuer.example.com", "sts.example.com", "system:serviceaccount:shop:web"


def config(endpoint: str, **credentials: str) -> Any:
    """Where and as whom."""
    return Config(endpoint=endpoint, protocol="http", **credentials)


def refusal(call: Any) -> str:
    """The code of a call that must be refused."""
    try:
        call()
    except Exception as fault:  # noqa: BLE001 - whatever class the SDK chose
        return str(getattr(fault, "code", "") or fault)
    return ""


def encrypts(endpoint: str, key_id: str, **credentials: str) -> str:
    """Encrypt as somebody; gives ok or the code."""
    kms = KmsClient(config(endpoint, **credentials))
    request = kms_models.EncryptRequest(key_id=key_id, plaintext="aGVsbG8=")
    return refusal(lambda: kms.encrypt(request)) or "ok"


def of(given: Any) -> dict[str, str]:
    """Credentials of the library as those of a client."""
    return {
        "access_key_id": given.get_access_key_id(),
        "access_key_secret": given.get_access_key_secret(),
        "security_token": given.get_security_token(),
    }


def users(ram: Any, told: dict[str, Any], trust: str) -> dict[str, str]:
    """A user in a group, with a policy and an access key; a role that trusts her account."""
    ram.create_user(ram_models.CreateUserRequest(user_name="ann", display_name="Ann"))
    ram.create_group(ram_models.CreateGroupRequest(group_name="ops"))
    ram.add_user_to_group(ram_models.AddUserToGroupRequest(user_name="ann", group_name="ops"))
    attach = {"policy_name": "AliyunSTSAssumeRoleAccess", "policy_type": "System"}
    ram.attach_policy_to_group(ram_models.AttachPolicyToGroupRequest(group_name="ops", **attach))
    ram.create_role(ram_models.CreateRoleRequest(role_name="app", assume_role_policy_document=trust))
    crypto = {"policy_name": "AliyunKMSCryptoUserAccess", "policy_type": "System"}
    ram.attach_policy_to_role(ram_models.AttachPolicyToRoleRequest(role_name="app", **crypto))
    ram.update_role(ram_models.UpdateRoleRequest(role_name="app", new_description="the application"))
    ram.create_login_profile(ram_models.CreateLoginProfileRequest(user_name="ann", password="Sesame-1234"))
    told["roles"] = [role.role_name for role in ram.list_roles(ram_models.ListRolesRequest()).body.roles.role]
    listed = ram.list_policies_for_role(ram_models.ListPoliciesForRoleRequest(role_name="app")).body.policies.policy
    told["of_role"] = [policy.policy_name for policy in listed]
    told["twice"] = refusal(lambda: ram.create_user(ram_models.CreateUserRequest(user_name="ann")))
    key = ram.create_access_key(ram_models.CreateAccessKeyRequest(user_name="ann")).body.access_key
    return {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}


def workload(ims: Any, ram: Any, told: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Trust an issuer, register its keys, let a role trust one workload of it, and write that one's token."""
    key = rsa.generate_private_key(65537, 2048)
    made = ims.create_oidcprovider(
        ims_models.CreateOIDCProviderRequest(oidcprovider_name="cluster", issuer_url=ISSUER, client_ids=CLIENT)
    ).body.oidcprovider
    told["issuer"] = made.issuer_url
    published = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one"}
    asked = utils_models.OpenApiRequest(query={"OIDCProviderName": "cluster", "Keys": json.dumps({"keys": [published]})})
    named = {"action": "SetOIDCProviderKeys", "version": "2019-08-15", "protocol": "HTTP", "pathname": "/", "method": "POST"}
    wire = {"auth_type": "AK", "style": "RPC", "req_body_type": "formData", "body_type": "json"}
    ims.call_api(utils_models.Params(**named, **wire), asked, RuntimeOptions())
    condition = {"StringEquals": {"oidc:iss": ISSUER, "oidc:sub": SUBJECT, "oidc:aud": CLIENT}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Federated": [made.arn]}, "Condition": condition}
    trust = json.dumps({"Version": "1", "Statement": [statement]})
    role = ram.create_role(ram_models.CreateRoleRequest(role_name="web", assume_role_policy_document=trust)).body.role
    crypto = {"policy_name": "AliyunKMSCryptoUserAccess", "policy_type": "System"}
    ram.attach_policy_to_role(ram_models.AttachPolicyToRoleRequest(role_name="web", **crypto))
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": CLIENT, "iat": now, "exp": now + 600}
    (folder / "token").write_text(jwt.encode(claims, key, "RS256", headers={"kid": "one"}))
    return made.arn, role.arn


def main() -> None:
    """Grant by RAM, then come in by a role, by a role chain's credentials provider, and by an identity token."""
    http, https, key_id, secret, kms_key, folder, ca = sys.argv[1:8]
    requests.adapters.DEFAULT_CA_BUNDLE_PATH = ca
    root = {"access_key_id": key_id, "access_key_secret": secret}
    told: dict[str, Any] = {}
    ram, ims, sts = RamClient(config(http, **root)), ImsClient(config(http, **root)), StsClient(config(http, **root))
    who = sts.get_caller_identity().body
    told["root"], account = who.identity_type, who.account_id
    principal = {"RAM": [f"acs:ram::{account}:root"]}
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    ann = users(ram, told, json.dumps(trust))
    role_arn = f"acs:ram::{account}:role/app"
    told["ann_alone"] = encrypts(http, kms_key, **ann)
    assume = sts_models.AssumeRoleRequest(role_arn=role_arn, role_session_name="by-sdk", duration_seconds=900)
    session = StsClient(config(http, **ann)).assume_role(assume).body.credentials
    by_sdk = {"access_key_id": session.access_key_id, "access_key_secret": session.access_key_secret}
    told["by_sdk"] = encrypts(http, kms_key, **by_sdk, security_token=session.security_token)
    static = StaticAKCredentialsProvider(**ann)
    provider = RamRoleArnCredentialsProvider(
        credentials_provider=static, role_arn=role_arn, role_session_name="by-library", sts_endpoint=https
    )
    told["by_library"] = encrypts(http, kms_key, **of(provider.get_credentials()))
    provider_arn, web_arn = workload(ims, ram, told, Path(folder))
    token = Path(folder) / "token"
    by_token = OIDCRoleArnCredentialsProvider(
        role_arn=web_arn,
        oidc_provider_arn=provider_arn,
        oidc_token_file_path=str(token),
        role_session_name="pod",
        sts_endpoint=https,
    )
    told["by_token"] = encrypts(http, kms_key, **of(by_token.get_credentials()))
    anonymous = StsClient(config(http, **root))
    asked = sts_models.AssumeRoleWithOIDCRequest(
        oidcprovider_arn=provider_arn, role_arn=web_arn, oidctoken=token.read_text(), role_session_name="pod"
    )
    told["subject"] = anonymous.assume_role_with_oidc(asked).body.oidctoken_info.subject
    asked.oidctoken = asked.oidctoken[:-9] + "AAAAAAAA" + "A"
    told["forged"] = refusal(lambda: anonymous.assume_role_with_oidc(asked))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
