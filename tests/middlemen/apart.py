"""Several workers, each on a port of its own, so that a balancer can tell them apart: otherwise exactly what `everywire run --workers` starts."""

import asyncio
import signal
import sys

from everywire.servers import listening
from everywire.servers.workers import Plan, Supervisor


async def main(workers: int) -> int:
    """Run until SIGTERM; prints the ports once all workers serve."""
    slots = [listening.tcp("127.0.0.1", 0) for _ in range(workers)]
    ports = " ".join(str(sock.getsockname()[1]) for (sock,) in slots)
    command = [sys.executable, "-m", "everywire", "run", "live:app"]
    supervisor = Supervisor(Plan(command, slots), lambda _: print(f"ports {ports}", flush=True))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)
    return await supervisor.run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))
