"""An unmodified client of WAHA, driven over standard input and output: a JSON command a line in, a JSON
answer a line out.

usage: python waha_bot.py BASE_URL API_KEY

{"api": "sessions", "call": "create", "with": {...}}   calls the client's method, answers what it gives
{"model": "WAHAWebhookMessage", "value": {...}}        reads a webhook's body with the client's model
"""

import json
import sys

from waha import WahaClient
from waha.generated import models

client = WahaClient(sys.argv[1], api_key=sys.argv[2])


def answer(command):
    if "model" in command:
        getattr(models, command["model"]).model_validate(command["value"])
        return {"ok": True}
    method = getattr(getattr(client, command["api"]), command["call"])
    return {"ok": method(**command.get("with", {}))}


for line in sys.stdin:
    try:
        out = answer(json.loads(line))
    except Exception as error:  # What the client makes of a refusal is an answer too.
        response = getattr(error, "response", None)
        out = {"failed": str(error), "said": response.text if response is not None else None}
    print(json.dumps(out, default=str), flush=True)
