// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a run in Bochs gets out: frames written to port 0xe9, which l1 reads as Bochs' standard output.
 *
 *   dkvm-out run DIR      what comes from standard input as frames of output, and every file that is
 *                         closed after writing or renamed in DIR as a frame, in order; ends on SIGTERM
 *                         when nothing is left
 *   dkvm-out frame KIND   standard input as frames of that kind
 *   dkvm-out end STATUS   the frame with the exit status, and the end of the emulator
 *
 * A frame: "\002dkvm", its kind (o output, k kernel log, f file: name and a zero byte first, x status),
 * the length as four bytes, the lowest first, and as many bytes.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/io.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_OUT	0xe9
#define PORT_END	0x8900

static volatile sig_atomic_t ending;
static char buf[65536];

static void on_term(int sig)
{
	(void)sig;
	ending = 1;
}

static void put(const void *data, size_t len)
{
	/* not outsb() of the C library: that does not tell the compiler that it reads memory */
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(PORT_OUT) : "memory");
}

static void head(char kind, uint32_t len)
{
	char h[10] = "\002dkvm";

	h[5] = kind;
	memcpy(h + 6, &len, sizeof(len));
	put(h, sizeof(h));
}

/* One frame with what can be read now. False: nothing. */
static int copy(char kind)
{
	ssize_t n = read(0, buf, sizeof(buf));

	if (n <= 0)
		return 0;
	head(kind, n);
	put(buf, n);
	return 1;
}

static void put_file(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;		/* renamed meanwhile: that is an event of its own */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		off_t left = st.st_size;

		head('f', strlen(name) + 1 + left);
		put(name, strlen(name) + 1);
		while (left > 0) {
			n = read(fd, buf, left < (off_t)sizeof(buf) ? left : (off_t)sizeof(buf));
			if (n <= 0) {	/* truncated meanwhile: keep the promise */
				memset(buf, 0, sizeof(buf));
				n = left < (off_t)sizeof(buf) ? left : (off_t)sizeof(buf);
			}
			put(buf, n);
			left -= n;
		}
	}
	close(fd);
}

/* The files that the waiting events name. */
static int put_files(int notify, const char *dir)
{
	char events[4096] __attribute__((aligned(8)));
	ssize_t n = read(notify, events, sizeof(events));
	struct inotify_event *e;

	for (ssize_t at = 0; at < n; at += sizeof(*e) + e->len) {
		e = (void *)(events + at);
		if (e->len)
			put_file(dir, e->name);
	}
	return n > 0;
}

static int run(const char *dir)
{
	int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN }, { .fd = notify, .events = POLLIN } };
	struct sigaction sa = { .sa_handler = on_term };
	sigset_t block, none;

	if (notify < 0 || inotify_add_watch(notify, dir, IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
		perror(dir);
		return 1;
	}
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigaction(SIGTERM, &sa, NULL);
	fcntl(0, F_SETFL, O_NONBLOCK);
	for (;;) {
		/* Files first: a program writes its file and then says so. */
		int more = put_files(notify, dir);

		more |= copy('o');
		if (more)
			continue;
		if (ending)
			return 0;
		ppoll(fds, 2, NULL, &none);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3 || iopl(3)) {
		fprintf(stderr, "usage: dkvm-out run DIR | frame KIND | end STATUS (as root)\n");
		return 2;
	}
	if (!strcmp(argv[1], "run"))
		return run(argv[2]);
	if (!strcmp(argv[1], "frame")) {
		while (copy(argv[2][0]))
			;
		return 0;
	}
	head('x', strlen(argv[2]));
	put(argv[2], strlen(argv[2]));
	for (const char *c = "Shutdown"; *c; c++)
		outb(*c, PORT_END);
	return 0;
}
