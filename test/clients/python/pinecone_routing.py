"""Three indexes of one server, each reached by the line that docs/dialects/pinecone.md has for it.

Runs with pinecone 7 to 9, over HTTP and gRPC, in plain text and over TLS; the environment says
which, as test/clients/pinecone-routing-suite.ts sets it. Prints one JSON line for each index.
"""

import json
import os
import sys
import traceback
from importlib.metadata import version

LINE = int(version("pinecone").split(".")[0])
BASE = os.environ["INSULA_TEST_BASE"]
KEY = os.environ["INSULA_TEST_KEY"]
CA = os.environ["INSULA_TEST_CA"]
NAMES = os.environ["INSULA_TEST_INDEXES"].split(",")
IS_SECURE = BASE.startswith("https:")

if os.environ["INSULA_TEST_TRANSPORT"] == "grpc":
    from pinecone.grpc import PineconeGRPC

    if LINE >= 9:
        # What the client trusts is in SSL_CERT_FILE.
        pc = PineconeGRPC(api_key=KEY, host=BASE)
        connect = pc.Index
    elif IS_SECURE:
        pc = PineconeGRPC(api_key=KEY, host=BASE, ssl_ca_certs=CA)
        connect = pc.Index
    else:
        pc = PineconeGRPC(api_key=KEY, host=BASE, ssl_verify=False)

        def connect(name):
            return pc.Index(host=pc.describe_index(name).host.removeprefix("http://"))
else:
    from pinecone import Pinecone

    pc = Pinecone(api_key=KEY, host=BASE, **({"ssl_ca_certs": CA} if IS_SECURE else {}))
    connect = pc.Index

failed = False
for name in NAMES:
    line = {"operation": "routing", "case": f"the line finds {name} among {len(NAMES)}"}
    try:
        index = connect(name)
        index.upsert(vectors=[(name, [1.0, 0.5])], namespace="routed")
        found = index.query(vector=[1.0, 0.5], top_k=9, namespace="routed").matches
        assert [match.id for match in found] == [name], found
        assert index.describe_index_stats().total_vector_count == 1
        line["pass"] = True
    except Exception as error:  # every failure is a line of the report
        failed = True
        line |= {"pass": False, "detail": f"{type(error).__name__}: {error}"[:600]}
        traceback.print_exc(file=sys.stderr)
    print(json.dumps(line), flush=True)
sys.exit(1 if failed else 0)
