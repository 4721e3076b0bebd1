// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmrun - runs the command of scripts/vm inside a guest, as process 1.
 *
 * It starts the command with pipes for its standard output and error and
 * writes what comes, its status, the files that were asked for and the kernel
 * log as records to a serial port that nothing else uses. The last record of
 * all, after pfstat.ko is unloaded, carries the nonce of this run: without it
 * the host believes nothing. The host may write one letter: 'T', time is up.
 *
 * A record is one byte of type, four bytes of length (little endian), data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define REC_HELLO	'H'	/* nonce */
#define REC_STDOUT	'O'
#define REC_STDERR	'E'
#define REC_STATUS	'S'	/* exit status, in decimal */
#define REC_ALIVE	'A'	/* answer to 'T' */
#define REC_FILE	'F'	/* a wanted file begins: "f" or "d" (tar) */
#define REC_DATA	'B'	/* its bytes */
#define REC_END		'N'	/* its end: empty, or what went wrong */
#define REC_TAINT	'K'	/* the kernel's taint bits, in decimal */
#define REC_LOG		'L'	/* kernel log: lines "<prio>seq,usec;text" */
#define REC_LOST	'X'	/* the run cannot go on, or the kernel is unhappy */
#define REC_DONE	'D'	/* nonce: all is said */

static int channel = -1;
static char nonce[65];

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Without the channel there is nobody to talk to but the console. */
static void die(const char *what)
{
	fprintf(stderr, "vmrun: %s: %s\n", what, strerror(errno));
	power_off();
}

static void put(const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(channel, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("cannot write to the channel");
		data = (const char *)data + n;
		len -= n;
	}
}

static void record(char type, const void *data, uint32_t len)
{
	unsigned char head[5] = { type, len, len >> 8, len >> 16, len >> 24 };

	put(head, sizeof(head));
	put(data, len);
}

static void __attribute__((format(printf, 2, 3)))
say(char type, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	record(type, text, len);
}

/* A whole file from /vm, with a NUL after it; NULL if it is not there. */
static char *slurp(const char *path, size_t *size)
{
	size_t len = 0, room = 4096;
	char *data = malloc(room + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || !data) {
		free(data);
		return NULL;
	}
	while ((n = read(fd, data + len, room - len)) > 0) {
		len += n;
		if (len == room) {
			room *= 2;
			data = realloc(data, room + 1);
			if (!data)
				die("no memory");
		}
	}
	close(fd);
	data[len] = '\0';
	*size = len;
	return data;
}

/* Split NUL-terminated strings; the result ends with NULL. */
static char **split(char *data, size_t len)
{
	char **list;
	size_t count = 0, i, at;

	for (i = 0; i < len; i++)
		count += !data[i];
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		die("no memory");
	for (i = at = 0; i < count; i++) {
		list[i] = data + at;
		at += strlen(data + at) + 1;
	}
	return list;
}

static void open_channel(void)
{
	struct termios raw;
	char path[64] = "/dev/";
	size_t len;
	char *text = slurp("/vm/channel", &len);

	if (!text)
		die("/vm/channel");
	strncat(path, text, sizeof(path) - 6);
	free(text);
	channel = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel < 0)
		die(path);
	if (tcgetattr(channel, &raw))
		die(path);
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL | CREAD;
	raw.c_cflag &= ~CRTSCTS;
	cfsetspeed(&raw, B115200);
	if (tcsetattr(channel, TCSANOW, &raw))
		die(path);
	text = slurp("/vm/nonce", &len);
	if (!text)
		die("/vm/nonce");
	snprintf(nonce, sizeof(nonce), "%s", text);
	free(text);
	unlink("/vm/nonce");	/* the command shall not know it */
	/* The host looks for this to find where the records begin. */
	say(REC_HELLO, "vmrun1 %s", nonce);
}

/* The child's side of running the command, or a shell on the console. */
static void child(char **argv, int out, int err)
{
	const char *program;
	sigset_t none;
	int fd;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (argv) {
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		dup2(out, 1);
		dup2(err, 2);
	} else {
		static char *shell[] = { "-sh", NULL };
		struct winsize win = { 0 };
		char path[64] = "/dev/";
		size_t len;
		char *text = slurp("/vm/console", &len);

		if (text && sscanf(text, "%58s %hu %hu", path + 5, &win.ws_row,
				   &win.ws_col) < 1)
			_exit(126);
		fd = open(path, O_RDWR);
		if (fd < 0)
			_exit(126);
		ioctl(fd, TIOCSCTTY, 1);
		if (win.ws_row)
			ioctl(fd, TIOCSWINSZ, &win);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		argv = shell;
	}
	if (fd > 2)
		close(fd);
	program = argv[0][0] == '-' ? "/bin/sh" : argv[0];
	execvp(program, argv);
	fprintf(stderr, "vm: cannot run '%s' in the guest: %s\n", program,
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Copy what a pipe holds into records; false at its end. */
static int drain(int fd, char type)
{
	static char buf[16384];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		record(type, buf, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			fprintf(stderr, "vmrun: %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* Reap until nothing is left to reap; the status of one process is kept. */
static void reap(pid_t main_pid, int *status, int *done)
{
	pid_t pid;
	int st;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == main_pid) {
			*status = st;
			*done = 1;
		}
}

/* Time is up: say that we live, show who is stuck, end the command. */
static void time_is_up(void)
{
	record(REC_ALIVE, "", 0);
	write_file("/proc/sys/kernel/sysrq", "1");
	write_file("/proc/sysrq-trigger", "w");
	kill(-1, SIGKILL);
}

static int run(char **argv)
{
	int out[2], err[2], status = 0, done = 0, sfd;
	struct pollfd fds[4];
	sigset_t chld;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sfd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	fds[0] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = err[0], .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = channel, .events = POLLIN };
	fds[3] = (struct pollfd){ .fd = sfd, .events = POLLIN };
	while (!done) {
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[0].revents && !drain(out[0], REC_STDOUT))
			fds[0].fd = -1;
		if (fds[1].revents && !drain(err[0], REC_STDERR))
			fds[1].fd = -1;
		if (fds[2].revents & POLLIN) {
			char byte;

			if (read(channel, &byte, 1) == 1 && byte == 'T')
				time_is_up();
		}
		if (fds[3].revents) {
			struct signalfd_siginfo info;

			while (read(sfd, &info, sizeof(info)) > 0)
				;
			reap(pid, &status, &done);
		}
	}
	/*
	 * What the command left behind goes, so that its output ends and
	 * nothing holds the module; then the rest of the output is fetched.
	 */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	while (fds[0].fd >= 0 && drain(out[0], REC_STDOUT))
		;
	while (fds[1].fd >= 0 && drain(err[0], REC_STDERR))
		;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* Send one wanted file as it is, or a directory as a tar archive. */
static void send_file(const char *path)
{
	static char buf[16384];
	struct stat st;
	pid_t pid = 0;
	int fd, status = 0, ends[2];
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		record(REC_FILE, "f", 1);
		say(REC_END, "%s", strerror(errno));
		return;
	}
	record(REC_FILE, S_ISDIR(st.st_mode) ? "d" : "f", 1);
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		if (pipe2(ends, O_CLOEXEC))
			die("pipe");
		pid = fork();
		if (!pid) {
			dup2(ends[1], 1);
			execlp("tar", "tar", "-C", path, "-cf", "-", ".", NULL);
			_exit(127);
		}
		close(ends[1]);
		fd = ends[0];
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		record(REC_DATA, buf, n);
	if (n < 0) {
		say(REC_END, "%s", strerror(errno));
	} else if (pid) {
		waitpid(pid, &status, 0);
		say(REC_END, "%s", status ? "tar failed in the guest" : "");
	} else {
		record(REC_END, "", 0);
	}
	close(fd);
}

/* Unload pfstat.ko; what the kernel logs on the way is in the log that follows. */
static void unload(void)
{
	int tries;

	if (access("/sys/module/pfstat/initstate", F_OK))
		return;
	for (tries = 0; tries < 500; tries++) {
		if (!syscall(SYS_delete_module, "pfstat", O_NONBLOCK))
			return;
		if (errno != EAGAIN && errno != EBUSY && errno != EWOULDBLOCK)
			break;
		usleep(10000);	/* files of killed processes are put late */
	}
	say(REC_LOST, "rmmod pfstat failed: %s", strerror(errno));
}

/* Send the kernel log since boot, oldest first. */
static void send_log(void)
{
	static char out[8192], in[8192];
	size_t used = 0;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		say(REC_LOST, "cannot read the kernel log: %s", strerror(errno));
		return;
	}
	for (;;) {
		unsigned int prio;
		unsigned long long seq, usec;
		ssize_t n = read(fd, in, sizeof(in) - 1);
		char *text, *end;
		size_t len;

		if (n < 0 && errno == EPIPE)
			continue;	/* the host sees the gap in the numbers */
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		in[n] = '\0';
		text = strchr(in, ';');
		if (!text || sscanf(in, "%u,%llu,%llu", &prio, &seq, &usec) != 3)
			continue;
		end = strchr(++text, '\n');
		len = end ? (size_t)(end - text) : strlen(text);
		if (used + len + 64 > sizeof(out)) {
			record(REC_LOG, out, used);
			used = 0;
		}
		used += snprintf(out + used, 64, "<%u>%llu,%llu;", prio, seq, usec);
		if (len > sizeof(out) - used - 1)
			len = sizeof(out) - used - 1;
		memcpy(out + used, text, len);
		used += len;
		out[used++] = '\n';
	}
	if (used)
		record(REC_LOG, out, used);
	close(fd);
}

int main(int argc, char **argv)
{
	char *args, *gets, **list;
	size_t len;
	int status;

	open_channel();
	if (argc > 1) {
		say(REC_LOST, "%s", argv[argc - 1]);
	} else {
		setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		       1);
		setenv("HOME", "/root", 1);
		setenv("PFSTAT_KO", "/lib/modules/pfstat.ko", 1);
		args = slurp("/vm/term", &len);
		setenv("TERM", args && len ? args : "vt100", 1);
		if (chdir("/root"))
			die("/root");
		args = slurp("/vm/argv", &len);
		status = run(args ? split(args, len) : NULL);
		say(REC_STATUS, "%d", status);
		gets = slurp("/vm/get", &len);
		if (gets)
			for (list = split(gets, len); *list; list++)
				send_file(*list);
		unload();
	}
	args = slurp("/proc/sys/kernel/tainted", &len);
	say(REC_TAINT, "%d", args ? atoi(args) : -1);
	send_log();
	record(REC_DONE, nonce, strlen(nonce));
	tcdrain(channel);
	power_off();
	return 0;
}
