"""An unmodified client of Evolution API, driven over standard input and output: a JSON command a line
in, a JSON answer a line out.

usage: python evolution_bot.py BASE_URL API_KEY

{"api": "messages", "call": "send_text", "with": {"instance_id": ...}}   calls the client's method
{"make": "TextMessage", ...} inside "with" builds one of the client's own models
{"file": "<base64>"} inside "with" becomes an open file
{"webhook": {...}}   reads a webhook's body as the client does, answers what its handler was given
"""

import base64
import io
import json
import sys

from evolutionapi.client import EvolutionClient
from evolutionapi.models import chat, instance, message
from evolutionapi.typing.webhook import WebhookProcessor

client = EvolutionClient(sys.argv[1], sys.argv[2])
MODELS = {name: getattr(module, name) for module in (message, chat, instance) for name in dir(module)}
# Both rooms of the client have one of this name; the one for sending is meant.
MODELS["MediaMessage"] = message.MediaMessage


def built(value):
    if isinstance(value, list):
        return [built(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "make" in value:
        fields = {name: built(field) for name, field in value.items() if name != "make"}
        return MODELS[value["make"]](**fields)
    if set(value) == {"file"}:
        return io.BytesIO(base64.b64decode(value["file"]))
    return value


def answer(command):
    if "webhook" in command:
        heard, processor = [], WebhookProcessor()
        processor.register_handler(command["webhook"]["event"], heard.append)
        return {"ok": processor.process_webhook(json.dumps(command["webhook"])), "heard": heard}
    method = getattr(getattr(client, command["api"]), command["call"])
    return {"ok": method(**{name: built(value) for name, value in command.get("with", {}).items()})}


for line in sys.stdin:
    try:
        out = answer(json.loads(line))
    except Exception as error:  # What the client makes of a refusal is an answer too.
        out = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(out, default=str), flush=True)
