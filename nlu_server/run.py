"""Starts Rasa for the app: loopback only, token from the environment, no telemetry, and no message text in its log.

python -m nlu_server.run --port 5005 --model models/….tar.gz
"""

from __future__ import annotations

import argparse
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("SANIC_HOST", "127.0.0.1")
os.environ["LOG_LEVEL"] = "ERROR"  # Rasa prints every message at DEBUG unless told otherwise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--endpoints", default="endpoints.yml")
    parser.add_argument("--credentials", default="credentials.yml")
    arguments = parser.parse_args()

    import rasa.utils.log_utils
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints

    from nlu_server.components.patches import apply_patches

    rasa.utils.log_utils.configure_structlog(logging.ERROR)
    apply_patches()
    serve_application(
        model_path=arguments.model,
        credentials=arguments.credentials,
        endpoints=AvailableEndpoints.read_endpoints(arguments.endpoints),
        interface="127.0.0.1",
        port=arguments.port,
        enable_api=True,
        auth_token=os.environ["WREN_RASA_TOKEN"],
        cors=[],
    )


if __name__ == "__main__":
    main()
