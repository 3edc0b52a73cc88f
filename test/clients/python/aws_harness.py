"""Runs cases with boto3 and prints one JSON line for each.

Endpoint, region and key come from the environment by the names boto3 reads itself
(AWS_ENDPOINT_URL_S3VECTORS, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), as
test/clients/run.ts sets them.
"""

import json
import os
import re
import sys
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = os.environ["INSULA_TEST_ACCOUNT"]
URL = os.environ["INSULA_TEST_URL"]
REGION = os.environ["AWS_DEFAULT_REGION"]

MODELED = {
    "AccessDeniedException",
    "ConflictException",
    "NotFoundException",
    "ValidationException",
}
_failures = 0


def make_client(key_id=None, secret=None, **options):
    """One attempt only, so that a refusal is seen as it came."""
    if key_id is not None:
        options = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, **options}
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("s3vectors", config=config, **options)


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


def refused(client, code, status, call, message=None):
    """The call must fail with boto3's own class for the error; gives back what the client read."""
    try:
        call()
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        if code in MODELED:
            assert isinstance(error, getattr(client.exceptions, code)), f"not of the class {code}"
        metadata = error.response["ResponseMetadata"]
        equal(metadata["HTTPStatusCode"], status)
        equal(metadata["RetryAttempts"], 0)
        assert re.fullmatch("[0-9A-F]{24}", metadata["RequestId"]), metadata["RequestId"]
        if message is not None:
            equal(error.response["Error"]["Message"], message)
        return error
    raise AssertionError(f"expected the error {code}, but the call succeeded")


def finish():
    sys.exit(1 if _failures else 0)


def row(key, values, metadata=None):
    record = {"key": key, "data": {"float32": values}}
    if metadata is not None:
        record["metadata"] = metadata
    return record


def keys_of(answer):
    return [vector["key"] for vector in answer["vectors"]]
