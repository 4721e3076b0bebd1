// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program pgtbl when something is wrong: exit status, one line that says
 * what failed, on what, why and what to do, and the same as JSON.
 *
 * vm: smp=2
 */
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "pgtbl_cli.h"

#define NOBODY		65534

/**
 * struct usage - a command line that is wrong
 * @name: of the test
 * @args: behind "pgtbl"
 * @text: what is said of it
 */
static const struct usage {
	const char *name;
	const char *args;
	const char *text;
} usages[] = {
	{"no_command", "", "pgtbl: what to do? a command is missing\nTry: pgtbl --help\n"},
	{"unknown_command", "frob", "pgtbl: frob: no such command\nTry: pgtbl --help\n"},
	{"unknown_option", "walk --frob 0",
	 "pgtbl walk: --frob: no such option\nTry: pgtbl walk --help\n"},
	{"no_address", "walk",
	 "pgtbl walk: an address is missing\nTry: pgtbl walk --help\n"},
	{"address_not_hexadecimal", "translate 0x12g4",
	 "pgtbl translate: 0x12g4: not an address (hexadecimal, as in /proc/PID/maps)\nTry: pgtbl translate --help\n"},
	{"address_too_large", "walk 12345678123456781",
	 "pgtbl walk: 12345678123456781: not an address (hexadecimal, as in /proc/PID/maps)\nTry: pgtbl walk --help\n"},
	{"pid_not_a_number", "walk --pid 1x 0",
	 "pgtbl walk: --pid 1x: not a process id\nTry: pgtbl walk --help\n"},
	{"pid_zero", "tree --pid 0",
	 "pgtbl tree: --pid 0: not a process id\nTry: pgtbl tree --help\n"},
	{"range_backwards", "dump 2000-1000",
	 "pgtbl dump: 2000-1000: ends before it begins\nTry: pgtbl dump --help\n"},
	{"range_empty", "dump 1000+0",
	 "pgtbl dump: 1000+0: ends before it begins\nTry: pgtbl dump --help\n"},
	{"two_ranges", "scan 1000+4K 8000+4K",
	 "pgtbl scan: 8000+4K: an argument too many\nTry: pgtbl scan --help\n"},
	{"argument_too_many", "info now",
	 "pgtbl info: now: an argument too many\nTry: pgtbl info --help\n"},
	{"unknown_category", "scan --is present,frob",
	 "pgtbl scan: --is present,frob: not categories; there are: present writable accessed dirty soft-dirty huge swap file zero prot-none special unmapped\nTry: pgtbl scan --help\n"},
	{"contradiction", "scan --is dirty --not present,dirty",
	 "pgtbl scan: a category can't be in both --is and --not\nTry: pgtbl scan --help\n"},
	{"svg_and_json", "dump --svg x --json",
	 "pgtbl dump: --svg goes with neither --pages nor --json\nTry: pgtbl dump --help\n"},
	{"count_zero", "watch -n 0",
	 "pgtbl watch: --count 0: not a number of times\nTry: pgtbl watch --help\n"},
	{"count_missing", "watch -n",
	 "pgtbl watch: -n: its argument is missing\nTry: pgtbl watch --help\n"},
	{"interval_negative", "watch --interval -1",
	 "pgtbl watch: --interval -1: not a number of seconds\nTry: pgtbl watch --help\n"},
};

TEST_EACH(usage, const struct usage *, usages)
{
	struct run r = run("pgtbl %s", each->args);

	EXPECT_EQ(r.status, 2);
	EXPECT_STR_EQ(r.out, "");
	EXPECT_STR_EQ(r.err, each->text);
}

/* expect_failure() - the same error as text and as JSON */
#define expect_failure(before, command, text, code)			\
do {									\
	struct run r = run_before(before, "pgtbl %s", command);		\
									\
	EXPECT_EQ(r.status, 1);						\
	EXPECT_STR_EQ(r.out, "");					\
	EXPECT_STR_EQ(r.err, text);					\
	r = run_before(before, "pgtbl %s --json", command);		\
	EXPECT_EQ(r.status, 1);						\
	EXPECT_STR_EQ(r.err, "");					\
	EXPECT_STR_EQ(get_text(get(parse(r.out), "error"), "code"), code); \
} while (0)

/* A command that fails for a reason of the process's */
static const struct command {
	const char *name;
	const char *args;	/* with a %d for a pid */
} commands[] = {
	{"walk", "walk --pid %d 1000"},
	{"translate", "translate --pid %d 1000"},
	{"dump", "dump --pid %d"},
	{"scan", "scan --pid %d"},
	{"tree", "tree --pid %d"},
	{"watch", "watch --pid %d"},
};

static void expect_pid_failure(const struct command *command, pid_t pid,
			       const char *why, const char *code,
			       void (*before)(void))
{
	char args[80], text[256];

	snprintf(args, sizeof(args), command->args, (int)pid);
	snprintf(text, sizeof(text), "pgtbl: %s: pid %d: %s\n", command->name,
		 (int)pid, why);
	expect_failure(before, args, text, code);
}

TEST_EACH(no_such_process, const struct command *, commands)
{
	expect_pid_failure(each, 4194303,
			   "No such process: see which there are: ps", "ESRCH",
			   NULL);
}

/* kthreadd is always there, and always number 2 */
TEST_EACH(kernel_thread, const struct command *, commands)
{
	expect_pid_failure(each, 2,
			   "a kernel thread has no page tables of its own: look at a process",
			   "ESRCH", NULL);
}

TEST_EACH(zombie, const struct command *, commands)
{
	siginfo_t info;
	char why[160];
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(0);
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	snprintf(why, sizeof(why), "it has ended, its parent %d has not noticed yet: nothing is left of its page tables",
		 (int)getpid());
	expect_pid_failure(each, pid, why, "ESRCH", NULL);
	waitpid(pid, NULL, 0);
}

/* A /dev of our own, seen by nobody else */
static void own_dev(void)
{
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("dev", "/dev", "tmpfs", 0, NULL))
		_exit(126);
}

static void make_node(const char *path, mode_t mode, dev_t number)
{
	if (mknod(path, S_IFCHR | mode, number) || chmod(path, mode))
		_exit(126);
}

TEST(no_module)
{
	expect_failure(own_dev, "info",
		       "pgtbl: /dev/pgtbl: No such file or directory: is the module loaded? try: insmod pfstat.ko\n",
		       "ENOENT");
}

static void another_device(void)
{
	own_dev();
	make_node(PGTBL_DEVICE, 0600, makedev(1, 3));
}

TEST(not_our_device)
{
	expect_failure(another_device, "info",
		       "pgtbl: /dev/pgtbl: Inappropriate ioctl for device: the module behind it knows no page tables: load the pfstat.ko built with this program\n",
		       "ENOTTY");
}

static void be_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(126);
}

TEST(no_privilege)
{
	expect_failure(be_nobody, "dump",
		       "pgtbl: /dev/pgtbl: Permission denied: page tables tell where memory lies: run this as root\n",
		       "EACCES");
}

/* The device in the hands of someone without privilege */
static void nobody_with_device(void)
{
	struct stat st;

	if (stat(PGTBL_DEVICE, &st))
		_exit(126);
	own_dev();
	make_node(PGTBL_DEVICE, 0666, st.st_rdev);
	be_nobody();
}

static const struct command direct_commands[] = {
	{"walk", "walk --pid %d 1000"},
	{"translate", "translate --pid %d 1000"},
};

TEST_EACH(another_process_without_privilege, const struct command *,
	  direct_commands)
{
	expect_pid_failure(each, 1,
			   "Permission denied: other processes need CAP_SYS_PTRACE: run this as root",
			   "EACCES", nobody_with_device);
}

TEST(own_tables_without_privilege)
{
	struct run r = run_before(nobody_with_device, "pgtbl tree");

	EXPECT_EQ(r.status, 0);
	EXPECT_STR_EQ(r.err, "");
	EXPECT_TRUE(strstr(r.out, "\nPTE "));
}

/*
 * make_old() - runs pgtbl and lets the module seem to be of ABI 0: when a call
 * of INFO returns, the number in its answer is replaced.
 */
static void make_old(void)
{
	struct pgtbl_info *info = NULL;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		return;
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		struct __ptrace_syscall_info call;
		__u32 abi = 0;
		struct iovec from = {&abi, sizeof(abi)}, to;

		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		if (waitpid(pid, &status, 0) != pid)
			_exit(126);
		if (WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(call), &call) <= 0)
			_exit(126);
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
			info = call.entry.args[1] == PGTBL_IOC_INFO ?
			       (void *)(uintptr_t)call.entry.args[2] : NULL;
		} else if (info) {
			to = (struct iovec){&info->abi, sizeof(abi)};
			if (process_vm_writev(pid, &from, 1, &to, 1, 0) != sizeof(abi))
				_exit(126);
		}
	}
}

TEST(old_module)
{
	expect_failure(make_old, "info",
		       "pgtbl: /dev/pgtbl: Protocol not supported: the module is too old: load the pfstat.ko built with this program\n",
		       "EPROTONOSUPPORT");
}

TEST(nothing_mapped)
{
	struct run r = run("pgtbl translate 0");

	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.out, "");
	EXPECT_STR_EQ(r.err, "pgtbl: translate: 0x0: nothing is mapped at this address: see what is: pgtbl dump\n");

	r = run("pgtbl translate --json 0");
	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(get_text(get(json_object_array_get_idx(parse(r.out), 0), "error"), "code"),
		      "ENXIO");
}

TEST(nothing_mapped_is_an_answer_of_walk)
{
	EXPECT_TRUE(strstr(answer("pgtbl walk 0"),
			   "\nno memory: nothing is mapped at this address (see what is: pgtbl dump)\n"));
}

TEST(mapped_and_never_touched)
{
	unsigned char *at = anon(1);
	char text[160];
	struct run r;

	r = run("pgtbl translate --pid %d %lx", getpid(), (unsigned long)at);
	snprintf(text, sizeof(text),
		 "pgtbl: translate: 0x%lx: it is mapped, but no page is there: one comes when the process touches it\n",
		 (unsigned long)at);
	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.err, text);
}

TEST(one_bad_address_spoils_not_the_others)
{
	unsigned char *at = anon(1);
	struct run r;

	*at = 1;
	r = run("pgtbl translate --pid %d 0 %lx", getpid(), (unsigned long)at);
	EXPECT_EQ(r.status, 1);
	EXPECT_TRUE(strstr(r.err, "0x0: nothing is mapped"));
	EXPECT_TRUE(strstr(r.out, "PHYSICAL"));
}

TEST(beyond_user_space)
{
	unsigned long long end = pgtbl_get_info(dev)->user_end;
	char args[40], text[256];

	snprintf(args, sizeof(args), "walk %llx", end);
	snprintf(text, sizeof(text),
		 "pgtbl: walk: 0x%llx: beyond user space, which ends at 0x%llx: page tables of processes describe what is below\n",
		 end, end);
	expect_failure(NULL, args, text, "EINVAL");
}

TEST(no_such_mapping)
{
	expect_failure(NULL, "scan libnothing.so",
		       "pgtbl: scan: libnothing.so: neither START-END nor START+SIZE nor a mapping of the process: see what is mapped: pgtbl dump\n",
		       "ENXIO");
}

TEST(picture_that_cannot_be_written)
{
	struct run r = run("pgtbl dump --svg /nowhere/x.svg");

	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.err, "pgtbl: dump: /nowhere/x.svg: No such file or directory\n");
	r = run("pgtbl dump --svg /dev/full");
	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.err, "pgtbl: dump: /dev/full: No space left on device\n");
}

TEST(output_that_cannot_be_written)
{
	struct run r = run("pgtbl dump >/dev/full");

	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.err, "pgtbl: standard output: No space left on device\n");
}

static const struct usage helps[] = {
	{"program", "--help", "Usage: pgtbl COMMAND"},
	{"command", "help dump", "Usage: pgtbl dump [OPTION...] [RANGE]"},
	{"behind_command", "walk --help", "Usage: pgtbl walk [OPTION...] ADDR..."},
	{"version", "--version", "pgtbl " PFSTAT_VERSION ", ABI 1\n"},
};

TEST_EACH(help, const struct usage *, helps)
{
	EXPECT_TRUE(!strncmp(answer("pgtbl %s", each->args), each->text,
			     strlen(each->text)));
}

TEST(colour)
{
	EXPECT_TRUE(!strchr(answer("pgtbl info"), '\033'));
	EXPECT_TRUE(strchr(answer("pgtbl info --color always"), '\033'));
	EXPECT_TRUE(strchr(answer("NO_COLOR=1 pgtbl info --color=always"), '\033'));
	EXPECT_TRUE(!strchr(answer("pgtbl info --color never"), '\033'));
}
