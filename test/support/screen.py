# Runs a command in a terminal of 24 lines: its output is our stdout, our stdin is its keyboard.
import fcntl
import os
import pty
import select
import struct
import sys
import termios

pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])

sources = [master, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed:
            os.write(master, typed)
        else:
            sources.remove(0)
    if master in ready:
        try:
            text = os.read(master, 65536)
        except OSError:
            break
        os.write(1, text)

sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
