# Clients of test/fixtures/websockets.js by the Python package websockets, which nobody here wrote:
# `talkers.py url count`. They talk until stdin ends; then what went wrong is printed as JSON.
import asyncio
import json
import sys

import websockets

url, count = sys.argv[1], int(sys.argv[2])
said = {"answers": 0, "pushes": 0, "pids": [], "faults": []}


async def client(name, stopped):
    # With permessage-deflate, its default, for every second one; pings of its own all the time.
    compression = "deflate" if name % 2 == 0 else None
    async with websockets.connect(
        f"{url}/py{name}", compression=compression, ping_interval=0.3, ping_timeout=20
    ) as socket:
        asked, answered, pushed = 0, 0, 0

        async def hear():
            nonlocal answered, pushed
            async for text in socket:
                message = json.loads(text)
                if "push" in message:
                    pushed += 1
                    said["pushes"] += 1
                    if message["push"] != pushed:
                        said["faults"].append(f"{name}: push {message['push']} for {pushed}")
                    continue
                answered += 1
                said["answers"] += 1
                if (message["n"], message["total"]) != (answered, answered):
                    said["faults"].append(f"{name}: {message} for {answered}")
                if message["pid"] not in said["pids"]:
                    said["pids"].append(message["pid"])

        hearing = asyncio.ensure_future(hear())
        while not stopped.is_set() or answered < asked:
            if hearing.done():
                said["faults"].append(f"{name}: closed with {socket.close_code}")
                return
            if not stopped.is_set():
                asked += 1
                text = json.dumps({"n": asked, "padding": "z" * (asked * 37 % 3000)})
                # Every third message in two fragments.
                half = len(text) // 2
                await socket.send([text[:half], text[half:]] if asked % 3 == 0 else text)
            await asyncio.sleep(0.02)
        hearing.cancel()


async def main():
    stopped = asyncio.Event()
    clients = [asyncio.ensure_future(client(n, stopped)) for n in range(count)]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stopped.set()
    for result in await asyncio.gather(*clients, return_exceptions=True):
        if result is not None:
            said["faults"].append(repr(result))
    print(json.dumps(said), flush=True)


asyncio.run(main())
