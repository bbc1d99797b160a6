// SPDX-License-Identifier: GPL-2.0-only
/* The test program's main(): runs its cases and prints TAP. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/*
 * A case's seconds are those of a machine that does nothing else.  The limit is
 * there for what never ends, not to measure speed.
 */
#define BUSY 4

static volatile pid_t running;
static volatile sig_atomic_t timed_out;

static void on_alarm(int sig)
{
	timed_out = 1;
	if (running > 0)
		kill(-running, SIGKILL);
}

/* Runs one case in a child and gives its wait status. */
static int run_isolated(const struct tap_case *c)
{
	int status = 0;
	pid_t pid, parent = getpid();

	fflush(stdout);
	timed_out = 0;
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(TAP_FAIL);
	}
	if (pid == 0) {
		/* Whoever ends the program must not leave a VM that holds the modules. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(TAP_FAIL);
		setpgid(0, 0);
		signal(SIGALRM, SIG_DFL);
		c->body();
		fflush(stdout);
		_exit(TAP_PASS);
	}
	setpgid(pid, pid);
	running = pid;
	alarm(c->seconds * (tap_on_stock() && c->stock_why ? 1 : BUSY));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	alarm(0);
	running = 0;
	/* Helpers that the case left behind must not outlive it. */
	kill(-pid, SIGKILL);
	return status;
}

static bool report(unsigned int n, const struct tap_case *c, int status)
{
	const char *todo = tap_on_stock() ? c->stock_why : NULL;
	bool pass = WIFEXITED(status) && WEXITSTATUS(status) == TAP_PASS;

	if (pass) {
		printf("ok %u %s%s\n", n, c->name,
		       todo ? " # TODO stock passes after all" : "");
		return true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == TAP_SKIP) {
		printf("ok %u %s # SKIP\n", n, c->name);
		return true;
	}
	if (timed_out)
		printf("# %s: no end in time (%u s, more on a busy machine)\n", c->name, c->seconds);
	else if (WIFSIGNALED(status))
		printf("# %s: died of signal %d (%s)\n", c->name,
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (todo) {
		printf("not ok %u %s # TODO stock: %s\n", n, c->name, todo);
		return true;
	}
	printf("not ok %u %s\n", n, c->name);
	return false;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	struct sigaction sa = { .sa_handler = on_alarm };
	unsigned int n = 0, total = 0, failed = 0;
	struct tap_case *c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (c = tap_first; c; c = c->next)
		if (!only || !strcmp(only, c->name))
			total++;
	if (!total) {
		fprintf(stderr, "usage: %s [CASE]\ncases:\n", argv[0]);
		for (c = tap_first; c; c = c->next)
			fprintf(stderr, "  %s\n", c->name);
		return TAP_FAIL;
	}
	sigaction(SIGALRM, &sa, NULL);
	printf("TAP version 13\n1..%u\n", total);
	for (c = tap_first; c; c = c->next) {
		if (only && strcmp(only, c->name))
			continue;
		if (!report(++n, c, run_isolated(c)))
			failed++;
	}
	return failed ? TAP_FAIL : TAP_PASS;
}
