"""One vector index per tenant, with the vendor's own Python client.

    pip install alibabacloud-oss-v2
    export OSS_ACCESS_KEY_ID=… OSS_ACCESS_KEY_SECRET=…        # insula keys create
    http_proxy=http://127.0.0.1:8080 python examples/python/tenants.py

The client builds the bucket into the host name. Used as its HTTP proxy, the server receives that
name as it is and no DNS is needed. With a wildcard DNS record the proxy is not needed either.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import alibabacloud_oss_v2 as oss
import alibabacloud_oss_v2.vectors as vectors

BUCKET = "example-python"
ACCOUNT = os.environ.get("INSULA_ACCOUNT", "1000000000000001")
TENANTS = ["acme", "globex", "initech"]

cfg = oss.config.load_default()
cfg.credentials_provider = oss.credentials.EnvironmentVariableCredentialsProvider()
cfg.region = "cn-hangzhou"
cfg.account_id = ACCOUNT
cfg.endpoint = "http://vectors.test"  # the one line that differs from the cloud
client = vectors.Client(cfg)
models = vectors.models


def write(tenant, key, vector, metadata):
    record = {"key": key, "data": {"float32": vector}, "metadata": metadata}
    client.put_vectors(
        models.PutVectorsRequest(bucket=BUCKET, index_name=tenant, vectors=[record])
    )


def search(tenant, vector):
    result = client.query_vectors(
        models.QueryVectorsRequest(
            bucket=BUCKET,
            index_name=tenant,
            query_vector={"float32": vector},
            top_k=5,
            return_distance=True,
            return_metadata=True,
        )
    )
    return [
        (hit["distance"], tenant, hit["key"], hit.get("metadata"))
        for hit in result.vectors or []
    ]


client.put_vector_bucket(models.PutVectorBucketRequest(bucket=BUCKET))
for tenant in TENANTS:
    client.put_vector_index(
        models.PutVectorIndexRequest(
            bucket=BUCKET,
            index_name=tenant,
            data_type="float32",
            dimension=3,
            distance_metric="cosine",
        )
    )

# The same key in two indexes: two records that know nothing of each other.
write("acme", "doc-1", [1.0, 0.0, 0.0], {"title": "acme handbook"})
write("globex", "doc-1", [0.8, 0.6, 0.0], {"title": "globex handbook"})
write("initech", "doc-2", [0.0, 0.0, 1.0], {"title": "initech handbook"})

query = [1.0, 0.0, 0.0]
with ThreadPoolExecutor(len(TENANTS)) as pool:
    searches = pool.map(lambda tenant: search(tenant, query), TENANTS)
    found = [hit for hits in searches for hit in hits]
found.sort(key=lambda hit: hit[0])
for distance, tenant, key, metadata in found:
    print(f"{distance:.4f}  {tenant}/{key}  {metadata}")

assert [(tenant, key) for _, tenant, key, _ in found] == [
    ("acme", "doc-1"),
    ("globex", "doc-1"),
    ("initech", "doc-2"),
]
assert all(abs(hit[0] - expected) < 1e-6 for hit, expected in zip(found, [0.0, 0.2, 1.0]))

# A tenant leaves: its index goes, and nothing else.
client.delete_vector_index(models.DeleteVectorIndexRequest(bucket=BUCKET, index_name="acme"))
assert [hit[2] for hit in search("globex", query)] == ["doc-1"]
for tenant in TENANTS[1:]:
    client.delete_vector_index(models.DeleteVectorIndexRequest(bucket=BUCKET, index_name=tenant))
client.delete_vector_bucket(models.DeleteVectorBucketRequest(bucket=BUCKET))
print("All as expected.")
