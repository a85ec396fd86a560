# activate.py SOCKETS COMMAND...: what systemd does for a .socket unit. Binds and listens on each of
# NAME=PORT@HOST or NAME=/path (comma-separated, port 0: any), passes them as the fds 3, 4, … and
# execs the command. NAME_PORT in the environment says which port it became. With FOREIGN_PID set,
# LISTEN_PID names another process.
import os, socket, sys

sockets, command = sys.argv[1].split(","), sys.argv[2:]
names = []
for fd, (name, address) in enumerate((one.split("=") for one in sockets), 3):
    port, _, host = address.partition("@")
    one = socket.socket(socket.AF_INET if host else socket.AF_UNIX)
    one.bind((host, int(port)) if host else address)
    one.listen(511)
    if host:
        os.environ[name.upper() + "_PORT"] = str(one.getsockname()[1])
    os.dup2(one.detach(), fd)
    os.set_inheritable(fd, True)
    names.append(name)
os.environ["LISTEN_FDS"] = str(len(names))
os.environ["LISTEN_FDNAMES"] = ":".join(names)
os.environ["LISTEN_PID"] = "1" if "FOREIGN_PID" in os.environ else str(os.getpid())
os.execvp(command[0], command)
