"""TLS in front of a plain server, on a free port, which it prints; it ends with its standard input.

    tls.py CERTIFICATE KEY HOST:PORT
"""

import asyncio
import ssl
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main(certificate, key, upstream):
    async def serve(reader, writer):
        onward = await asyncio.open_connection(*upstream.split(":"))
        await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sys.exit()


asyncio.run(main(*sys.argv[1:]))
