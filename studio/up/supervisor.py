"""Starts the processes in order, keeps them running, and stops them in order. One thread, one loop."""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time

from lazuli import processes

from studio import redis_server
from studio.socket_handover import choose_socket
from studio.up import console
from studio.up.children import Child
from studio.up.lifeline import Lifeline, kill_runners, list_jobs
from studio.up.loader import Loader
from studio.up.preflight import REPOSITORY, Settings, StartRefused

# The order of ending, and the seconds of each group before it is killed. Host and runners end while the web server
# still answers, so that runners can report the end of their scripts; Redis ends last, because all others need it. 9 s in total.
WORKERS = ({"host", "control"}, 5.0)
ENDING = [({"set-up", "loader"}, 1.0), WORKERS, ({"web", "gateway"}, 2.0), ({"redis"}, 1.0)]
# Before the first page, the start is given up after a process has ended this many times in a row.
PATIENCE = 5
# Seconds between two starts of a Redis that keeps failing.
REDIS_PAUSE = 60.0
NO_REDIS = (
    f"Redis ended {PATIENCE + 1} times in a row; the lines above say why. It is started again at longer intervals, up to once "
    "a minute. Until it runs, running jobs continue, and new nodes and clusters wait. REDIS_URL names another one."
)
# Warnings of libraries are for developers. (The host keeps them: scripts inherit its environment.)
QUIET = {"PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore")}
# For the C library: memory that a page or a task needed once goes back to the system.
# Celery's worker need not run Django's checks, which load all pages: the web server does.
LEAN = {
    "CELERY_SKIP_CHECKS": "1",
    # Processes keep the command as their title.
    "NOSETPS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
# `make` forwards a signal that the terminal or service manager has already sent; both count as one.
SAME_SIGNAL_SECONDS = 0.7


class Supervisor:
    def __init__(self, settings: Settings, sock):
        self.settings, self.sock = settings, sock
        self.children: dict[str, Child] = {}
        self.selector = selectors.DefaultSelector()
        self.stop_requested: float | None = None
        self.is_waiting_for_jobs = False
        self.impatient = False
        self._signaled_at = 0.0
        self.lifeline = Lifeline()
        # The name under which this machine is a host; empty until that one is started.
        self.host_name = ""
        self.answered = False
        self._has_set_aside_redis_data = False
        self.started = time.monotonic()
        self.gateway_socket = choose_socket(settings.data_dir)
        self.env = {"DATA_DIR": str(settings.data_dir), "HOST": settings.host, "PORT": str(settings.port)}
        self.loader = Loader({})
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self._wake_read, selectors.EVENT_READ)

    def run(self) -> int:
        """Run until a stop signal; returns the exit code."""
        self._listen_to_signals()
        processes.become_subreaper()
        try:
            self._start_redis()
            self._start_loader()
            report = self._set_up()
            if report is not None:
                self._start_web()
                self._start_the_others(report)
                while self.stop_requested is None:
                    self._turn()
        except StartRefused as refused:
            console.print_line("up", str(refused))
            return 1
        finally:
            self._end_all()
        return 0

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, number, frame) -> None:
        before, self._signaled_at = self._signaled_at, time.monotonic()
        if self.stop_requested is None:
            self.stop_requested = self._signaled_at
        elif self._signaled_at - before < SAME_SIGNAL_SECONDS:
            return
        elif self.is_waiting_for_jobs:
            self.is_waiting_for_jobs = False
        elif number == signal.SIGINT:
            self.impatient = True

    # Starting

    def _start_redis(self) -> None:
        if self.settings.redis_url:
            return
        program = redis_server.find_binary()
        if not program:
            raise StartRefused(redis_server.NONE_FOUND)
        path = redis_server.socket_path(self.settings.data_dir)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        child = Child("redis", redis_server.build_command(program, self.settings.data_dir, path), env={})
        # It holds only notifications: a background save that fails for lack of memory does no harm.
        child.unsaid, child.max_pause = "overcommit", REDIS_PAUSE
        self._start(child)
        self.env["REDIS_URL"] = redis_server.build_private_url(self.settings.data_dir, path)

    def _start_loader(self) -> None:
        """Start it and wait until it has loaded the code, which takes most of the time of a start."""
        self.loader = Loader(self.env | QUIET | LEAN | {"GATEWAY_SOCKET": str(self.gateway_socket)})
        if not processes.IS_LINUX:
            return
        self._start(self.loader)
        while self.loader.is_running and not self.loader.has_loaded and self.stop_requested is None:
            self._turn()

    def _end_loader(self) -> None:
        """It would keep 13 MB, and a process that is started again needs only the two seconds of loading."""
        if child := self.children.pop("loader", None):
            child.kill()
            self._drain(child)

    def _set_up(self) -> dict | None:
        """Migrations and the first start, in a child; its report, or None if it was interrupted."""
        read, write = os.pipe()
        child = self._start_forked("set-up", "manage", "first_start", "--report", str(write), fds=(write,))
        os.close(write)
        while child.is_running and self.stop_requested is None:
            self._turn()
        with os.fdopen(read) as pipe:
            report = pipe.read() if not child.is_running else ""
        self._drain(child)
        if self.stop_requested is not None:
            return None
        if child.exit_code != 0:
            raise StartRefused("The set-up failed; the lines above say why.")
        del self.children["set-up"]
        return json.loads(report)

    def _start_web(self) -> None:
        self._start_forked("web", *self._web_command(), fds=(self.sock.fileno(),))

    def _start_forked(self, name: str, *command: str, env: dict | None = None, fds: tuple[int, ...] = ()) -> Child:
        """Start `python -m` with this command. It has the loader's variables unless it has its own."""
        python = [sys.executable, "-m"]
        child = Child(name, [*python, *command], env=env or self.loader.env, fds=fds, loader=self.loader)
        self._start(child)
        return child

    def _start_the_others(self, report: dict) -> None:
        """Start the others once the web server responds, because somebody is waiting for the page."""
        threading.Thread(target=self._wait_for_first_page, daemon=True).start()
        while self.stop_requested is None and not self.answered:
            self._turn()
        if self.answered:
            self._start_workers(report)
            self._end_loader()
            self._say_ready(report)

    def _start_workers(self, report: dict) -> None:
        self._start_forked("control", "studio.control")
        self.host_name = report["host_name"]
        own = {"HOST_NAME": self.host_name, "HOST_KEY": report["host_key"], "SERVER_URL": self.settings.local_url}
        env = self.env | own | self.lifeline.variables
        self._start_forked("host", "lazuli.agent.host", env=env, fds=(self.lifeline.descriptor,))
        if report["apps_url"]:
            self._start_gateway(report)

    def _start_gateway(self, report: dict) -> None:
        """Start the gateway to applications. Its connections stay open while the web server restarts."""
        own = {
            "SERVER_URL": self.settings.local_url,
            "GATEWAY_SOCKET": str(self.gateway_socket),
            "GATEWAY_KEY": report["gateway_key"],
            "APPS_URL": report["apps_url"],
            "PUBLIC_URL": report["public_url"],
        }
        self._start(Child("gateway", [sys.executable, "-m", "studio.gateway"], env=self.env | own | LEAN))

    def _web_command(self) -> list[str]:
        options = {
            "config": "python:studio.serving",
            "worker-class": "studio.serving.Worker",
            "workers": self.settings.workers,
            "threads": self.settings.threads,
            "bind": f"fd://{self.sock.fileno()}",
            "graceful-timeout": 2,
            "timeout": 120,
            "log-level": "warning",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        return ["gunicorn", "--preload", "--no-control-socket", *flags, "studio.wsgi"]

    def _start(self, child: Child) -> None:
        self.children[child.name] = child
        self.selector.register(child.start(), selectors.EVENT_READ, child)

    def _wait_for_first_page(self) -> None:
        """In a thread that starts no process: a child ends with the thread that started it."""
        while self.stop_requested is None and not self._answers():
            time.sleep(0.05)
        self.answered = self.stop_requested is None
        os.write(self._wake_write, b"answered")

    def _answers(self) -> bool:
        """Whether the first page can be read. Python's HTTP client would load TLS, 4 MB that stay for as long as the studio runs."""
        try:
            with socket.create_connection(self.sock.getsockname()[:2], timeout=10) as connection:
                connection.sendall(b"GET /signin/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                status = connection.makefile("rb").readline().split()[1]
        except (OSError, IndexError):
            return False
        return int(status) < 500

    def _say_ready(self, report: dict) -> None:
        lines = [f"Lazuli Studio is ready: {report['public_url']}   ({time.monotonic() - self.started:.1f} s)"]
        if report["signin_link"]:
            lines.append(f"Sign in as {report['owner']}, once: {report['signin_link']}")
        else:
            lines.append("Signed out? `make signin` prints a new link.")
        lines.append(f"Data: {self.settings.data_dir}   Stop: Ctrl-C")
        console.print_banner(lines)

    # Running

    def _turn(self) -> None:
        """Print the output of half a second, notice ended processes, and restart those whose pause is over."""
        for key, _ in self.selector.select(0.5):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            elif not key.data.read():
                self.selector.unregister(key.fd)
        processes.wait_for_lost([child.process.pid for child in self.children.values() if child.process])
        if self.stop_requested is None or self.is_waiting_for_jobs:
            for child in list(self.children.values()):
                self._look_after(child)

    def _look_after(self, child: Child) -> None:
        if child.is_running or child.is_ending or child.name in ("set-up", "loader"):
            return
        if child.start_at is None:
            self._drain(child)
            if not self.answered and child.quick_deaths >= PATIENCE:
                raise StartRefused(f"{child.name} {child.ending} {PATIENCE + 1} times; the lines above say why.")
            if child.name == "redis":
                self._set_aside_redis_data(child.has_failed_at_start)
            child.plan_restart()
            if child.name == "redis" and child.quick_deaths == PATIENCE + 1:
                console.print_line("up", NO_REDIS)
        elif time.monotonic() >= child.start_at:
            self._start(child)

    def _set_aside_redis_data(self, has_failed_at_start: bool) -> None:
        """Once in a row: if it still fails, something else is wrong. What it saves once it runs may be damaged too."""
        is_done, self._has_set_aside_redis_data = self._has_set_aside_redis_data, has_failed_at_start
        if is_done or not has_failed_at_start:
            return
        folder = redis_server.set_aside_data(self.settings.data_dir)
        if folder:
            console.print_line(
                "up", f"Redis could not read its saved data, which was moved to {folder}; nothing is lost."
            )

    def _drain(self, child: Child) -> None:
        """Print the last output of an ended process and close its pipe; others may hold the other end."""
        for _ in range(100):
            if not child.read():
                break
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(child.output)
        child.output.close()

    # Ending

    def _end_all(self) -> None:
        if self.stop_requested is None:
            self.stop_requested = time.monotonic()
        if self.settings.waits_for_jobs and self.host_name:
            self._wait_for_jobs()
        console.print_line("up", "Stopping …")
        self.lifeline.cut()
        for names, seconds in ENDING:
            self._end([self.children[name] for name in names if name in self.children], seconds, names is WORKERS[0])
        # Orphaned processes, such as those of a killed runner.
        processes.kill_descendants()
        console.print_line("up", "Stopped.")

    def _wait_for_jobs(self) -> None:
        """Let the running jobs end, while everything else except nodes keeps running, so no other job starts."""
        self.is_waiting_for_jobs = True
        self._end([self.children["host"]], WORKERS[1])
        self.lifeline.hand_out_no_more()
        before: list[str] = []
        while self.is_waiting_for_jobs and self.lifeline.is_held():
            jobs = list_jobs(self.settings.data_dir, self.host_name)
            if jobs and jobs != before:
                console.print_line("up", _say_waiting(jobs))
            before = jobs
            self._turn()
        self.is_waiting_for_jobs = False

    def _end(self, children: list[Child], seconds: float, with_runners: bool = False) -> None:
        for child in children:
            child.is_ending = True
            child.is_muted = child.name in ("redis", "control")
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(child.is_running for child in children) or (with_runners and self.lifeline.is_held()):
            if self.impatient or time.monotonic() > deadline:
                for child in children:
                    child.kill()
                if with_runners and self.host_name:
                    kill_runners(self.settings.data_dir, self.host_name)
                return
            self._turn()


def _say_waiting(jobs: list[str]) -> str:
    number = "1 job is" if len(jobs) == 1 else f"{len(jobs)} jobs are"
    return f"{number} still running: {', '.join(jobs)}. Stopping when they have ended; Ctrl-C again ends them now."


def serve(settings: Settings, sock) -> int:
    os.chdir(REPOSITORY)
    console.print_line("up", "Starting Lazuli Studio …")
    return Supervisor(settings, sock).run()
