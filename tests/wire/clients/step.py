"""Any action by its name through an official Python SDK of either generation, a step for each line of standard input.

Arguments: v2 or v1, endpoint (host:port), access key id, secret. A line is `[action, parameters]`, parameters as on the wire;
answers with one line: the body, or `{"Code": …}` of the refusal. It is the SDK that signs, flattens and reads.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from typing import Any


def of_v2(endpoint: str, key_id: str, secret: str) -> Any:
    """Give a caller by alibabacloud-kms20160120 (ACS3)."""
    from alibabacloud_kms20160120 import models  # noqa: PLC0415 - only one generation is installed
    from alibabacloud_kms20160120.client import Client  # noqa: PLC0415
    from alibabacloud_tea_openapi.models import Config  # noqa: PLC0415

    client = Client(Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="http"))

    def call(action: str, parameters: dict[str, Any]) -> Any:
        method = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower(), None)
        if method is None:
            raise ModuleNotFoundError(action)
        request = getattr(models, f"{action}Request", None)
        if request is None:
            return method().body.to_map()
        return method(request().from_map(parameters)).body.to_map()

    return call


def of_v1(endpoint: str, key_id: str, secret: str) -> Any:
    """Give a caller by aliyun-python-sdk-kms (RPC 1.0)."""
    from aliyunsdkcore.client import AcsClient  # noqa: PLC0415

    client = AcsClient(key_id, secret, "ap-southeast-1")

    def call(action: str, parameters: dict[str, Any]) -> Any:
        module = importlib.import_module(f"aliyunsdkkms.request.v20160120.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_endpoint(endpoint)
        request.set_protocol_type("http")
        request.set_accept_format("json")
        for name, value in parameters.items():
            if name == "RegionId":  # the client's own, sent with every request
                continue
            setter = getattr(request, f"set_{name}", None) or getattr(request, f"set_{name}s")
            setter(json.dumps(value) if isinstance(value, dict) else value)
        return json.loads(client.do_action_with_exception(request))

    return call


def main() -> None:
    """Take steps until there are no more."""
    generation, *where = sys.argv[1:5]
    call = {"v2": of_v2, "v1": of_v1}[generation](*where)
    for line in sys.stdin:
        action, parameters = json.loads(line)
        try:
            told = call(action, parameters)
        except ModuleNotFoundError:
            told = {"Code": "n/a"}
        except Exception as refusal:  # noqa: BLE001 - whatever class the SDK chose
            code = refusal.get_error_code() if hasattr(refusal, "get_error_code") else getattr(refusal, "code", None)
            told = {"Code": str(code or type(refusal).__name__), "Told": str(refusal)[:300]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
