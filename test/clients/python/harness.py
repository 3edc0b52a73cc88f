"""Runs cases with the vendor's Python client and prints one JSON line for each.

Endpoint and key come from the environment, as test/clients/run.ts sets them:
INSULA_TEST_ENDPOINT (a host that only the proxy knows), http_proxy (the server),
OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, INSULA_TEST_ACCOUNT.
"""

import json
import os
import sys
import traceback

import alibabacloud_oss_v2 as oss
import alibabacloud_oss_v2.vectors as vectors

ACCOUNT = os.environ["INSULA_TEST_ACCOUNT"]
REGION = "cn-hangzhou"
models = vectors.models

_failures = 0


def make_client(key_id=None, secret=None, retry=False):
    cfg = oss.config.load_default()
    if key_id is None:
        cfg.credentials_provider = oss.credentials.EnvironmentVariableCredentialsProvider()
    else:
        cfg.credentials_provider = oss.credentials.StaticCredentialsProvider(key_id, secret)
    cfg.region = REGION
    cfg.account_id = ACCOUNT
    cfg.endpoint = os.environ["INSULA_TEST_ENDPOINT"]
    if not retry:
        cfg.retry_max_attempts = 1
    return vectors.Client(cfg)


def case(operation, title):
    """Runs the decorated function at once; what it raises is the failure."""

    def run(body):
        global _failures
        line = {"operation": operation, "case": title, "pass": True}
        try:
            body()
        except Exception as error:  # every failure is a line of the report
            _failures += 1
            line["pass"] = False
            line["detail"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc(file=sys.stderr)
        print(json.dumps(line), flush=True)
        return body

    return run


def equal(actual, expected):
    assert actual == expected, f"expected {expected!r}, received {actual!r}"


def near(actual, expected, tolerance=1e-6):
    assert abs(actual - expected) <= tolerance, f"expected about {expected!r}, received {actual!r}"


def refused(call, code, status=None):
    """The call must fail with the service's code, read by the client itself."""
    try:
        call()
    except oss.exceptions.OperationError as error:
        service = error.unwrap()
        if not isinstance(service, oss.exceptions.ServiceError):
            raise AssertionError(f"expected the error {code}, received {service!r}") from error
        equal(service.code, code)
        if status is not None:
            equal(service.status_code, status)
        equal(len(service.request_id), 24)
        return service
    raise AssertionError(f"expected the error {code}, but the call succeeded")


def finish():
    sys.exit(1 if _failures else 0)


def row(key, values, metadata=None):
    record = {"key": key, "data": {"float32": values}}
    if metadata is not None:
        record["metadata"] = metadata
    return record
