# Runs a command in the session of a terminal of its own, and hangs that up on SIGUSR1.
import fcntl
import os
import signal
import sys
import termios

master, slave = os.openpty()
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    os.close(master)
    os.close(slave)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(slave)
signal.signal(signal.SIGUSR1, lambda *_: os.close(master))
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
os.waitpid(child, 0)
