"""terminal_session.py TYPED PATTERN SECONDS COMMAND...: what a shell shows at a terminal where TYPED, with \\t for the tabulator, was
typed, until that has the PATTERN or so many seconds pass."""
import os
import pty
import re
import select
import sys
import time

typed, pattern, command = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2].encode(), sys.argv[4:]
child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="dumb", COLUMNS="200", PS1="ready> ", HISTFILE="")
    os.execvp(command[0], command)


def read_until(pattern, seconds):
    shown, end = b"", time.monotonic() + seconds
    while not re.search(pattern, shown) and select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    return shown


read_until(rb"ready> ", 20)
os.write(terminal, typed)
sys.stdout.write(read_until(pattern, float(sys.argv[3])).decode(errors="replace"))
os.close(terminal)
os.waitpid(child, 0)
