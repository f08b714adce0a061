"""Python's `websockets`. The exchange comes as JSON in the argument, with the certificate to trust."""

import asyncio
import json
import ssl
import sys

import websockets

exchange = json.loads(sys.argv[1])


def request(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


async def main():
    context = ssl.create_default_context(cafile=exchange["caFile"])
    seen = {"opened": False, "subprotocol": "", "result": None, "message": None}
    try:
        async with websockets.connect(
            exchange["url"],
            ssl=context,
            origin=exchange["origin"],
            subprotocols=exchange["protocols"],
        ) as socket:
            seen["opened"] = True
            seen["subprotocol"] = socket.subprotocol
            await socket.send(request(1, "topic.subscribe", {"topic": "room:" + exchange["room"]}))
            while seen["result"] is None or seen["message"] is None:
                answer = json.loads(await socket.recv())
                if answer.get("id") == 1:
                    await socket.send(request(2, "chat.send", {"room": exchange["room"], "text": exchange["text"]}))
                if answer.get("id") == 2:
                    seen["result"] = answer["result"]
                if answer.get("method") == "topic.event":
                    seen["message"] = answer["params"]["data"]
    except websockets.exceptions.InvalidStatusCode as refused:
        seen["status"] = refused.status_code
    print(json.dumps(seen))


asyncio.run(main())
